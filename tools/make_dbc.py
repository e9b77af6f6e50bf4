"""Write the two message definitions that repeat one layout many times: cell pages and single packs.

    python tools/make_dbc.py thermal_bms/can/dbc

``cells.dbc``: three cell voltages or temperatures to a page, one address to a string. ``hvesp.dbc``: SAE J1939
gives every pack n the layouts of the whole system with parameter groups 15 apart (HVESP1D1 = 61841). The other
files in that folder are kept by hand. Widths, steps and offsets of the cell frames are this project's own.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

N_CELLS = 402
N_TEMP_SENSORS = 129
N_STRINGS = 32
N_PACKS = 26
PACK_STRIDE = 15
EXTENDED = 0x80000000
NOT_VALID_TOP_BYTE = 0xFB

HEADER = """VERSION ""

NS_ :

BS_:

BU_: {nodes}
"""
DEFINITIONS = """
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 100000;
BA_DEF_ BO_ "E2eProfile" ENUM "None","P01","P02";
BA_DEF_ BO_ "E2eDataId" INT 0 65535;
BA_DEF_ BO_ "E2eDataIdList" STRING;
BA_DEF_ SG_ "SPN" INT 0 524287;
BA_DEF_ SG_ "Kind" ENUM "Value","Full","Counter","Crc","Page";
BA_DEF_DEF_ "VFrameFormat" "J1939PG";
BA_DEF_DEF_ "GenMsgCycleTime" 0;
BA_DEF_DEF_ "E2eProfile" "None";
BA_DEF_DEF_ "E2eDataId" 0;
BA_DEF_DEF_ "E2eDataIdList" "";
BA_DEF_DEF_ "SPN" 0;
BA_DEF_DEF_ "Kind" "{kind}";
"""
KINDS = ("Value", "Full", "Counter", "Crc", "Page")
PROFILES = ("None", "P01", "P02")


@dataclass(frozen=True)
class Signal:
    """One signal; ``place`` counts bytes and bits from 1 as SAE J1939-71 does: "7.5" is bit 5 of byte 7."""

    name: str
    place: str
    bits: int
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    kind: str = "Value"
    spn: int = 0
    top: int | None = None
    mux: str = ""
    text: str = ""

    @property
    def start(self) -> int:
        """Return the lowest bit, counted from 0."""
        byte, _, bit = self.place.partition(".")
        return 8 * (int(byte) - 1) + (int(bit) - 1 if bit else 0)

    @property
    def raw_max(self) -> int:
        """Return the highest code that is a value."""
        if self.top is not None:
            return self.top
        if self.kind != "Value":
            return (1 << self.bits) - 1
        if self.bits >= 8:
            return (NOT_VALID_TOP_BYTE << (self.bits - 8)) - 1
        return 1 if self.bits == 2 else (1 << self.bits) - 3

    def line(self, receivers: str) -> str:
        """Return the line of the file."""
        ends = sorted((self.offset, self.raw_max * self.scale + self.offset))
        low, high = (number(round(end, 9)) for end in ends)
        mux = f" {self.mux}" if self.mux else ""
        place = f"{self.start}|{self.bits}@1+ ({number(self.scale)},{number(self.offset)}) [{low}|{high}]"
        return f' SG_ {self.name}{mux} : {place} "{self.unit}" {receivers}'


@dataclass(frozen=True)
class Message:
    """One parameter group with its default priority and source address."""

    name: str
    pgn: int
    priority: int
    source: int
    length: int
    sender: str
    receivers: str
    signals: Sequence[Signal]
    period_ms: int = 0
    profile: str = "None"
    data_id: int = 0
    data_id_list: str = ""
    destination: int = 0xFF
    text: str = ""
    identifier: int = field(init=False)

    def __post_init__(self) -> None:
        pdu1 = (self.pgn >> 8) & 0xFF < 240
        low = self.destination << 8 if pdu1 else 0
        object.__setattr__(
            self, "identifier", EXTENDED | self.priority << 26 | self.pgn << 8 | low | self.source
        )

    def lines(self) -> list[str]:
        """Return the message with its signals."""
        head = f"BO_ {self.identifier} {self.name}: {self.length} {self.sender}"
        return [head, *(signal.line(self.receivers) for signal in self.signals), ""]

    def comments(self) -> list[str]:
        """Return the comments of the message and its signals."""
        own = [f'CM_ BO_ {self.identifier} "{self.text}";'] if self.text else []
        return own + [f'CM_ SG_ {self.identifier} {s.name} "{s.text}";' for s in self.signals if s.text]

    def attributes(self, default_kind: str) -> list[str]:
        """Return what differs from the defaults."""
        lines = []
        if self.period_ms:
            lines.append(f'BA_ "GenMsgCycleTime" BO_ {self.identifier} {self.period_ms};')
        if self.profile != "None":
            lines.append(f'BA_ "E2eProfile" BO_ {self.identifier} {PROFILES.index(self.profile)};')
        if self.data_id:
            lines.append(f'BA_ "E2eDataId" BO_ {self.identifier} {self.data_id};')
        if self.data_id_list:
            lines.append(f'BA_ "E2eDataIdList" BO_ {self.identifier} "{self.data_id_list}";')
        for signal in self.signals:
            if signal.spn:
                lines.append(f'BA_ "SPN" SG_ {self.identifier} {signal.name} {signal.spn};')
            if signal.kind != default_kind:
                lines.append(f'BA_ "Kind" SG_ {self.identifier} {signal.name} {KINDS.index(signal.kind)};')
        return lines


def number(value: float) -> str:
    """Return the shortest text of a number."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def document(text: str, nodes: str, messages: Sequence[Message], kind: str = "Value") -> str:
    """Return a whole file."""
    lines = [HEADER.format(nodes=nodes)]
    for message in messages:
        lines += message.lines()
    lines.append(f'CM_ "{text}";')
    for message in messages:
        lines += message.comments()
    lines.append(DEFINITIONS.format(kind=kind))
    for message in messages:
        lines += message.attributes(kind)
    return "\n".join(lines) + "\n"


