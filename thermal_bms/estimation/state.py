"""The estimator: charge, bounds, health and power of the strings, extremes of the cells, heat.

Every tick counts charge on every string. Everything else takes turns, so that a tick costs about the same whatever the
number of strings: one string a tick is brought up to date, and one figure of the pack.
"""

import math
from typing import TypeVar, final

import numpy as np

from thermal_bms.description import PackDescription
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.estimation.outlook import Outlook
from thermal_bms.estimation.power import CHARGE, DISCHARGE, HORIZONS_S, PowerRatings, pack_power_w
from thermal_bms.estimation.settings import EstimationSettings
from thermal_bms.estimation.string_estimator import StringEstimator
from thermal_bms.interpolation import PiecewiseLinear, interpolate
from thermal_bms.limits import LimitTable, load_limits
from thermal_bms.plausibility import Checked
from thermal_bms.signals import (
    NO_BOUNDS,
    NO_HEALTH,
    NO_OUTLOOK,
    ChargeBounds,
    Estimate,
    Health,
    PowerOutlook,
    VehicleMode,
)

Item = TypeVar("Item")
NAN = float("nan")
N_SHORT = len(HORIZONS_S)
ALL_REFRESHED = 16  # turns of the pack in which every figure comes once or more; every fourth tick is one
BOUNDS_PARTS, CONTINUOUS_PARTS, HEALTH_PART = (1, 9), (3, 11), 15


def string_resistance_ohm(pack: PackDescription, temp_degc: float) -> float:
    """Return the resistance of one group at a temperature [ohm]; NaN for NaN.

    Linear between the points of ``pack.resistance_ohm`` (10 s, half charge), constant beyond them.
    """
    return interpolate(temp_degc, pack.resistance_temp_degc, pack.resistance_ohm)


