import numpy as np
import pytest

from plant_models.kernels import record
from plant_models.refrigerant import (
    TABLES,
    CompressorEfficiency,
    compressor_map,
    grid_place,
    isentropic_efficiency,
    load_refrigerant,
    map_at,
    map_grid,
    pressures_at,
    read_table,
    saturation_pressure_pa,
    volumetric_efficiency,
)
from thermal_bms.errors import ConfigError
from thermal_bms.units import degc_to_k

NAMES = ["r1234yf", "r134a"]
SCROLL_M3_PER_S = 34e-6 * 6000.0 / 60.0

# A scroll of 34 cm3 at 6000 rev/min, superheat and subcooling 5 K, default efficiencies, computed with
# CoolProp 8.0.0 apart from the tables:
# Te degC, Tc degC, pe bar, pc bar, mass flow kg/h, cooling kW, electric power kW.
ROWS = {
    "r134a": [
        (0, 30, 2.93, 7.70, 162, 7.57, 1.48),
        (0, 60, 2.93, 16.82, 148, 5.10, 2.65),
        (5, 50, 3.50, 13.18, 186, 7.35, 2.38),
        (10, 50, 4.15, 13.18, 223, 8.99, 2.44),
        (15, 65, 4.88, 18.90, 257, 8.89, 3.33),
        (20, 40, 5.72, 10.17, 317, 14.61, 1.77),
    ],
    "r1234yf": [
        (0, 30, 3.16, 7.84, 198, 7.41, 1.49),
        (0, 60, 3.16, 16.42, 184, 4.63, 2.58),
        (5, 50, 3.73, 13.02, 227, 6.87, 2.31),
        (10, 50, 4.38, 13.02, 269, 8.39, 2.36),
        (15, 65, 5.10, 18.35, 308, 7.90, 3.16),
        (20, 40, 5.92, 10.18, 375, 13.89, 1.71),
    ],
}


def scroll_map(name):
    table = load_refrigerant(name)
    return record(**map_grid(table))[0], compressor_map(table, CompressorEfficiency())


