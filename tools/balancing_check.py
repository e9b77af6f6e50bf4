"""Show what it takes to remove an imbalance: time and energy, passive against active, on two sizes of cell.

Run by ``make balancing``. A module at rest, with open contactors, has cells whose charge is spread evenly over 5 %. The
battery management balances it as it does on a truck, from measured voltages with their noise, until the true spread is
below 1 %, or for two weeks. Prints the table of docs/balancing.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from plant_models.truck import Surroundings, Truck
from plant_models.truck_parameters import describe, load_truck
from plant_models.truck_step import PORTS
from thermal_bms.balancing import Balancing, BalancingSettings
from thermal_bms.plausibility import Plausibility
from thermal_bms.signals import Command
from thermal_bms.units import JOULES_PER_KWH, SECONDS_PER_HOUR

STEP_S = 30.0
SPREAD = 0.05
DONE = 0.01
GIVE_UP_H = 24.0 * 14.0
N_SERIES = 12
LOSS = PORTS.index("balancing_loss_w")
CELLS = (("heavy_lfp", 0.08), ("light_air", 0.5))  # where the open-circuit voltage tells the charge
BALANCERS: tuple[tuple[str, dict[str, Any]], ...] = (  # settings of any kind
    ("passive, 33 ohm", {"resistor_ohm": 33.0}),
    ("passive, 18 ohm", {}),
    ("passive, 4.7 ohm", {"resistor_ohm": 4.7}),
    ("cell to pack, 5 A, 0.90", {"kind": "cell_to_pack"}),
    ("cell to cell, 5 A, 0.90", {"kind": "cell_to_cell"}),
    ("cell to cell, 10 A, 0.92", {"kind": "cell_to_cell", "current_max_a": 10.0, "efficiency": 0.92}),
)


@dataclass(frozen=True)
class Balanced:
    """How a module was balanced."""

    hours: float
    loss_wh: float
    spread: float
    lowest_gain: float
    board_max_degc: float


def build(truck: str, balancer: dict[str, Any], soc: float, n_series: int = N_SERIES) -> Truck:
    """Return a truck of one small string, its cells' charges evenly spread over 5 % below ``soc``, shuffled."""
    pack = {"n_strings": 1, "n_series": n_series, "n_parallel": 1, "n_temp_sensors": 2}
    built = Truck(load_truck(truck, {"pack": pack, "balancer": balancer}), soc=soc, temp_degc=25.0, seed=4)
    spread = np.linspace(-SPREAD, 0.0, n_series)
    built.state.soc[0] += np.random.default_rng(2).permutation(spread)
    built.asleep = True
    return built


def balance(truck: Truck, *, done: float = DONE, give_up_h: float = GIVE_UP_H) -> Balanced:
    """Balance a resting truck and return what it took."""
    description = describe(truck.parameters)
    if description.pack.balancer is None:
        raise TypeError("a truck without a balancer")
    unit = Balancing(description.pack, description.pack.balancer, BalancingSettings(period_s=STEP_S))
    plausibility = Plausibility(description.pack)
    lowest, hottest_k = float(truck.state.soc.min()), 0.0
    while np.ptp(truck.state.soc) > done and truck.time_s < give_up_h * SECONDS_PER_HOUR:
        checked = plausibility.check(truck.measure(), STEP_S)
        truck.actuate(Command(contactor_close=(False,), balance_current_a=unit.step(checked, (), STEP_S)))
        truck.step(Surroundings(25.0), STEP_S)
        if truck.balancer:
            hottest_k = max(hottest_k, float(truck.balancer.board_temp_k.max()))
    return Balanced(
        truck.time_s / SECONDS_PER_HOUR,
        float(truck.energies_j[LOSS]) / JOULES_PER_KWH * 1e3,
        float(np.ptp(truck.state.soc)),
        float(truck.state.soc.min()) - lowest,
        hottest_k - 273.15,
    )


def rows() -> Iterator[str]:
    """Yield the table, line by line."""
    yield "| cells | balancer | time [h] | lost [Wh] | spread left [%] | lowest cell gains [%] | board [degC] |"
    yield "|---|---|---|---|---|---|---|"
    for name, soc in CELLS:
        for label, balancer in BALANCERS:
            truck = build(name, balancer, soc)
            found = balance(truck)
            cell = truck.cell
            time = f"{found.hours:.1f}" if found.spread <= DONE else f"not in {found.hours:.0f}"
            yield (
                f"| {cell.chemistry.upper()} {cell.capacity_ah:.0f} Ah | {label} | {time} |"
                f" {found.loss_wh:.1f} | {found.spread * 100:.2f} | {found.lowest_gain * 100:.1f} |"
                f" {found.board_max_degc:.0f} |"
            )


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
