import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.thermal_bms.telemetry.telemetry_samples import needs_openssl
from thermal_bms.errors import ConfigError
from thermal_bms.telemetry.certificate import days_left, expiry, not_after

KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"


def openssl(folder: Path, arguments: str) -> str:
    call = ["openssl", *arguments.split()]
    done = subprocess.run(call, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@needs_openssl
@pytest.mark.parametrize("days", [1, 400, 20_000])  # the last ends after 2049, which has another form of time
def test_the_end_of_a_certificate_is_what_openssl_says(tmp_path: Path, days: int) -> None:
    openssl(tmp_path, f"req -x509 -nodes {KEY} -subj /CN=truck -days {days} -keyout k.pem -out c.pem")
    said = openssl(tmp_path, "x509 -enddate -noout -in c.pem").strip().removeprefix("notAfter=")
    end = datetime.strptime(said, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    assert expiry(tmp_path / "c.pem") == end
    assert days_left(tmp_path / "c.pem", end.timestamp() - 86400.0) == pytest.approx(1.0)
    assert days_left(tmp_path / "c.pem", end.timestamp() + 43200.0) == pytest.approx(-0.5)


@needs_openssl
def test_a_certificate_without_version_is_read_too(tmp_path: Path) -> None:
    openssl(tmp_path, f"req -nodes {KEY} -subj /CN=truck -keyout k.pem -out c.csr")
    openssl(tmp_path, "x509 -req -days 3 -in c.csr -signkey k.pem -out c.pem")
    said = openssl(tmp_path, "x509 -enddate -noout -in c.pem").strip().removeprefix("notAfter=")
    assert f"{expiry(tmp_path / 'c.pem'):%H:%M:%S}" in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\n",
    ],
)
def test_a_file_without_a_certificate_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.pem").write_text(text)
    with pytest.raises(ConfigError, match=r"holds no X\.509 certificate"):
        expiry(tmp_path / "c.pem")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.pem: cannot be read"):
        expiry(tmp_path / "none.pem")


def test_der_that_is_cut_off_is_refused() -> None:
    with pytest.raises((ValueError, IndexError)):
        not_after(bytes([0x30, 0x82, 0x01, 0x00, 0x30]))
