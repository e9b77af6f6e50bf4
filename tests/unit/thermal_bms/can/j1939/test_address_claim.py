from dataclasses import replace
from typing import Any

import pytest

from tests.unit.thermal_bms.can.can_samples import OLD, YOUNG, vectors
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.address_claim import AddressClaim, ClaimState
from thermal_bms.can.j1939.identifier import build_identifier, pgn_bytes
from thermal_bms.can.j1939.name import Name

CLAIMED = 0xEE00
FIXED = replace(YOUNG, arbitrary_address=False)
ELDER = replace(OLD, arbitrary_address=False)


def claim_of(name: Name, address: int) -> Frame:
    return Frame(build_identifier(CLAIMED, address), name.data)


def request(destination: int = 0xFF) -> Frame:
    return Frame(build_identifier(0xEA00, 0xF9, destination=destination), pgn_bytes(CLAIMED))


def settled(name: Name, preferred: int = 200) -> AddressClaim:
    claim = AddressClaim(name, preferred)
    claim.start(0.0)
    claim.tick(0.25)
    assert claim.state is ClaimState.CLAIMED
    return claim


def test_the_start_asks_who_is_there_and_claims() -> None:
    claim = AddressClaim(YOUNG, 200)
    assert claim.address == 254
    assert claim.start(0.0) == [Frame(0x18EAFFFE, b"\x00\xee\x00"), claim_of(YOUNG, 200)]
    assert (claim.state, claim.address) == (ClaimState.WAITING, 254)


def test_a_claim_counts_after_a_quarter_of_a_second_of_peace() -> None:
    claim = AddressClaim(YOUNG, 200)
    claim.start(0.0)
    assert claim.tick(0.249) == []
    assert claim.address == 254
    assert claim.tick(0.25) == []
    assert claim.address == 200


def test_a_fixed_range_address_counts_at_once() -> None:
    claim = AddressClaim(YOUNG, 0x27)
    claim.start(0.0)
    assert claim.address == 0x27


def test_an_address_is_defended_against_a_younger_name() -> None:
    claim = settled(OLD)
    assert claim.on_frame(claim_of(YOUNG, 200), 1.0) == [claim_of(OLD, 200)]
    assert (claim.address, claim.conflicts, claim.lost) == (200, 1, 0)


def test_an_older_name_takes_the_address_and_the_loser_moves_on() -> None:
    claim = settled(YOUNG)
    claim.on_frame(claim_of(Name(identity=9, manufacturer=9), 128), 0.9)
    assert claim.on_frame(claim_of(OLD, 200), 1.0) == [claim_of(YOUNG, 129)]
    assert claim.address == 254
    claim.tick(1.25)
    assert (claim.address, claim.lost) == (129, 1)
    assert claim.neighbours[200] == OLD.number


def test_a_name_without_arbitrary_address_says_that_it_cannot_claim_after_its_delay() -> None:
    claim = settled(FIXED)
    assert claim.on_frame(claim_of(ELDER, 200), 1.0) == []
    assert (claim.state, claim.address) == (ClaimState.CANNOT_CLAIM, 254)
    assert claim.tick(1.001) == []
    assert claim.tick(1.2) == [claim_of(FIXED, 254)]
    assert claim.tick(1.3) == []


def test_losing_while_waiting_does_not_end_in_a_claim() -> None:
    claim = AddressClaim(FIXED, 200)
    claim.start(0.0)
    claim.on_frame(claim_of(ELDER, 200), 0.1)
    claim.tick(0.5)
    assert claim.state is ClaimState.CANNOT_CLAIM


def test_the_last_address_lost_ends_in_cannot_claim() -> None:
    claim = AddressClaim(YOUNG, 200, alternatives=(201,))
    claim.start(0.0)
    assert claim.on_frame(claim_of(OLD, 200), 0.1) == [claim_of(YOUNG, 201)]
    assert claim.on_frame(claim_of(OLD, 201), 0.2) == []
    assert claim.state is ClaimState.CANNOT_CLAIM


def test_a_request_is_answered_with_the_claim() -> None:
    claim = settled(OLD)
    assert claim.on_frame(request(), 1.0) == [claim_of(OLD, 200)]
    assert claim.on_frame(request(200), 2.0) == [claim_of(OLD, 200)]
    assert claim.on_frame(request(0x27), 3.0) == []
    assert AddressClaim(OLD, 200).on_frame(request(), 1.0) == []


def test_a_request_for_another_group_is_not_the_claims_business() -> None:
    frame = Frame(build_identifier(0xEA00, 0xF9), pgn_bytes(0xFECA))
    assert settled(OLD).on_frame(frame, 1.0) == []
    assert settled(OLD).on_frame(Frame(0x0CF090F3, bytes(8)), 1.0) == []


def test_a_request_finds_one_that_cannot_claim_at_the_null_address() -> None:
    claim = settled(FIXED)
    claim.on_frame(claim_of(ELDER, 200), 1.0)
    claim.tick(1.2)
    assert claim.on_frame(request(), 2.0) == []
    assert claim.tick(2.2) == [claim_of(FIXED, 254)]


def test_a_flood_of_rival_claims_is_answered_every_fifty_milliseconds() -> None:
    claim = settled(OLD)
    answers = []
    for k in range(1000):
        now_s = 1.0 + 0.001 * k
        answers += claim.on_frame(claim_of(YOUNG, 200), now_s)
        answers += claim.tick(now_s)
    assert 19 <= len(answers) <= 21
    assert claim.conflicts == 1000
    assert claim.address == 200


def test_a_suppressed_answer_is_given_later() -> None:
    claim = settled(OLD)
    assert claim.on_frame(claim_of(YOUNG, 200), 1.0)
    assert claim.on_frame(claim_of(YOUNG, 200), 1.02) == []
    assert claim.tick(1.03) == []
    assert claim.tick(1.051) == [claim_of(OLD, 200)]


def test_the_own_claim_heard_again_is_counted_and_not_fought() -> None:
    claim = settled(OLD)
    assert claim.on_frame(claim_of(OLD, 200), 1.0) == []
    assert (claim.duplicates, claim.conflicts) == (1, 0)
    assert 200 not in claim.neighbours


def test_a_malformed_claim_changes_nothing() -> None:
    claim = settled(YOUNG)
    assert claim.on_frame(Frame(build_identifier(CLAIMED, 200), b"\x00"), 1.0) == []
    assert claim.address == 200


def test_claims_on_other_addresses_are_only_remembered() -> None:
    claim = settled(YOUNG)
    assert claim.on_frame(claim_of(OLD, 0x27), 1.0) == []
    assert claim.on_frame(claim_of(OLD, 254), 1.0) == []
    assert claim.neighbours == {0x27: OLD.number}


@pytest.mark.parametrize("case", vectors("j1939_vectors.json")["claims"])
def test_rivals_are_met_as_the_oracle_meets_them(case: dict[str, Any]) -> None:
    name = Name(identity=case["own"], manufacturer=5, arbitrary_address=case["arbitrary"])
    claim = AddressClaim(name, 200, alternatives=range(201, 248))
    sent = claim.start(0.0)[1:]
    claim.tick(0.25)
    sent += claim.on_frame(Frame(build_identifier(CLAIMED, 200), bytes.fromhex(case["rival"])), 1.0)
    sent += claim.tick(1.2)
    assert [[frame.identifier, frame.data.hex()] for frame in sent] == case["sent"]
