"""Energy balances and the energy split, from recordings alone."""

import numpy as np
import pytest

from scenarios.energy_balance import BUS_NODE, EnergyFlow, energy_balances, energy_split, record_intervals_s
from tests.unit.scenarios.synthetic import ELECTRICAL, THERMAL, FakeRecording, truck_day
from thermal_bms.errors import ScenarioError


@pytest.fixture(scope="module")
def day() -> FakeRecording:
    return truck_day(dt_s=10.0)


@pytest.mark.parametrize("domain", ["electrical", "thermal"])
def test_a_consistent_day_closes(day: FakeRecording, domain: str) -> None:
    balance = energy_balances(day)[domain]
    assert balance.closure < 1e-12
    assert balance.absolute_flow_j > 1e7


@pytest.mark.parametrize("role", ["in", "out", "stored"])
@pytest.mark.parametrize("domain", ["electrical", "thermal"])
def test_leaving_out_any_one_path_opens_the_balance(day: FakeRecording, domain: str, role: str) -> None:
    table = {"electrical": ELECTRICAL, "thermal": THERMAL}[domain]
    for name in table[role]:
        if not np.ptp(day[name]) > 0.0:
            continue
        left = {**table, role: [other for other in table[role] if other != name]}
        cut = FakeRecording(day.columns, {"energy_balance": {domain: left}})
        assert energy_balances(cut)[domain].closure > 1e-6, name


def test_closure_is_the_rest_over_the_flows_in_both_directions() -> None:
    columns = {
        "time_s": [0.0, 1.0, 2.0],
        "a_j": [5.0, 45.0, 25.0],
        "b_j": [0.0, 10.0, 15.0],
        "s_j": [0, 1, 4],
    }
    meta = {"energy_balance": {"thermal": {"in": ["a_j"], "out": ["b_j"], "stored": ["s_j"]}}}
    balance = energy_balances(FakeRecording(columns, meta))["thermal"]
    assert balance.residual_j == 20.0 - 15.0 - 4.0
    assert balance.absolute_flow_j == 60.0 + 15.0
    assert balance.closure == pytest.approx(1.0 / 75.0)
    assert [(t.name, t.role, t.energy_j) for t in balance.terms] == [
        ("a_j", "in", 20.0),
        ("b_j", "out", 15.0),
        ("s_j", "stored", 4.0),
    ]


def test_a_port_may_be_recorded_as_mean_power_over_uneven_intervals() -> None:
    columns = {"time_s": [5.0, 6.0, 16.0], "a_w": [99.0, -30.0, 7.0], "s_j": [100.0, 70.0, 140.0]}
    meta = {"energy_balance": {"thermal": {"in": ["a_w"], "stored": ["s_j"]}}}
    balance = energy_balances(FakeRecording(columns, meta))["thermal"]
    assert (balance.residual_j, balance.absolute_flow_j) == (0.0, 100.0)


def test_a_store_that_changes_without_any_flow_is_not_closed() -> None:
    meta = {"energy_balance": {"thermal": {"in": ["a_j"], "out": [], "stored": ["s_j"]}}}
    still = FakeRecording({"time_s": [0, 1], "a_j": [3, 3], "s_j": [7, 7]}, meta)
    moving = FakeRecording({"time_s": [0, 1], "a_j": [3, 3], "s_j": [7, 8]}, meta)
    assert energy_balances(still)["thermal"].closure == 0.0
    assert energy_balances(moving)["thermal"].closure == float("inf")


def test_a_nan_in_a_port_never_counts_as_closed() -> None:
    meta = {"energy_balance": {"thermal": {"in": ["a_j"], "out": [], "stored": []}}}
    broken = FakeRecording({"time_s": [0, 1], "a_j": [0.0, np.nan]}, meta)
    assert not energy_balances(broken)["thermal"].closure < 1e-6


def test_a_listed_column_that_was_not_recorded_is_named() -> None:
    meta = {"energy_balance": {"thermal": {"in": ["heater_heat_energyj"]}}}
    with pytest.raises(
        ScenarioError,
        match=r"energy_balance\.thermal\.in: .*heater_heat_energyj .*did you mean heater_heat_energy_j",
    ):
        energy_balances(FakeRecording({"time_s": [0, 1], "heater_heat_energy_j": [0, 1]}, meta))


