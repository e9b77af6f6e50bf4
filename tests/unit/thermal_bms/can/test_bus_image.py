import numpy as np

from tests.unit.thermal_bms.can.can_samples import SHAPE, measurement
from thermal_bms.can.bus_image import BusReceiver, BusSender, DirectBus, TakeStatus
from thermal_bms.can.bus_map import BusMap, PackShape
from thermal_bms.can.codec import MeasurementCodec
from thermal_bms.can.e2e import E2eProfile, E2eStatus
from thermal_bms.can.frame import Frame
from thermal_bms.can.layout import SignalStatus
from thermal_bms.can.mapping import COMMAND_ON_BUS, GBT_DEMAND_ON_BUS

CODEC = MeasurementCodec(SHAPE)
FLAT = CODEC.flatten(measurement())


def named(frames: list[Frame], name: str, bus_map: BusMap = CODEC.bus_map) -> list[Frame]:
    wanted = {slot.identifier for slot in bus_map.slots if slot.layout.name == name}
    return [frame for frame in frames if frame.identifier in wanted]


def test_what_is_sent_at_first_fills_the_whole_image() -> None:
    sender, receiver = BusSender(CODEC.bus_map), BusReceiver(CODEC.bus_map)
    assert np.isnan(receiver.image).all()
    frames = sender.frames(FLAT, 0.0)
    assert {receiver.take(frame, 0.0) for frame in frames} == {TakeStatus.TAKEN}
    np.testing.assert_array_equal(receiver.image, CODEC.bus_map.quantise(FLAT)[0])


def test_between_its_turns_a_value_is_held() -> None:
    sender, receiver = BusSender(CODEC.bus_map), BusReceiver(CODEC.bus_map)
    for frame in sender.frames(FLAT, 0.0):
        receiver.take(frame, 0.0)
    changed = CODEC.flatten(measurement(ambient_temp_degc=-10.0, bus_voltage_v=600.0))
    for frame in sender.frames(changed, 0.1):
        receiver.take(frame, 0.1)
    read = CODEC.restore(receiver.image, 0.1)
    assert (read.bus_voltage_v, read.ambient_temp_degc) == (600.0, 31.0)


def test_the_direct_bus_does_to_the_last_bit_what_the_frames_do() -> None:
    sender, receiver, direct = BusSender(CODEC.bus_map), BusReceiver(CODEC.bus_map), DirectBus(CODEC.bus_map)
    rng = np.random.default_rng(3)
    for k in range(60):
        values = FLAT * rng.uniform(0.9, 1.1, len(FLAT))
        time_s = 0.07 * k
        for frame in sender.frames(values, time_s):
            receiver.take(frame, time_s)
        carried = direct.carry(values, time_s)
        assert carried.tobytes() == receiver.image.tobytes()
        assert direct.saturated == sender.saturated


def test_saturation_is_reported_by_both_ways() -> None:
    sender, direct = BusSender(CODEC.bus_map), DirectBus(CODEC.bus_map)
    values = CODEC.flatten(
        measurement(charger_current_max_a=5000.0, string_current_a=np.array([0.0, 9000.0]))
    )
    sender.frames(values, 0.0)
    direct.carry(values, 0.0)
    assert sender.saturated == direct.saturated == ("string_current_a", "charger_current_max_a")
    sender.frames(FLAT, 2.0)
    assert sender.saturated == ()


def test_another_priority_is_taken_and_another_source_is_not() -> None:
    receiver = BusReceiver(CODEC.bus_map)
    frame = named(BusSender(CODEC.bus_map).frames(FLAT, 0.0), "AMB")[0]
    assert receiver.take(Frame(frame.identifier & 0x3FFFFFF | 7 << 26, frame.data), 0.0) is TakeStatus.TAKEN
    assert receiver.take(Frame(frame.identifier ^ 1, frame.data), 0.0) is TakeStatus.UNKNOWN


def test_a_wrong_check_value_changes_nothing() -> None:
    receiver = BusReceiver(CODEC.bus_map)
    frame = named(BusSender(CODEC.bus_map).frames(FLAT, 0.0), "JBOX")[0]
    bad = Frame(frame.identifier, frame.data[:-1] + b"\x00")
    assert receiver.take(bad, 0.0) is TakeStatus.REFUSED
    assert np.isnan(receiver.image).all()
    assert receiver.e2e_counts[E2eStatus.WRONG_CRC] == 1


def test_a_repeated_frame_is_refused_and_does_not_make_the_value_younger() -> None:
    receiver = BusReceiver(CODEC.bus_map)
    frame = named(BusSender(CODEC.bus_map).frames(FLAT, 0.0), "JBOX")[0]
    receiver.take(frame, 0.0)
    assert receiver.take(frame, 0.2) is TakeStatus.REFUSED
    assert receiver.e2e_counts[E2eStatus.REPEATED] == 1
    place = CODEC.bus_map.slices["bus_voltage_v"].start
    assert receiver.age_periods(0.25)[place] == 2.5


def test_a_short_frame_without_protection_is_malformed() -> None:
    receiver = BusReceiver(CODEC.bus_map)
    frame = named(BusSender(CODEC.bus_map).frames(FLAT, 0.0), "AMB")[0]
    assert receiver.take(Frame(frame.identifier, frame.data[:5]), 0.0) is TakeStatus.MALFORMED


