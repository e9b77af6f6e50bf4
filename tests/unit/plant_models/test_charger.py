"""The charging station: handshake, ratings, slew."""

import math

import pytest

from plant_models.charger import CHARGERS, Charger, ChargerParameters, charger
from thermal_bms.errors import ConfigError, ScenarioError
from thermal_bms.parameters import parse

CCS = CHARGERS["ccs_150kw"]


def connected(parameters: ChargerParameters = CCS) -> Charger:
    """Return a charger whose handshake is over, without current."""
    made = Charger(parameters)
    made.step(0.0, 400.0, parameters.handshake_s)
    return made


def settled_a(made: Charger, request_a: float, voltage_v: float) -> float:
    current_a = 0.0
    for _ in range(200):
        current_a = made.step(request_a, voltage_v, 1.0)
    return current_a


def test_a_misspelt_charger_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        ScenarioError, match=r"charger = 'css_150kw': no such charger; did you mean ccs_150kw\?"
    ):
        charger("css_150kw")


@pytest.mark.parametrize("dt_s", [0.1, 1.0, 10.0])
def test_nothing_flows_and_nothing_is_offered_as_ready_until_the_handshake_is_over(dt_s: float) -> None:
    made, time_s = Charger(CCS), 0.0
    while time_s < CCS.handshake_s - 1.5 * dt_s:
        assert made.step(100.0, 400.0, dt_s) == 0.0
        assert made.offer() == (False, 150e3, 500.0, 1000.0)
        assert made.power_now_max_w(400.0) == 0.0
        time_s += dt_s
    for _ in range(3):
        made.step(100.0, 400.0, dt_s)
    assert made.ready
    assert made.offer()[0]
    assert made.current_a > 0.0


@pytest.mark.parametrize(
    ("name", "voltage_v", "expected_a"),
    [
        ("ccs_150kw", 250.0, 500.0),  # current rating
        ("ccs_150kw", 700.0, 150e3 / 700.0),  # power rating
        ("mcs_1mw", 300.0, 3000.0),
        ("mcs_1mw", 700.0, 1e6 / 700.0),
        ("ac_22kw", 400.0, 55.0),
    ],
)
def test_power_and_current_ratings_hold(name: str, voltage_v: float, expected_a: float) -> None:
    made = connected(CHARGERS[name])
    assert settled_a(made, 1e4, voltage_v) == pytest.approx(expected_a, rel=1e-12)
    assert made.power_now_max_w(voltage_v) == pytest.approx(expected_a * voltage_v, rel=1e-12)


def test_a_pack_above_the_voltage_rating_gets_nothing() -> None:
    made = connected()
    assert settled_a(made, 100.0, 1000.0) > 0.0
    assert made.step(100.0, 1000.1, 1.0) == 0.0


@pytest.mark.parametrize("voltage_v", [0.0, -1.0])
def test_a_dead_bus_gets_nothing(voltage_v: float) -> None:
    made = connected()
    settled_a(made, 100.0, 400.0)
    assert made.step(100.0, voltage_v, 1.0) == 0.0


@pytest.mark.parametrize("dt_s", [0.1, 1.0, 10.0])
def test_current_rises_at_the_slew_rate_and_falls_at_once(dt_s: float) -> None:
    made = connected()
    first_a = made.step(300.0, 400.0, dt_s)
    assert first_a == pytest.approx(min(CCS.slew_a_per_s * dt_s, 300.0))
    assert made.step(300.0, 400.0, dt_s) == pytest.approx(min(2.0 * CCS.slew_a_per_s * dt_s, 300.0))
    settled_a(made, 300.0, 400.0)
    assert made.step(10.0, 400.0, dt_s) == 10.0


def test_a_negative_request_takes_nothing_back() -> None:
    assert settled_a(connected(), -50.0, 400.0) == 0.0


def test_a_request_that_is_not_a_number_gives_no_current() -> None:
    made = connected()
    settled_a(made, 100.0, 400.0)
    assert made.step(math.nan, 400.0, 1.0) == 0.0
    assert settled_a(made, 100.0, 400.0) == 100.0


def test_the_librarys_ratings_are_those_of_their_names() -> None:
    for name, rating in CHARGERS.items():
        size, unit = name.split("_")[1][:-2], name[-2:]
        assert rating.power_max_w == float(size) * {"kw": 1e3, "mw": 1e6}[unit]
        assert rating.kind == name.split("_")[0]


@pytest.mark.parametrize("values", [{"power_max_w": 0.0}, {"handshake_s": -1.0}, {"slew_a_per_s": 0.0}])
def test_a_charger_that_cannot_be_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        parse(ChargerParameters, {**CCS.model_dump(), **values}, "here")
