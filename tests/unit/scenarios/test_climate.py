"""Climates: constant, diurnal, hourly; and what is refused."""

from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import BaseModel

from scenarios.climate import (
    ClimateSettings,
    ConstantClimate,
    DiurnalClimate,
    HourlyClimate,
    build_climate,
    library_climates,
)
from thermal_bms.errors import ConfigError, ScenarioError
from thermal_bms.parameters import parse


class Holder(BaseModel):
    climate: ClimateSettings


HOUR = 3600.0
DAY = 24 * HOUR


def test_constant_climate_is_the_same_at_any_time() -> None:
    climate = build_climate(ConstantClimate(kind="constant", temp_degc=43.0, humidity=0.2), start_hour=6.0)
    assert climate.ambient(0.0) == climate.ambient(1e6) == (43.0, 0.2, 0.0)


def test_diurnal_climate_meets_its_extremes_at_their_hours_and_repeats() -> None:
    day = DiurnalClimate(
        kind="diurnal",
        temp_min_degc=18.0,
        temp_max_degc=40.0,
        hour_of_min=5.0,
        hour_of_max=16.0,
        humidity=0.8,
        irradiance_max_w_per_m2=900.0,
    )
    climate = build_climate(day, start_hour=4.0)
    assert climate.ambient(1 * HOUR)[:2] == pytest.approx((18.0, 0.8))
    assert climate.ambient(12 * HOUR)[0] == pytest.approx(40.0)
    assert climate.ambient(8 * HOUR)[2] == pytest.approx(900.0)  # noon
    assert climate.ambient(20 * HOUR)[2] == 0.0  # midnight
    assert climate.ambient(12 * HOUR + 2 * DAY) == pytest.approx(climate.ambient(12 * HOUR))
    temps = [climate.ambient(60.0 * k)[0] for k in range(24 * 60)]
    assert min(temps) == pytest.approx(18.0)
    assert max(temps) == pytest.approx(40.0)
    assert max(abs(b - a) for a, b in pairwise(temps)) < 0.06


def test_water_content_stays_the_same_over_a_diurnal_day() -> None:
    day = DiurnalClimate(kind="diurnal", temp_min_degc=20.0, temp_max_degc=35.0, humidity=0.9)
    climate = build_climate(day)
    # saturation at 20 and 35 degC: 2339 and 5629 Pa (IAPWS steam tables)
    assert climate.ambient(15 * HOUR)[1] == pytest.approx(0.9 * 2339.0 / 5629.0, rel=3e-3)


def test_hourly_library_climate_reaches_the_heat_of_its_place() -> None:
    assert library_climates() == ["minneapolis_cold_week", "phoenix_hot_week"]
    hot = build_climate(HourlyClimate(kind="hourly", file="phoenix_hot_week", dew_point_degc=10.0))
    cold = build_climate(HourlyClimate(kind="hourly", file="minneapolis_cold_week"))
    weather = [hot.ambient(HOUR * k) for k in range(7 * 24)]
    assert max(temp for temp, _, _ in weather) == pytest.approx(42.8)
    assert max(sun for _, _, sun in weather) > 900.0
    assert all(0.1 < humidity < 0.35 for _, humidity, _ in weather)
    assert min(cold.ambient(HOUR * k)[0] for k in range(7 * 24)) == pytest.approx(-31.1)


@pytest.mark.parametrize("name", library_climates())
def test_library_climate_names_its_source_and_terms(name: str) -> None:
    import scenarios.climate

    head = (scenarios.climate.LIBRARY / f"{name}.csv").read_text(encoding="utf-8").splitlines()[:5]
    assert any(line.startswith("# source: BLAST-Lite") for line in head)
    assert any(line.startswith("# terms: BSD-3-Clause") for line in head)


def table(folder: Path, text: str) -> HourlyClimate:
    (folder / "mine.csv").write_text(text, encoding="utf-8")
    return HourlyClimate(kind="hourly", file="mine.csv")


def test_hourly_table_is_linear_between_hours_and_starts_at_the_given_day_and_hour(tmp_path: Path) -> None:
    rows = "".join(f"{hour},{hour % 24},{0.01 * (hour // 24)}\n" for hour in range(48))
    settings = table(tmp_path, "hour,temp_degc,humidity\n" + rows).model_copy(update={"start_day": 2})
    climate = build_climate(settings, start_hour=6.0, folder=tmp_path)
    assert climate.ambient(0.0) == pytest.approx((6.0, 0.01, 0.0))
    assert climate.ambient(0.25 * HOUR)[0] == pytest.approx(6.25)
    assert climate.ambient(18 * HOUR)[1] == 0.0  # begins again after two days


def test_hour_counts_from_midnight_and_gaps_are_bridged(tmp_path: Path) -> None:
    climate = build_climate(
        table(tmp_path, "hour,temp_degc\n6,0\n7,10\n9,30\n"), start_hour=6.5, folder=tmp_path
    )
    assert climate.ambient(0.0)[0] == pytest.approx(5.0)
    assert climate.ambient(1.5 * HOUR)[0] == pytest.approx(20.0)


BAD = {
    "hour,temp_degc\n0,1\n0,2\n": "line 3: hour = 0: must rise",
    "hour,temp_degc\n0,1\n1,300\n": "line 3: temp_degc = 300: must be from -60 to 60 degC; is",
    "hour,temp_degc\n0,1\n1,nan\n": "must be a finite number",
    "hour,temp_degc,humidity\n0,1,50\n1,1,50\n": "line 2: humidity = 50: must be from 0 to 1; is it in",
    "hour,temp_degc,irradiance_w_per_m2\n0,1,-1\n1,1,0\n": "irradiance_w_per_m2 = -1: must be from 0 to 1500",
    "hour,temp_k\n0,1\n1,1\n": "no column temp_degc; did you mean temp_k?",
    "hour,temp_degc\n0,1\n": "one row only",
}


@pytest.mark.parametrize("text", BAD)
def test_bad_table_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        build_climate(table(tmp_path, text), folder=tmp_path)
    assert BAD[text] in str(caught.value)
    assert "mine.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_start_beyond_the_table_and_unknown_names_are_refused(tmp_path: Path) -> None:
    late = HourlyClimate(kind="hourly", file="phoenix_hot_week", start_day=8)
    with pytest.raises(ScenarioError, match=r"start_day = 8: phoenix_hot_week\.csv has 7\.0 days"):
        build_climate(late)
    with pytest.raises(ScenarioError, match="no such climate; did you mean phoenix_hot_week"):
        build_climate(HourlyClimate(kind="hourly", file="phenix_hot_week"))
    with pytest.raises(ScenarioError, match="no such file"):
        build_climate(HourlyClimate(kind="hourly", file="none.csv"), folder=tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "constant", "temp_degc": 99.0}, "must be <= 60"),
        (
            {"kind": "diurnal", "temp_min_degc": 20.0, "temp_max_degc": 10.0},
            "temp_max_degc must not be below",
        ),
        (
            {"kind": "diurnal", "temp_min_degc": 0.0, "temp_max_degc": 9.0, "hour_of_min": 16.0},
            "hour_of_max must be after hour_of_min",
        ),
        (
            {"kind": "diurnal", "temp_min_degc": 0.0, "temp_max_degc": 9.0, "sunset_hour": 5.0},
            "sunset_hour must be after sunrise_hour",
        ),
        ({"kind": "tropical"}, "constant"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(Holder, {"climate": settings}, "test.toml")
