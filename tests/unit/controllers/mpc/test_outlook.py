"""What the truck does and will do, in bounds and prices."""

import numpy as np
import pytest

from controllers.conditioning import pack_energy_kwh
from controllers.mpc.grid import build_grid
from controllers.mpc.outlook import Doing, Outlook, Schedule
from controllers.mpc.settings import GridSettings
from tests.unit.controllers.examples import LIQUID, believed, limits, measured
from tests.unit.controllers.mpc.moments import settings
from thermal_bms.signals import NO_PREVIEW, LimitCause, Preview, VehicleMode

GRID = build_grid(GridSettings())
DRIVING = Doing(plugged=False, charging=False, parked=False)
MEGAWATT = 1e6


def schedule(**changes: object) -> Schedule:
    return Schedule(
        settings(**changes), LIQUID.pack, heating_k_per_s=1e-3, cooling_k_per_s=2e-3, loss_per_s=1e-6
    )


def look(doing: Doing, preview: Preview = NO_PREVIEW, *, soc: float = 0.3, **around: object) -> Outlook:
    return schedule().outlook(GRID, doing, measured(**around), believed(20.0, soc=soc), preview)


def charge_ahead(in_s: float, confidence: float = 1.0) -> Preview:
    return Preview(charge_in_s=in_s, charge_power_w=MEGAWATT, confidence=confidence)


def test_driving_without_plans_has_the_bounds_of_driving_throughout() -> None:
    found = look(DRIVING)
    assert set(found.lowest_degc) == {15.0}
    assert set(found.highest_degc) == {34.0}
    assert np.all(np.diff(found.below_price) >= 0.0)


def test_a_planned_charge_wants_cells_that_take_its_power_when_it_begins() -> None:
    found = look(DRIVING, charge_ahead(1800.0))
    before = GRID.middle_s < 1800.0
    during = (GRID.middle_s > 1800.0) & (GRID.middle_s < 3000.0)
    assert set(found.lowest_degc[before]) == {15.0}
    assert set(found.lowest_degc[during]) == {25.0}  # LFP at 1C: plating sets it, the limit table 20
    assert found.energy_price[during][0] > found.energy_price[before][0]


def test_a_kelvin_too_cold_costs_the_time_that_the_charge_takes_longer() -> None:
    one = look(DRIVING, charge_ahead(1800.0)).below_price[40] * 3600.0
    plating = settings().prices.plating_eur_per_kwh_k_h * pack_energy_kwh(LIQUID.pack)
    # charge factor 1.0 at 20 degC and 0.3 at 10 degC: 7 % of the time for every kelvin
    assert one == pytest.approx(0.07 * 45.0 + plating)


def test_a_charge_beyond_the_plan_is_prepared_at_its_end() -> None:
    far = look(DRIVING, charge_ahead(4560.0 + 3600.0), ambient_temp_degc=25.0)
    assert set(far.lowest_degc[:-1]) == {15.0}
    assert far.lowest_degc[-1] == pytest.approx(25.0 + 1.5 - 0.75e-3 * 3600.0)
    assert far.below_price[-1] > far.below_price[-2]


@pytest.mark.parametrize(
    "preview", [charge_ahead(1800.0, confidence=0.1), charge_ahead(-1.0), charge_ahead(np.nan)]
)
def test_a_charge_that_is_not_trusted_or_makes_no_sense_changes_nothing(preview: Preview) -> None:
    assert np.array_equal(look(DRIVING, preview).lowest_degc, look(DRIVING).lowest_degc)


def test_parked_cells_may_be_colder_until_the_charge() -> None:
    parked = Doing(plugged=False, charging=False, parked=True)
    found = look(parked, charge_ahead(1800.0))
    assert found.lowest_degc[0] == -17.0
    assert found.lowest_degc[int(np.searchsorted(GRID.middle_s, 1800.0))] == 25.0


def test_on_the_plug_before_departure_energy_is_cheap_and_the_cells_are_ready_when_it_comes() -> None:
    plugged = Doing(plugged=True, charging=True, parked=False)
    found = look(plugged, Preview(departure_in_s=2400.0, confidence=1.0))
    leaving = int(np.flatnonzero(GRID.end_s >= 2400.0)[0])
    assert found.energy_price[0] * 3.6e6 == pytest.approx(0.20)
    assert found.lowest_degc[0] == 5.0
    assert found.lowest_degc[leaving] == 20.0
    assert found.lowest_degc[leaving + 1] == 15.0
    assert (
        found.below_price[leaving] * GRID.length_s[leaving] > 20.0 * found.below_price[0] * GRID.length_s[0]
    )


def test_a_fast_charge_under_way_prices_time_until_it_should_be_done() -> None:
    plugged = Doing(plugged=True, charging=True, parked=False)
    found = look(plugged, soc=0.8, charger_power_max_w=MEGAWATT, plug_connected=True)
    done_s = 0.05 * pack_energy_kwh(LIQUID.pack) * 3.6e6 / (302.0 * 3 * 216 * 3.265)
    assert found.lowest_degc[0] == 25.0
    assert found.lowest_degc[np.searchsorted(GRID.middle_s, done_s) + 1] == 5.0


def test_a_charge_is_over_after_a_while_without_current() -> None:
    day = schedule()
    plugged = measured(vehicle_mode=VehicleMode.CHARGE, plug_connected=True)
    assert day.now(plugged, believed(pack_current_a=-300.0), limits(), dt_s=60.0).charging
    for _ in range(14):
        assert day.now(plugged, believed(), limits(), dt_s=60.0).charging
    assert not day.now(plugged, believed(), limits(), dt_s=60.0).charging
    day.reset()
    assert day.now(plugged, believed(), limits(), dt_s=60.0).charging


def test_cells_too_cold_for_any_current_are_waiting() -> None:
    day = schedule()
    barred = limits(LimitCause.CELL_TEMP_LOW).__class__(
        900.0, 0.0, 6e5, 0.0, LimitCause.NONE, LimitCause.CELL_TEMP_LOW
    )
    for _ in range(60):
        found = day.now(measured(vehicle_mode=VehicleMode.CHARGE), believed(-5.0), barred, dt_s=60.0)
    assert found == Doing(plugged=True, charging=True, parked=False)
