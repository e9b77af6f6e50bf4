"""The files in ``deploy`` fit the program that they start."""

import configparser
import shlex
from pathlib import Path

from tests.docs.pages import ROOT
from tests.unit.thermal_bms.bms_samples import TRUCK
from thermal_bms.cli import build_parser
from thermal_bms.gateway_config import load_gateway
from thermal_bms.gateway_parts import build_allow_list, check_sources
from thermal_bms.toml_text import toml_text

DEPLOY = ROOT / "deploy"


def test_the_example_configuration_loads_and_only_watches(tmp_path: Path) -> None:
    (tmp_path / "truck.toml").write_text(toml_text(TRUCK.model_dump(mode="json")))
    (tmp_path / "gateway.toml").write_text((DEPLOY / "gateway.toml").read_text())
    loaded = load_gateway(tmp_path / "gateway.toml")
    check_sources(loaded)
    assert loaded.settings.mode == "shadow"
    assert len(build_allow_list(loaded)) > 8
    assert "CTCMD" not in loaded.settings.transmit.allow


def test_the_unit_starts_the_service_as_it_expects() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "thermal-bms-gateway.service")
    service = unit["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert program.endswith("/thermal-bms")
    assert build_parser().parse_args(arguments).config == Path("/etc/thermal-bms/gateway.toml")
    assert service["Type"] == "notify"
    assert float(service["WatchdogSec"]) > 2 * 2.0, "the process ends itself before systemd must"
    assert service["RestartPreventExitStatus"] == "2"
    assert service["StateDirectory"] == "thermal-bms"
