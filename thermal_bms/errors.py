"""Every error that this project raises on purpose.

A message says what was found, what is allowed, where, and what to do. A fault on the truck is data
(:class:`thermal_bms.faults.Fault`), never an exception.
"""


class ThermalBmsError(Exception):
    """Base of all errors of this project; the command line prints it as one line."""

    exit_code = 2


class ConfigError(ThermalBmsError):
    """A parameter or settings file holds something that is not allowed."""


class ScenarioError(ThermalBmsError):
    """A scenario, drive cycle or climate cannot be used as it stands."""


class RecordingError(ThermalBmsError):
    """A recording or an output folder cannot be read or written."""


class LinkError(ThermalBmsError):
    """The link to the truck failed."""

    exit_code = 3


class CodecError(LinkError):
    """A message definition (DBC) cannot be used as it stands. Bad data on the bus never raises this."""

    exit_code = 2


class PlantError(ThermalBmsError):
    """The plant model left the range in which it means anything."""


class SolverError(ThermalBmsError):
    """An optimisation did not return a usable answer."""
