"""From a value to the code that stands for it: one function for numbers, its twin for arrays.

Both do the same operations in the same order, so that they agree to the last bit: the quantised value of a direct
link is exactly what comes out of the bus.
"""

from typing import NamedTuple

import numpy as np

from thermal_bms.units import BoolArray, FloatArray


class Code(NamedTuple):
    """The nearest code that the signal has, and whether it could hold the value to half a step."""

    code: int
    held: bool


def quantised_code(value: float, scale: float, offset: float, code_min: int, code_max: int) -> Code:
    """Return the code nearest to a value that is not NaN; halves go to the even code.

    >>> quantised_code(-1700.0, 0.05, -1600.0, 0, 64255)
    Code(code=0, held=False)
    """
    position = (value - offset) / scale
    if position <= code_min:
        return Code(code_min, position >= code_min - 0.5)
    if position >= code_max:
        return Code(code_max, position <= code_max + 0.5)
    return Code(round(position), True)  # noqa: FBT003  # a named field


def quantised(
    values: FloatArray,
    scale: FloatArray,
    offset: FloatArray,
    code_min: FloatArray,
    code_max: FloatArray,
) -> tuple[FloatArray, BoolArray]:
    """Return what comes out of the bus for ``values``, and which of them could be held; NaN becomes the one NaN."""
    with np.errstate(over="ignore"):
        position = (values - offset) / scale
    code = np.clip(np.rint(position), code_min, code_max)
    held = ~((position < code_min - 0.5) | (position > code_max + 0.5))
    return np.where(np.isnan(values), np.nan, code * scale + offset), held
