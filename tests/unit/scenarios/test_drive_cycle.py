"""Library cycles against their published figures; a user's files, good and bad."""

from pathlib import Path

import numpy as np
import pytest

from scenarios.drive_cycle import LIBRARY, DriveCycle, library_cycles, load_cycle
from thermal_bms.errors import ScenarioError

# duration s, distance km, mean and moving km/h, max km/h, idle %, stops, lowest and highest grade %, climb m;
# computed from the source tables. Published: transient 668 s, 2.85 mi, 47.5 mph (dieselnet.com, HHDDT);
# WLTC 3b 1800 s, 23.27 km, 131.3 km/h (UN GTR 15); UDDS 1369 s, 7.45 mi, 56.7 mph and HWFET 765 s, 10.26 mi,
# 59.9 mph (EPA)
TABLE = {
    "epa_gem_transient": (668, 4.574, 24.65, 29.35, 76.5, 16.0, 5, 0.0, 0.0, 0.0),
    "epa_gem_55mph_grade": (815, 20.039, 88.51, 88.51, 88.51, 0.0, 0, -4.99, 4.93, 95.7),
    "epa_gem_65mph_grade": (690, 20.05, 104.61, 104.61, 104.61, 0.0, 0, -5.0, 4.96, 95.7),
    "nrel_long_haul": (34979, 801.34, 82.47, 88.24, 120.53, 6.5, 17, 0.0, 0.0, 0.0),
    "nrel_regional_haul": (40565, 400.154, 35.51, 55.99, 105.72, 36.6, 119, 0.0, 0.0, 0.0),
    "wltc_class3b": (1800, 23.266, 46.53, 53.35, 131.3, 12.8, 8, 0.0, 0.0, 0.0),
    "epa_udds": (1369, 11.99, 31.53, 38.37, 91.25, 17.8, 17, 0.0, 0.0, 0.0),
    "epa_hwfet": (765, 16.507, 77.68, 78.09, 96.4, 0.5, 1, 0.0, 0.0, 0.0),
}


@pytest.mark.parametrize("name", library_cycles())
def test_library_cycle_has_its_published_statistics(name: str) -> None:
    found = load_cycle(name).statistics()
    duration, distance, mean, moving, fastest, idle, stops, low, high, climb = TABLE[name]
    assert found.duration_s == duration
    assert found.distance_m / 1e3 == pytest.approx(distance, abs=0.0006)
    assert found.mean_speed_m_per_s * 3.6 == pytest.approx(mean, abs=0.01)
    assert found.moving_speed_m_per_s * 3.6 == pytest.approx(moving, abs=0.03)
    assert found.speed_max_m_per_s * 3.6 == pytest.approx(fastest, abs=0.06)
    assert found.idle * 100.0 == pytest.approx(idle, abs=0.06)
    assert found.stops == stops
    assert found.grade_min * 100.0 == pytest.approx(low, abs=0.006)
    assert found.grade_max * 100.0 == pytest.approx(high, abs=0.006)
    assert found.climb_m == pytest.approx(climb, abs=0.06)


@pytest.mark.parametrize("name", library_cycles())
def test_library_file_names_its_source_and_terms(name: str) -> None:
    head = (LIBRARY / f"{name}.csv").read_text(encoding="utf-8").splitlines()[:6]
    assert any(line.startswith("# source: ") and "2." in line for line in head)
    assert any(line.startswith("# terms: ") and "see NOTICE" in line for line in head)
    assert "National Renewable Energy Laboratory" in load_cycle(name).source


def written(folder: Path, text: str, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_over_time_in_mph_and_percent_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path, "# source: my truck\ntime_s,speed_mph,grade_percent,note\n5,0,1,a\n6,10,1,b\n8,10,2,c\n"
    )
    cycle = load_cycle(path)
    np.testing.assert_allclose(cycle.time_s, [0.0, 1.0, 3.0])
    np.testing.assert_allclose(cycle.speed_m_per_s, [0.0, 4.4704, 4.4704])
    np.testing.assert_allclose(cycle.grade, [0.01, 0.01, 0.02])
    assert (cycle.name, cycle.source, cycle.by_distance) == ("mine", "my truck", False)


def test_csv_over_distance_with_stops_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "distance_m;speed_km_per_h;stop_s\n0;36;0\n100;0;20\n150;72;0\n250;0;0\n")
    cycle = load_cycle(path.name, folder=tmp_path)
    assert cycle.by_distance
    np.testing.assert_allclose(cycle.stop_s, [0.0, 20.0, 0.0, 0.0])
    assert cycle.time_s[-1] == pytest.approx(100 / 10 + 20 + 50 / 20 + 100 / 20)
    assert cycle.statistics().stops == 2