@pytest.mark.parametrize(("name", "row"), [(name, row) for name, rows in ROWS.items() for row in rows])
def test_a_34_cc_scroll_has_the_reference_flow_cooling_power_and_pressures(name, row):
    te, tc, suction_bar, discharge_bar, flow_kg_per_h, cooling_kw, power_kw = row
    table = load_refrigerant(name)
    p, compressor = scroll_map(name)
    cooling_j_per_m3, work_j_per_m3, _ = map_at(p, compressor, degc_to_k(float(te)), degc_to_k(float(tc)))
    suction_pa, discharge_pa = pressures_at(p, compressor, degc_to_k(float(te)), degc_to_k(float(tc)))
    i, j = np.searchsorted(table.evaporating_k, te + 273.1), np.searchsorted(table.condensing_k, tc + 273.1)
    drawn = cooling_j_per_m3 / table.refrigerating_effect_j_per_kg[i, j]
    assert drawn * SCROLL_M3_PER_S * 3600.0 == pytest.approx(flow_kg_per_h, rel=0.02)
    assert cooling_j_per_m3 * SCROLL_M3_PER_S / 1e3 == pytest.approx(cooling_kw, rel=0.02)
    assert work_j_per_m3 * SCROLL_M3_PER_S / 0.90 / 1e3 == pytest.approx(power_kw, rel=0.02)
    assert suction_pa / 1e5 == pytest.approx(suction_bar, rel=0.02)
    assert discharge_pa / 1e5 == pytest.approx(discharge_bar, rel=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_interpolation_between_table_points_stays_within_half_a_percent_of_the_equation_of_state(name):
    props = pytest.importorskip("CoolProp.CoolProp").PropsSI
    fluid = {"r1234yf": "R1234yf", "r134a": "R134a"}[name]
    efficiency = CompressorEfficiency()
    p, compressor = scroll_map(name)
    for te, tc in [(-8.9, 36.2), (3.7, 48.8), (8.8, 61.2), (18.7, 43.7)]:
        te_k, tc_k = degc_to_k(te), degc_to_k(tc)
        suction_pa, discharge_pa = props("P", "T", te_k, "Q", 1, fluid), props("P", "T", tc_k, "Q", 0, fluid)
        suction = ("T", te_k + 5.0, "P", suction_pa, fluid)
        effect = props("H", *suction) - props("H", "T", tc_k - 5.0, "P", discharge_pa, fluid)
        work = props("H", "P", discharge_pa, "S", props("S", *suction), fluid) - props("H", *suction)
        ratio = np.array([discharge_pa / suction_pa])
        drawn = props("D", *suction) * volumetric_efficiency(efficiency, ratio)[0]
        cooling_j_per_m3, work_j_per_m3, _ = map_at(p, compressor, te_k, tc_k)
        assert cooling_j_per_m3 == pytest.approx(drawn * effect, rel=0.005)
        assert work_j_per_m3 == pytest.approx(
            drawn * work / isentropic_efficiency(efficiency, ratio)[0], rel=0.005
        )
        assert pressures_at(p, compressor, te_k, tc_k) == pytest.approx((suction_pa, discharge_pa), rel=0.002)
        assert saturation_pressure_pa(load_refrigerant(name), tc_k) == pytest.approx(discharge_pa, rel=0.002)


@pytest.mark.parametrize("name", NAMES)
def test_no_point_of_the_map_beats_the_carnot_cycle(name):
    table = load_refrigerant(name)
    compressor = compressor_map(table, CompressorEfficiency())
    te_k, tc_k = table.evaporating_k[:, np.newaxis], table.condensing_k[np.newaxis, :]
    lift_k = tc_k - te_k
    real = lift_k >= 5.0
    carnot = np.broadcast_to(te_k / np.where(real, lift_k, 1.0), real.shape)
    assert np.all(compressor[..., 0][real] < carnot[real] * compressor[..., 1][real])


@pytest.mark.parametrize("name", NAMES)
def test_cooling_is_positive_and_rises_with_evaporating_and_falls_with_condensing_temperature(name):
    cooling = compressor_map(load_refrigerant(name), CompressorEfficiency())[..., 0]
    assert cooling.min() > 0.0
    assert np.all(np.diff(cooling, axis=0) > 0.0)
    assert np.all(np.diff(cooling, axis=1) < 0.0)


def test_map_slope_is_the_change_of_cooling_over_evaporating_temperature():
    p, compressor = scroll_map("r1234yf")
    low, high = map_at(p, compressor, 280.9, 320.0), map_at(p, compressor, 281.9, 320.0)
    assert low[2] == pytest.approx(high[0] - low[0], rel=1e-9)


def test_map_is_held_at_its_edges():
    p, compressor = scroll_map("r1234yf")
    assert map_at(p, compressor, 100.0, 320.0) == pytest.approx(map_at(p, compressor, 238.15, 320.0))
    assert map_at(p, compressor, 280.0, 900.0)[0] == pytest.approx(map_at(p, compressor, 280.0, 363.15)[0])


@pytest.mark.parametrize("point", [(250.0, 300.0), (281.3, 331.7), (323.15, 363.15), (400.0, 200.0)])
def test_compiled_map_equals_plain_python(point):
    p, compressor = scroll_map("r134a")
    assert map_at(p, compressor, *point) == pytest.approx(map_at.py_func(p, compressor, *point), rel=1e-13)
    assert pressures_at(p, compressor, *point) == pytest.approx(
        pressures_at.py_func(p, compressor, *point), rel=1e-13
    )
    assert grid_place(point[0], 238.15, 2.5, 35) == grid_place.py_func(point[0], 238.15, 2.5, 35)


def test_efficiencies_fall_away_from_their_best_point_and_never_below_a_floor():
    efficiency = CompressorEfficiency()
    assert isentropic_efficiency(efficiency, np.array([2.0, 3.0, 5.0])) == pytest.approx([0.68, 0.70, 0.66])
    assert volumetric_efficiency(efficiency, np.array([1.0, 5.0])) == pytest.approx([0.98, 0.88])
    assert volumetric_efficiency(efficiency, np.array([500.0]))[0] == pytest.approx(0.2)


def test_unknown_refrigerant_is_refused_with_a_hint():
    with pytest.raises(ConfigError, match="did you mean r1234yf"):
        load_refrigerant("r1234fy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: ["a,b,c", *lines[1:]], "columns must be"),
        (lambda lines: lines[:-1], "full grid"),
        (lambda lines: [*lines[:-1], "nan,1,1,1,1,1,1"], "full grid"),
        (lambda lines: [*lines[:-1], lines[-1].rpartition(",")[0] + ",nan"], "finite"),
        (lambda lines: [lines[0], "not,a,number,at,all,or,so"], "not a refrigerant table"),
        (lambda _: [], "not a refrigerant table"),
        (lambda lines: lines[:1], "columns must be"),
    ],
)
def test_broken_table_is_refused_with_the_reason(tmp_path, change, message):
    whole = (TABLES / "r134a.csv").read_text(encoding="utf-8").splitlines()
    lines = [line for line in whole if not line.startswith("#")]
    path = tmp_path / "broken.csv"
    path.write_text("\n".join(change(lines)) + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_table(path)


def test_uneven_grid_is_refused(tmp_path):
    rows = [f"{te},{tc},1,1,1,1,1" for te in (0, 5) for tc in (0, 5, 12)]
    path = tmp_path / "uneven.csv"
    header = (TABLES / "r134a.csv").read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([next(x for x in header if not x.startswith("#")), *rows]), encoding="utf-8")
    with pytest.raises(ConfigError, match="uniform step"):
        read_table(path)