def test_a_page_that_this_pack_does_not_have_is_unknown() -> None:
    large = MeasurementCodec(PackShape(1, 10, 4))
    frames = named(BusSender(large.bus_map).frames(np.zeros(large.bus_map.size), 0.0), "CELLV", large.bus_map)
    receiver = BusReceiver(CODEC.bus_map)
    found = [receiver.take(frame, 0.0) for frame in frames]
    assert found == [TakeStatus.TAKEN] * 3 + [TakeStatus.UNKNOWN]


def test_an_error_code_is_told_from_a_missing_value() -> None:
    receiver = BusReceiver(CODEC.bus_map)
    identifier = named(BusSender(CODEC.bus_map).frames(FLAT, 0.0), "AMB")[0].identifier
    place = CODEC.bus_map.slices["ambient_temp_degc"].start
    assert receiver.status[place] == SignalStatus.NOT_AVAILABLE
    receiver.take(Frame(identifier, b"\xff\xff\xff\x00\xfe\xff\xff\xff"), 0.0)
    assert np.isnan(receiver.image[place])
    assert receiver.status[place] == SignalStatus.ERROR
    receiver.take(Frame(identifier, b"\xff\xff\xff\x00\x25\xff\xff\xff"), 1.0)
    assert (receiver.image[place], receiver.status[place]) == (23.0, SignalStatus.VALID)


def test_what_was_never_seen_is_infinitely_old() -> None:
    assert np.isinf(BusReceiver(CODEC.bus_map).age_periods(1.0)).all()


def test_protection_can_be_switched_off_or_replaced() -> None:
    rows = [row for row in COMMAND_ON_BUS if row.message == "THC1"]
    bus_map = BusMap(rows, SHAPE)
    values = np.array([0.5, 0.5, 0.5, 0.5, 1.0])
    bare = BusSender(bus_map, protections={"THC1": None}).frames(values, 0.0)[0]
    assert bare.data[0] == 0xFF
    other = {"THC1": E2eProfile(15, 8, data_id=77)}
    frame = BusSender(bus_map, protections=other).frames(values, 0.0)[0]
    assert BusReceiver(bus_map).take(frame, 0.0) is TakeStatus.REFUSED
    assert BusReceiver(bus_map, protections=other).take(frame, 0.0) is TakeStatus.TAKEN
    assert BusReceiver(bus_map, protections={"THC1": None}).take(bare, 0.0) is TakeStatus.TAKEN


def test_a_charge_current_is_negative_on_the_chinese_bus() -> None:
    bus_map = BusMap(GBT_DEMAND_ON_BUS, PackShape(1, 1, 1))
    frame = BusSender(bus_map).frames(np.array([150.0, 600.0, 2.0]), 0.0)[0]
    assert frame == Frame(0x181056F4, (6000).to_bytes(2, "little") + (2500).to_bytes(2, "little") + b"\x02")
    receiver = BusReceiver(bus_map)
    receiver.take(frame, 0.0)
    np.testing.assert_allclose(receiver.image, [150.0, 600.0, 2.0], rtol=1e-12)


def test_a_short_silence_costs_no_more_than_itself() -> None:
    sender, receiver, strict = (build(CODEC.bus_map) for build in (BusSender, BusReceiver, BusReceiver))
    found = []
    for k in range(12):
        time_s = 0.1 * k
        receiver.tick(time_s)
        frame = named(sender.frames(FLAT, time_s), "JBOX")[0]
        if not 2 <= k <= 8:
            found.append((receiver.take(frame, time_s), strict.take(frame, time_s)))
    assert [one for one, _ in found] == [TakeStatus.TAKEN] * 5
    assert [other for _, other in found] == [TakeStatus.TAKEN] * 2 + [TakeStatus.REFUSED] * 3
    assert receiver.e2e_counts[E2eStatus.OK_SOME_LOST] == 1
    assert receiver.e2e_counts[E2eStatus.NO_NEW_DATA] == 7


def test_after_a_long_silence_a_command_is_not_believed_at_once() -> None:
    rows = [row for row in COMMAND_ON_BUS if row.message == "THC1"]
    bus_map = BusMap(rows, SHAPE)
    sender, receiver = BusSender(bus_map), BusReceiver(bus_map)
    values = np.array([0.5, 0.5, 0.5, 0.5, 1.0])
    receiver.take(sender.frames(values, 0.0)[0], 0.0)
    for k in range(1, 30):
        receiver.tick(0.1 * k)
    found = [receiver.take(sender.frames(values, 3.0 + 0.1 * k)[0], 3.0 + 0.1 * k) for k in range(5)]
    assert found == [TakeStatus.REFUSED] * 3 + [TakeStatus.TAKEN] * 2


def test_a_tick_slower_than_the_messages_is_no_silence() -> None:
    sender, receiver = BusSender(CODEC.bus_map), BusReceiver(CODEC.bus_map)
    for k in range(20):
        receiver.tick(1.0 * k)
        assert {receiver.take(frame, 1.0 * k) for frame in sender.frames(FLAT, 1.0 * k)} == {TakeStatus.TAKEN}


def test_losing_a_few_frames_does_not_stop_the_cells() -> None:
    sender, receiver = BusSender(CODEC.bus_map), BusReceiver(CODEC.bus_map)
    taken = 0
    for k in range(20):
        for i, frame in enumerate(named(sender.frames(FLAT, 1.0 * k), "CELLV")):
            if (k + i) % 5:
                taken += receiver.take(frame, 1.0 * k) is TakeStatus.TAKEN
    assert taken == 96
