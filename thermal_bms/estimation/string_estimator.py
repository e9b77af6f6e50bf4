"""Everything that is estimated of one string, and the order in which its slow parts take their turns."""

from typing import final

from thermal_bms.description import PackDescription
from thermal_bms.estimation.cell_model import CellModel
from thermal_bms.estimation.cell_spread import CellSpread
from thermal_bms.estimation.charge_bound import ChargeBound
from thermal_bms.estimation.charge_filter import ChargeFilter
from thermal_bms.estimation.health import CapacityHealth, ResistanceHealth
from thermal_bms.estimation.power import CHARGE, DISCHARGE, PowerRatings, StringPower
from thermal_bms.estimation.settings import EstimationSettings
from thermal_bms.plausibility import Checked

NAN = float("nan")
START_SD = 0.3
LOST_SD = 0.05
OPEN_NOISE_A, OPEN_FLOOR_A = 0.2, 0.1  # of one reading of no current, and what no mean takes away
CYCLE = 8  # turns in which every slow part comes once or more


@final
class StringEstimator:
    """One string: filter, bound, extreme cells, health, power.

    Parameters
    ----------
    model : nominal cell, shared by all strings
    settings : error levels
    pack : description of the pack
    ratings : what limits the string's power
    initial_soc : stored charge, or NaN to start from the voltage
    """

    __slots__ = (
        "_blind_s",
        "_cycle",
        "_initial_soc",
        "_model",
        "_offset_max_a",
        "_open_count",
        "_open_sum_a",
        "_pack",
        "_ratings",
        "_settings",
        "bound",
        "capacity",
        "filter",
        "high",
        "low",
        "power",
        "resistance",
        "started",
    )

    def __init__(
        self,
        model: CellModel,
        settings: EstimationSettings,
        pack: PackDescription,
        ratings: PowerRatings,
        initial_soc: float,
    ) -> None:
        self._model, self._settings, self._pack, self._ratings = model, settings, pack, ratings
        self._initial_soc = initial_soc
        self._offset_max_a = 5.0 * settings.current_offset_sd * pack.discharge_current_max_a + 2.0
        self.started = False
        self.capacity = CapacityHealth(model, settings)
        self.resistance = ResistanceHealth(settings)
        self.low, self.high = CellSpread(settings, pack.n_series), CellSpread(settings, pack.n_series)
        self.power = StringPower(model, ratings)
        self._cycle = 0
        self._blind_s = self._open_sum_a = 0.0
        self._open_count = 0
        self._begin(0.5, 0.5)
        if initial_soc - initial_soc == 0.0:
            self._begin(initial_soc, settings.initial_soc_sd)
            self.started = True

    def _begin(self, soc: float, soc_sd: float) -> None:
        rating_a = self._pack.discharge_current_max_a
        self.filter = ChargeFilter(self._model, self._settings, rating_a=rating_a, soc=soc, soc_sd=soc_sd)
        self.bound = ChargeBound(self._model, self._settings, soc=soc, soc_sd=soc_sd)

    def predict(self, current_a: float, dt_s: float, *, closed: bool) -> None:
        """Count a tick of measured current [A]; open contactors carry none, a missing current counts as none."""
        state = self.filter
        if current_a - current_a != 0.0:
            self._blind_s += dt_s
            state.predict(state.offset_a, dt_s)
        elif closed or abs(current_a) > self._offset_max_a:
            state.predict(current_a, dt_s)
        else:
            state.predict(state.offset_a, dt_s)
            self._open_sum_a += current_a
            self._open_count += 1

    def turn(self, checked: Checked, k: int) -> None:
        """Do what is due at a turn of string ``k``: filter and bound always, the rest in a cycle."""
        voltage_v, temp_degc = checked.cell_voltage_mean_v[k], checked.cell_temp_mean_degc[k]
        if not self.started:
            self._start(voltage_v, checked.current_a[k], temp_degc)
        state, blind_s = self.filter, self._blind_s
        since_s = state.since_s
        if blind_s > 0.0:
            self._count_blind(blind_s)
        if checked.current_a[k] - checked.current_a[k] != 0.0:
            voltage_v = NAN  # the drop is not known
        moved = state.update(voltage_v, temp_degc)
        nominal = moved * state.capacity_as / self._model.capacity_as
        self.capacity.count(nominal, since_s)
        self.bound.count(
            moved,
            since_s,
            capacity_sd=state.capacity_sd,
            offset_per_s=state.offset_sd_a / state.capacity_as,
        )
        self.resistance.take(voltage_v, state, since_s)
        if self._open_count:
            self._take_offset()
        cycle = self._cycle
        self._cycle = (cycle + 1) % CYCLE
        known = voltage_v - voltage_v == 0.0
        if cycle in (1, 5):
            self._agree(voltage_v)
        elif cycle in (0, 2, 4, 6):
            direction = DISCHARGE if cycle in (0, 4) else CHARGE
            side = self.low if direction == DISCHARGE else self.high
            if known:
                self._look_at_cells(checked, k, CYCLE // 2 * since_s, low=direction == DISCHARGE)
            self.power.look_up(state, side, direction, *self._extreme_temps_degc(checked, k))
        elif cycle == 3 and known:
            self._look_at_capacity(voltage_v)

    def _take_offset(self) -> None:
        """Take in what the current sensor has read while the contactors were open."""
        n = self._open_count
        noise_a = (OPEN_NOISE_A**2 / n + OPEN_FLOOR_A**2) ** 0.5
        self.filter.take_offset(self._open_sum_a / n, noise_a)
        self._open_sum_a, self._open_count = 0.0, 0

    def _agree(self, voltage_v: float) -> None:
        """Cut the bound; let it lead a filter that is lost, and give way to one that is sure."""
        state, bound = self.filter, self.bound
        if voltage_v - voltage_v == 0.0:
            bound.cut(voltage_v, state)
        if state.soc_sd > LOST_SD:
            state.hold(bound.low, bound.high)
        else:
            bound.include(state.soc, state.soc_sd)

    def refresh_continuous(self, checked: Checked, k: int, direction: int, heat_out_w: float) -> None:
        """Bring the 30-minute power of one direction up to date."""
        self.power.heat_out_w = heat_out_w
        self.power.refresh_continuous(
            self.filter,
            self.low if direction == DISCHARGE else self.high,
            direction,
            *self._extreme_temps_degc(checked, k),
        )

    def _extreme_temps_degc(self, checked: Checked, k: int) -> tuple[float, float]:
        """Return how cold and how hot the cells may be."""
        error_k = self._settings.cell_temp_error_k
        return checked.cell_temp_min_degc[k] - error_k, checked.cell_temp_max_degc[k] + error_k

    def _start(self, voltage_v: float, current_a: float, temp_degc: float) -> None:
        """Read the first charge from the voltage, corrected by the drop where that is known."""
        if voltage_v - voltage_v != 0.0:
            return
        drop_v = 0.0
        off_k = 0.0
        circuit = self._model.circuit(0.5, self._model.reference_temp_degc)
        if temp_degc - temp_degc == 0.0:
            circuit = self._model.circuit(0.5, temp_degc)
            off_k = temp_degc - self._model.reference_temp_degc
        if current_a - current_a == 0.0:
            drop_v = current_a * (circuit.r0_discharge_ohm + circuit.r1_ohm)
        self._begin(self._model.soc_of(voltage_v + drop_v, off_k), START_SD)
        self.bound = ChargeBound(self._model, self._settings, soc=0.5, soc_sd=0.5)
        self.started = True

    def _count_blind(self, blind_s: float) -> None:
        """Take account of time without a valid current: it may have been anything up to the rating."""
        lost = self._pack.discharge_current_max_a * blind_s / self._model.capacity_as
        self.filter.lose(0.5 * lost)
        self.bound.lose(lost)
        self.capacity.forget_count()
        self._blind_s = 0.0

    def _look_at_cells(self, checked: Checked, k: int, since_s: float, *, low: bool) -> None:
        state, model = self.filter, self._model
        off_k = state.temp_degc - model.reference_temp_degc
        down, up = max(state.soc - 0.01, 0.0), min(state.soc + 0.01, 1.0)
        slope_v = (model.open_circuit_v(up, off_k) - model.open_circuit_v(down, off_k)) / (up - down)
        mean_v, eta = checked.cell_voltage_mean_v[k], state.resistance * state.overpotential_v
        if low:
            self.low.update(mean_v - checked.cell_voltage_min_v[k], slope_v, eta, since_s)
        else:
            self.high.update(checked.cell_voltage_max_v[k] - mean_v, slope_v, eta, since_s)

    def _look_at_capacity(self, voltage_v: float) -> None:
        state, capacity = self.filter, self.capacity
        if capacity.look(voltage_v, state) and capacity.sd <= self._settings.capacity_known_sd:
            self.bound.settle()
            state.set_capacity(capacity.value * self._model.capacity_as, capacity.sd)

    def soc(self) -> float:
        """Return the charge, NaN before the first voltage."""
        soc = self.filter.soc
        return (0.0 if soc < 0.0 else min(soc, 1.0)) if self.started else NAN

    def health(self) -> tuple[float, float, float, float]:
        """Return capacity, its deviation, resistance, its deviation; a value is NaN until it is known well enough."""
        settings = self._settings
        capacity, capacity_sd = self.capacity.value, self.capacity.sd
        resistance, resistance_sd = self.resistance.value, self.resistance.sd
        return (
            capacity if capacity_sd <= settings.capacity_known_sd else NAN,
            capacity_sd,
            resistance if resistance_sd <= settings.resistance_known_sd else NAN,
            resistance_sd,
        )

    def cell_soc(self) -> tuple[float, float]:
        """Return the bound of the emptiest and of the fullest cell's charge."""
        low = self.bound.low - self.low.soc - 2.0 * self.low.soc_sd
        high = self.bound.high + self.high.soc + 2.0 * self.high.soc_sd
        return max(low, 0.0), min(high, 1.0)
