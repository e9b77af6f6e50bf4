"""A recorded bus log as a link: frames of the log up to each tick, and the commands that it holds to compare with."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import can
import numpy as np

from thermal_bms.can.bus_image import BusReceiver
from thermal_bms.can.bus_map import PackShape
from thermal_bms.can.bus_state import BusState
from thermal_bms.can.codec import CommandCodec, MeasurementCodec
from thermal_bms.can.frame import Frame
from thermal_bms.can.link import OPTIONAL, charger_places, without_charger
from thermal_bms.errors import LinkError, RecordingError
from thermal_bms.link import EndOfRecordingError
from thermal_bms.signals import Command, Measurement

START_WAIT_S = 10.0

Stamped = tuple[float, Frame]


@dataclass(slots=True)
class Deviation:
    """How far one value of the commands is off from those in the log, over all ticks.

    Attributes
    ----------
    count : ticks at which both sides gave a value
    differing : ticks at which they differ at all
    sum_abs, max_abs : of the difference, in the value's unit
    """

    count: int = 0
    differing: int = 0
    sum_abs: float = 0.0
    max_abs: float = 0.0

    def add(self, difference: float) -> None:
        """Take in one tick."""
        self.count += 1
        self.differing += difference != 0.0
        self.sum_abs += abs(difference)
        self.max_abs = max(self.max_abs, abs(difference))


def read_log(path: Path) -> Iterator[Stamped]:
    """Yield time since the first frame and frame of a log: ASC, BLF, candump, CSV, or MF4 with asammdf.

    Raises
    ------
    RecordingError
        when the file is none of these, or is damaged.
    """
    try:
        with can.LogReader(path) as reader:
            first_s = None
            for message in reader:
                first_s = message.timestamp if first_s is None else first_s
                if message.is_extended_id and not message.is_error_frame and not message.is_remote_frame:
                    yield message.timestamp - first_s, Frame(message.arbitration_id, bytes(message.data))
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # a reader stumbles in its own way over each kind of damage
        raise RecordingError(
            f"{path}: not a bus log that can be read: {' '.join(str(error).split())}"
        ) from None


@final
class LogLink:
    """The link to a truck that was logged: time goes on by one period with every ``read``.

    ``write`` compares with what the log's own controller had said by then, quantised alike. Ticks of the log and
    of the replay do not coincide, so a change may come a tick early or late.

    Parameters
    ----------
    frames : time and frame, in order of time
    shape : size of the pack
    period_s : tick [s]
    sources : source addresses where they differ from the DBC

    Attributes
    ----------
    deviations : by name of the command's value
    state : what is believed of the bus, and its counters

    Raises
    ------
    LinkError
        when the log holds no frame, or is over before a first tick.
    """

    def __init__(
        self,
        frames: Iterable[Stamped],
        shape: PackShape,
        *,
        period_s: float,
        sources: Mapping[str, int] | None = None,
    ) -> None:
        self._frames = iter(frames)
        self._measurements = MeasurementCodec(shape, sources=sources)
        self._commands = CommandCodec(shape.n_strings, sources=sources)
        self._said = BusReceiver(self._commands.bus_map)
        self._period_s = period_s
        self._ticks = 0
        self.state = BusState(self._measurements.bus_map, optional=OPTIONAL)
        self._charger = charger_places(self._measurements.bus_map)
        self.state.opened(0.0)
        self.deviations: dict[str, Deviation] = {}
        self._next = next(self._frames, None)
        if self._next is None:
            raise LinkError("the log holds no frame with a 29-bit identifier")
        self._skip_to_whole()

    def read(self) -> Measurement:
        """Return what was known at the next tick.

        Raises
        ------
        EndOfRecordingError
            when the log is over.
        """
        if self._next is None:
            raise EndOfRecordingError(f"the log ends after {self._ticks} ticks")
        self._ticks += 1
        now_s = self._start_s + self._ticks * self._period_s
        self._take_until(now_s)
        values = without_charger(self.state.values(now_s), self._charger)
        return self._measurements.restore(values, now_s)

    def write(self, command: Command) -> None:
        """Compare a command with what the log's controller had said."""
        ours, _ = self._commands.bus_map.quantise(self._commands.flatten(command))
        for name, where in self._commands.bus_map.slices.items():
            difference = ours[where] - self._said.image[where]
            if not np.isnan(difference).any():
                largest = float(difference[np.argmax(np.abs(difference))])
                self.deviations.setdefault(name, Deviation()).add(largest)

    def _skip_to_whole(self) -> None:
        """Begin where everything was heard once, or ten seconds into a log in which it never is."""
        while self._next is not None and not self.state.complete and self._next[0] <= START_WAIT_S:
            self._take_until(self._next[0])
        if self._next is None:
            missing = ", ".join(self.state.missing()) or "nothing"
            raise LinkError(f"the log is over before a first tick; missing in it: {missing}")
        self._start_s = self._next[0]

    def _take_until(self, time_s: float) -> None:
        self.state.tick(time_s)
        self._said.tick(time_s)
        while self._next is not None and self._next[0] <= time_s:
            frame_s, frame = self._next
            self.state.take(frame, frame_s)
            self._said.take(frame, frame_s)
            self._next = next(self._frames, None)
