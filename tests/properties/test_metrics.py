"""What must hold for the figures of any run."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.checks import parse_limit
from scenarios.energy_balance import energy_split
from scenarios.metrics import compute_kpis
from tests.unit.scenarios.synthetic import FakeRecording

powers_w = st.floats(-1e6, 1e6)
rows = st.lists(
    st.tuples(st.floats(0.1, 600.0), powers_w, powers_w, st.floats(0.0, 1e6)), min_size=1, max_size=20
)


def _recording(data: list[tuple[float, float, float, float]], pieces: int = 1) -> FakeRecording:
    steps, traction, heat, charger = (np.repeat(column, pieces) for column in zip(*data, strict=True))
    steps = steps / pieces
    pack = traction - charger
    return FakeRecording(
        {
            "time_s": np.cumsum(steps),
            "vehicle_mode": np.ones_like(steps),
            "traction_power_w": traction,
            "cell_heat_w": heat,
            "charger_power_w": charger,
            "pack_power_w": pack,
        }
    )


@given(rows, st.integers(2, 5))
def test_recording_more_often_changes_no_energy(data: list[tuple[float, ...]], pieces: int) -> None:
    coarse, fine = compute_kpis(_recording(data)), compute_kpis(_recording(data, pieces))
    for name in ("energy_net_kwh", "cell_heat_kwh", "grid_kwh", "regenerated_kwh", "duration_h"):
        if data[0][0] <= (data[1][0] if len(data) > 1 else math.inf):  # else the first row has no interval
            assert math.isclose(coarse[name], fine[name], rel_tol=1e-9, abs_tol=1e-9), name


@given(rows)
def test_the_bus_gives_out_what_it_takes_in(data: list[tuple[float, ...]]) -> None:
    flows = energy_split(_recording(data))
    into = sum(flow.energy_kwh for flow in flows if flow.target == "Battery and bus")
    out_of = sum(flow.energy_kwh for flow in flows if flow.source == "Battery and bus")
    assert math.isclose(into, out_of, rel_tol=1e-5, abs_tol=1e-9)
    assert all(flow.energy_kwh > 0.0 for flow in flows)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.sampled_from(["<", "<=", ">", ">="]))
@settings(max_examples=200)
def test_a_positive_margin_means_passed_and_a_negative_one_failed(
    limit: float, value: float, sign: str
) -> None:
    check = parse_limit(f"{sign} {limit!r}")
    margin = check.margin(value)
    if margin != 0.0:
        assert check.holds(value) == (margin > 0.0)
