from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from controllers import registry
from controllers.pid import PidController
from controllers.registry import create, names
from controllers.thermostat import Thermostat
from tests.unit.controllers.examples import LIQUID
from thermal_bms.errors import ConfigError
from thermal_bms.interfaces import Controller

OWN = """
class Own:
    def __init__(self, settings, truck):
        self.gain = settings.get("gain", 1.0)
    def step(self, measurement, estimate, limits, preview, applied, dt_s):
        return applied
    def reset(self):
        pass

number = 3

def nothing(settings, truck):
    return None
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize(("name", "kind"), [("thermostat", Thermostat), ("pid", PidController)])
def test_the_built_in_controllers_are_made_by_name(name: str, kind: type) -> None:
    assert name in names()
    controller = create(name, {}, LIQUID)
    assert isinstance(controller, kind)
    assert isinstance(controller, Controller)


def test_every_controller_is_a_new_one() -> None:
    assert create("pid", {}, LIQUID) is not create("pid", {}, LIQUID)


def test_an_unknown_name_gets_a_hint() -> None:
    with pytest.raises(ConfigError, match="no such controller; did you mean thermostat"):
        create("thermostatt", {}, LIQUID)


def test_an_unknown_setting_gets_a_hint() -> None:
    with pytest.raises(
        ConfigError, match=r"respons_time_s: unknown key; did you mean response_time_s\?.*pid"
    ):
        create("pid", {"respons_time_s": 3.0}, LIQUID)


def test_a_setting_out_of_range_names_the_range() -> None:
    with pytest.raises(ConfigError, match=r"modes\.dwell_s = 1000000\.0: must be <= 1800"):
        create("pid", {"modes": {"dwell_s": 1e6}}, LIQUID)


def test_a_users_file_gives_a_controller(own: Path) -> None:
    controller = create(f"{own}:Own", {"gain": 7.0}, LIQUID)
    assert isinstance(controller, Controller)
    assert controller.gain == 7.0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("Onw", "has no Onw; did you mean Own"),
        ("number", "must be a function build"),
        ("nothing", "made a NoneType, which has no step"),
    ],
)
def test_a_users_file_without_a_usable_factory_is_refused(own: Path, attribute: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        create(f"{own}:{attribute}", {}, LIQUID)


def test_a_missing_file_and_a_broken_file_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        create(f"{tmp_path / 'none.py'}:build", {}, LIQUID)
    broken = tmp_path / "broken.py"
    broken.write_text("import surely_not_there\n")
    with pytest.raises(ConfigError, match="ModuleNotFoundError") as error:
        create(f"{broken}:build", {}, LIQUID)
    assert "\n" not in str(error.value)


def test_an_announced_controller_is_listed_and_a_broken_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    announced = {
        "mine": EntryPoint("mine", "controllers.thermostat:build", registry.GROUP),
        "gone": EntryPoint("gone", "surely_not_there:build", registry.GROUP),
    }
    monkeypatch.setattr(registry, "_announced", lambda: announced)
    assert names()[-2:] == ["gone", "mine"]
    assert isinstance(create("mine", {}, LIQUID), Thermostat)
    with pytest.raises(ConfigError, match="controller gone: surely_not_there:build cannot be loaded"):
        create("gone", {}, LIQUID)
