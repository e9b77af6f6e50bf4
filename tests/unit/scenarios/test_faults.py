"""Fault injection: every kind acts, in its time and nowhere else."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from plant_models.truck import Surroundings, Truck
from plant_models.truck_parameters import load_truck
from scenarios.faults import (
    ABUSE_FAULTS,
    ACTUATOR_FAULTS,
    BOX_FAULTS,
    KINDS,
    PLANT_FAULTS,
    REQUEST_FAULTS,
    FaultEntry,
    FaultyLink,
)
from scenarios.link_faults import CONTROLLER_FAULTS, LINK_KINDS
from scenarios.sensor_faults import SENSOR_KINDS, parse_target
from thermal_bms.errors import ConfigError
from thermal_bms.link import DirectLink
from thermal_bms.parameters import parse
from thermal_bms.signals import Command, Measurement, ThermalCommand, ValveMode

WANTED = ThermalCommand(0.5, 0.4, 0.3, 0.2, ValveMode.RADIATOR)
COMMAND = Command(WANTED, (True, True, True), 12.0, 3e5, 2e5)
START_S, LENGTH_S = 10.0, 20.0
BEFORE_S, WITHIN_S, LATER_S = (0.0, 9.99), (10.0, 29.99), (30.0, 1000.0)


@pytest.fixture(scope="module")
def measured() -> Measurement:
    return Truck(load_truck("heavy_lfp"), soc=0.5, temp_degc=20.0).measure()


class FakeTruck:
    """Remembers what was written and what was broken; tells the time it is given."""

    def __init__(self, measurement: Measurement) -> None:
        self.measurement = measurement
        self.written: list[Command] = []
        self.broken: list[tuple[object, ...]] = []

    def measure(self) -> Measurement:
        return self.measurement

    def actuate(self, command: Command) -> None:
        self.written.append(command)

    def clog_plate(self, string: int, factor: float) -> None:
        self.broken.append(("clog_plate", string, factor))

    @property
    def switches(self) -> "FakeTruck":
        return self

    def block(self, string: int) -> None:
        self.broken.append(("block", string))

    def weaken_cell(self, string: int, factor: float) -> None:
        self.broken.append(("weaken_cell", string, factor))

    def loosen_contact(self, string: int, factor: float) -> None:
        self.broken.append(("loosen_contact", string, factor))

    def weld(self, string: int) -> None:
        self.broken.append(("weld", string))

    def blow_fuse(self, string: int) -> None:
        self.broken.append(("blow_fuse", string))


def linked(truck: FakeTruck, *entries: FaultEntry) -> FaultyLink:
    return FaultyLink(DirectLink(truck), truck, entries)  # type: ignore[arg-type]


def tick(link: FaultyLink, truck: FakeTruck, time_s: float) -> tuple[Measurement, Command]:
    truck.measurement = replace(truck.measurement, time_s=time_s)
    read = link.read()
    link.write(COMMAND)
    return read, truck.written[-1]


def entry(kind: str, **values: object) -> FaultEntry:
    return FaultEntry.model_validate({"kind": kind, "time_s": START_S, "duration_s": LENGTH_S, **values})


@pytest.mark.parametrize(
    ("kind", "value", "changed"),
    [
        ("pump_off", 0.0, {"pump_duty": 0.0}),
        ("pump_stuck", 0.9, {"pump_duty": 0.9}),
        ("fan_off", 0.0, {"fan_duty": 0.0}),
        ("fan_stuck", 0.7, {"fan_duty": 0.7}),
        ("chiller_off", 0.0, {"compressor_duty": 0.0}),
        ("heater_off", 0.0, {"heater_duty": 0.0}),
        ("heater_stuck_on", 1.0, {"heater_duty": 1.0}),
        ("valve_stuck", 2.0, {"valve_mode": ValveMode.CHILLER}),
    ],
)
def test_an_actuator_fault_changes_its_own_command_in_its_time_alone(
    measured: Measurement, kind: str, value: float, changed: dict[str, Any]
) -> None:
    truck = FakeTruck(measured)
    link = linked(truck, entry(kind, value=value))
    for time_s in (*BEFORE_S, *WITHIN_S, *LATER_S):
        read, written = tick(link, truck, time_s)
        expected = replace(WANTED, **changed) if time_s in WITHIN_S else WANTED
        assert written == replace(COMMAND, thermal=expected)
        assert read is truck.measurement


@pytest.mark.parametrize(
    ("kind", "value", "target", "expected"),
    [
        ("sensor_offset", 5.0, "cell_temp_degc[0, 3]", lambda old: old + 5.0),
        ("sensor_offset", -2.0, "cell_temp_degc[1]", lambda old: old - 2.0),
        ("sensor_stuck", 3.3, "cell_voltage_v[2,215]", lambda old: np.full_like(old, 3.3)),
        ("sensor_lost", 0.0, "string_current_a[1]", lambda old: np.full_like(old, np.nan)),
        ("sensor_lost", 0.0, "cell_temp_degc", lambda old: np.full_like(old, np.nan)),
        ("sensor_stuck", 44.0, "coolant_inlet_temp_degc", lambda _: 44.0),
        ("sensor_offset", 1e5, "discharge_pressure_pa", lambda old: old + 1e5),
    ],
)
def test_a_sensor_fault_changes_its_own_reading_in_its_time_alone(
    measured: Measurement, kind: str, value: float, target: str, expected: object
) -> None:
    assert callable(expected)
    truck = FakeTruck(measured)
    link = linked(truck, entry(kind, value=value, target=target))
    name, index = parse_target(target)
    for time_s in (*BEFORE_S, *LATER_S):
        assert tick(link, truck, time_s)[0] is truck.measurement
    for time_s in WITHIN_S:
        read, written = tick(link, truck, time_s)
        old = np.array(getattr(measured, name), dtype=np.float64)
        wanted = old.copy()
        wanted[index or ...] = expected(old[index or ...])
        assert np.array_equal(getattr(read, name), wanted, equal_nan=True)
        assert type(getattr(read, name)) is type(getattr(measured, name))
        for other in set(Measurement.__slots__) - {name, "time_s"}:
            assert getattr(read, other) is getattr(measured, other)
        assert written == COMMAND


def test_a_sensor_fault_leaves_the_trucks_own_arrays_alone(measured: Measurement) -> None:
    before = measured.cell_temp_degc.copy()
    link = linked(FakeTruck(measured), entry("sensor_offset", value=9.0, target="cell_temp_degc", time_s=0.0))
    assert (link.read().cell_temp_degc == before + 9.0).all()
    assert np.array_equal(measured.cell_temp_degc, before)


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        ("plate_clogged", ("clog_plate", 2, 5.0)),
        ("cell_weak", ("weaken_cell", 2, 5.0)),
        ("interface_lost", ("loosen_contact", 2, 5.0)),
        ("string_open", ("block", 2)),
        ("string_welded", ("weld", 2)),
        ("fuse_blown", ("blow_fuse", 2)),
    ],
)
def test_a_plant_fault_happens_once_when_its_time_has_come(
    measured: Measurement, kind: str, call: tuple[object, ...]
) -> None:
    truck = FakeTruck(measured)
    link = linked(truck, entry(kind, value=5.0, target="2", duration_s=math.inf))
    tick(link, truck, 9.99)
    assert truck.broken == []
    for time_s in (10.0, 11.0, 500.0):
        _, written = tick(link, truck, time_s)
        assert truck.broken == [call]
        assert written == COMMAND


@pytest.mark.parametrize(
    ("kind", "value", "changed"),
    [
        ("charger_excess", 1.5, {"charge_current_a": 18.0}),
        ("limit_ignored", 1e5, {"discharge_power_max_w": 4e5}),
    ],
)
def test_a_request_fault_changes_its_own_request_in_its_time_alone(
    measured: Measurement, kind: str, value: float, changed: dict[str, Any]
) -> None:
    truck = FakeTruck(measured)
    link = linked(truck, entry(kind, value=value))
    for time_s in (*BEFORE_S, *WITHIN_S, *LATER_S):
        written = tick(link, truck, time_s)[1]
        assert written == (replace(COMMAND, **changed) if time_s in WITHIN_S else COMMAND)


@pytest.mark.parametrize(
    ("kind", "value", "name", "before", "after"),
    [
        ("hvil_open", 0.0, "hvil_closed", 1.0, 0.0),
        ("crash", 0.0, "crash", 0.0, 1.0),
        ("isolation_low", 5e4, "isolation_ohm", 2e6, 5e4),
        ("coolant_leak", 0.1, "coolant_level", 0.8, 0.7),
    ],
)
def test_a_fault_of_the_truck_is_measured_after_it_has_happened(
    kind: str, value: float, name: str, before: float, after: float
) -> None:
    truck = Truck(load_truck("light_liquid"), soc=0.5, temp_degc=20.0)
    link = FaultyLink(DirectLink(truck), truck, [FaultEntry(kind=kind, value=value)])
    assert getattr(link.read(), name) == before
    truck.step(Surroundings(20.0), 1.0)
    assert getattr(link.read(), name) == pytest.approx(after)


def test_without_coolant_nothing_flows() -> None:
    truck = Truck(load_truck("light_liquid"), soc=0.5, temp_degc=20.0)
    truck.actuate(Command(ThermalCommand(pump_duty=1.0), (True,)))
    truck.step(Surroundings(20.0), 10.0)
    assert truck.measure().coolant_flow_kg_per_s > 0.2
    truck.safety.leak_per_s = 1.0
    truck.step(Surroundings(20.0), 10.0)
    truck.step(Surroundings(20.0), 10.0)
    assert truck.measure().coolant_level == 0.0
    assert truck.measure().coolant_flow_kg_per_s < 0.02


def test_a_blown_fuse_leaves_the_feedback_and_a_weld_stays_closed() -> None:
    truck = Truck(load_truck("heavy_lfp"), soc=0.5, temp_degc=20.0)
    truck.switches.blow_fuse(0)
    truck.switches.weld(2)
    truck.actuate(Command(contactor_close=(True, True, False)))
    truck.step(Surroundings(20.0), 1.0)
    assert truck.state.string_closed.tolist() == [0.0, 1.0, 1.0]
    assert truck.measure().contactor_closed.tolist() == [True, True, True]
    truck.actuate(Command(contactor_close=(False, False, False)))
    assert truck.measure().contactor_closed.tolist() == [False, False, True]


@pytest.mark.parametrize("kind", BOX_FAULTS)
def test_faults_of_the_contactor_box_leave_a_truck_without_one_alone(kind: str) -> None:
    truck = Truck(load_truck("light_liquid"), soc=0.5, temp_degc=20.0)
    BOX_FAULTS[kind](truck, 0, 0.0)
    assert truck.switches.box is None


@pytest.mark.parametrize(
    ("kind", "switch", "stuck"),
    [
        ("negative_welded", 1, 1.0),
        ("negative_open", 1, 0.0),
        ("precharge_welded", 2, 1.0),
        ("precharge_open", 2, 0.0),
    ],
)
def test_faults_of_the_contactor_box_stick_their_switch(kind: str, switch: int, stuck: float) -> None:
    truck = Truck(load_truck("light_liquid", {"box": {}}), soc=0.5, temp_degc=20.0)
    BOX_FAULTS[kind](truck, 0, 0.0)
    BOX_FAULTS["bus_shorted"](truck, 0, 0.0)
    assert truck.switches.box is not None
    assert truck.switches.box.stuck[switch, 0] == stuck
    assert truck.switches.box.short_on_bus


def test_plant_faults_that_fall_due_together_all_happen(measured: Measurement) -> None:
    truck = FakeTruck(measured)
    strings = ("0", "1", "2")
    link = linked(truck, *(entry("string_open", target=k, duration_s=math.inf) for k in strings))
    tick(link, truck, 60.0)
    assert truck.broken == [("block", k) for k in range(3)]


def test_faults_act_together_and_the_last_of_one_kind_wins(measured: Measurement) -> None:
    truck = FakeTruck(measured)
    link = linked(
        truck,
        entry("pump_stuck", value=0.2),
        entry("pump_stuck", value=0.7),
        entry("fan_off"),
        entry("sensor_offset", value=1.0, target="ambient_temp_degc"),
        entry("sensor_offset", value=2.0, target="ambient_temp_degc"),
    )
    read, written = tick(link, truck, 15.0)
    assert written.thermal == replace(WANTED, pump_duty=0.7, fan_duty=0.0)
    assert read.ambient_temp_degc == pytest.approx(measured.ambient_temp_degc + 3.0)


def test_a_real_truck_takes_every_plant_fault() -> None:
    truck = Truck(load_truck("heavy_lfp"), soc=0.5, temp_degc=20.0)
    faults = [entry(kind, value=0.5, target="1", duration_s=math.inf, time_s=0.0) for kind in PLANT_FAULTS]
    link = FaultyLink(DirectLink(truck), truck, faults)
    link.read()
    link.write(COMMAND)
    assert truck.state.string_closed.tolist() == [1.0, 0.0, 1.0]
    assert truck.branches[0].tolist() == [1.0, 0.5, 1.0]
    assert truck.constants.capacity_as[1].min() < 0.6 * truck.constants.capacity_as[0].min()
    assert truck.constants.core_to_wall_w_per_k[1].max() < truck.constants.core_to_wall_w_per_k[0].min()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("cell_temp_degc", ("cell_temp_degc", ())),
        ("cell_temp_degc[7]", ("cell_temp_degc", (7,))),
        ("cell_temp_degc[0, 3]", ("cell_temp_degc", (0, 3))),
        ("cell_temp_degc[10,23]", ("cell_temp_degc", (10, 23))),
    ],
)
def test_a_target_is_a_name_and_perhaps_an_index(target: str, expected: tuple[str, tuple[int, ...]]) -> None:
    assert parse_target(target) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "pump_of"}, r"no such fault; did you mean pump_off\?"),
        ({"kind": "sensor_lost"}, r"target '0' is no measurement"),
        ({"kind": "sensor_lost", "target": "cell_tmp_degc"}, r"did you mean cell_temp_degc\?"),
        ({"kind": "sensor_lost", "target": "cell_temp_degc[-1]"}, r"must look like name or name\[0, 3\]"),
        ({"kind": "sensor_lost", "target": "cell_temp_degc[0"}, r"must look like name or name\[0, 3\]"),
        ({"kind": "sensor_lost", "target": "time_s"}, r"target 'time_s' is no measurement"),
        ({"kind": "sensor_lost", "target": "vehicle_mode"}, r"target 'vehicle_mode' is no measurement"),
        ({"kind": "string_open", "target": "one"}, r"must be the number of a string, counted from 0"),
        ({"kind": "string_open", "target": "²"}, r"must be the number of a string, counted from 0"),
        ({"kind": "string_open", "duration_s": 60.0}, r"string_open is not undone: leave out duration_s"),
        ({"kind": "pump_stuck", "value": 1.1}, r"value 1.1 must be a duty from 0 to 1"),
        ({"kind": "heater_stuck_on", "value": -0.1}, r"value -0.1 must be a duty"),
        ({"kind": "valve_stuck", "value": 4.0}, r"value 4.0 must be a valve mode from 0 to 3"),
        ({"kind": "valve_stuck", "value": 1.5}, r"must be a valve mode"),
        ({"kind": "plate_clogged"}, r"value 0.0 must be a factor > 0"),
        ({"kind": "charger_excess"}, r"value 0.0 must be a factor > 0"),
        ({"kind": "isolation_low", "value": -1.0}, r"value -1.0 must be >= 0"),
        ({"kind": "link_lossy", "value": 1.0}, r"value 1.0 must be a share between 0 and 1"),
        ({"kind": "hvil_open", "duration_s": 60.0}, r"hvil_open is not undone: leave out duration_s"),
        (
            {"kind": "sensor_swapped", "target": "bus_voltage_v", "other": "bus_volt"},
            r"target 'bus_volt' is no measurement; did you mean bus_voltage_v",
        ),
        (
            {"kind": "sensor_lost", "target": "bus_voltage_v", "other": "crash"},
            r"other = 'crash': only sensor_swapped has one",
        ),
        ({"kind": "pump_off", "time_s": -1.0}, r"time_s = -1.0: must be >= 0"),
        ({"kind": "pump_off", "duration_s": 0.0}, r"duration_s = 0.0: must be > 0"),
        ({"kind": "pump_off", "duration_s": math.nan}, r"duration_s = nan: must be > 0"),
        ({"kind": "pump_off", "value": math.inf}, r"value = inf: must be a finite number"),
        ({"kind": "pump_off", "start_s": 3.0}, r"start_s: unknown key"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_in_one_line(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        parse(FaultEntry, values, "day.toml")
    assert "\n" not in str(refused.value)


def test_every_kind_belongs_to_one_group() -> None:
    groups = (
        ACTUATOR_FAULTS,
        REQUEST_FAULTS,
        PLANT_FAULTS,
        ABUSE_FAULTS,
        SENSOR_KINDS,
        LINK_KINDS,
        CONTROLLER_FAULTS,
    )
    assert set(KINDS) == {kind for group in groups for kind in group}
    assert len(KINDS) == len(set(KINDS)) == 48


class FakeRunaway:
    """Remembers which cell was abused how."""

    def __init__(self, broken: list[tuple[object, ...]]) -> None:
        self._broken = broken

    def short_cell(self, *args: object) -> None:
        self._broken.append(("short_cell", *args))

    def heat_cell(self, *args: object) -> None:
        self._broken.append(("heat_cell", *args))

    def overcharge(self, *args: object) -> None:
        self._broken.append(("overcharge", *args))


@pytest.mark.parametrize(
    ("kind", "called"),
    [("internal_short", "short_cell"), ("cell_heater", "heat_cell"), ("overcharge", "overcharge")],
)
@pytest.mark.parametrize(("target", "group"), [("1, 40", 40), ("1", 108)])
def test_an_abuse_starts_once_in_its_group_or_the_middle_one(
    kind: str, called: str, target: str, group: int, measured: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    truck = Truck(load_truck("heavy_lfp"), soc=0.5, temp_degc=20.0)
    broken: list[tuple[object, ...]] = []
    monkeypatch.setattr(truck, "abused", lambda: FakeRunaway(broken))
    entry = FaultEntry(kind=kind, time_s=START_S, target=target, value=2.0)
    link = FaultyLink(DirectLink(truck), truck, (entry,))
    link.begin(START_S - 0.01)
    assert broken == []
    link.begin(START_S)
    link.begin(START_S + 1.0)
    assert broken == [(called, 1, group, 2.0)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "cell"}, "must be a string, or string and group"),
        ({"target": "0, 1, 2"}, "must be a string, or string and group"),
        ({"value": 0.0}, "must be a resistance, power or current"),
        ({"duration_s": 10.0}, "is not undone"),
    ],
)
def test_an_abuse_that_cannot_be_is_refused_in_one_line(changes: dict[str, Any], message: str) -> None:
    data = {"kind": "internal_short", "value": 0.01, **changes}
    with pytest.raises(ConfigError, match=message):
        parse(FaultEntry, data, "here")
