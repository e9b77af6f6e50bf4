"""Message definitions: DBC files into compiled layouts, refused with one clear line when they cannot be used.

The DBC is the only definition of a message. Besides the usual entries these attributes are read: ``GenMsgCycleTime``
[ms], ``Kind`` of a signal (Value, Full, Counter, Crc, Page), ``SPN``, and of a message ``E2eProfile``
(None, P01, P02), ``E2eDataId`` and ``E2eDataIdList`` (32 hexadecimal digits).
"""

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import cantools.database
from cantools.database.can import Database
from cantools.database.can import Message as DbcMessage
from cantools.database.can import Signal as DbcSignal
from cantools.database.errors import Error as DatabaseError

from thermal_bms.can.layout import MessageLayout, Signal, SignalKind, special_code_max
from thermal_bms.errors import CodecError

FOLDER = Path(__file__).parent / "dbc"
BUNDLED = ("cells", "thermal", "hvess", "hvesp", "gbt27930")
PROFILES = ("None", "P01", "P02")

_KINDS = {kind.name.title(): kind for kind in SignalKind}
_CODE_ROUNDING = 1e-6  # a limit may miss its code by this share of a step: limits are written in decimals

Messages = Mapping[str, MessageLayout]


@functools.cache
def bundled_messages(name: str) -> Messages:
    """Return the messages of a definition that comes with this package: one of ``BUNDLED``."""
    return load_messages(FOLDER / f"{name}.dbc")


def load_messages(path: Path) -> Messages:
    """Return the messages of a DBC file by name.

    Raises
    ------
    CodecError
        if the file cannot be read, signals overlap, or a layout is used that this bus does not have: big-endian,
        signed or floating-point signals, standard identifiers, more than one multiplexer.
    """
    try:
        loaded = cantools.database.load_file(path, database_format="dbc", strict=True)
    except (OSError, UnicodeDecodeError) as error:
        raise CodecError(f"{path}: cannot be read: {error}") from None
    except DatabaseError as error:
        raise CodecError(f"{path}: not a usable DBC: {_one_line(error)}") from None
    database = cast("Database", loaded)
    return MappingProxyType({message.name: _layout(message, path) for message in database.messages})


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _layout(message: DbcMessage, path: Path) -> MessageLayout:
    where = f"{path.name}: {message.name}"
    if not message.is_extended_frame:
        raise CodecError(f"{where}: has a standard identifier; this bus uses 29 bits")
    attributes = message.dbc.attributes if message.dbc is not None else {}
    pages: dict[int, list[Signal]] = {}
    special: dict[SignalKind, Signal] = {}
    for dbc_signal in message.signals:
        signal = _signal(dbc_signal, where)
        if signal.kind in {SignalKind.VALUE, SignalKind.FULL}:
            for page in dbc_signal.multiplexer_ids or (0,):
                pages.setdefault(page, []).append(signal)
        elif special.setdefault(signal.kind, signal) is not signal:
            raise CodecError(f"{where}.{signal.name}: a second signal of kind {signal.kind.name}")
    _check_pages(message, special.get(SignalKind.PAGE), where)
    return MessageLayout(
        message.name,
        identifier=message.frame_id,
        length=message.length,
        signals=pages,
        page_signal=special.get(SignalKind.PAGE),
        counter=special.get(SignalKind.COUNTER),
        crc=special.get(SignalKind.CRC),
        period_s=(message.cycle_time or 0) / 1000.0,
        profile=_profile(attributes, special, where),
        data_id=_number(attributes, "E2eDataId"),
        data_id_list=_data_id_list(attributes, where),
        sender=message.senders[0] if message.senders else "",
    )


def _check_pages(message: DbcMessage, page: Signal | None, where: str) -> None:
    multiplexers = [signal.name for signal in message.signals if signal.is_multiplexer]
    if multiplexers != ([page.name] if page else []):
        raise CodecError(
            f"{where}: multiplexed by {multiplexers or 'nothing'}; one signal of kind Page must do it"
        )
    if page and any(s.multiplexer_ids is None and s.name != page.name and _kind(s, where) <= SignalKind.FULL
                    for s in message.signals):  # fmt: skip
        raise CodecError(f"{where}: a value outside the pages; put it into every page or another message")


def _kind(signal: DbcSignal, where: str) -> SignalKind:
    text = _choice(signal.dbc.attributes if signal.dbc is not None else {}, "Kind", tuple(_KINDS))
    if text is None:
        text = _default_kind(signal)
    if text not in _KINDS:
        raise CodecError(f"{where}.{signal.name}: kind {text!r}; known: {', '.join(_KINDS)}")
    return _KINDS[text]


def _default_kind(signal: DbcSignal) -> str:
    definitions = signal.dbc.attribute_definitions if signal.dbc is not None else {}
    definition = definitions.get("Kind")
    return str(definition.default_value) if definition is not None else "Value"


def _signal(signal: DbcSignal, where: str) -> Signal:
    kind = _kind(signal, where)
    if signal.byte_order != "little_endian" or signal.is_signed or signal.is_float:
        raise CodecError(
            f"{where}.{signal.name}: must be little-endian and unsigned; use an offset for negative values"
        )
    if signal.scale == 0:
        raise CodecError(f"{where}.{signal.name}: a scale of 0")
    scale, offset = float(signal.scale), float(signal.offset)
    code_max = special_code_max(signal.length) if kind is SignalKind.VALUE else (1 << signal.length) - 1
    code_min = 0
    if signal.minimum is not None and signal.maximum is not None:
        codes = sorted((float(limit) - offset) / scale for limit in (signal.minimum, signal.maximum))
        code_min = max(code_min, math.ceil(codes[0] - _CODE_ROUNDING))
        code_max = min(code_max, math.floor(codes[1] + _CODE_ROUNDING))
    if code_min > code_max:
        raise CodecError(f"{where}.{signal.name}: no code lies within its limits")
    spn = _number(signal.dbc.attributes if signal.dbc is not None else {}, "SPN")
    return Signal(
        signal.name,
        signal.unit or "",
        signal.start,
        signal.length,
        scale,
        offset,
        code_min,
        code_max,
        kind,
        spn,
    )


def _profile(attributes: Mapping[str, Any], special: Mapping[SignalKind, Signal], where: str) -> str:
    profile = _choice(attributes, "E2eProfile", PROFILES) or "None"
    if profile not in PROFILES:
        raise CodecError(f"{where}: E2eProfile {profile!r}; known: {', '.join(PROFILES)}")
    if profile != "None" and not {SignalKind.COUNTER, SignalKind.CRC} <= special.keys():
        raise CodecError(f"{where}: E2eProfile {profile} needs a counter and a check value")
    return profile


def _data_id_list(attributes: Mapping[str, Any], where: str) -> bytes:
    attribute = attributes.get("E2eDataIdList")
    text = str(attribute.value) if attribute is not None else ""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise CodecError(f"{where}: E2eDataIdList = {text!r}: must be hexadecimal") from None


def _choice(attributes: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str | None:
    """Return the text of an enumerated attribute, which a DBC may write as text or as its position."""
    attribute = attributes.get(name)
    if attribute is None:
        return None
    value = attribute.value
    return choices[value] if isinstance(value, int) and 0 <= value < len(choices) else str(value)


def _number(attributes: Mapping[str, Any], name: str) -> int:
    attribute = attributes.get(name)
    return int(attribute.value) if attribute is not None else 0
