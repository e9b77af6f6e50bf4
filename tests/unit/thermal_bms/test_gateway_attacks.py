"""What an attacker on the bus can do: take the gateway off the bus or have it cool; never move an actuator."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.thermal_bms.gateway_bench import SHAPE, Bench
from thermal_bms.can.bus_image import BusSender
from thermal_bms.can.codec import MeasurementCodec
from thermal_bms.can.frame import Frame
from thermal_bms.can.j1939.identifier import (
    PGN_ADDRESS_CLAIMED,
    PGN_REQUEST,
    PGN_TRANSFER_CONTROL,
    PGN_TRANSFER_DATA,
    build_identifier,
    parse_identifier,
)
from thermal_bms.can.j1939.name import Name
from thermal_bms.signals import Command

DURATION_S = 8.0
ATTACK_FROM_S = 3.0
ACTUATORS = {0xFF38, 0xFF14, 0xFAB7}


@pytest.fixture
def new_bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    count = iter(range(10))
    return lambda **settings: Bench(monkeypatch, tmp_path / str(next(count)), **settings)


def attacked(bench: Bench, attack: Callable[[Bench, int], list[Frame]]) -> Bench:
    """Run with frames of an attacker in every turn of 20 ms from the third second on."""
    turn = bench.truck.turn

    def with_attack(port: Any, time_s: float) -> None:
        turn(port, time_s)
        if time_s >= ATTACK_FROM_S:
            for frame in attack(bench, round(time_s / 0.02)):
                port.arrive(frame)

    bench.truck.turn = with_attack  # type: ignore[method-assign]
    return bench.run(DURATION_S)


def commands(bench: Bench) -> list[Command]:
    return [command for _, command in bench.truck.told]


def actuator_frames(bench: Bench) -> list[Frame]:
    return [frame for _, frame in bench.port.out if parse_identifier(frame.identifier).pgn in ACTUATORS]


def spoofed(bench: Bench, turn: int) -> list[Frame]:
    """Cells at 90 degC and 4.9 V, without the secret of the check value."""
    return [
        Frame(0x18FF1180, bytes((turn % 256, turn % 15, 0, 0xFA, 0xFA, 0xFA, 0xFA, 0xFA))),
        Frame(0x18FF1080, bytes((turn % 256, turn % 15, 0xFA, 0xFA, 0xFA, 0xFA, 0xFA, 0xFA))),
    ]


def replayed(bench: Bench, turn: int) -> list[Frame]:
    """The same intact frames of the truck again and again."""
    if not hasattr(bench, "old"):
        sender = BusSender(MeasurementCodec(SHAPE).bus_map)
        flat = MeasurementCodec(SHAPE).flatten(bench.truck.now)
        bench.old = sender.frames(flat, 0.0)  # type: ignore[attr-defined]
    return [f for f in bench.old if parse_identifier(f.identifier).pgn == 0xFF12]  # type: ignore[attr-defined]


def flood(_bench: Bench, turn: int) -> list[Frame]:
    """Eighty frames in 20 ms: a full bus of 500 kbit/s."""
    return [Frame(build_identifier(0xFF00 + k, (turn + k) % 254), bytes(8)) for k in range(80)]


def malformed_transport(_bench: Bench, turn: int) -> list[Frame]:
    """Announcements that do not fit, packets without a message, packets out of order."""
    control = build_identifier(PGN_TRANSFER_CONTROL, turn % 254)
    packets = build_identifier(PGN_TRANSFER_DATA, turn % 254)
    return [
        Frame(control, bytes((32, 0xFF, 0xFF, 1, 0xFF, 0x38, 0xFF, 0))),
        Frame(control, bytes((32, 20, 0, 3, 0xFF, 0x38, 0xFF, 0))),
        Frame(packets, bytes((3, 1, 2, 3, 4, 5, 6, 7))),
        Frame(control, b"\x20"),
        Frame(packets, b""),
    ]


def forbidden_group(_bench: Bench, turn: int) -> list[Frame]:
    """Commands that only the gateway may give, under its own and another address."""
    data = bytes((turn % 256, turn % 16, 0xFA, 0xFA, 0xFA, 0xFA, 0, 0))
    return [Frame(0x18FF38F3, data), Frame(0x18FF3880, data), Frame(0x18FF14F3, data)]


def requests(_bench: Bench, turn: int) -> list[Frame]:
    """Requests for everything from everybody."""
    return [
        Frame(build_identifier(PGN_REQUEST, k, destination=0xF3), bytes((turn % 256, 0xFE, 0)))
        for k in range(30)
    ]


def younger_claims(_bench: Bench, _turn: int) -> list[Frame]:
    """Claims of our address with a NAME that loses."""
    name = Name(identity=(1 << 21) - 1, manufacturer=(1 << 11) - 1, function=255)
    return [Frame(build_identifier(PGN_ADDRESS_CLAIMED, 243), name.data)] * 5


@pytest.mark.parametrize("attack", [flood, malformed_transport, forbidden_group, requests, younger_claims])
def test_an_attack_that_can_be_ignored_changes_no_bit_of_what_is_commanded(
    new_bench: Any, attack: Callable[[Bench, int], list[Frame]]
) -> None:
    calm = actuator_frames(new_bench().run(DURATION_S))
    assert len(calm) > 300
    assert actuator_frames(attacked(new_bench(), attack)) == calm


@pytest.mark.parametrize("attack", [spoofed, replayed])
def test_forged_measurements_are_not_believed(
    new_bench: Any, attack: Callable[[Bench, int], list[Frame]]
) -> None:
    bench = attacked(new_bench(), attack)
    seen = [measurement for measurement, _, _ in bench.best.seen]
    assert len(seen) > 60
    for measurement in seen:
        assert not (measurement.cell_temp_degc > 30.0).any()
        assert not (measurement.cell_voltage_v > 3.4).any()
    for command in commands(bench):
        assert command.thermal.heater_duty == command.charge_current_a == 0.0
        assert command.thermal.compressor_duty == 0.0


def test_an_older_claim_silences_the_gateway_and_moves_nothing(new_bench: Any) -> None:
    def older(_bench: Bench, _turn: int) -> list[Frame]:
        name = Name(identity=0, manufacturer=0, arbitrary_address=False)
        return [Frame(build_identifier(PGN_ADDRESS_CLAIMED, 243), name.data)]

    bench = attacked(new_bench(), older)
    late = [time_s for time_s, frame in bench.port.out if time_s > ATTACK_FROM_S + 0.1]
    groups = {
        parse_identifier(frame.identifier).pgn
        for time_s, frame in bench.port.out
        if time_s > ATTACK_FROM_S + 0.1
    }
    assert groups <= {PGN_ADDRESS_CLAIMED}
    assert len(late) < 60
    assert bench.gateway._link.state.impostors > 200


def test_a_flood_of_requests_is_answered_sparsely(new_bench: Any) -> None:
    bench = attacked(new_bench(), requests)
    answers = [
        f for t, f in bench.port.out if t >= ATTACK_FROM_S and parse_identifier(f.identifier).pgn == 0xE800
    ]
    assert len(answers) < 30 * 5.0 * 1.5
    assert bench.gateway._allow.too_fast + bench.gateway._allow.forbidden > 0