def test_a_recording_without_a_list_has_no_balance() -> None:
    assert energy_balances(FakeRecording({"time_s": [0.0, 1.0]})) == {}


@pytest.mark.parametrize(
    ("time_s", "intervals_s"),
    [
        ([], []),
        ([0.0], [0.0]),
        ([0.0, 1.0, 2.0], [0.0, 1.0, 1.0]),
        ([1.0, 2.0, 62.0], [1.0, 1.0, 60.0]),
        ([60.0, 61.0], [0.0, 1.0]),
        ([-1.0, 0.0], [0.0, 1.0]),
    ],
)
def test_a_row_stands_for_the_time_since_the_row_before(
    time_s: list[float], intervals_s: list[float]
) -> None:
    assert record_intervals_s(np.array(time_s)).tolist() == intervals_s


def totals(flows: tuple[EnergyFlow, ...]) -> dict[tuple[str, str], float]:
    return {(flow.source, flow.target): flow.energy_kwh for flow in flows}


def test_every_node_of_the_split_takes_in_what_it_gives_out(day: FakeRecording) -> None:
    flows = energy_split(day)
    for node in (BUS_NODE, "Drive", "Thermal system"):
        into = sum(f.energy_kwh for f in flows if f.target == node)
        out_of = sum(f.energy_kwh for f in flows if f.source == node)
        assert into == pytest.approx(out_of, rel=1e-6), node


def test_a_consistent_day_has_nothing_other_in_its_split(day: FakeRecording) -> None:
    assert not [flow for flow in energy_split(day) if "Other" in (flow.source, flow.target)]


def split_of(**powers_w: float) -> dict[tuple[str, str], float]:
    columns = {"time_s": [1800.0, 3600.0], **{name: [value, value] for name, value in powers_w.items()}}
    return totals(energy_split(FakeRecording(columns)))


def test_a_charge_sends_grid_energy_into_the_cells_less_their_heat() -> None:
    split = split_of(charger_power_w=103e3, pack_power_w=-100e3, cell_heat_w=4e3, pump_power_w=3e3)
    assert split["Grid", BUS_NODE] == pytest.approx(103.0)
    assert split[BUS_NODE, "Charged into cells"] == pytest.approx(96.0)
    assert split[BUS_NODE, "Battery heat"] == pytest.approx(4.0)
    assert split["Thermal system", "Pump"] == pytest.approx(3.0)
    assert (BUS_NODE, "Other") not in split


def test_road_load_is_what_the_drive_leaves_over() -> None:
    split = split_of(
        traction_power_w=100e3, pack_power_w=100e3, drive_loss_w=10e3, friction_brake_power_w=5e3
    )
    assert split["Drive", "Road load"] == pytest.approx(85.0)


def test_recorded_drag_and_rolling_are_told_from_climbing() -> None:
    split = split_of(
        traction_power_w=100e3, pack_power_w=100e3, drive_loss_w=10e3, drag_power_w=40e3, rolling_power_w=30e3
    )
    assert split["Drive", "Air drag"] == pytest.approx(40.0)
    assert split["Drive", "Climbing"] == pytest.approx(20.0)


def test_a_downhill_run_has_the_hill_as_a_source() -> None:
    split = split_of(
        traction_power_w=-50e3, pack_power_w=-50e3, drive_loss_w=5e3, friction_brake_power_w=20e3
    )
    assert split["Downhill", "Drive"] == pytest.approx(75.0)
    assert split["Regeneration", BUS_NODE] == pytest.approx(50.0)


def test_energy_that_no_power_explains_is_shown_as_other() -> None:
    assert split_of(pack_power_w=10e3, pump_power_w=4e3)[BUS_NODE, "Other"] == pytest.approx(6.0)
    assert split_of(pack_power_w=4e3, pump_power_w=10e3)["Other", BUS_NODE] == pytest.approx(6.0)


def test_heat_that_cells_take_up_reversibly_is_a_source() -> None:
    split = split_of(charger_power_w=10e3, pack_power_w=-10e3, cell_heat_w=-1e3)
    assert split["Battery heat", BUS_NODE] == pytest.approx(1.0)
    assert split[BUS_NODE, "Charged into cells"] == pytest.approx(11.0)
