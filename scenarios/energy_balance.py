"""Where the energy went, and whether all of it is accounted for, from a recording alone.

A balance compares recorded port energies with recorded state functions. The solver's own residual plays no
part: a heat path that is missing from the plant, or from the recording, shows up here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from thermal_bms.errors import ScenarioError
from thermal_bms.parameters import did_you_mean
from thermal_bms.units import JOULES_PER_KWH, FloatArray

Role = Literal["in", "out", "stored"]
ENERGY = "energy"
ROLES: tuple[Role, ...] = ("in", "out", "stored")


class ColumnSource(Protocol):
    """Named columns, one value a row."""

    def __getitem__(self, name: str, /) -> FloatArray:
        """Return one column."""
        ...

    def __contains__(self, name: object, /) -> bool:
        """Say whether there is a column of that name."""
        ...


@runtime_checkable
class StreamSource(Protocol):
    """A recording with more streams than its signals."""

    @property
    def streams(self) -> list[str]:
        """Return the names of the streams."""
        ...

    def stream(self, name: str, /) -> ColumnSource:
        """Return a stream by name."""
        ...


class SignalSource(ColumnSource, Protocol):
    """What metrics, balances and reports need of a recording: named columns and the facts of the run."""

    @property
    def meta(self) -> Mapping[str, Any]:  # the scenario as run, phases, versions: any JSON value
        """Facts of the run."""
        ...


@dataclass(frozen=True, slots=True)
class BalanceTerm:
    """One line of a balance.

    Attributes
    ----------
    name : the recorded column
    role : "in" and "out" are ports, "stored" is a state function
    energy_j : energy through the port from first to last row, or change of the state function [J]
    absolute_j : sum of the absolute energies from row to row [J]; the flow in both directions
    """

    name: str
    role: Role
    energy_j: float
    absolute_j: float


@dataclass(frozen=True, slots=True)
class Balance:
    """Closure of one domain over a recording.

    Attributes
    ----------
    domain : "electrical" or "thermal"
    terms : every line, in the order inflows, outflows, stored
    residual_j : in - out - change of stored [J]
    absolute_flow_j : sum of ``absolute_j`` over the ports [J]
    closure : abs(residual_j) / absolute_flow_j; 0 when nothing flowed and nothing is left over
    """

    domain: str
    terms: tuple[BalanceTerm, ...]
    residual_j: float
    absolute_flow_j: float
    closure: float


@dataclass(frozen=True, slots=True)
class EnergyFlow:
    """A band of the energy split: ``energy_kwh`` goes from one named node to another."""

    source: str
    target: str
    energy_kwh: float


def record_intervals_s(time_s: FloatArray) -> FloatArray:
    """Return how long each row of a recording stands for.

    A row holds means over the interval that ends at its time. Intervals may differ: a sleeping truck is
    recorded less often. The first row has no predecessor; a run starts at zero, so its interval is its own
    time when that is no longer than the next interval, and zero otherwise (a cut recording).

    Parameters
    ----------
    time_s : rising instants [s], shape (n_rows,)

    Returns
    -------
    intervals [s], shape (n_rows,)

    >>> record_intervals_s(np.array([1.0, 2.0, 3.0, 63.0]))
    array([ 1.,  1.,  1., 60.])
    >>> record_intervals_s(np.array([3600.0, 3601.0]))
    array([0., 1.])
    """
    if time_s.size == 0:
        return np.empty(0)
    steps = np.diff(time_s)
    next_s = float(steps[0]) if steps.size else float(time_s[0])
    first_s = float(time_s[0]) if 0.0 <= time_s[0] <= next_s * (1.0 + 1e-9) else 0.0
    return np.concatenate(([first_s], np.maximum(steps, 0.0)))


def energy_balances(recording: SignalSource) -> dict[str, Balance]:
    """Return the balance of every domain that ``meta["energy_balance"]`` lists.

    The table has the form ``{"thermal": {"in": [...], "out": [...], "stored": [...]}}``. "in" and "out" name
    ports: a column ending in ``_w`` holds mean powers, one ending in ``_j`` the energy since the start.
    "stored" names state functions [J]. All are taken from the first row to the last.

    Raises
    ------
    ScenarioError
        when a listed column was not recorded.
    """
    table: Mapping[str, Mapping[str, Sequence[str]]] = recording.meta.get("energy_balance", {})
    columns = energy_columns(recording)
    return {domain: _balance(columns, domain, names) for domain, names in table.items()}


def energy_columns(recording: SignalSource) -> ColumnSource:
    """Return where the balance is read: the stream "energy" where there is one, else the signals."""
    if isinstance(recording, StreamSource) and ENERGY in recording.streams:
        return recording.stream(ENERGY)
    return recording


def _balance(recording: ColumnSource, domain: str, columns: Mapping[str, Sequence[str]]) -> Balance:
    terms = tuple(_terms(recording, domain, columns))
    total = {role: sum(term.energy_j for term in terms if term.role == role) for role in ROLES}
    residual_j = total["in"] - total["out"] - total["stored"]
    absolute_flow_j = sum(term.absolute_j for term in terms if term.role != "stored")
    return Balance(domain, terms, residual_j, absolute_flow_j, relative_closure(residual_j, absolute_flow_j))


def relative_closure(residual_j: float, absolute_flow_j: float) -> float:
    """Return abs(residual) / sum of absolute flows: 0 when both are zero, infinite when only the flow is.

    >>> relative_closure(-2.0, 1e6)
    2e-06
    """
    if absolute_flow_j > 0.0:
        return abs(residual_j) / absolute_flow_j
    return 0.0 if residual_j == 0.0 else float("inf")


def _terms(
    recording: ColumnSource, domain: str, columns: Mapping[str, Sequence[str]]
) -> Iterator[BalanceTerm]:
    steps_s = np.diff(recording["time_s"])
    for role in ROLES:
        for name in columns.get(role, ()):
            values = _column(recording, name, f"energy_balance.{domain}.{role}")
            steps_j = values[1:] * steps_s if name.endswith("_w") else np.diff(values)
            yield BalanceTerm(name, role, float(steps_j.sum()), float(np.abs(steps_j).sum()))


def _column(recording: ColumnSource, name: str, where: str) -> FloatArray:
    if name in recording:
        return recording[name]
    near = did_you_mean(name, [str(c) for c in recording] if isinstance(recording, Iterable) else [])
    raise ScenarioError(f"{where}: column {name} was not recorded; record it or take it off the list{near}")


def energy_split(recording: SignalSource) -> tuple[EnergyFlow, ...]:
    """Return how the energy of a run divides, as bands of a Sankey drawing.

    Left to right: what came from the grid, from the cells' store and back from braking; the battery and its
    bus; what used it; and what that became. Every node balances. The drive's own balance is
    ``motoring = road load + recovered + drive losses + friction brakes + brake resistor``. Of the road load,
    air drag and rolling are shown where recorded; the rest (climbing and the change of kinetic energy) is
    what remains, and a negative rest is "Downhill", a source. Energy that no recorded power explains appears
    as "Other".
    """
    energy_kwh = _recorded_energies_kwh(recording)
    heat_kwh = energy_kwh["cell_heat_w"] + energy_kwh["busbar_heat_w"] + energy_kwh["balancing_loss_w"]
    bus_in = {
        "Grid": energy_kwh["charger_power_w"],
        "Stored in cells": energy_kwh["pack_power_w"] + heat_kwh,
        "Regeneration": energy_kwh["regeneration"],
    }
    thermal = {
        label: energy_kwh[f"{key}_power_w"]
        for label, key in (
            ("Pump", "pump"),
            ("Fan", "fan"),
            ("Compressor", "compressor"),
            ("Heater", "heater"),
        )
    }
    bus_out = {
        "Drive": energy_kwh["motoring"],
        "Auxiliaries": energy_kwh["auxiliary_power_w"],
        "Cabin": energy_kwh["cabin_power_w"],
        "Thermal system": sum(thermal.values()),
        "Battery heat": heat_kwh,
    }
    if bus_in["Stored in cells"] < 0.0:
        bus_out["Charged into cells"] = -bus_in.pop("Stored in cells")
    if bus_out["Battery heat"] < 0.0:  # reversible heat taken up by the cells
        bus_in["Battery heat"] = -bus_out.pop("Battery heat")
    _settle(bus_in, bus_out)
    drive = {
        "Recovered": energy_kwh["regeneration"],
        "Drive losses": energy_kwh["drive_loss_w"],
        "Friction brakes": energy_kwh["friction_brake_power_w"],
        "Brake resistor": energy_kwh["brake_resistor_power_w"],
    }
    road = {"Air drag": energy_kwh["drag_power_w"], "Rolling": energy_kwh["rolling_power_w"]}
    rest_kwh = energy_kwh["motoring"] - sum(drive.values()) - sum(road.values())
    drive = {**road, "Climbing" if any(road.values()) else "Road load": rest_kwh, **drive}
    flows = [EnergyFlow("Downhill", "Drive", -rest_kwh)]
    flows += [EnergyFlow(name, BUS_NODE, kwh) for name, kwh in bus_in.items()]
    flows += [EnergyFlow(BUS_NODE, name, kwh) for name, kwh in bus_out.items()]
    flows += [EnergyFlow("Drive", name, kwh) for name, kwh in drive.items()]
    flows += [EnergyFlow("Thermal system", name, kwh) for name, kwh in thermal.items()]
    smallest_kwh = NEGLIGIBLE_SHARE * sum(bus_in.values())
    return tuple(flow for flow in flows if flow.energy_kwh > smallest_kwh)


BUS_NODE = "Battery and bus"
NEGLIGIBLE_SHARE = 1e-6  # of the bus's energy; smaller bands are rounding
_POWERS = (
    "charger_power_w",
    "pack_power_w",
    "cell_heat_w",
    "busbar_heat_w",
    "balancing_loss_w",
    "auxiliary_power_w",
    "cabin_power_w",
    "pump_power_w",
    "fan_power_w",
    "compressor_power_w",
    "heater_power_w",
    "brake_resistor_power_w",
    "drive_loss_w",
    "friction_brake_power_w",
    "drag_power_w",
    "rolling_power_w",
)


def _recorded_energies_kwh(recording: SignalSource) -> dict[str, float]:
    dt_s = record_intervals_s(recording["time_s"])

    def total_kwh(power_w: FloatArray) -> float:
        return float(np.dot(np.nan_to_num(power_w), dt_s)) / JOULES_PER_KWH

    energy_kwh = {name: total_kwh(recording[name]) if name in recording else 0.0 for name in _POWERS}
    traction_w = recording["traction_power_w"] if "traction_power_w" in recording else np.zeros_like(dt_s)
    energy_kwh["motoring"] = total_kwh(np.maximum(traction_w, 0.0))
    energy_kwh["regeneration"] = total_kwh(np.maximum(-traction_w, 0.0))
    return energy_kwh


def _settle(bus_in: dict[str, float], bus_out: dict[str, float]) -> None:
    difference_kwh = sum(bus_in.values()) - sum(bus_out.values())
    (bus_out if difference_kwh > 0.0 else bus_in)["Other"] = abs(difference_kwh)
