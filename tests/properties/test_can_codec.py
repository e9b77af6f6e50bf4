"""The codec holds for every message of every definition: against its own inverse and against cantools."""

import math

import cantools.database
import numpy as np
from cantools.database.can import Database
from hypothesis import given, settings
from hypothesis import strategies as st

from thermal_bms.can.bus_image import BusReceiver, BusSender, DirectBus
from thermal_bms.can.bus_map import PackShape
from thermal_bms.can.codec import CommandCodec, MeasurementCodec
from thermal_bms.can.database import BUNDLED, FOLDER, bundled_messages
from thermal_bms.can.layout import MessageLayout, SignalKind, SignalStatus

MESSAGES = [(bus, layout) for bus in BUNDLED for layout in bundled_messages(bus).values()]
PAGES = [(layout, page) for _, layout in MESSAGES for page in layout.pages]
SHAPE = PackShape(2, 5, 3)
CODEC = MeasurementCodec(SHAPE)
COMMANDS = CommandCodec(3)
ANY_NUMBER = st.floats(allow_nan=True, allow_infinity=True)
ORDINARY = st.floats(-1.0e7, 1.0e7)


def oracle(bus: str) -> Database:
    database = cantools.database.load_file(FOLDER / f"{bus}.dbc")
    assert isinstance(database, Database)
    return database


ORACLES = {bus: oracle(bus) for bus in BUNDLED}


@given(data=st.data())
def test_a_value_comes_back_within_half_a_step(data: st.DataObject) -> None:
    layout, page = data.draw(st.sampled_from(PAGES))
    signals = layout.pages[page]
    values = [data.draw(st.floats(s.value_min, s.value_max)) for s in signals]
    encoded = layout.encode(values, page)
    decoded = layout.decode(encoded.data)
    assert encoded.saturated == ()
    assert decoded is not None
    assert decoded.page == page
    for signal, sent, read, status in zip(signals, values, decoded.values, decoded.status, strict=True):
        step = abs(signal.scale)
        assert status is SignalStatus.VALID
        assert abs(read - sent) <= 0.5 * step + 1e-9 * max(step, abs(sent), abs(signal.offset))


@given(data=st.data())
def test_a_code_comes_back_as_itself(data: st.DataObject) -> None:
    layout, page = data.draw(st.sampled_from(PAGES))
    signals = layout.pages[page]
    values = [s.value(data.draw(st.integers(s.code_min, s.code_max))) for s in signals]
    decoded = layout.decode(layout.encode(values, page).data)
    assert decoded is not None
    assert decoded.values == values


@given(data=st.data())
def test_any_number_is_encoded_and_what_did_not_fit_is_named(data: st.DataObject) -> None:
    layout, page = data.draw(st.sampled_from(PAGES))
    signals = layout.pages[page]
    values = [data.draw(ANY_NUMBER) for _ in signals]
    encoded = layout.encode(values, page)
    assert len(encoded.data) == layout.length
    for signal, value in zip(signals, values, strict=True):
        if not math.isnan(value) and not math.isinf(value):
            margin = 0.51 * abs(signal.scale)
            outside = value < signal.value_min - margin or value > signal.value_max + margin
            assert not outside or signal.name in encoded.saturated


def _oracle_values(bus: str, layout: MessageLayout, data: bytes) -> dict[str, float]:
    message = ORACLES[bus].get_message_by_name(layout.name)
    found = message.decode(data, decode_choices=False, allow_truncated=False)
    assert isinstance(found, dict)
    return {name: float(value) for name, value in found.items() if isinstance(value, (int, float))}


