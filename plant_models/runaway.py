"""Thermal runaway in the pack: triggers, what they do to voltage and charge, and the books of energy and gas.

Nothing here exists until a cell is abused; then the cells around it are resolved (``runaway_window``). Per tick, after
the pack's own step:

1. Charge. A short of conductance g across a group of inner resistance R draws I = U g / (1 + R g); what the stored
   charge loses is heat, the share 1 / (1 + R g) in the shorted cell, the rest in the group. A supply that ignores all
   limits feeds a group with current I; beyond the open-circuit voltage ``overcharge_v`` charge is not stored but heat.
   The drop I R is carried by the slow branch of the group's circuit, so that sensors and string see it.
2. The stack's step: conduction, reactions, vent, massive short.
3. A cell whose separator collapsed leaves its group: capacity and conductance fall by its share and its charge's
   energy is held here, to become heat. Parallel cells feed it until its tab burns off. A group without cells left is a
   resistor at no voltage.

A heater pad and the supply stop when their cell is shorted, as test procedures demand. Coolant above its boiling point
leaves the truck as steam until the plate is dry.
"""

from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import final

import numpy as np

from plant_models.cell import CellParameters
from plant_models.housing_gas import HousingGas
from plant_models.pack import CircuitTables, PackArrays, PackParameters, chemical_energy_j, views
from plant_models.runaway_parameters import RunawayParameters, load_runaway
from plant_models.runaway_stack import (
    CHARGE_HEAT_J,
    REACTION_J,
    RUNAWAY,
    SHORTED,
    VENT_J,
    VENT_KG,
    VENT_OVER_J,
    VENTED,
)
from plant_models.runaway_window import Window
from thermal_bms.errors import PlantError
from thermal_bms.units import FloatArray

STEAM_J_PER_KG = 1.5e6  # to boil off 50 % glycol: half water of 2.2 MJ/kg, half glycol of 0.8 MJ/kg
N_SHOWN = 24  # cells around the first trigger whose temperatures are shown


class RunawayEvent(IntEnum):
    """What happened to a cell."""

    VENT = 0
    SHORT = 1
    RUNAWAY = 2


_FLAGS = {RunawayEvent.VENT: VENTED, RunawayEvent.SHORT: SHORTED, RunawayEvent.RUNAWAY: RUNAWAY}


@dataclass(frozen=True, slots=True)
class Happened:
    """An event: when [s], to which cell of which string (counted along the coolant), and what."""

    time_s: float
    string: int
    cell: int
    event: RunawayEvent


@dataclass(slots=True)
class _Powers:
    """Mean powers of a tick [W], in the order of the truck's ports from ``FROM_ABUSE`` on."""

    overcharge_w: float = 0.0
    short_w: float = 0.0
    reaction_w: float = 0.0
    heater_w: float = 0.0
    vent_w: float = 0.0


@dataclass(slots=True)
class _Abuse:
    """One trigger: conductance of a short [A/V], power of a heater pad [W], current of a supply [A]."""

    window: Window
    cell: int
    short_a_per_v: float = 0.0
    heater_w: float = 0.0
    supply_a: float = 0.0
    burns_for_s: float = float("inf")

    @property
    def group(self) -> int:
        return self.cell // self.window.n_parallel


