"""One tick of a truck whose pack is made of electrochemical cells: ``truck_step`` with another electrical side."""

from collections.abc import Callable

from plant_models.kernels import Record, RecordArray, kernel
from plant_models.pack import PackArrays, views
from plant_models.pack_spme import SpmeArrays, pack_spme_step
from plant_models.truck_step import (
    air_actuate_all,
    air_step,
    air_thermal,
    book_electrical,
    bus_demand_w,
    liquid_actuate,
    liquid_step,
    liquid_thermal,
)
from thermal_bms.units import FloatArray


@kernel
def spme_electrical(
    spme: SpmeArrays,
    pack: PackArrays,
    s: Record,
    chiller_s: Record,
    u: FloatArray,
    ports: FloatArray,
    dt_s: float,
) -> float:
    """Advance the pack under the demand of the bus, write its ports, and return the bus voltage [V]."""
    constants, state, work = views(pack)
    power_w = bus_demand_w(s, chiller_s, u[11], u[12], ports)
    voltage_v = pack_spme_step(spme, constants, state, work, power_w, u[13], dt_s)
    book_electrical(state, voltage_v, power_w, u[13], ports)
    return voltage_v


@kernel
def liquid_spme_step(
    p: RecordArray,
    s: RecordArray,
    chiller_p: RecordArray,
    chiller_s: RecordArray,
    chiller_table: FloatArray,
    spme: SpmeArrays,
    pack: PackArrays,
    branches: FloatArray,
    ports: FloatArray,
    u: FloatArray,
    dt_s: float,
) -> float:
    """Advance a liquid-cooled truck by one tick; arguments and result as in ``truck_step.liquid_step``."""
    _, state, _ = views(pack)
    liquid_actuate(p, s, chiller_p, chiller_s, chiller_table, state, branches, u, dt_s)
    voltage_v = spme_electrical(spme, pack, s[0], chiller_s[0], u, ports, dt_s)
    liquid_thermal(p, s, chiller_s, pack, branches, ports, u[5], dt_s)
    return voltage_v


@kernel
def air_spme_step(
    p: RecordArray,
    s: RecordArray,
    chiller_p: RecordArray,
    chiller_s: RecordArray,
    chiller_table: FloatArray,
    spme: SpmeArrays,
    pack: PackArrays,
    branches: FloatArray,
    ports: FloatArray,
    u: FloatArray,
    dt_s: float,
) -> float:
    """Advance an air-cooled truck by one tick; arguments and result as in ``truck_step.liquid_step``."""
    _, state, _ = views(pack)
    air_actuate_all(p, s, chiller_p, chiller_s, chiller_table, state, branches, u, dt_s)
    voltage_v = spme_electrical(spme, pack, s[0], chiller_s[0], u, ports, dt_s)
    air_thermal(p, s, chiller_s, pack, branches, ports, u[5], dt_s)
    return voltage_v


TICKS: dict[tuple[str, str], Callable[..., float]] = {
    ("liquid", "ecm"): liquid_step,
    ("air", "ecm"): air_step,
    ("liquid", "spme"): liquid_spme_step,
    ("air", "spme"): air_spme_step,
}
