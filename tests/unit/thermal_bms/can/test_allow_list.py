import pytest

from thermal_bms.can.allow_list import Allowance, AllowList, message_allowances, network_allowances
from thermal_bms.can.codec import CommandCodec
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import PGN_ADDRESS_CLAIMED, build_identifier
from thermal_bms.errors import ConfigError

PGN = 0xFF38
OWN = Frame(build_identifier(PGN, 243), bytes(8))


def test_only_group_and_source_that_are_listed_pass() -> None:
    allow = AllowList({(PGN, 243): Allowance(10.0, 1)})
    assert allow.allows(OWN, 0.0)
    assert not allow.allows(Frame(build_identifier(PGN, 244), bytes(8)), 0.0)
    assert not allow.allows(Frame(build_identifier(PGN + 1, 243), bytes(8)), 0.0)
    assert (allow.forbidden, allow.too_fast, len(allow)) == (2, 0, 1)


def test_the_priority_of_a_frame_does_not_open_a_way_around() -> None:
    allow = AllowList({(PGN, 243): Allowance(10.0, 1)})
    assert allow.allows(Frame(build_identifier(PGN, 243, priority=0), bytes(8)), 0.0)
    assert not allow.allows(Frame(build_identifier(PGN, 243, priority=7), bytes(8)), 0.0)


def test_the_rate_is_that_of_the_bucket() -> None:
    allow = AllowList({(PGN, 243): Allowance(per_s=10.0, at_once=3)})
    assert [allow.allows(OWN, 1.0) for _ in range(4)] == [True, True, True, False]
    assert allow.allows(OWN, 1.1)
    assert not allow.allows(OWN, 1.1)
    passed = sum(allow.allows(OWN, 2.0 + 0.001 * k) for k in range(10_000))
    assert 102 <= passed <= 103
    assert allow.too_fast == 10_002 - passed


def test_a_clock_that_runs_backwards_gives_nothing_away() -> None:
    allow = AllowList({(PGN, 243): Allowance(10.0, 1)})
    assert allow.allows(OWN, 100.0)
    assert not allow.allows(OWN, 0.0)
    assert not allow.allows(OWN, 0.05)


def test_the_messages_of_a_command_pass_at_their_own_rate() -> None:
    bus_map = CommandCodec(3).bus_map
    names = {slot.layout.name for slot in bus_map.slots}
    allow = AllowList(message_allowances(bus_map, names))
    schedule = bus_map.schedule()
    for k in range(500):
        due = schedule.due(0.02 * k)
        for slot, is_due in zip(bus_map.slots, due, strict=True):
            assert not is_due or allow.allows(Frame(slot.identifier, bytes(8)), 0.02 * k)
    assert (allow.forbidden, allow.too_fast) == (0, 0)


def test_a_message_that_is_not_named_stays_forbidden() -> None:
    bus_map = CommandCodec(3).bus_map
    allowances = message_allowances(bus_map, ["THC1"])
    assert list(allowances) == [(0xFF38, 243)]


def test_a_name_that_does_not_exist_is_refused_with_a_hint() -> None:
    with pytest.raises(ConfigError, match=r"transmit\.allow: no message THC2 to send; did you mean THC1"):
        message_allowances(CommandCodec(3).bus_map, ["THC2"])


def test_a_node_may_claim_from_its_own_and_from_no_address() -> None:
    allowances = network_allowances(243)
    assert {(PGN_ADDRESS_CLAIMED, 243), (PGN_ADDRESS_CLAIMED, 254)} <= allowances.keys()
    assert (PGN_ADDRESS_CLAIMED, 244) not in allowances