@given(data=st.data())
def test_any_bytes_are_read_as_cantools_reads_them(data: st.DataObject) -> None:
    bus, layout = data.draw(st.sampled_from(MESSAGES))
    content = bytearray(data.draw(st.binary(min_size=layout.length, max_size=layout.length)))
    page = data.draw(st.sampled_from(list(layout.pages)))
    if layout.page_signal is not None:
        word = int.from_bytes(content, "little") & ~(layout.page_signal.mask << layout.page_signal.start)
        content = bytearray((word | page << layout.page_signal.start).to_bytes(layout.length, "little"))
    decoded = layout.decode(bytes(content))
    expected = _oracle_values(bus, layout, bytes(content))
    assert decoded is not None
    for signal, value, status in zip(layout.pages[page], decoded.values, decoded.status, strict=True):
        if status is SignalStatus.VALID:
            assert math.isclose(value, expected[signal.name], rel_tol=1e-12, abs_tol=1e-12)
        else:
            assert math.isnan(value)


@given(data=st.data())
def test_what_is_encoded_is_read_by_cantools(data: st.DataObject) -> None:
    bus, layout = data.draw(st.sampled_from(MESSAGES))
    page = data.draw(st.sampled_from(list(layout.pages)))
    signals = layout.pages[page]
    codes = [data.draw(st.integers(s.code_min, s.code_max)) for s in signals]
    encoded = layout.encode([s.value(code) for s, code in zip(signals, codes, strict=True)], page)
    expected = _oracle_values(bus, layout, encoded.data)
    for signal, code in zip(signals, codes, strict=True):
        assert math.isclose(signal.value(code), expected[signal.name], rel_tol=1e-12, abs_tol=1e-12)


@given(data=st.data())
def test_a_missing_value_is_never_read_as_a_number_where_codes_are_left_for_it(data: st.DataObject) -> None:
    layout, page = data.draw(st.sampled_from(PAGES))
    signals = layout.pages[page]
    decoded = layout.decode(layout.encode([math.nan] * len(signals), page).data)
    assert decoded is not None
    for signal, value in zip(signals, decoded.values, strict=True):
        if signal.kind is SignalKind.VALUE or signal.code_max < signal.mask:
            assert math.isnan(value)


@settings(max_examples=40)
@given(data=st.data())
def test_the_direct_bus_equals_the_frames_to_the_last_bit(data: st.DataObject) -> None:
    sender, receiver, direct = BusSender(CODEC.bus_map), BusReceiver(CODEC.bus_map), DirectBus(CODEC.bus_map)
    time_s = 0.0
    for _ in range(data.draw(st.integers(1, 4))):
        base = data.draw(st.lists(st.one_of(ORDINARY, ANY_NUMBER), min_size=8, max_size=8))
        values = np.resize(np.array([*base, -math.nan]), CODEC.bus_map.size)
        time_s += data.draw(st.floats(0.0, 2.0))
        for frame in sender.frames(values, time_s):
            receiver.take(frame, time_s)
        carried = direct.carry(values, time_s)
        assert carried.tobytes() == receiver.image.tobytes()
        assert direct.saturated == sender.saturated


@given(st.lists(st.floats(-0.1, 1.2), min_size=4, max_size=4), st.floats(0.0, 4000.0), st.floats(0.0, 3.0e6))
def test_a_command_on_the_bus_equals_its_quantised_twin(
    duties: list[float], current_a: float, power_w: float
) -> None:
    flat = np.zeros(COMMANDS.bus_map.size)
    for name, value in zip(("pump_duty", "fan_duty", "compressor_duty", "heater_duty"), duties, strict=True):
        flat[COMMANDS.bus_map.slices[name]] = value
    flat[COMMANDS.bus_map.slices["charge_current_a"]] = current_a
    flat[COMMANDS.bus_map.slices["regen_power_max_w"]] = power_w
    wanted = COMMANDS.restore(flat)
    receiver = BusReceiver(COMMANDS.bus_map)
    for frame in BusSender(COMMANDS.bus_map).frames(COMMANDS.flatten(wanted), 0.0):
        receiver.take(frame, 0.0)
    read = COMMANDS.restore(receiver.image)
    assert read == COMMANDS.quantise(wanted)
    assert all(0.0 <= getattr(read.thermal, name) <= 1.0 for name in ("pump_duty", "fan_duty", "heater_duty"))