def checked(*signals: Signal) -> tuple[Signal, ...]:
    """Return the signals with check value and counter where AUTOSAR end-to-end profiles 1 and 2 put them."""
    crc = Signal("Crc", "1", 8, kind="Crc")
    counter = Signal("Counter", "2.1", 4, kind="Counter")
    return (crc, counter, *signals)


def pages(name: str, count: int, scale: float, offset: float, unit: str) -> tuple[Signal, ...]:
    """Return a page number and all values, three of 14 bits to a page."""
    values = [
        Signal(f"{name}{i}", ("2.5", "4.3", "6.1")[i % 3], 14, scale, offset, unit, mux=f"m{i // 3}")
        for i in range(count)
    ]
    page = Signal("Page", "8", 8, kind="Page", mux="M", top=(count - 1) // 3)
    return checked(*values, page)


def cells() -> str:
    """Return the frames inside the battery: cell monitors, string sensors, junction box, contactor command."""

    def switches(name: str) -> tuple[Signal, ...]:
        page = Signal("Page", "2.5", 4, kind="Page", mux="M", top=(N_STRINGS - 1) // 16)
        strings = (
            Signal(f"{name}{i}", f"{3 + i % 16 // 4}.{1 + 2 * (i % 4)}", 2, mux=f"m{i // 16}")
            for i in range(N_STRINGS)
        )
        return checked(page, *strings)

    messages = (
        Message(
            "CELLV", 0xFF10, 6, 0x80, 8, "StringUnit", "BMS",
            pages("CellVoltageV", N_CELLS, 0.0005, -0.1, "V"), 1000, "P01", 0xFF10,
            text="Cell voltages of one string; string k sends with source address 128 + k.",
        ),
        Message(
            "CELLT", 0xFF11, 6, 0x80, 8, "StringUnit", "BMS",
            pages("CellTempDegc", N_TEMP_SENSORS, 0.015625, -80.0, "degC"), 1000, "P01", 0xFF11,
            text="Cell temperatures of one string; string k sends with source address 128 + k.",
        ),
        Message(
            "STRM", 0xFF12, 3, 0x80, 8, "StringUnit", "BMS",
            checked(
                Signal("ContactorClosed", "2.5", 2),
                Signal("NegativeClosed", "2.7", 2),
                Signal("StringCurrentA", "3", 24, 0.001, -8000.0, "A", text="Positive on discharge."),
                Signal("StringVoltageV", "6", 16, 0.025, -10.0, "V", text="Cell side of the contactors."),
                Signal("PrechargeClosed", "8.1", 2),
            ),
            100, "P01", 0xFF12,
            text="Current, voltage and contactors of one string; string k sends with address 128 + k.",
        ),
        Message(
            "JBOX", 0xFF13, 3, 0xA0, 8, "JunctionBox", "BMS",
            checked(
                Signal("HvilClosed", "2.5", 2),
                Signal("Crash", "2.7", 2),
                Signal("BusVoltageV", "3", 16, 0.025, -10.0, "V"),
                Signal("IsolationOhm", "5", 16, 1000.0, unit="ohm"),
            ),
            100, "P01", 0xFF13,
            text="High-voltage bus behind the contactors, its isolation and interlock, and the crash switch.",
        ),
        Message(
            "CTCMD", 0xFF14, 3, 0xF3, 8, "BMS", "StringUnit",
            switches("ContactorClose"),
            100, "P02", data_id_list="3AD10E957C42B86F1DE3549B27C80AF6",
            text="Wanted state of the positive contactors, 16 strings to a page.",
        ),
        Message(
            "NGCMD", 0xFF15, 3, 0xF3, 8, "BMS", "StringUnit",
            switches("NegativeClose"),
            100, "P02", data_id_list="81F62B0D5AC9374EB3124D7F60E8953C",
            text="Wanted state of the negative contactors, 16 strings to a page.",
        ),
        Message(
            "PCCMD", 0xFF16, 3, 0xF3, 8, "BMS", "StringUnit",
            switches("PrechargeClose"),
            100, "P02", data_id_list="D42E9750A31C6B8FF70952E4C6813BAD",
            text="Wanted state of the precharge relays, 16 strings to a page.",
        ),
    )  # fmt: skip
    return document(
        "Inside the battery: cell monitors of a distributed topology. Layouts are this project's own.",
        "BMS StringUnit JunctionBox", messages,
    )  # fmt: skip


def pack_messages(n: int) -> tuple[Message, ...]:
    """Return the parameter groups of pack ``n``, counted from 1; SPN are given for pack 1 only."""
    base = 61841 + PACK_STRIDE * (n - 1)
    current = {"bits": 16, "scale": 0.05, "offset": -1600.0, "unit": "A"}
    temp = {"bits": 16, "scale": 0.03125, "offset": -273.0, "unit": "degC"}
    short = {"bits": 8, "offset": -40.0, "unit": "degC"}
    volt = {"bits": 16, "scale": 0.05, "unit": "V"}

    def pg(name: str, delta: int, priority: int, period_ms: int, *signals: Signal) -> Message:
        spaced = f"HVESP{n}{name}"
        return Message(spaced, base + delta, priority, 0xF3, 8, "BMS", "VCU", signals, period_ms)

    return (
        pg("D1", 0, 3, 20,
           Signal("DischargePowerMaxW", "1", 16, 50.0, unit="W"), Signal("RegenPowerMaxW", "3", 16, 50.0, unit="W"),
           Signal("StringVoltageV", "5", **volt), Signal("StringCurrentA", "7", **current)),
        pg("D2", 1, 3, 20,
           Signal("Soc", "1", 16, 0.000015625, top=64000), Signal("CellVoltageMaxV", "3", 16, 0.001, unit="V"),
           Signal("CellVoltageMinV", "5", 16, 0.001, unit="V")),
        pg("D3", 2, 3, 20,
           Signal("CellTempMaxDegc", "1", **temp), Signal("CellTempMinDegc", "3", **temp),
           Signal("CellTempMeanDegc", "5", **temp)),
        pg("D5", 4, 6, 20,
           Signal("DischargeCurrentLimitA", "1", **current), Signal("ChargeCurrentLimitA", "3", **current)),
        pg("D6", 5, 3, 100,
           Signal("BusVoltageV", "1", **volt), Signal("CoolantInletTempDegc", "5", **short),
           Signal("CoolantOutletTempDegc", "6", **short)),
        pg("S1", 6, 3, 100,
           Signal("PositiveContactorState", "1.1", 2), Signal("NegativeContactorState", "1.3", 2),
           Signal("PrechargeRelayState", "2.1", 2), Signal("HvilStatus", "3.5", 2),
           Signal("Counter", "7.5", 4, kind="Counter"), Signal("Crc", "8", 8, kind="Crc")),
    )  # fmt: skip


def packs() -> str:
    """Return the parameter groups of single packs."""
    messages = [message for n in range(1, N_PACKS + 1) for message in pack_messages(n)]
    return document(
        "Single packs on the vehicle bus: layout facts of SAE J1939-71 as extracted for j1939-84.",
        "BMS VCU", messages,
    )  # fmt: skip


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    (folder / "cells.dbc").write_text(cells(), encoding="ascii", newline="\n")
    (folder / "hvesp.dbc").write_text(packs(), encoding="ascii", newline="\n")


if __name__ == "__main__":
    main()