@final
class Runaway:
    """Everything about runaway in one pack; see the module.

    Parameters
    ----------
    arrays, pack, cell : the lumped pack
    tables : its circuit; only open-circuit voltages are read
    boil_j_per_kg : specific enthalpy above which the coolant boils off; infinite for air
    """

    def __init__(
        self,
        arrays: PackArrays,
        tables: CircuitTables,
        pack: PackParameters,
        cell: CellParameters,
        *,
        boil_j_per_kg: float,
    ) -> None:
        self.parameters: RunawayParameters = load_runaway(cell.chemistry)
        self.events: list[Happened] = []
        self.held_j = 0.0
        self._powers = _Powers()
        self._pack, self._cell = pack, cell
        self._boil_j_per_kg = boil_j_per_kg
        self._constants, self._state, self._work = views(arrays)
        self._tables = tables
        self._windows: dict[int, Window] = {}
        self._abuses: list[_Abuse] = []
        self._alive = np.full(self._state.soc.shape, pack.n_parallel)
        self._drop_v = np.zeros(self._state.soc.shape)
        self._gas = HousingGas(pack.enclosure, pack.n_strings)
        self._steam_left_j = np.full(self._state.soc.shape, self._constants.coolant_mass_kg * STEAM_J_PER_KG)
        self._seen: set[tuple[int, int, RunawayEvent]] = set()
        self._shown: tuple[int, int] | None = None

    # --- triggers ---

    def short_cell(self, string: int, group: int, resistance_ohm: float) -> None:
        """Short the first cell of a group from inside, with this resistance [ohm]."""
        self._begin(string, group).short_a_per_v = 1.0 / resistance_ohm

    def heat_cell(self, string: int, group: int, power_w: float) -> None:
        """Press a heater pad of this power [W] against the first cell of a group, until the cell is shorted."""
        self._begin(string, group).heater_w = power_w

    def overcharge(self, string: int, group: int, current_a: float) -> None:
        """Feed a group with this current [A] whatever its voltage, until one of its cells is shorted."""
        self._begin(string, group).supply_a = current_a

    # --- what is known ---

    @property
    def cells_in_runaway(self) -> int:
        """How many cells have run away so far."""
        return sum(happened.event is RunawayEvent.RUNAWAY for happened in self.events)

    @property
    def pressure_pa(self) -> float:
        """The highest pressure in the housings of the strings, absolute [Pa]."""
        return self._gas.pressure_pa

    @property
    def missing_heat_j(self) -> float:
        """Heat that the lumped pack counts in mass which has been ejected [J]."""
        return sum(window.missing_heat_j for window in self._windows.values())

    @property
    def shown_string(self) -> int:
        """The string of the first trigger."""
        return self._shown[0] if self._shown else 0

    @property
    def first_shown_cell(self) -> int:
        """The number along its string of the first cell of ``cell_temp_k``."""
        return self._shown[1] if self._shown else 0

    def cell_temp_k(self) -> FloatArray:
        """Return the mean temperatures [K] of the cells around the first trigger, NaN where not resolved."""
        shown = np.full(N_SHOWN, np.nan)
        if self._shown:
            window = self._windows[self._shown[0]]
            temp_k = window.cell_temp_k
            offset = window.first_cell - self._shown[1]
            start, stop = max(offset, 0), min(offset + temp_k.size, N_SHOWN)
            shown[start:stop] = temp_k[start - offset : stop - offset]
        return shown

    # --- time ---

    def step(self, time_s: float, dt_s: float) -> tuple[float, ...]:
        """Advance by one tick, after the pack's own step, and return the mean powers at its ports [W].

        ``time_s`` is the end of the tick. The ports: supply that overcharges, heat of shorted or overcharged charge,
        heat of reactions, heater pad, enthalpy that leaves with ejecta and steam.
        """
        self._powers = _Powers()
        state = self._state
        if not np.isfinite(state.core_temp_k).all():
            raise PlantError("runaway: a cell temperature is not a number; take a smaller tick_s")
        gas_mol = np.zeros(self._pack.n_strings)
        for window in self._windows.values():
            window.take_up(dt_s)
        drop_v = self._charges(dt_s)
        for k, window in self._windows.items():
            window.step(float(state.housing_temp_k[k]), dt_s)
            gas_mol[k] = self._count(window, dt_s)
            self._boil(k, dt_s)
            self._lose_cells(window)
            window.grow_where_warm()
            self._note(window, time_s)
        self._write_drops(drop_v)
        self._gas.step(gas_mol, state.housing_temp_k, dt_s)
        return astuple(self._powers)

    # --- inside ---

    def _begin(self, string: int, group: int) -> _Abuse:
        window = self._windows.get(string)
        if window is None:
            window = Window(
                self.parameters,
                self._cell,
                self._pack,
                self._state,
                self._constants,
                string=string,
                group=group,
            )
            self._windows[string] = window
        window.include(group)
        abuse = _Abuse(window, group * self._pack.n_parallel)
        self._abuses.append(abuse)
        if self._shown is None:
            n_cells = self._pack.n_series * self._pack.n_parallel
            first = min(max(abuse.cell - N_SHOWN // 2, 0), max(n_cells - N_SHOWN, 0))
            self._shown = (string, first)
        return abuse

    def _charges(self, dt_s: float) -> FloatArray:
        """Advance charge and heat of every abused or dead group; return the drops that their circuits must show."""
        drop_v = np.zeros_like(self._drop_v)
        for abuse in self._abuses:
            self._heat(abuse, dt_s)
            self._supply(abuse, drop_v, dt_s)
            self._short(abuse, drop_v, dt_s)
        for k, window in self._windows.items():
            for i in range(self._state.soc.shape[1])[window.groups]:
                if self._alive[k, i] == 0:
                    self._keep_empty(window, i, drop_v, dt_s)
                else:
                    self._oxidise(window, i, dt_s)
        return drop_v

    def _heat(self, abuse: _Abuse, dt_s: float) -> None:
        if abuse.heater_w > 0.0 and not self._is_shorted(abuse):
            abuse.window.power_w[abuse.window.slices(abuse.cell).start] += abuse.heater_w
            self._powers.heater_w += abuse.heater_w

    def _supply(self, abuse: _Abuse, drop_v: FloatArray, dt_s: float) -> None:
        k, i = abuse.window.string, abuse.group
        if abuse.supply_a <= 0.0 or self._is_shorted(abuse):
            return
        inner_ohm = self._inner_ohm(k, i)
        loss_w = abuse.supply_a**2 * inner_ohm
        delta_soc = abuse.supply_a * dt_s * float(self._constants.per_capacity_as[k, i])
        stored_j = self._energy_change_j(k, i, float(self._state.soc[k, i]) + delta_soc)
        drop_v[k, i] -= abuse.supply_a * inner_ohm
        self._warm(abuse.window, abuse.window.cells_of(i), loss_w)
        self._powers.overcharge_w += stored_j / dt_s + loss_w

    def _short(self, abuse: _Abuse, drop_v: FloatArray, dt_s: float) -> None:
        k, i = abuse.window.string, abuse.group
        conductance = abuse.short_a_per_v
        if conductance <= 0.0 or self._alive[k, i] == 0 or abuse.burns_for_s <= 0.0:
            return
        abuse.burns_for_s -= dt_s
        inner_ohm = self._inner_ohm(k, i)
        open_v = float(self._state.voltage_v[k, i]) + self._drop_now_v(k, i)
        share = 1.0 / (1.0 + inner_ohm * conductance)
        current_a = max(open_v, 0.0) * conductance * share
        soc = float(self._state.soc[k, i]) - current_a * dt_s * float(self._constants.per_capacity_as[k, i])
        heat_w = -self._energy_change_j(k, i, soc) / dt_s
        drop_v[k, i] += current_a * inner_ohm
        self._warm(abuse.window, abuse.window.slices(abuse.cell), share * heat_w)
        self._warm(abuse.window, abuse.window.cells_of(i), (1.0 - share) * heat_w)

    def _keep_empty(self, window: Window, i: int, drop_v: FloatArray, dt_s: float) -> None:
        """Hold a group without cells at no charge and no voltage."""
        k = window.string
        hysteresis_v = self._constants.hysteresis_v * float(self._state.hysteresis[k, i])
        drop_v[k, i] = float(self._work.source_v[k, i]) + hysteresis_v
        self._warm(window, window.cells_of(i), -self._energy_change_j(k, i, 0.0) / dt_s)

    def _oxidise(self, window: Window, i: int, dt_s: float) -> None:
        """Turn charge above the open-circuit voltage ``overcharge_v`` into heat."""
        k = window.string
        if self._state.soc[k, i] <= 1.0:
            return
        rest = self._tables.rest
        above_v = self.parameters.short.overcharge_v - rest[-1, 0] - rest[-1, 1] / len(rest)
        soc_max = 1.0 + above_v / rest[-1, 1]
        if self._state.soc[k, i] > soc_max:
            self._warm(window, window.cells_of(i), -self._energy_change_j(k, i, soc_max) / dt_s)

    def _lose_cells(self, window: Window) -> None:
        """Take the cells whose separator collapsed out of their groups; parallel ones feed them for a while."""
        k, short = window.string, self.parameters.short
        for cell in window.collapsed():
            i = cell // window.n_parallel
            alive = int(self._alive[k, i])
            self._alive[k, i] = alive - 1
            if alive == 1:
                energy_j = -self._energy_change_j(k, i, 0.0)
            else:
                energy_j = -self._shrink(k, i, (alive - 1) / alive)
                self._abuses.append(_Abuse(window, cell, short_a_per_v=1.0 / short.resistance_ohm))
                for abuse in self._abuses:
                    if abuse.window is window and abuse.cell == cell:
                        abuse.burns_for_s = short.open_after_s
            self.held_j += energy_j
            window.take_charge(cell, energy_j)

    def _shrink(self, k: int, i: int, factor: float) -> float:
        """Multiply a group's capacity and conductance; return the change of its energy [J]."""
        before_j = self._energy_j(k, i)
        self._constants.capacity_as[k, i] *= factor
        self._constants.per_capacity_as[k, i] /= factor
        self._constants.resistance_factor[k, i] /= factor
        return self._energy_j(k, i) - before_j

    def _count(self, window: Window, dt_s: float) -> float:
        """Book what a window's step gave off; return the gas it made [mol]."""
        totals, vent = window.totals, self.parameters.vent
        p = window.stack.p[0]
        self._powers.reaction_w += totals[REACTION_J] / dt_s
        self._powers.short_w += totals[CHARGE_HEAT_J] / dt_s
        self.held_j -= float(totals[CHARGE_HEAT_J])
        to_housing_j = vent.housing_share * float(totals[VENT_OVER_J])
        self._powers.vent_w += (totals[VENT_J] - to_housing_j) / dt_s
        self._state.housing_temp_k[window.string] += to_housing_j / self._constants.housing_capacity_j_per_k
        most_kg = p.slice_mass_kg * p.n_slices * (vent.vapour_fraction + vent.ejecta_fraction)
        return float(totals[VENT_KG] / most_kg * vent.gas_mol_per_ah * self._cell.capacity_ah)

    def _boil(self, k: int, dt_s: float) -> None:
        """Let coolant above its boiling point go off as steam; a standing plate dries out and then takes no more."""
        state = self._state
        coolant_kg = self._constants.coolant_mass_kg
        excess_j = coolant_kg * np.maximum(state.coolant_j_per_kg[k] - self._boil_j_per_kg, 0.0)
        if not excess_j.any():
            return
        state.coolant_j_per_kg[k] -= excess_j / coolant_kg
        if state.string_flow_kg_per_s[k] > 0.0:
            self._steam_left_j[k] = coolant_kg * STEAM_J_PER_KG
        steam_j = np.minimum(excess_j, self._steam_left_j[k])
        self._steam_left_j[k] -= steam_j
        state.wall_temp_k[k] += (excess_j - steam_j) / self._constants.wall_capacity_j_per_k
        self._powers.vent_w += float(steam_j.sum()) / dt_s

    def _note(self, window: Window, time_s: float) -> None:
        """Append what happened to the window's cells for the first time."""
        for event, row in _FLAGS.items():
            for c in np.flatnonzero(window.stack.cells[row]):
                key = (window.string, window.first_cell + int(c), event)
                if key not in self._seen:
                    self._seen.add(key)
                    self.events.append(Happened(time_s, *key))

    def _write_drops(self, drop_v: FloatArray) -> None:
        """Let the slow branches carry the drops of this tick in place of what is left of the last ones."""
        self._state.rc2_v[:] += drop_v - self._drop_v * self._work.decay2
        self._drop_v = drop_v

    def _drop_now_v(self, k: int, i: int) -> float:
        return float(self._drop_v[k, i] * self._work.decay2[k, i])

    def _inner_ohm(self, k: int, i: int) -> float:
        work = self._work
        return float(work.r0_ohm[k, i] + work.r1_ohm[k, i] + work.r2_ohm[k, i])

    def _is_shorted(self, abuse: _Abuse) -> bool:
        return bool(abuse.window.stack.cells[SHORTED, abuse.cell - abuse.window.first_cell] > 0.0)

    def _warm(self, window: Window, where: slice, heat_w: float) -> None:
        """Give slices heat that comes from charge [W]."""
        window.power_w[where] += heat_w / (where.stop - where.start)
        self._powers.short_w += heat_w

    def _energy_change_j(self, k: int, i: int, soc: float) -> float:
        """Set a group's charge and return the change of its chemical energy [J]."""
        before_j = self._energy_j(k, i)
        self._state.soc[k, i] = soc
        return self._energy_j(k, i) - before_j

    def _energy_j(self, k: int, i: int) -> float:
        """Return the chemical energy of one group [J]."""
        one = np.s_[k : k + 1, i : i + 1]
        constants = self._constants._replace(capacity_as=self._constants.capacity_as[one])
        state = self._state._replace(soc=self._state.soc[one], hysteresis=self._state.hysteresis[one])
        return chemical_energy_j(self._tables, constants, state)
