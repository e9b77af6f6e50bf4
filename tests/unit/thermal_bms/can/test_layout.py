import math

import pytest

from thermal_bms.can.database import bundled_messages
from thermal_bms.can.layout import MessageLayout, Signal, SignalKind, SignalStatus, special_code_max

HVESSD1 = bundled_messages("hvess")["HVESSD1"]


def signal(bits: int, kind: SignalKind = SignalKind.VALUE, code_max: int | None = None) -> Signal:
    top = special_code_max(bits) if code_max is None else code_max
    return Signal("Value", "", 0, bits, 1.0, 0.0, 0, top, kind, 0)


def one(found: Signal) -> MessageLayout:
    return MessageLayout("X", identifier=0x18FF0000, length=4, signals={0: [found]})


def status(found: Signal, code: int) -> SignalStatus:
    decoded = one(found).decode(code.to_bytes(4, "little"))
    assert decoded is not None
    assert math.isnan(decoded.values[0]) == (decoded.status[0] is not SignalStatus.VALID)
    return decoded.status[0]


@pytest.mark.parametrize(
    ("bits", "code", "expected"),
    [
        (8, 0xFA, SignalStatus.VALID),
        (8, 0xFB, SignalStatus.RESERVED),
        (8, 0xFD, SignalStatus.RESERVED),
        (8, 0xFE, SignalStatus.ERROR),
        (8, 0xFF, SignalStatus.NOT_AVAILABLE),
        (16, 0xFAFF, SignalStatus.VALID),
        (16, 0xFB00, SignalStatus.RESERVED),
        (16, 0xFDFF, SignalStatus.RESERVED),
        (16, 0xFE00, SignalStatus.ERROR),
        (16, 0xFEFF, SignalStatus.ERROR),
        (16, 0xFF00, SignalStatus.NOT_AVAILABLE),
        (16, 0xFFFF, SignalStatus.NOT_AVAILABLE),
        (24, 0xFAFFFF, SignalStatus.VALID),
        (24, 0xFE1234, SignalStatus.ERROR),
        (32, 0xFF000000, SignalStatus.NOT_AVAILABLE),
        (14, (0xFB << 6) - 1, SignalStatus.VALID),
        (14, 0xFE << 6, SignalStatus.ERROR),
        (2, 1, SignalStatus.VALID),
        (2, 2, SignalStatus.ERROR),
        (2, 3, SignalStatus.NOT_AVAILABLE),
        (4, 13, SignalStatus.VALID),
        (4, 14, SignalStatus.ERROR),
        (4, 15, SignalStatus.NOT_AVAILABLE),
    ],
)
def test_special_codes_are_told_apart(bits: int, code: int, expected: SignalStatus) -> None:
    assert status(signal(bits), code) is expected


def test_a_code_above_the_definitions_maximum_is_out_of_range() -> None:
    assert status(signal(8, code_max=100), 101) is SignalStatus.OUT_OF_RANGE
    assert status(signal(4, code_max=2), 3) is SignalStatus.OUT_OF_RANGE
    assert status(signal(16, SignalKind.FULL, 7500), 0xFFFF) is SignalStatus.OUT_OF_RANGE


def test_a_signal_without_special_codes_uses_them_all() -> None:
    assert status(signal(8, SignalKind.FULL, 255), 255) is SignalStatus.VALID


def test_a_current_beyond_the_signal_is_reported_and_sent_as_its_end() -> None:
    encoded = HVESSD1.encode([0.0, 0.0, 700.0, -3000.0])
    assert encoded.saturated == ("PackCurrentA",)
    decoded = HVESSD1.decode(encoded.data)
    assert decoded is not None
    assert decoded.values[3] == -1600.0
    assert HVESSD1.encode([0.0, 0.0, 700.0, 1612.8]).saturated == ("PackCurrentA",)
    assert HVESSD1.encode([0.0, 0.0, 700.0, -1600.02]).saturated == ()


def test_infinity_saturates() -> None:
    encoded = HVESSD1.encode([math.inf, -math.inf, 0.0, 0.0])
    assert encoded.saturated == ("DischargePowerMaxW", "RegenPowerMaxW")


def test_a_missing_value_is_sent_as_not_available() -> None:
    encoded = HVESSD1.encode([math.nan] * 4)
    assert encoded.data == b"\xff" * 8
    decoded = HVESSD1.decode(encoded.data)
    assert decoded is not None
    assert decoded.status == [SignalStatus.NOT_AVAILABLE] * 4


def test_bits_without_a_signal_are_ones() -> None:
    assert bundled_messages("hvess")["AMB"].encode([1.0e5, 20.0, 20.0, 20.0, 20.0]).data[5] == 60
    assert bundled_messages("hvess")["HVESSD8"].encode([1.0, 2.0, 3.0, 4.0, 3.2]).data[6:] == b"\xff\xff"


@pytest.mark.parametrize("length", range(8))
def test_a_message_that_is_too_short_says_nothing(length: int) -> None:
    assert HVESSD1.decode(bytes(length)) is None


def test_bytes_after_the_message_are_ignored() -> None:
    assert HVESSD1.decode(bytes(8) + b"\xff") == HVESSD1.decode(bytes(8))


def test_a_page_that_does_not_exist_says_nothing() -> None:
    cells = bundled_messages("cells")["CELLV"]
    assert cells.decode(bytes(7) + b"\xfe") is None
    decoded = cells.decode(cells.encode([3.1, 3.2, 3.3], page=133).data)
    assert decoded is not None
    assert decoded.page == 133


def test_signals_know_the_ends_of_their_range() -> None:
    current = HVESSD1.pages[0][3]
    assert (current.value_min, current.value_max) == (-1600.0, 1612.75)