@pytest.mark.parametrize(
    "head",
    [
        "<s>,<v>,<grad>,<stop>\nc [m],[km/h],[%],[s]\n",
        "# made by hand\n <S> , <V> , <Grad> , <Stop> , <Padd>\n",
        "s [m], v [km/h], Gradient [%], stop [s]\n",
        "<s>\t<v>\t<grad>\t<stop>\n",
    ],
)
def test_vecto_header_may_be_spelled_in_many_ways(tmp_path: Path, head: str) -> None:
    mark = "\t" if "\t" in head else " , "
    extra = mark + "0" if "Padd" in head else ""
    rows = [
        ("0", "0", "-7.7E-04", "2"),
        ("1", "12", "1.5", "0"),
        ("13", "68", "2.5", "0"),
        ("900", "0", "0", "9"),
    ]
    path = written(tmp_path, head + "".join(mark.join(row) + extra + "\n" for row in rows), "Test.VDRI")
    cycle = load_cycle(path)
    assert cycle.by_distance
    np.testing.assert_allclose(cycle.distance_m, [0.0, 1.0, 13.0, 900.0])
    np.testing.assert_allclose(cycle.speed_m_per_s * 3.6, [0.0, 12.0, 68.0, 0.0])
    np.testing.assert_allclose(cycle.grade, [-7.7e-6, 0.015, 0.025, 0.0])
    np.testing.assert_allclose(cycle.stop_s, [2.0, 0.0, 0.0, 9.0])


def test_vecto_over_time_is_read_and_time_wins_over_distance(tmp_path: Path) -> None:
    path = written(tmp_path, "<t>,<s>,<v>,<grad>,<n>\n0,0,0,0,600\n1,5,36,0,700\n", "coach.vdri")
    cycle = load_cycle(path)
    assert not cycle.by_distance
    np.testing.assert_allclose(cycle.distance_m, [0.0, 5.0])


def test_vecto_without_time_and_distance_is_one_row_a_second(tmp_path: Path) -> None:
    cycle = load_cycle(written(tmp_path, "<v>\n0\n36\n36\n", "bare.vdri"))
    np.testing.assert_allclose(cycle.time_s, [0.0, 1.0, 2.0])


def test_rows_behind_the_last_stop_are_left_out(tmp_path: Path) -> None:
    cycle = load_cycle(written(tmp_path, "distance_m,speed_m_per_s\n0,10\n100,0\n101,0\n102,0\n"))
    np.testing.assert_allclose(cycle.distance_m, [0.0, 100.0])


