"""What every test may ask for; and a skip that was not expected fails the session."""

from pathlib import Path

import numpy as np
import pytest

from plant_models.cell import CellCircuit, CellParameters, CellThermal
from thermal_bms.parameters import Source

NEEDS_DATA = "needs measured data: make test DATA=folder"
NEEDS_PROGRAM = "needs the program"  # mosquitto and openssl, which a plain machine may lack
_skipped: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--data", default=None, help="folder with measured data for development")


@pytest.fixture(scope="session")
def data_folder(request: pytest.FixtureRequest) -> Path:
    given = request.config.getoption("--data")
    if given is None:
        pytest.skip(NEEDS_DATA)
    folder = Path(given).resolve()
    if not folder.is_dir():
        pytest.fail(f"DATA={given}: no such folder")
    return folder


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    with_data = session.config.getoption("--data") is not None
    expected = (NEEDS_DATA, NEEDS_PROGRAM)
    unexpected = [line for line in _skipped if with_data or not any(reason in line for reason in expected)]
    if unexpected and exitstatus == 0:
        print("\nunexpected skips:", *unexpected, sep="\n  ")  # noqa: T201
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def cell() -> CellParameters:
    """A plain made-up cell: 100 Ah, curved open-circuit voltage, resistance that falls with temperature."""
    soc = np.linspace(0.0, 1.0, 21)
    temp_degc = (-20.0, 0.0, 25.0, 45.0)
    shape = 1.0 + 0.5 * np.exp(-soc / 0.05)

    def table(at_25_degc: float) -> tuple[tuple[float, ...], ...]:
        return tuple(tuple(at_25_degc * np.exp(0.03 * (25.0 - t)) * shape) for t in temp_degc)

    return CellParameters(
        name="made up",
        chemistry="nmc",
        source=(Source(title="made up for tests", kind="assumed"),),
        capacity_ah=100.0,
        voltage_min_v=2.8,
        voltage_max_v=4.2,
        charge_current_max_a=150.0,
        discharge_current_max_a=200.0,
        thermal=CellThermal(
            mass_kg=2.0,
            specific_heat_j_per_kgk=1000.0,
            surface_fraction=0.1,
            core_to_plate_k_per_w=0.3,
            core_to_surface_k_per_w=0.8,
            cooled_area_m2=0.01,
            length_m=0.17,
            width_m=0.05,
            height_m=0.12,
        ),
        circuit=CellCircuit(
            soc=tuple(soc),
            temp_degc=temp_degc,
            ocv_v=tuple(3.2 + 0.9 * soc + 0.08 * np.sin(6.0 * soc) - 0.3 * np.exp(-soc / 0.03)),
            entropic_v_per_k=tuple(-2e-4 + 6e-4 * soc * (1.0 - soc)),
            hysteresis_v=0.01,
            hysteresis_rate=50.0,
            r0_discharge_ohm=table(0.4e-3),
            r0_charge_ohm=table(0.44e-3),
            r1_ohm=table(0.2e-3),
            r2_ohm=table(0.2e-3),
            tau1_s=tuple(tuple(np.full(21, 10.0)) for _ in temp_degc),
            tau2_s=tuple(tuple(np.full(21, 300.0)) for _ in temp_degc),
        ),
    )
