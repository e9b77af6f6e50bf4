from typing import Any

import pytest

from tests.unit.thermal_bms.can.can_samples import vectors
from thermal_bms.can.database import bundled_messages
from thermal_bms.can.e2e import (
    ACCEPTED,
    DataIdMode,
    E2eProfile,
    E2eReceiver,
    E2eSender,
    E2eStatus,
    profile_of,
)
from thermal_bms.can.layout import MessageLayout, Signal, SignalKind
from thermal_bms.errors import CodecError

VECTORS = vectors("e2e_vectors.json")
ID_LIST = bytes.fromhex(VECTORS["data_id_list"])
P01 = E2eProfile(15, 8, data_id=0x1234)
P02 = E2eProfile(16, 8, data_id_list=ID_LIST)
DATA = bytes(range(8))


def profile(case: dict[str, Any]) -> E2eProfile:
    second = case["profile"] == "P02"
    return E2eProfile(
        counter_values=16 if second else 15,
        length=len(case["data"]) // 2,
        data_id=case["data_id"],
        mode=DataIdMode[case["mode"]],
        data_id_list=ID_LIST if second else b"",
    )


@pytest.mark.parametrize(
    "case", VECTORS["vectors"], ids=lambda c: f"{c['profile']} {c['mode']} {len(c['data']) // 2}"
)
def test_check_values_are_those_of_the_oracle_over_a_whole_counter_cycle(case: dict[str, Any]) -> None:
    own = profile(case)
    data = bytes.fromhex(case["data"])
    for text in case["protected"]:
        expected = bytes.fromhex(text)
        counter = own.counter(expected)
        if counter < own.counter_values:
            assert own.protect(data, counter) == expected
            assert own.intact(expected)


@pytest.mark.parametrize("own", [P01, P02], ids=["P01", "P02"])
def test_every_flipped_bit_is_found(own: E2eProfile) -> None:
    good = own.protect(DATA, 3)
    for bit in range(64):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        assert not own.intact(bytes(bad))


def test_a_message_of_another_identifier_is_not_intact() -> None:
    assert not E2eProfile(15, 8, data_id=0x1235).intact(P01.protect(DATA, 3))


def test_a_counter_of_fifteen_does_not_exist_in_profile_1() -> None:
    assert not P01.intact(P01.protect(DATA, 15))
    assert P02.intact(P02.protect(DATA, 15))


def test_a_wrong_identifier_nibble_is_found() -> None:
    own = E2eProfile(15, 8, data_id=0x234, mode=DataIdMode.NIBBLE)
    same_low_byte = E2eProfile(15, 8, data_id=0x334, mode=DataIdMode.NIBBLE)
    assert own.intact(own.protect(DATA, 1))
    assert not own.intact(same_low_byte.protect(DATA, 1))


def test_a_cut_off_message_is_not_intact() -> None:
    assert not P01.intact(P01.protect(DATA, 1)[:-1])


@pytest.mark.parametrize("own", [P01, P02], ids=["P01", "P02"])
def test_the_senders_counter_runs_through_all_its_values(own: E2eProfile) -> None:
    sender = E2eSender(own)
    counters = [own.counter(sender.protect(DATA)) for _ in range(own.counter_values + 1)]
    assert counters == [*range(own.counter_values), 0]


def run(counters: list[int | None], **settings: int) -> list[E2eStatus]:
    receiver = E2eReceiver(P01, **settings)
    return [receiver.check(None if c is None else P01.protect(DATA, c)) for c in counters]


def test_the_first_message_is_initial_and_the_next_ones_are_good() -> None:
    assert run([7, 8, 9]) == [E2eStatus.INITIAL, E2eStatus.OK, E2eStatus.OK]


def test_the_counter_wraps() -> None:
    assert run([13, 14, 0, 1])[1:] == [E2eStatus.OK] * 3


def test_a_repeated_message_is_told_from_a_wrong_one() -> None:
    assert run([3, 3]) == [E2eStatus.INITIAL, E2eStatus.REPEATED]


def test_some_lost_messages_are_allowed() -> None:
    receiver = E2eReceiver(P01, max_delta=3)
    receiver.check(P01.protect(DATA, 0))
    assert receiver.check(P01.protect(DATA, 3)) is E2eStatus.OK_SOME_LOST
    assert receiver.lost == 2


def test_a_jump_is_a_wrong_sequence_and_needs_two_messages_to_be_trusted_again() -> None:
    found = run([0, 9, 10, 11, 12], max_delta=2)
    assert found[1:] == [E2eStatus.WRONG_SEQUENCE, E2eStatus.SYNC, E2eStatus.SYNC, E2eStatus.OK]
    assert E2eStatus.SYNC not in ACCEPTED


