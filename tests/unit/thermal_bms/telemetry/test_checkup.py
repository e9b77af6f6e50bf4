import os
from pathlib import Path

import pytest

from tests.unit.thermal_bms.telemetry.telemetry_samples import needs_openssl, settings
from tests.unit.thermal_bms.telemetry.test_certificate import KEY, openssl
from thermal_bms.telemetry import checkup
from thermal_bms.telemetry.certificate import SECONDS_PER_DAY, expiry
from thermal_bms.telemetry.checkup import description, findings

pytestmark = needs_openssl


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with certificates that are valid for a hundred days."""
    for name in ("ca", "truck"):
        openssl(
            tmp_path, f"req -x509 -nodes {KEY} -subj /CN={name} -days 100 -keyout {name}.key -out {name}.pem"
        )
    (tmp_path / "truck.key").chmod(0o600)
    return tmp_path


def days_before_the_end(folder: Path, days: float) -> float:
    return expiry(folder / "truck.pem").timestamp() - days * SECONDS_PER_DAY


def test_telemetry_in_order_gives_nothing_to_look_at(folder: Path) -> None:
    assert findings(settings(folder), days_before_the_end(folder, 90.0)) == []


def test_a_certificate_that_ends_soon_or_has_ended_is_named(folder: Path) -> None:
    soon = findings(settings(folder), days_before_the_end(folder, 12.0))
    assert any("truck.pem ends in 12 days: renew it" in line for line in soon)
    late = findings(settings(folder), days_before_the_end(folder, -3.0))
    assert any("truck.pem ended 3 days ago: renew it" in line for line in late)


def test_a_key_that_others_may_read_is_named(folder: Path) -> None:
    (folder / "truck.key").chmod(0o644)
    (found,) = findings(settings(folder), days_before_the_end(folder, 90.0))
    assert "chmod 600" in found


def test_a_missing_certificate_and_library_and_a_wrong_folder_are_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "ca.pem").unlink()
    (folder / "buffer").write_text("a file")
    monkeypatch.setattr(checkup, "find_spec", lambda _name: None)
    found = " | ".join(findings(settings(folder), 0.0))
    assert "paho-mqtt is missing: pip install" in found
    assert "ca_file = " in found
    assert "is not a folder" in found


def test_the_description_says_what_is_taken_from_outside(tmp_path: Path) -> None:
    assert description(settings(tmp_path)) == "truck-1 to localhost:8883; taken from there: nothing"
    both = settings(tmp_path, commands=True, plans=True)
    assert description(both).endswith("taken from there: commands, plans")
    assert os.fspath(tmp_path) not in description(both)
