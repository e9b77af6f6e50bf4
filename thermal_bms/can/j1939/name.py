"""The 64-bit NAME with which a controller claims its address (SAE J1939-81)."""

from dataclasses import dataclass, fields

from thermal_bms.errors import ConfigError

_WIDTHS = {
    "identity": 21,
    "manufacturer": 11,
    "ecu_instance": 3,
    "function_instance": 5,
    "function": 8,
    "vehicle_system": 7,
    "vehicle_system_instance": 4,
    "industry_group": 3,
    "arbitrary_address": 1,
}
_RESERVED_BIT = 48
NAME_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Name:
    """Who a controller is. Of two that want one address, the one with the smaller number keeps it.

    Attributes
    ----------
    identity : serial number, 21 bits
    manufacturer : code given by the SAE, 11 bits
    ecu_instance, function_instance : 3 and 5 bits
    function : what it does, 8 bits
    vehicle_system, vehicle_system_instance : 7 and 4 bits
    industry_group : 1 is on-highway, 3 bits
    arbitrary_address : it may take another address when it loses its own
    """

    identity: int
    manufacturer: int
    ecu_instance: int = 0
    function_instance: int = 0
    function: int = 0
    vehicle_system: int = 0
    vehicle_system_instance: int = 0
    industry_group: int = 1
    arbitrary_address: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value, width = int(getattr(self, field.name)), _WIDTHS[field.name]
            if not 0 <= value < 1 << width:
                raise ConfigError(f"name.{field.name} = {value}: must be 0 to {(1 << width) - 1}")

    @property
    def number(self) -> int:
        """Return the NAME as a number, bit 48 being reserved.

        >>> hex(Name(identity=1, manufacturer=2, function=3).number)
        '0x9000030000400001'
        """
        number, place = 0, 0
        for name, width in _WIDTHS.items():
            if place == _RESERVED_BIT:
                place += 1
            number |= int(getattr(self, name)) << place
            place += width
        return number

    @property
    def data(self) -> bytes:
        """Return the NAME as it goes over the bus."""
        return self.number.to_bytes(NAME_LENGTH, "little")


def name_number(data: bytes) -> int | None:
    """Return the NAME in a claim as a number, or None when the claim is too short."""
    return int.from_bytes(data[:NAME_LENGTH], "little") if len(data) >= NAME_LENGTH else None
