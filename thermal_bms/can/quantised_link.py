"""A link around a link: everything passes as if it crossed the bus, without a bus."""

from collections.abc import Callable, Mapping
from typing import final

from thermal_bms.can.bus_image import DirectBus
from thermal_bms.can.bus_map import PackShape
from thermal_bms.can.codec import CommandCodec, MeasurementCodec
from thermal_bms.interfaces import Link
from thermal_bms.signals import Command, Measurement


def _no_status() -> Mapping[str, float]:
    return {}


@final
class QuantisedLink:
    """Gives what a controller on the bus would read, and the truck what it would be told.

    Values have the steps, ends and periods of their messages; between its turns a value is held. The bits are
    those of a bus on which no frame is lost or late.

    Parameters
    ----------
    inner : the link to the truck
    shape : size of the pack
    status : gives what the vehicle is told besides the command; it matters for the report of saturation only
    """

    def __init__(
        self, inner: Link, shape: PackShape, *, status: Callable[[], Mapping[str, float]] = _no_status
    ) -> None:
        self._inner = inner
        self._status = status
        self._measurements = MeasurementCodec(shape)
        self._commands = CommandCodec(shape.n_strings)
        self._from_truck = DirectBus(self._measurements.bus_map)
        self._to_truck = DirectBus(self._commands.bus_map)
        self._time_s = 0.0

    @property
    def saturated(self) -> tuple[str, ...]:
        """Return the fields that their signals could not hold in the last read and write."""
        return self._from_truck.saturated + self._to_truck.saturated

    def read(self) -> Measurement:
        """Return the newest measurement as it arrives over the bus."""
        sent = self._inner.read()
        self._time_s = sent.time_s
        return self._measurements.restore(
            self._from_truck.carry(self._measurements.flatten(sent), sent.time_s), sent.time_s
        )

    def write(self, command: Command) -> None:
        """Send a command as it arrives over the bus; its time is that of the last measurement."""
        flat = self._commands.flatten(command, self._status())
        self._inner.write(self._commands.restore(self._to_truck.carry(flat, self._time_s)))
