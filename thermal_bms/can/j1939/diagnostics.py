"""Trouble codes on the bus: DM1 (active) and DM2 (previously active) of SAE J1939-73.

Layout: two bytes of lamps, then four bytes per code: the low 16 bits of the suspect parameter number, its upper
three bits above five bits of failure mode, and the occurrence count under the conversion method bit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from thermal_bms.can.j1939.transport import MESSAGE_BYTES_MAX
from thermal_bms.faults import Fault, FaultCode, Severity

PGN_DM1 = 65226
PGN_DM2 = 65227
DM1_PERIOD_S = 1.0

_CODE_BYTES = 4
_SHORTEST = 6
CODES_MAX = (MESSAGE_BYTES_MAX - 2) // _CODE_BYTES
OCCURRENCES_MAX = 126
OWN_SPN = 520192


class Lamp(IntEnum):
    """State of a lamp."""

    OFF = 0
    ON = 1
    SLOW_FLASH = 2
    FAST_FLASH = 3
    NOT_AVAILABLE = 4


_LAMP_BITS = {
    Lamp.OFF: (0, 3),
    Lamp.ON: (1, 3),
    Lamp.SLOW_FLASH: (1, 0),
    Lamp.FAST_FLASH: (1, 1),
    Lamp.NOT_AVAILABLE: (3, 3),
}
_LAMP_OF_BITS = {bits: lamp for lamp, bits in _LAMP_BITS.items()}


@dataclass(frozen=True, slots=True)
class Lamps:
    """The four lamps of a diagnostic message."""

    malfunction: Lamp = Lamp.OFF
    red_stop: Lamp = Lamp.OFF
    amber_warning: Lamp = Lamp.OFF
    protect: Lamp = Lamp.OFF


@dataclass(frozen=True, slots=True)
class TroubleCode:
    """One diagnostic trouble code.

    Attributes
    ----------
    spn : suspect parameter number, 19 bits
    fmi : failure mode, 5 bits
    occurrences : how often it became active, at most 126; 127 means not available
    old_conversion : the sender orders the bits of the number in one of the ways used before 1996
    """

    spn: int
    fmi: int
    occurrences: int = 1
    old_conversion: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a DM1 or DM2 says."""

    lamps: Lamps
    codes: tuple[TroubleCode, ...]


def encode_diagnosis(lamps: Lamps, codes: Sequence[TroubleCode]) -> bytes:
    """Return the message; without codes it holds one empty code, and at most 445 codes are sent.

    >>> encode_diagnosis(Lamps(amber_warning=Lamp.ON), [TroubleCode(8075, 16)]).hex()
    '04ff8b1f1001ffff'
    """
    states = [0, 0]
    order = (lamps.protect, lamps.amber_warning, lamps.red_stop, lamps.malfunction)
    for i, lamp in enumerate(order):
        on, flash = _LAMP_BITS[lamp]
        states[0] |= on << 2 * i
        states[1] |= flash << 2 * i
    body = b"".join(_code_bytes(code) for code in codes[:CODES_MAX]) or bytes(_CODE_BYTES)
    return (bytes(states) + body).ljust(8, b"\xff")


def decode_diagnosis(data: bytes) -> Diagnosis | None:
    """Return what a message says, or None when it is too short. Bytes after the last whole code are ignored."""
    if len(data) < _SHORTEST:
        return None
    lamps = [
        _LAMP_OF_BITS.get((data[0] >> 2 * i & 3, data[1] >> 2 * i & 3), Lamp.NOT_AVAILABLE) for i in range(4)
    ]
    end = _SHORTEST if len(data) <= 8 else min(len(data), 2 + _CODE_BYTES * CODES_MAX)
    words = [int.from_bytes(data[i : i + 4], "little") for i in range(2, end - 3, 4)]
    codes = tuple(_trouble_code(word) for word in words if word & 0xFFFFFF)
    return Diagnosis(Lamps(lamps[3], lamps[2], lamps[1], lamps[0]), codes)


def _code_bytes(code: TroubleCode) -> bytes:
    word = code.spn & 0xFFFF | (code.fmi & 0x1F) << 16 | (code.spn >> 16 & 7) << 21
    word |= (code.occurrences & 0x7F) << 24 | code.old_conversion << 31
    return word.to_bytes(4, "little")


def _trouble_code(word: int) -> TroubleCode:
    spn = word & 0xFFFF | (word >> 21 & 7) << 16
    return TroubleCode(spn, word >> 16 & 0x1F, word >> 24 & 0x7F, bool(word >> 31))


