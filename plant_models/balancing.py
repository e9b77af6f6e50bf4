"""Cell balancing: resistors that burn charge of single groups, or converters that move it to other groups.

Every balancer comes down to a current i_b that it takes from each group, negative where it gives. Over a step::

    passive        i_b = d V / R,                            duty d in 0..1
    cell to pack   i_b = i - I_s,   V_s I_s = eta sum(V i, i > 0) + sum(V i, i < 0) / eta
    cell to cell   eta sum(V i, i > 0) = -sum(V i, i < 0)    within every module

A converter from cell to pack feeds the ends of its own string, inside the contactors, so it works with open ones too
and its return current I_s passes through every group. Loss is what the groups give less what they get,
``sum(V i_b)``, and never negative. It warms the boards of a string, one node, which warm the housing::

    C dT/dt = loss - G (T - T_housing)

with the flow out of the heat at the start of the step, exact for that part: stable for any step, and every joule is
booked once. Above a board temperature all currents of the string fall linearly to zero.

Ratings. Passive: 200 mA per cell (Orion BMS 2 manual), 100 to 300 mA through resistors beside monitoring chips (TI
SLVAE87). Active: up to 10 A per cell and up to 92 % charge transfer efficiency (Analog Devices LTC3300-1 data sheet,
rev. C, which moves charge to or from 12 and more adjacent cells).
"""

import math
from typing import Literal, final

import numpy as np
from pydantic import Field, model_validator

from plant_models.kernels import Record, kernel, record_of
from plant_models.pack import PackState
from thermal_bms.description import BalancerDescription
from thermal_bms.parameters import Parameters
from thermal_bms.units import FloatArray, degc_to_k

SETTLED_K = 0.01


class BalancerParameters(Parameters):
    """A string's balancing boards."""

    kind: Literal["passive", "cell_to_pack", "cell_to_cell"] = "passive"
    resistor_ohm: float = Field(
        default=18.0, gt=0.0, le=1000.0, description="passive: about 0.2 A, as the Orion BMS 2 (manual)"
    )
    current_max_a: float = Field(
        default=5.0, gt=0.0, le=20.0, description="of a converter; half the 10 A of an LTC3300-1"
    )
    efficiency: float = Field(
        default=0.9, gt=0.5, le=1.0, description="of a converter; up to 0.92: LTC3300-1 data sheet"
    )
    module_groups: int = Field(
        default=12, ge=2, le=400, description="groups that exchange charge, cell to cell: LTC3300-1"
    )
    board_capacity_j_per_k: float = Field(
        default=11.0, gt=0.0, description="per group: 12 g of board, copper and parts; assumed"
    )
    board_to_housing_w_per_k: float = Field(
        default=0.033, gt=0.0, description="per group: 33 cm2 in still air at 10 W/m2K; assumed"
    )
    derate_from_degc: float = Field(
        default=70.0, ge=0.0, le=150.0, description="board temperature; 85 degC parts, assumed"
    )
    derate_to_degc: float = Field(default=85.0, ge=0.0, le=150.0, description="no balancing above")
    hold_s: float = Field(
        default=7200.0,
        gt=0.0,
        le=36000.0,
        description="goes on for this long without a new command: 120 min, longest timer of an LTC6813",
    )

    @model_validator(mode="after")
    def _derating_rises(self) -> "BalancerParameters":
        if self.derate_to_degc <= self.derate_from_degc:
            raise ValueError(
                f"derate_to_degc = {self.derate_to_degc:g} must be > derate_from_degc = {self.derate_from_degc:g}"
            )
        return self


def describe_balancer(balancer: BalancerParameters, voltage_v: float) -> BalancerDescription:
    """Return what a controller is told; ``voltage_v`` is a usual voltage of a group [V].

    >>> describe_balancer(BalancerParameters(resistor_ohm=16.0), 3.2).current_max_a
    0.2
    """
    if balancer.kind == "passive":
        return BalancerDescription(current_max_a=voltage_v / balancer.resistor_ohm)
    reach = balancer.module_groups if balancer.kind == "cell_to_cell" else 0
    return BalancerDescription(current_max_a=balancer.current_max_a, reach=reach)


@kernel
def derating(p: Record, board_temp_k: float) -> float:
    """Return the share 0..1 of their current that boards of this temperature [K] may carry."""
    share = (p.derate_to_k - board_temp_k) / (p.derate_to_k - p.derate_from_k)
    return float(min(max(share, 0.0), 1.0))


@kernel
def passive_currents(p: Record, wanted_a: FloatArray, state: PackState, board_temp_k: FloatArray) -> None:
    """Write the current of every resistor [A]: what is wanted, as far as the group's voltage drives it."""
    for k in range(wanted_a.shape[0]):
        share = derating(p, board_temp_k[k])
        for i in range(wanted_a.shape[1]):
            full_a = max(state.voltage_v[k, i], 0.0) / p.resistor_ohm
            state.balance_current_a[k, i] = (
                share * min(wanted_a[k, i], full_a) if wanted_a[k, i] > 0.0 else 0.0
            )