def test_without_synchronisation_the_old_counter_stays() -> None:
    assert run([0, 9, 1], max_delta=2, sync=0)[1:] == [E2eStatus.WRONG_SEQUENCE, E2eStatus.OK]


def test_periods_without_data_widen_the_allowed_step() -> None:
    found = run([0, None, None, None, 5], max_delta=1)
    assert found[1:] == [E2eStatus.NO_NEW_DATA] * 3 + [E2eStatus.OK_SOME_LOST]


def test_a_long_silence_asks_for_synchronisation() -> None:
    found = run([0, *[None] * 5, 1, 2, 3, 4], max_no_new=3, sync=2)
    assert found[6:] == [E2eStatus.SYNC, E2eStatus.SYNC, E2eStatus.SYNC, E2eStatus.OK]


def test_the_allowed_silence_ends_after_exactly_as_many_calls_as_configured() -> None:
    allowed = [0, *[None] * 3, 1]
    assert run(allowed, max_no_new=3)[-1] is E2eStatus.OK
    assert run([0, *[None] * 4, 1], max_no_new=3)[-1] is E2eStatus.SYNC
    again = [0, *[None] * 4, 1, 2, 3, *[None] * 3, 4]
    assert run(again, max_no_new=3)[-1] is E2eStatus.OK
    assert run([*allowed, *[None] * 3, 2], max_no_new=3)[-1] is E2eStatus.OK


def test_a_jump_forgets_the_silence_before_it() -> None:
    found = run([0, None, None, 9, None, None, 10], max_delta=2, max_no_new=2, sync=0)
    assert found[3] is E2eStatus.WRONG_SEQUENCE
    assert run([0, *[None] * 2, 9, *[None] * 2, 1], max_delta=1, max_no_new=2, sync=0)[-1] is E2eStatus.OK


def test_a_long_row_of_repeats_asks_for_synchronisation_too() -> None:
    assert run([0, 0, 0, 0, 1], max_no_new=2, sync=0)[-1] is E2eStatus.SYNC


def test_a_wrong_check_value_changes_nothing_but_the_allowed_step() -> None:
    receiver = E2eReceiver(P01)
    receiver.check(P01.protect(DATA, 0))
    assert receiver.check(bytes(8)) is E2eStatus.WRONG_CRC
    assert receiver.check(P01.protect(DATA, 1)) is E2eStatus.OK


def test_a_reset_receiver_takes_any_counter_as_the_first() -> None:
    receiver = E2eReceiver(P02)
    receiver.check(P02.protect(DATA, 0))
    receiver.reset()
    assert receiver.check(P02.protect(DATA, 9)) is E2eStatus.INITIAL


def test_the_definitions_say_how_messages_are_protected() -> None:
    first = profile_of(bundled_messages("cells")["STRM"])
    assert first == E2eProfile(15, 8, 0, 8, 0xFF12)
    second = profile_of(bundled_messages("thermal")["THC1"])
    assert second is not None
    assert (second.counter_values, second.data_id_list) == (16, ID_LIST)
    assert profile_of(bundled_messages("hvess")["HVESSS1"]) is None


def test_check_value_and_counter_may_stand_at_the_end() -> None:
    own = E2eProfile(15, 8, crc_byte=7, counter_bit=52, data_id=5)
    data = own.protect(bytes(8), 9)
    assert data[6] == 0x90
    assert own.intact(data)


def layout(*, crc_start: int = 0, counter_start: int = 8, profile_name: str = "P01") -> MessageLayout:
    def signal(name: str, start: int, bits: int, kind: SignalKind) -> Signal:
        return Signal(name, "", start, bits, 1.0, 0.0, 0, (1 << bits) - 1, kind, 0)

    return MessageLayout(
        "X",
        identifier=0x18FF0000,
        length=8,
        signals={0: []},
        crc=signal("Crc", crc_start, 8, SignalKind.CRC),
        counter=signal("Counter", counter_start, 4, SignalKind.COUNTER),
        profile=profile_name,
    )


@pytest.mark.parametrize("changes", [{"crc_start": 3}, {"counter_start": 10}])
def test_a_protection_across_bytes_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(CodecError, match="X: check value must fill a byte"):
        profile_of(layout(**changes))


def test_profile_2_needs_sixteen_identifiers() -> None:
    with pytest.raises(CodecError, match="X: E2eDataIdList has 0 bytes; must have 16"):
        profile_of(layout(profile_name="P02"))