BAD = {
    "empty": ("", "empty: a header line and rows of numbers are needed"),
    "header only": ("time_s,speed_m_per_s\n", "no rows below the header"),
    "one row": ("time_s,speed_m_per_s\n0,1\n", "one row only"),
    "nan": ("time_s,speed_m_per_s\n0,1\n1,nan\n", "line 3: speed_m_per_s = nan: must be a finite number"),
    "gap": ("time_s,speed_m_per_s\n0,1\n1,\n", "line 3: speed_m_per_s is empty"),
    "text": ("time_s,speed_m_per_s\n0,fast\n", "line 2: speed_m_per_s = 'fast': not a number"),
    "backwards": ("time_s,speed_m_per_s\n0,1\n2,1\n1,1\n", "line 4: time_s = 1: time must rise"),
    "time stands": ("time_s,speed_m_per_s\n0,1\n0,1\n", "line 3: time_s = 0: time must rise"),
    "road backwards": (
        "distance_m,speed_m_per_s\n0,1\n9,1\n8,1\n",
        "line 4: distance_m = 8: distance must not fall",
    ),
    "no road": ("distance_m,speed_m_per_s\n5,1\n5,1\n", "the distance does not grow"),
    "negative": (
        "time_s,speed_m_per_s\n0,1\n1,-2\n",
        "line 3: speed_m_per_s = -2: speed must not be negative",
    ),
    "unit": (
        "time_s,speed_m_per_s\n0,1\n1,85\n",
        "line 3: speed_m_per_s = 85: must be at most 60; is it in another unit?",
    ),
    "standing": ("time_s,speed_m_per_s\n0,0\n1,0\n", "zero throughout"),
    "slip": ("time_s,sped_m_per_s\n0,1\n1,1\n", "unknown column sped_m_per_s; did you mean speed_m_per_s?"),
    "no speed": (
        "time_s,v\n0,1\n1,1\n",
        "no speed column: name one of speed_m_per_s, speed_km_per_h, speed_mph (found: v)",
    ),
    "no place": ("seconds,speed_mph\n0,1\n1,1\n", "no column time_s or distance_m"),
    "two speeds": ("time_s,speed_mph,speed_m_per_s\n0,1,1\n1,1,1\n", "give the speed once"),
    "two grades": ("time_s,speed_mph,grade,grade_percent\n0,1,0,0\n1,1,0,0\n", "give the grade once"),
    "twice": ("time_s,speed_mph,speed_mph\n0,1,1\n1,1,1\n", "column speed_mph is there twice"),
    "steep": (
        "time_s,speed_mph,grade\n0,1,0\n1,1,4.5\n",
        "line 3: grade = 4.5: must be from -0.3 to 0.3; if it is in percent",
    ),
    "steep percent": (
        "time_s,speed_mph,grade_percent\n0,1,-31\n1,1,0\n",
        "line 2: grade_percent = -31: must be from -30 to 30",
    ),
    "stop": ("distance_m,speed_mph,stop_s\n0,1,-1\n9,1,0\n", "line 2: stop_s = -1: must be from 0"),
    "comma in comma file": (
        "time_s,speed_m_per_s\n0,12,5\n",
        "line 2: 3 values, but the header has 2 columns; with decimal commas?",
    ),
    "comma": (
        "time_s;speed_m_per_s\n0;12,5\n",
        "line 2: speed_m_per_s = '12,5': not a number; decimal comma? write 12.5",
    ),
    "short": ("time_s,speed_m_per_s\n0\n", "line 2: 1 values, but the header has 2 columns"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_cycle_is_refused_in_one_line_with_place_and_remedy(tmp_path: Path, case: str) -> None:
    text, message = BAD[case]
    path = written(tmp_path, text)
    with pytest.raises(ScenarioError) as caught:
        load_cycle(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_library_name_offers_the_closest() -> None:
    with pytest.raises(ScenarioError, match="no such cycle; did you mean epa_udds"):
        load_cycle("epa_uds")


def test_missing_file_offers_its_neighbours(tmp_path: Path) -> None:
    written(tmp_path, "x", "route.csv")
    with pytest.raises(ScenarioError, match=r"rout\.csv: no such file; did you mean route\.csv"):
        load_cycle("rout.csv", folder=tmp_path)


def test_folder_and_other_kinds_of_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_cycle(tmp_path / "folder.csv")
    with pytest.raises(ScenarioError, match=r"a cycle is a \.csv or \.vdri file"):
        load_cycle(tmp_path / "cycle.xlsx")


@pytest.fixture
def route(tmp_path: Path) -> DriveCycle:
    return load_cycle(
        written(tmp_path, "distance_m,speed_m_per_s,stop_s,grade\n0,0,5,0.01\n1,20,0,0.01\n500,0,7,0\n")
    )


def test_repeating_a_trace_joins_the_rounds_without_a_gap() -> None:
    once, twice = load_cycle("epa_gem_55mph_grade"), load_cycle("epa_gem_55mph_grade").repeated(3)
    assert twice.time_s[-1] == pytest.approx(3 * once.time_s[-1])
    assert twice.distance_m[-1] == pytest.approx(3 * once.distance_m[-1])
    assert np.diff(twice.time_s).min() > 0.0
    assert twice.statistics().climb_m == pytest.approx(3 * once.statistics().climb_m, rel=1e-3)


def test_repeating_a_route_keeps_the_stop_between_the_rounds(route: DriveCycle) -> None:
    twice = route.repeated(2)
    np.testing.assert_allclose(twice.distance_m, [0.0, 1.0, 500.0, 500.0, 501.0, 1000.0])
    assert twice.stop_s.sum() == pytest.approx(24.0)


def test_trace_is_repeated_or_cut_to_a_distance() -> None:
    cycle = load_cycle("epa_hwfet")
    assert cycle.repeated_to(50e3).distance_m[-1] == pytest.approx(50e3, abs=27.0)
    assert cycle.repeated_to(50e3).distance_m[-1] >= 50e3
    assert cycle.repeated_to(3e3).distance_m[-1] == pytest.approx(3e3, abs=27.0)


def test_route_is_repeated_or_cut_to_the_exact_distance(route: DriveCycle) -> None:
    assert route.repeated_to(1234.5).distance_m[-1] == 1234.5
    assert route.repeated_to(1234.5).speed_m_per_s[-1] == 0.0
    assert route.repeated_to(77.0).distance_m[-1] == 77.0
    assert route.repeated_to(1000.0).stop_s[-1] == 7.0


def test_cap_and_scale_change_speed_and_what_follows_from_it(route: DriveCycle) -> None:
    cycle = load_cycle("nrel_long_haul")
    capped = cycle.capped(85.0 / 3.6)
    assert capped.speed_m_per_s.max() == 85.0 / 3.6
    assert capped.distance_m[-1] < cycle.distance_m[-1]
    assert cycle.scaled(0.5).distance_m[-1] == pytest.approx(0.5 * cycle.distance_m[-1])
    assert route.scaled(0.5).time_s[-1] == pytest.approx(5.0 + 500.0 / 10.0)
    assert route.capped(10.0).distance_m[-1] == 500.0


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.repeated(0),
        lambda c: c.repeated_to(0.0),
        lambda c: c.scaled(-1.0),
        lambda c: c.capped(float("nan")),
    ],
)
def test_senseless_changes_are_refused(change: object, route: DriveCycle) -> None:
    assert callable(change)
    with pytest.raises(ScenarioError, match="must be"):
        change(route)
