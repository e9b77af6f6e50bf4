from pathlib import Path

import pytest

from thermal_bms.errors import ConfigError
from thermal_bms.telemetry.config import load_telemetry

GOOD = """
[telemetry]
vehicle = "truck-1"
commands = true
plan_file = "plan.json"

[telemetry.broker]
host = "broker.example"
ca_file = "ca.pem"
certificate_file = "truck.pem"
key_file = "truck.key"

[telemetry.buffer]
folder = "buffer"
"""


def written(folder: Path, text: str = GOOD) -> Path:
    for name in ("ca.pem", "truck.pem", "truck.key"):
        (folder / name).write_text("content")
    (folder / "gateway.toml").write_text(text)
    return folder / "gateway.toml"


def test_paths_are_taken_from_the_folder_of_the_file(tmp_path: Path) -> None:
    settings = load_telemetry(written(tmp_path))
    assert settings.broker.ca_file == tmp_path / "ca.pem"
    assert settings.buffer.path == tmp_path / "buffer" / "telemetry.db"
    assert settings.plan_file == tmp_path / "plan.json"
    assert settings.buffer.size_bytes == 64_000_000
    assert settings.topic("event") == "thermal-bms/truck-1/event"


def test_commands_and_plans_are_off_unless_switched_on(tmp_path: Path) -> None:
    settings = load_telemetry(written(tmp_path, GOOD.replace("commands = true", "")))
    assert (settings.commands, settings.plans) == (False, False)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[telemetry", "[telemetri", "telemetry: missing"),
        ('"truck-1"', '"a/b"', "vehicle = 'a/b'"),
        ('"truck-1"', '"a+#"', "vehicle"),
        ('folder = "buffer"', 'folder = "b"\nsize_mb = 0', r"buffer\.size_mb = 0: must be >= 1"),
        ('"truck.pem"', '"gone.pem"', r"certificate_file = .*gone\.pem: No such file or directory; put"),
        ("commands =", "comands =", "did you mean commands"),
    ],
)
def test_a_mistake_is_named_in_one_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load_telemetry(written(tmp_path, GOOD.replace(old, new)))
    assert "\n" not in str(caught.value)