@kernel
def converter_currents(
    p: Record, wanted_a: FloatArray, state: PackState, board_temp_k: FloatArray, module_groups: int
) -> None:
    """Write the current that converters take from every group [A], negative where they give.

    ``module_groups`` is the number of groups that exchange charge with one another; 0: with the string's ends. NaN is
    no wish.
    """
    n_strings, n_series = wanted_a.shape
    currents = state.balance_current_a
    width = module_groups if module_groups > 0 else n_series
    for k in range(n_strings):
        limit_a = derating(p, board_temp_k[k]) * p.current_max_a
        for start in range(0, n_series, width):
            end = min(start + width, n_series)
            given_w = 0.0
            taken_w = 0.0
            for i in range(start, end):
                wish_a = wanted_a[k, i]
                current_a = min(max(wish_a, -limit_a), limit_a) if abs(wish_a) >= 0.0 else 0.0
                currents[k, i] = current_a
                given_w += max(current_a, 0.0) * state.voltage_v[k, i]
                taken_w -= min(current_a, 0.0) * state.voltage_v[k, i]
            if module_groups > 0:
                match_givers_and_takers(currents, k, start, end, p.efficiency * given_w, taken_w)
            else:
                return_w = p.efficiency * given_w - taken_w / p.efficiency
                return_a = return_w / max(state.voltage_v[k].sum(), 1.0)
                for i in range(n_series):
                    currents[k, i] -= return_a


@kernel
def match_givers_and_takers(
    currents: FloatArray, k: int, start: int, end: int, offered_w: float, taken_w: float
) -> None:
    """Scale down the larger side of a module, so that what is offered after losses is what is taken."""
    give = min(taken_w / offered_w, 1.0) if offered_w > 0.0 else 0.0
    take = min(offered_w / taken_w, 1.0) if taken_w > 0.0 else 0.0
    for i in range(start, end):
        currents[k, i] *= give if currents[k, i] > 0.0 else take


@final
class Balancer:
    """The balancing boards of every string. At rest and as warm as the housing they cost next to nothing."""

    def __init__(self, parameters: BalancerParameters, state: PackState) -> None:
        self.parameters = parameters
        self._p = record_of(
            parameters,
            derate_from_k=degc_to_k(parameters.derate_from_degc),
            derate_to_k=degc_to_k(parameters.derate_to_degc),
        )
        self._state = state
        self._wanted_a = np.zeros_like(state.soc)
        self._told: tuple[tuple[float, ...], ...] = ()
        self._hold_s = 0.0
        self._acts = False  # currents flow, or boards are still warm
        n_series = state.soc.shape[1]
        self._capacity_j_per_k = n_series * parameters.board_capacity_j_per_k
        self._to_housing_w_per_k = n_series * parameters.board_to_housing_w_per_k
        self.board_temp_k: FloatArray = state.housing_temp_k.copy()

    @property
    def stored_heat_j(self) -> float:
        """Heat in the boards of all strings, from 0 K [J]."""
        return float(self._capacity_j_per_k * self.board_temp_k.sum())

    def command(self, balance_current_a: tuple[tuple[float, ...], ...]) -> None:
        """Take what is wanted of every group [A]; nothing at all means stop."""
        self._hold_s = self.parameters.hold_s if balance_current_a else 0.0
        if balance_current_a is self._told:
            return
        self._told = balance_current_a
        wanted = np.array(balance_current_a, dtype=np.float64)
        if wanted.shape == self._wanted_a.shape:
            self._wanted_a[:] = wanted
        else:
            self._wanted_a[:] = 0.0

    def begin(self, dt_s: float) -> None:
        """Write the currents and the heat to the housing of the coming step."""
        on = self._hold_s > 0.0 and bool(self._told)
        self._hold_s -= dt_s
        if not (on or self._acts or self._is_warmer_than_housing()):
            return
        state = self._state
        if on:
            self._write_currents()
        else:
            state.balance_current_a[:] = 0.0
        state.balancing[:] = state.balance_current_a.any(axis=1)
        leaving = -math.expm1(-dt_s * self._to_housing_w_per_k / self._capacity_j_per_k)
        self._acts = bool(state.balancing.any()) or self._is_warmer_than_housing()
        warmer_k = self.board_temp_k - state.housing_temp_k if self._acts else 0.0
        state.board_heat_w[:] = leaving * self._capacity_j_per_k * warmer_k / dt_s

    def settle(self, dt_s: float) -> None:
        """Warm the boards by what the step lost in them, less what they gave to the housing."""
        if self._acts:
            heat_w = self._state.balance_power_w - self._state.board_heat_w
            self.board_temp_k += heat_w * dt_s / self._capacity_j_per_k

    def _is_warmer_than_housing(self) -> bool:
        """Return whether heat flows between boards and housing, either way."""
        for board_k, housing_k in zip(
            self.board_temp_k.tolist(), self._state.housing_temp_k.tolist(), strict=True
        ):
            if abs(board_k - housing_k) > SETTLED_K:
                return True
        return False

    def _write_currents(self) -> None:
        p, kind = self._p[0], self.parameters.kind
        if kind == "passive":
            passive_currents(p, self._wanted_a, self._state, self.board_temp_k)
        else:
            reach = self.parameters.module_groups if kind == "cell_to_cell" else 0
            converter_currents(p, self._wanted_a, self._state, self.board_temp_k, reach)