@final
class Estimator:
    """What the battery management believes of one pack.

    Parameters
    ----------
    pack : description of the pack
    settings : how sure sensors and model are
    limits : limit table, for the state of power; that of the pack's chemistry when left out
    initial_soc : stored state of charge in 0..1, or NaN to start from the voltage
    """

    def __init__(
        self,
        pack: PackDescription,
        settings: EstimationSettings | None = None,
        *,
        limits: LimitTable | None = None,
        initial_soc: float = NAN,
    ) -> None:
        self._pack = pack
        self._settings = settings or EstimationSettings()
        self._table = limits or load_limits(pack.chemistry)
        self._initial_soc = initial_soc
        self._model = CellModel(pack)
        self._ratings = PowerRatings(self._table, pack)
        self._resistance = PiecewiseLinear(pack.resistance_temp_degc, pack.resistance_ohm)
        self.reset()

    def reset(self) -> None:
        """Start again from the stored state of charge or from the voltage."""
        pack, settings = self._pack, self._settings
        self.strings = [
            StringEstimator(self._model, settings, pack, self._ratings, self._initial_soc)
            for _ in range(pack.n_strings)
        ]
        self._outlook = Outlook(self._model, pack, settings, self._ratings, self._table)
        self._heat_w = [NAN] * pack.n_strings
        self._powers_w = ([0.0] * (N_SHORT + 1), [0.0] * (N_SHORT + 1))
        self._left = (NAN, NAN, NAN)
        self._heat_ohm = [NAN] * pack.n_strings
        self._waiting = True
        self._tick = self._turn = 0
        self._since_s = 0.0
        self._bounds, self._health, self._power = NO_BOUNDS, NO_HEALTH, NO_OUTLOOK

    def step(self, checked: Checked, dt_s: float) -> Estimate:
        """Advance by one tick [s] and return the estimate."""
        self._count(checked, dt_s)
        socs = [string.soc() for string in self.strings]
        heat_w, string_a, closed = self._heat_w, checked.current_a, checked.closed
        low_v, high_v = checked.cell_voltage_min_v, checked.cell_voltage_max_v
        cold_degc, hot_degc = checked.cell_temp_min_degc, checked.cell_temp_max_degc
        mean_degc = checked.cell_temp_mean_degc
        string_soc = np.array(socs)
        measured = sum(low_v) + sum(high_v) + sum(cold_degc) + sum(mean_degc) + sum(hot_degc)
        if not (_valid(measured) and all(closed)):
            socs, heat_w, string_a = (_connected(values, closed) for values in (socs, heat_w, string_a))
            low_v, high_v = _known(low_v, closed), _known(high_v, closed)
            cold_degc, hot_degc = _known(cold_degc, closed), _known(hot_degc, closed)
            mean_degc = _known(mean_degc, closed)
        heat_sum_w, hottest_degc = sum(heat_w), max(hot_degc)
        self._refresh_pack(checked, heat_sum_w, hottest_degc)
        return Estimate(
            sum(socs) / len(socs),
            string_soc,
            min(low_v),
            max(high_v),
            min(cold_degc),
            sum(mean_degc) / len(mean_degc),
            hottest_degc,
            sum(string_a),
            heat_sum_w,
            self._bounds,
            self._health,
            self._power,
        )

    def _count(self, checked: Checked, dt_s: float) -> None:
        """Count charge and heat of every string, and give one string its turn."""
        strings, closed, heat_w = self.strings, checked.closed, self._heat_w
        for k, current_a in enumerate(checked.current_a):
            strings[k].predict(current_a, dt_s, closed=closed[k])
            heat_w[k] = current_a * current_a * self._heat_ohm[k]
        slept_s = checked.elapsed_s - dt_s
        if slept_s > dt_s:
            for string in strings:
                string.filter.rest(slept_s)
        self._since_s += dt_s if slept_s <= dt_s else checked.elapsed_s
        if self._waiting:
            self._begin(checked)
        slot, turn = self._tick & 3, self._turn
        if slot == 0:
            strings[turn].turn(checked, turn)
            self._heat_ohm[turn] = self._pack.n_series * self._resistance.at(
                checked.cell_temp_mean_degc[turn]
            )
        elif slot == 1:
            strings[turn].power.refresh(strings[turn].filter, DISCHARGE)
        elif slot == 3:
            strings[turn].power.refresh(strings[turn].filter, CHARGE)
            self._turn = turn + 1 if turn + 1 < len(strings) else 0

    def _begin(self, checked: Checked) -> None:
        """Give strings that have not started a turn each tick, so that one valid voltage is enough to begin."""
        for k, string in enumerate(self.strings):
            if math.isnan(self._heat_ohm[k]):
                self._heat_ohm[k] = self._pack.n_series * self._resistance.at(checked.cell_temp_mean_degc[k])
                self._heat_w[k] = checked.current_a[k] ** 2 * self._heat_ohm[k]
            string.turn(checked, k)
        self._waiting = not all(string.started for string in self.strings) or math.isnan(sum(self._heat_ohm))

    def _refresh_pack(self, checked: Checked, heat_w: float, hottest_degc: float) -> None:
        """Bring one figure of the pack up to date."""
        tick = self._tick
        self._tick = tick + 1
        if tick & 3 != 2:
            return
        part = (tick >> 2) % ALL_REFRESHED
        if part & 1 == 0:
            self._refresh_power(checked, (part >> 1) & 1)
        elif part in BOUNDS_PARTS:
            self._refresh_bounds(checked)
        elif part == 5:
            self._take_outlook(checked, heat_w, hottest_degc)
        elif part == 7:
            self._refresh_outlook(checked)
        elif part in CONTINUOUS_PARTS:
            self._refresh_continuous(checked, DISCHARGE if part == CONTINUOUS_PARTS[0] else CHARGE)
        elif part == HEALTH_PART:
            self._refresh_health(checked)

    def _connected_strings(self, checked: Checked) -> list[StringEstimator]:
        """Return the connected strings; none when nothing is connected."""
        return [
            string for string, on in zip(self.strings, checked.closed, strict=True) if on and string.started
        ]

    def _refresh_power(self, checked: Checked, direction: int) -> None:
        strings = [string.power for string in self._connected_strings(checked)]
        keep, powers_w = 1.0 - self._settings.power_margin, self._powers_w[direction]
        powers_w[:N_SHORT] = [keep * x for x in pack_power_w(strings, direction, self._pack.n_series)]
        short = (*self._powers_w[0], *self._powers_w[1])
        self._power = PowerOutlook(*short, *self._left)  # type: ignore[call-arg]  # as many as it has fields

    def _refresh_continuous(self, checked: Checked, direction: int) -> None:
        n_strings = len(self.strings)
        turn = (self._tick >> 2) // ALL_REFRESHED % n_strings
        string = self.strings[turn]
        string.refresh_continuous(checked, turn, direction, self._outlook.heat_out_w(n_strings))
        alone_w = [one.power.continuous_w[direction] for one in self._connected_strings(checked)]
        held_w = len(alone_w) * min(alone_w, default=0.0) * (1.0 - self._settings.power_margin)
        powers_w = self._powers_w[direction]
        powers_w[N_SHORT] = min(held_w if held_w > 0.0 else 0.0, powers_w[N_SHORT - 1])

    def _take_outlook(self, checked: Checked, heat_w: float, hottest_degc: float) -> None:
        measurement = checked.measurement
        power_w = math.fsum(
            [
                a * v
                for a, v, on in zip(checked.current_a, checked.string_voltage_v, checked.closed, strict=True)
                if on
            ]
        )
        self._outlook.take(
            power_w,
            heat_w,
            measurement.vehicle_speed_m_per_s,
            hottest_degc,
            self._since_s,
            driving=measurement.vehicle_mode == VehicleMode.DRIVE,
        )
        self._since_s = 0.0

    def _refresh_outlook(self, checked: Checked) -> None:
        strings = self._connected_strings(checked)
        left_j = range_m = derate_s = NAN
        if strings:
            filters, low, high = (
                [s.filter for s in strings],
                [s.low for s in strings],
                [s.high for s in strings],
            )
            left_j = self._outlook.energy_left_j(filters, low)
            range_m = self._outlook.range_left_m(left_j)
            derate_s = self._outlook.derate_in_s(filters, low, high)
        self._left = (left_j, range_m, derate_s)

    def _refresh_bounds(self, checked: Checked) -> None:
        started = [s for s in _connected(self.strings, checked.closed) if s.started]
        if not started:
            self._bounds = NO_BOUNDS
            return
        n = len(started)
        cells = [s.cell_soc() for s in started]
        self._bounds = ChargeBounds(
            math.sqrt(sum([s.filter.soc_sd**2 for s in started]) / n),
            sum([s.bound.low for s in started]) / n,
            sum([s.bound.high for s in started]) / n,
            min([low for low, _ in cells]),
            max([high for _, high in cells]),
            tuple([s.bound.low for s in self.strings]),
            tuple([s.bound.high for s in self.strings]),
        )

    def _refresh_health(self, checked: Checked) -> None:
        found = [s.health() for s in self.strings]
        connected = _connected(found, checked.closed)
        capacity, capacity_sd, resistance, resistance_sd = zip(*connected, strict=True)
        self._health = Health(
            min(capacity) if _valid(sum(capacity)) else NAN,
            max(capacity_sd),
            max(resistance) if _valid(sum(resistance)) else NAN,
            max(resistance_sd),
            tuple(one[0] for one in found),
            tuple(one[2] for one in found),
        )


def _valid(x: float) -> bool:
    return x - x == 0.0


def _connected(values: list[Item], closed: list[bool]) -> list[Item]:
    """Return the values of the connected strings; of all when none is."""
    if all(closed):
        return values
    return [value for value, on in zip(values, closed, strict=True) if on] or values


def _known(values: list[float], closed: list[bool]) -> list[float]:
    """Return the valid values of the connected strings; one NaN when there is none."""
    chosen = _connected(values, closed)
    if _valid(sum(chosen)):
        return chosen
    return [value for value in chosen if _valid(value)] or [NAN]