class FailureMode(IntEnum):
    """The failure modes (FMI) of SAE J1939-73 that are used here."""

    ABOVE_SEVERE = 0
    BELOW_SEVERE = 1
    ERRATIC = 2
    MECHANICAL = 7
    UPDATE_RATE = 9
    ROOT_CAUSE_UNKNOWN = 11
    BAD_DEVICE = 12
    ABOVE_LEAST = 15
    ABOVE_MODERATE = 16
    BELOW_LEAST = 17
    BELOW_MODERATE = 18
    NETWORK_DATA = 19
    CONDITION = 31


_ABOVE = (FailureMode.ABOVE_LEAST, FailureMode.ABOVE_MODERATE, FailureMode.ABOVE_SEVERE)
_BELOW = (FailureMode.BELOW_LEAST, FailureMode.BELOW_MODERATE, FailureMode.BELOW_SEVERE)


def _always(mode: FailureMode) -> tuple[FailureMode, ...]:
    return (mode,) * len(Severity)


TROUBLE: dict[FaultCode, tuple[int, tuple[FailureMode, ...]]] = {
    FaultCode.CELL_VOLTAGE_HIGH: (5922, _ABOVE),
    FaultCode.CELL_VOLTAGE_LOW: (5923, _BELOW),
    FaultCode.CELL_TEMP_HIGH_CHARGE: (8075, _ABOVE),
    FaultCode.CELL_TEMP_HIGH_DISCHARGE: (8075, _ABOVE),
    FaultCode.CELL_TEMP_LOW_CHARGE: (8076, _BELOW),
    FaultCode.CELL_TEMP_LOW_DISCHARGE: (8076, _BELOW),
    FaultCode.CURRENT_HIGH_CHARGE: (8083, _ABOVE),
    FaultCode.CURRENT_HIGH_DISCHARGE: (8082, _ABOVE),
    FaultCode.CELL_VOLTAGE_INVALID: (8240, _always(FailureMode.ERRATIC)),
    FaultCode.CELL_TEMP_INVALID: (8077, _always(FailureMode.ERRATIC)),
    FaultCode.CURRENT_INVALID: (5920, _always(FailureMode.ERRATIC)),
    FaultCode.STRING_VOLTAGE_MISMATCH: (5919, _always(FailureMode.ERRATIC)),
    FaultCode.MEASUREMENT_STALE: (8414, _always(FailureMode.UPDATE_RATE)),
    FaultCode.SCALAR_LOST: (8235, _always(FailureMode.UPDATE_RATE)),
    FaultCode.CONTACTOR_MISMATCH: (8091, _always(FailureMode.MECHANICAL)),
    FaultCode.STRING_NOT_CONNECTED: (8413, _always(FailureMode.CONDITION)),
    FaultCode.CONTROLLER_FAILED: (8235, _always(FailureMode.BAD_DEVICE)),
    FaultCode.CELL_VOLTAGE_SPREAD: (5924, _ABOVE),
    FaultCode.CELL_TEMP_SPREAD: (8078, _ABOVE),
    FaultCode.CELL_VOLTAGE_FROZEN: (5924, _always(FailureMode.ERRATIC)),
    FaultCode.CURRENT_FROZEN: (5920, _always(FailureMode.UPDATE_RATE)),
    FaultCode.STRING_VOLTAGE_INVALID: (5919, _always(FailureMode.UPDATE_RATE)),
    FaultCode.CURRENT_ON_OPEN_STRING: (5920, _always(FailureMode.CONDITION)),
    FaultCode.CONTACTOR_WELDED: (8091, _always(FailureMode.CONDITION)),
    FaultCode.CONTACTOR_STUCK_OPEN: (8091, _always(FailureMode.BAD_DEVICE)),
    FaultCode.NEGATIVE_CONTACTOR_MISMATCH: (8092, _always(FailureMode.MECHANICAL)),
    FaultCode.PRECHARGE_RELAY_MISMATCH: (8094, _always(FailureMode.MECHANICAL)),
    FaultCode.PRECHARGE_VOLTAGE: (8094, _always(FailureMode.BELOW_MODERATE)),
    FaultCode.PRECHARGE_CURRENT: (8094, _always(FailureMode.ABOVE_MODERATE)),
    FaultCode.PRECHARGE_FAILED: (8094, _always(FailureMode.ROOT_CAUSE_UNKNOWN)),
    FaultCode.OPENED_UNDER_LOAD: (8122, _always(FailureMode.CONDITION)),
    FaultCode.CONTROLLER_TIMEOUT: (8235, _always(FailureMode.ROOT_CAUSE_UNKNOWN)),
    FaultCode.TICK_LATE: (8414, _always(FailureMode.ERRATIC)),
    FaultCode.CLOCK_BACKWARDS: (8414, _always(FailureMode.NETWORK_DATA)),
    FaultCode.VEHICLE_MODE_IMPLAUSIBLE: (84, _always(FailureMode.CONDITION)),
    FaultCode.PLUG_WHILE_DRIVING: (8413, _always(FailureMode.ERRATIC)),
    FaultCode.SHORT_CIRCUIT: (5920, _always(FailureMode.ABOVE_SEVERE)),
    FaultCode.STRING_CARRIES_NOTHING: (5920, _always(FailureMode.BELOW_MODERATE)),
    FaultCode.BUS_VOLTAGE_MISMATCH: (8086, _always(FailureMode.ERRATIC)),
    FaultCode.STRING_CURRENT_IMBALANCE: (5920, _always(FailureMode.ERRATIC)),
    FaultCode.HVIL_OPEN: (8098, _always(FailureMode.CONDITION)),
    FaultCode.ISOLATION_LOW: (8431, _BELOW),
    FaultCode.CRASH: (8099, _always(FailureMode.CONDITION)),
    FaultCode.DEEP_DISCHARGE: (5923, _always(FailureMode.CONDITION)),
    FaultCode.THERMAL_RUNAWAY: (8075, _always(FailureMode.CONDITION)),
    FaultCode.PUMP_STANDS: (20460, _always(FailureMode.MECHANICAL)),
    FaultCode.PUMP_SLOW: (20460, _BELOW),
    FaultCode.PUMP_STUCK_ON: (20460, _ABOVE),
    FaultCode.HEATER_STUCK_ON: (8234, _ABOVE),
    FaultCode.HEATER_NO_POWER: (8234, _BELOW),
    FaultCode.COMPRESSOR_STANDS: (8232, _always(FailureMode.MECHANICAL)),
    FaultCode.FAN_STANDS: (8406, _always(FailureMode.MECHANICAL)),
    FaultCode.COOLANT_FLOW_LOW: (20456, _BELOW),
    FaultCode.COOLANT_LEVEL_LOW: (12897, _BELOW),
    FaultCode.COOLANT_TEMP_HIGH: (8088, _ABOVE),
    FaultCode.COOLANT_TEMP_IMPLAUSIBLE: (8089, _always(FailureMode.ERRATIC)),
    FaultCode.BUS_VOLTAGE_LOST: (8086, _always(FailureMode.UPDATE_RATE)),
    FaultCode.COOLANT_INLET_LOST: (8088, _always(FailureMode.UPDATE_RATE)),
    FaultCode.COOLANT_OUTLET_LOST: (8089, _always(FailureMode.UPDATE_RATE)),
    FaultCode.PUMP_SPEED_LOST: (20460, _always(FailureMode.UPDATE_RATE)),
    FaultCode.FAN_SPEED_LOST: (8406, _always(FailureMode.UPDATE_RATE)),
    FaultCode.COMPRESSOR_SPEED_LOST: (8232, _always(FailureMode.UPDATE_RATE)),
    FaultCode.HEATER_POWER_LOST: (8234, _always(FailureMode.UPDATE_RATE)),
    FaultCode.AMBIENT_TEMP_LOST: (171, _always(FailureMode.UPDATE_RATE)),
    FaultCode.VEHICLE_SPEED_LOST: (84, _always(FailureMode.UPDATE_RATE)),
    FaultCode.HVIL_LOST: (8098, _always(FailureMode.UPDATE_RATE)),
    FaultCode.CRASH_INPUT_LOST: (8099, _always(FailureMode.UPDATE_RATE)),
    FaultCode.ISOLATION_LOST: (8431, _always(FailureMode.UPDATE_RATE)),
    FaultCode.COOLANT_FLOW_LOST: (20456, _always(FailureMode.UPDATE_RATE)),
    FaultCode.COOLANT_LEVEL_LOST: (12897, _always(FailureMode.UPDATE_RATE)),
}
"""Suspect parameter of each fault and its failure mode by severity. The parameters are those of the HVESS groups
that carry the quantity; a fault without one gets a number that manufacturers may assign."""


def trouble_code(fault: Fault, occurrences: int = 1) -> TroubleCode:
    """Return the trouble code of a fault."""
    spn, modes = TROUBLE.get(fault.code, (OWN_SPN + fault.code, _always(FailureMode.CONDITION)))
    return TroubleCode(spn, modes[fault.severity], min(occurrences, OCCURRENCES_MAX))


def diagnosis_of(faults: Iterable[Fault]) -> Diagnosis:
    """Return lamps and codes for active faults, each code once: red for a trip, amber for a warning."""
    found = list(faults)
    codes = tuple(dict.fromkeys(trouble_code(fault) for fault in found))
    worst = max((fault.severity for fault in found), default=Severity.INFO)
    return Diagnosis(
        Lamps(
            red_stop=Lamp.ON if worst is Severity.TRIP else Lamp.OFF,
            amber_warning=Lamp.ON if worst is Severity.WARNING else Lamp.OFF,
        ),
        codes,
    )
