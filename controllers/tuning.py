"""Which settings of each controller are worth tuning, and between which values.

A range is the search's, narrower than what the setting allows: values that an engineer would put into a truck. All
ranges are judgement; a search whose best value lies at an end says so, and ``--range`` widens it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thermal_bms.errors import ConfigError
from thermal_bms.parameters import did_you_mean

_RANGE = re.compile(r"^\s*(?P<key>[\w.]+)\s*=\s*(?P<low>[^:]+):(?P<high>[^:]+)$")
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Knob:
    """A setting and the range it is searched in.

    Attributes
    ----------
    key : path of the setting, as ``conditioning.cool_degc``
    low, high : ends of the range
    is_log : even on a logarithmic scale, for times and gains
    above : another knob; the range is then that of the distance from it, so that an order is always kept
    """

    key: str
    low: float
    high: float
    is_log: bool = False
    above: str = ""

    def value(self, share: float) -> float:
        """Return the value at a share of the range, 0 to 1, with four significant digits.

        >>> Knob("response_time_s", 100.0, 10000.0, is_log=True).value(0.5)
        1000.0
        """
        if self.is_log:
            found = math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        else:
            found = self.low + share * (self.high - self.low)
        return float(f"{found:.{_DIGITS}g}")


KNOBS: Mapping[str, tuple[Knob, ...]] = {
    "thermostat": (
        Knob("cool_on_degc", 27.0, 38.0),
        Knob("cool_off_degc", -6.0, -0.5, above="cool_on_degc"),
        Knob("heat_on_degc", 0.0, 15.0),
        Knob("heat_off_degc", 0.5, 4.0, above="heat_on_degc"),
        Knob("urgent_k", 1.0, 10.0),
        Knob("spread_on_k", 4.0, 8.0),
    ),
    "pid": (
        Knob("response_time_s", 150.0, 2400.0, is_log=True),
        Knob("integral_time_s", 600.0, 10000.0, is_log=True),
        Knob("conditioning.cool_degc", 26.0, 36.0),
        Knob("conditioning.heat_degc", 2.0, 20.0),
        Knob("conditioning.precool_degc", 18.0, 32.0),
        Knob("conditioning.lead_reserve", 1.0, 2.5),
        Knob("feed_forward.share", 0.0, 1.2),
        Knob("spread_on_k", 3.5, 8.0),
    ),
    "mpc": (
        Knob("bounds.drive_max_degc", 28.0, 37.0),
        Knob("bounds.drive_min_degc", 2.0, 18.0),
        Knob("bounds.price_eur_per_kwh_k_h", 5e-4, 2e-2, is_log=True),
        Knob("bounds.terminal_share", 0.0, 1.0),
        Knob("penalties.proximal_share", 0.05, 2.0, is_log=True),
        Knob("penalties.rate_s", 0.3, 30.0, is_log=True),
        Knob("forecast.persistence_s", 150.0, 2400.0, is_log=True),
        Knob("prices.pack_eur_per_kwh", 30.0, 300.0, is_log=True),
    ),
}


def knobs_of(controller: str) -> tuple[Knob, ...]:
    """Return the knobs of a controller; none for one of which nothing is known here."""
    return KNOBS.get(controller, ())


def with_ranges(knobs: Sequence[Knob], texts: Sequence[str]) -> tuple[Knob, ...]:
    """Return the knobs with ``KEY=LOW:HIGH`` in place of, or besides, the ranges known here.

    Raises
    ------
    ConfigError
        when a text has another form or its range is empty.

    >>> with_ranges((), ["gain=0.5:2"])[0].high
    2.0
    """
    found = {knob.key: knob for knob in knobs}
    for text in texts:
        match = _RANGE.match(text)
        try:
            key, low, high = match["key"], float(match["low"]), float(match["high"])  # type: ignore[index]
        except (TypeError, ValueError):
            hint = did_you_mean(text.partition("=")[0], list(found))
            raise ConfigError(f"--range {text}: expected KEY=LOW:HIGH with two numbers{hint}") from None
        if not -math.inf < low < high < math.inf:
            raise ConfigError(f"--range {text}: LOW must be less than HIGH")
        old = found.get(key)
        found[key] = Knob(
            key, low, high, is_log=bool(old and old.is_log and low > 0.0), above=old.above if old else ""
        )
    return tuple(found.values())


def settings_at(knobs: Sequence[Knob], shares: Sequence[float]) -> dict[str, Any]:  # Any: nested settings
    """Return the settings at these shares of the knobs' ranges, nested as a controller takes them.

    >>> settings_at(KNOBS["thermostat"][:2], [0.5, 0.0])
    {'cool_on_degc': 32.5, 'cool_off_degc': 26.5}
    """
    values: dict[str, float] = {}
    for knob, share in zip(knobs, shares, strict=True):
        base = values.get(knob.above, 0.0)
        values[knob.key] = float(f"{base + knob.value(share):.{_DIGITS}g}")
    return nested(values)


def nested(values: Mapping[str, Any]) -> dict[str, Any]:  # Any: setting values
    """Return values by path as nested tables.

    >>> nested({"a.b": 1.0, "c": 2.0})
    {'a': {'b': 1.0}, 'c': 2.0}
    """
    found: dict[str, Any] = {}
    for path, value in values.items():
        table = found
        *parents, last = path.split(".")
        for parent in parents:
            table = table.setdefault(parent, {})
        table[last] = value
    return found
