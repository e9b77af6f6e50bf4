"""Write J1939 dialogues for the tests with the package can-j1939 2.0.12 as oracle.

    python tools/make_j1939_vectors.py tests/reference/j1939_vectors.json

Run it in an environment of its own: ``pip install can-j1939==2.0.12``. The clock of the oracle is replaced, so
that the dialogues do not depend on the machine.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import j1939
from j1939.diagnostic_messages import DTC, DtcLamp
from j1939.j1939_21 import J1939_21

TICK_S = 0.05


class Clock:
    """A clock that only the script moves."""

    now_s = 1000.0

    def time(self) -> float:
        """Return the time."""
        return self.now_s


CLOCK = Clock()
j1939.j1939_21.time = CLOCK


class Station:
    """One oracle transport layer with an address; what it sends is kept."""

    def __init__(self, address: int, window: int) -> None:
        self.address = address
        self.sent: list[tuple[int, bytes]] = []
        self.received: list[tuple[int, int, bytes]] = []
        self.layer = J1939_21(
            lambda identifier, _extended, data: self.sent.append((identifier, bytes(data))),
            lambda: None,
            lambda _priority, pgn, source, _destination, _time, data: self.received.append(
                (pgn, source, bytes(data))
            ),
            window,
            None,
            None,
            lambda destination: destination == self.address,
        )

    def send(self, pgn: int, destination: int, data: bytes) -> None:
        """Send a long message."""
        low = destination if (pgn >> 8 & 0xFF) < 240 else pgn & 0xFF
        self.layer.send_pgn(pgn >> 16, pgn >> 8 & 0xFF, low, 7, self.address, list(data), 0, None)

    def collect(self) -> list[tuple[int, bytes]]:
        """Return what was sent since the last call."""
        frames, self.sent = self.sent, []
        return frames


def payload(size: int) -> bytes:
    """Return recognisable data."""
    return bytes((7 * i + 3) & 0xFF for i in range(size))


def dialogue(pgn: int, size: int, destination: int, window: int) -> dict[str, Any]:
    """Return who sent what, in order, until both are silent."""
    sender, receiver = Station(0xF3, window), Station(0x27, window)
    sender.send(pgn, destination, payload(size))
    steps: list[list[Any]] = []
    quiet = 0
    while quiet < 3:
        quiet += 1
        for name, this, other in (("sender", sender, receiver), ("receiver", receiver, sender)):
            for identifier, data in this.collect():
                steps.append([name, identifier, data.hex()])
                other.layer.notify(identifier, bytearray(data), CLOCK.now_s)
                quiet = 0
        CLOCK.now_s += TICK_S + 0.001
        for station in (sender, receiver):
            station.layer.async_job_thread(CLOCK.now_s)
    whole = [pgn_source_data[2].hex() for pgn_source_data in receiver.received]
    if whole != [payload(size).hex()]:
        raise SystemExit(f"the oracle lost a message of {size} bytes")
    return {"pgn": pgn, "size": size, "destination": destination, "window": window, "steps": steps}


def identifiers() -> list[dict[str, int]]:
    """Return identifiers with what the oracle reads in them."""
    found = []
    for identifier in (
        0x0CF090F3,
        0x18FECAF3,
        0x18EAFFFE,
        0x181056F4,
        0x1CECFF27,
        0x0C1B00F3 | 0xF300,
        0x19F10310,
    ):
        message = j1939.MessageId(can_id=identifier)
        group = j1939.ParameterGroupNumber()
        group.from_message_id(message)
        broadcast = group.is_pdu2_format
        found.append(
            {
                "identifier": identifier,
                "priority": message.priority,
                "pgn": group.value if broadcast else group.value & 0x3FF00,
                "destination": 255 if broadcast else group.pdu_specific,
                "source": message.source_address,
            }
        )
    return found


def names() -> list[dict[str, Any]]:
    """Return NAMEs with their bytes."""
    choices: list[dict[str, Any]] = [
        {"identity_number": 1, "manufacturer_code": 2, "function": 3, "industry_group": 1},
        {"identity_number": 0x1FFFFF, "manufacturer_code": 0x7FF, "ecu_instance": 7, "function_instance": 31,
         "function": 255, "vehicle_system": 127, "vehicle_system_instance": 15, "industry_group": 7,
         "arbitrary_address_capable": True},
        {"identity_number": 0x12345, "manufacturer_code": 0x2A5, "ecu_instance": 2, "function_instance": 9,
         "function": 0x81, "vehicle_system": 0x35, "vehicle_system_instance": 4, "industry_group": 1,
         "arbitrary_address_capable": True},
    ]  # fmt: skip
    return [{"fields": fields, "bytes": bytes(j1939.Name(**fields).bytes).hex()} for fields in choices]


def diagnoses() -> dict[str, Any]:
    """Return trouble codes and lamps as the oracle packs them."""
    codes = [(0, 0, 0), (8075, 16, 1), (524287, 31, 126), (65536, 9, 3), (5922, 0, 5)]
    lamps = [
        {"mil": a, "rsl": b, "awl": c, "pl": d} for a, b, c, d in ((0, 0, 1, 0), (1, 2, 3, 4), (4, 1, 0, 2))
    ]
    return {
        "codes": [[spn, fmi, oc, DTC(spn=spn, fmi=fmi, oc=oc).dtc] for spn, fmi, oc in codes],
        "lamps": [[lamp, DtcLamp().get_data(dict(lamp))] for lamp in lamps],
    }


class Network:
    """What a controller application needs of its ECU; frames are kept, timers do nothing."""

    def __init__(self) -> None:
        self.sent: list[list[Any]] = []

    def send_message(self, identifier: int, _extended: bool, data: list[int]) -> None:  # noqa: FBT001
        """Keep a frame."""
        self.sent.append([identifier, bytes(data).hex()])

    def add_timer(self, *_arguments: Any, **_named: Any) -> None:
        """Do nothing."""


def claims() -> list[dict[str, Any]]:
    """Return what is sent when a rival claims the address 200, by own and rival identity number."""
    cases = []
    for own, rival, arbitrary in ((1, 2, False), (2, 1, False), (1, 2, True), (2, 1, True)):
        fields = {"manufacturer_code": 5, "industry_group": 1, "arbitrary_address_capable": arbitrary}
        network = Network()
        application = j1939.ControllerApplication(j1939.Name(identity_number=own, **fields), 200)
        application.associate_ecu(network)
        application._process_claim_async(None)  # noqa: SLF001  # its clock would call this
        application._process_claim_async(None)  # noqa: SLF001
        rival_data = bytes(j1939.Name(identity_number=rival, **fields).bytes)
        message = j1939.MessageId(priority=6, parameter_group_number=0xEEFF, source_address=200)
        application._process_addressclaim(message, rival_data, 0.0)  # noqa: SLF001
        cases.append({"own": own, "arbitrary": arbitrary, "rival": rival_data.hex(), "sent": network.sent})
    return cases


def main() -> None:
    """Write the vectors."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("out", type=Path)
    content = {
        "source": "can-j1939 2.0.12",
        "identifiers": identifiers(),
        "names": names(),
        "diagnoses": diagnoses(),
        "claims": claims(),
        "broadcasts": [dialogue(0xFECA, size, 0xFF, 16) for size in (9, 14, 15, 50)],
        "connections": [
            dialogue(pgn, size, 0x27, window)
            for pgn, size, window in ((0x1100, 9, 16), (0x1100, 13, 1), (0x0200, 49, 3), (0x0200, 130, 16))
        ],
    }
    parser.parse_args().out.write_text(json.dumps(content, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
