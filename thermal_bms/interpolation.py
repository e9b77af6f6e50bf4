"""Linear interpolation in the short tables of the battery management, constant beyond both ends."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import final


def interpolate(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return the piecewise linear table value at ``x``, held constant beyond both ends; NaN gives NaN.

    >>> interpolate(5.0, (0.0, 10.0), (1.0, 3.0))
    2.0
    """
    if x != x:  # noqa: PLR0124 - true for NaN only, and cheaper than a call
        return x
    i = bisect_right(xs, x)
    if i == 0:
        return ys[0]
    if i == len(xs):
        return ys[-1]
    x0, y0 = xs[i - 1], ys[i - 1]
    return y0 + (ys[i] - y0) * (x - x0) / (xs[i] - x0)


@final
class PiecewiseLinear:
    """``interpolate`` in one table that is read every tick: the same bits, without a search.

    It remembers the segment of the last call, since a temperature or a charge moves slowly.

    >>> PiecewiseLinear((0.0, 10.0), (1.0, 3.0)).at(5.0)
    2.0
    """

    __slots__ = ("_end", "_from", "_last", "_rise", "_start", "_to", "_width", "_xs", "_ys")

    def __init__(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        self._xs, self._ys = tuple(xs), tuple(ys)
        self._end, self._last = self._xs[-1], self._ys[-1]
        self._from = self._to = self._end  # no segment yet
        self._start = self._rise = self._width = 0.0

    def at(self, x: float) -> float:
        """Return the table value at ``x``."""
        if self._from <= x < self._to:
            return self._start + self._rise * (x - self._from) / self._width
        if x >= self._end:
            return self._last
        i = bisect_right(self._xs, x)
        if 0 < i < len(self._xs):
            self._from, self._to, self._start = self._xs[i - 1], self._xs[i], self._ys[i - 1]
            self._rise, self._width = self._ys[i] - self._start, self._to - self._from
        return interpolate(x, self._xs, self._ys)
