"""Cell-monitoring units: what arrives when, what is too old, and what a topology costs in time."""

import math
from dataclasses import replace

import numpy as np
import pytest

from plant_models.cell_monitoring import (
    TIMINGS,
    MonitoredLink,
    MonitoringSettings,
    Topology,
    Transport,
)
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import parse
from thermal_bms.signals import Command, Measurement, VehicleMode

N_STRINGS, N_SERIES, N_TEMPS = 3, 36, 6
SCALARS = 14


class Ramp:
    """A truck whose every value is its time, so that a value tells when it was sampled."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.commands: list[Command] = []

    def read(self) -> Measurement:
        t = self.time_s
        return Measurement(
            t,
            VehicleMode.DRIVE,
            np.full((N_STRINGS, N_SERIES), t),
            np.full((N_STRINGS, N_TEMPS), t),
            np.full(N_STRINGS, t),
            np.full(N_STRINGS, t),
            np.ones(N_STRINGS, dtype=np.bool_),
            *([t] * SCALARS),  # type: ignore[arg-type]
        )

    def write(self, command: Command) -> None:
        self.commands.append(command)


def ages(
    settings: MonitoringSettings, *, tick_s: float, n: int, seed: int = 1
) -> tuple[np.ndarray, MonitoredLink]:
    truck = Ramp()
    link = MonitoredLink(truck, settings, seed)
    found = []
    for k in range(n):
        truck.time_s = k * tick_s
        found.append(truck.time_s - link.read().cell_voltage_v)
    return np.array(found), link


ALL = sorted(TIMINGS)


@pytest.mark.parametrize(("topology", "transport"), ALL)
@pytest.mark.parametrize("tick_s", [0.01, 0.1, 1.0])
def test_a_value_is_never_older_than_the_topology_says(
    topology: Topology, transport: Transport, tick_s: float
) -> None:
    settings = MonitoringSettings(topology=topology, transport=transport, loss=0.0)
    found, _ = ages(settings, tick_s=tick_s, n=300)
    assert found.max() <= settings.delay_max_s + 1e-9
    assert found[50:].min() >= settings.timing.latency_s - 1e-9  # and never newer than its way


def test_every_unit_has_a_clock_of_its_own() -> None:
    found, link = ages(MonitoringSettings(topology="distributed", groups_per_unit=12), tick_s=0.1, n=50)
    assert link.n_units == N_STRINGS * 3
    assert len(np.unique(found[-1].round(9))) == link.n_units
    assert np.ptp(found[-1].reshape(N_STRINGS * 3, 12), axis=1).max() < 1e-9  # one age per unit


@pytest.mark.parametrize(("topology", "n_units"), [("centralized", 1), ("distributed", 6), ("modular", 3)])
def test_units_share_the_pack_as_the_topology_says(topology: Topology, n_units: int) -> None:
    _, link = ages(MonitoringSettings(topology=topology), tick_s=0.1, n=1)
    assert link.n_units == n_units


def test_only_a_modular_pack_delays_string_currents() -> None:
    for topology, late in (("distributed", False), ("modular", True)):
        truck = Ramp()
        link = MonitoredLink(truck, MonitoringSettings(topology=topology), 1)
        for k in range(20):
            truck.time_s = 0.1 * k
            shown = link.read()
        assert (shown.string_current_a[0] < truck.time_s) == late
        assert shown.bus_voltage_v == truck.time_s


def test_lost_frames_are_bridged_by_age_and_then_missing() -> None:
    settings = MonitoringSettings(topology="distributed", groups_per_unit=36, loss=0.0)
    truck = Ramp()
    link = MonitoredLink(truck, settings, 1)
    link.read()
    link.silence(1, 100.0)
    missing_from_s = math.nan
    for k in range(1, 100):
        truck.time_s = 0.01 * k
        shown = link.read().cell_voltage_v
        assert np.isfinite(shown[[0, 2]]).all()
        if np.isnan(shown[1]).all():
            missing_from_s = truck.time_s
            break
        assert (shown[1] == 0.0).all()  # the last known value, never a guess
    assert missing_from_s == pytest.approx(settings.missing_after_s, abs=0.0101)


def test_a_unit_that_speaks_again_is_believed_again() -> None:
    truck = Ramp()
    link = MonitoredLink(truck, MonitoringSettings(topology="modular", loss=0.0), 1)
    link.read()
    link.silence(2, 5.0)
    for k in range(1, 70):
        truck.time_s = 0.1 * k
        shown = link.read().cell_voltage_v
    assert np.isfinite(shown).all()


def test_an_overtaken_frame_changes_nothing() -> None:
    settings = MonitoringSettings(topology="modular", period_s=0.01, latency_s=0.0, jitter_s=0.2, loss=0.0)
    truck = Ramp()
    link = MonitoredLink(truck, settings, 1)
    last = np.zeros((N_STRINGS, N_SERIES))
    for k in range(1, 300):
        truck.time_s = 0.01 * k
        shown = link.read().cell_voltage_v
        assert (shown >= last).all()  # time never runs backwards in what is held
        last = shown


def test_half_of_the_frames_lost_shows_in_the_age() -> None:
    full, _ = ages(MonitoringSettings(topology="modular", loss=0.0), tick_s=0.1, n=400)
    half, _ = ages(MonitoringSettings(topology="modular", loss=0.5), tick_s=0.1, n=400)
    assert np.nanmean(half) > np.nanmean(full) + 0.05


def test_the_same_seed_gives_the_same_bits_and_another_one_others() -> None:
    settings = MonitoringSettings(topology="distributed", transport="wireless")
    one, again, other = (ages(settings, tick_s=0.1, n=60, seed=seed)[0] for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes() != other.tobytes()


def test_commands_pass_at_once() -> None:
    truck = Ramp()
    link = MonitoredLink(truck, MonitoringSettings(), 1)
    link.write(replace(Command(), charge_current_a=5.0))
    assert truck.commands[0].charge_current_a == 5.0


def test_a_unit_that_is_not_there_is_refused() -> None:
    _, link = ages(MonitoringSettings(topology="modular"), tick_s=0.1, n=1)
    with pytest.raises(ConfigError, match="monitoring units 0 to 2"):
        link.silence(3, 1.0)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="loss"):
        parse(MonitoringSettings, {"loss": 1.5}, "here")
