"""The shapes that plug into each other: link, truck, controller."""

from typing import Protocol, runtime_checkable

from thermal_bms.signals import Command, Estimate, Limits, Measurement, Preview, ThermalCommand


@runtime_checkable
class Link(Protocol):
    """The seam to the truck. Which link is plugged in is the only difference between simulation and vehicle."""

    def read(self) -> Measurement:
        """Return the newest measurement."""
        ...

    def write(self, command: Command) -> None:
        """Send a command to the truck."""
        ...


class TruckPort(Protocol):
    """What a direct link needs of a simulated truck."""

    def measure(self) -> Measurement:
        """Return what the truck's sensors say now."""
        ...

    def actuate(self, command: Command) -> None:
        """Take a command; it acts from the next step on."""
        ...


@runtime_checkable
class Controller(Protocol):
    """A thermal controller: proposes actuator commands; the supervisor decides.

    ``applied`` is what the supervisor let through in the last tick, so that a controller can follow it without
    winding up. A controller holds its own state, reads no clock, and returns the same values for the same inputs.
    """

    def step(
        self,
        measurement: Measurement,
        estimate: Estimate,
        limits: Limits,
        preview: Preview,
        applied: ThermalCommand,
        dt_s: float,
    ) -> ThermalCommand:
        """Return the wanted actuator commands for the coming tick of ``dt_s`` seconds."""
        ...

    def reset(self) -> None:
        """Forget everything learned since construction."""
        ...
