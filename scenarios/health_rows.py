"""What a run records of predictive health, a row per finding and look while it stands; what the report says of it."""

import math
from typing import NamedTuple, Protocol

from thermal_bms.health import Finding, FindingKind
from thermal_bms.health.findings import UNITS
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

STREAM = "health"
COLUMNS = (
    "time_s",
    "kind",
    "string",
    "place",
    "value",
    "limit",
    "confidence",
    "time_to_limit_s",
)


class Stream(Protocol):
    """Columns by name."""

    def __getitem__(self, name: str, /) -> FloatArray:
        """Return a column."""
        ...


class Streams(Protocol):
    """A recording as far as it is read here."""

    @property
    def streams(self) -> list[str]:
        """Return the names of the streams."""
        ...

    def stream(self, name: str, /) -> Stream:
        """Return a stream by name."""
        ...


class Story(NamedTuple):
    """One finding over a run: when it was first found, and how it stood when it was last seen."""

    first_s: float
    last: Finding


def health_row(finding: Finding, time_s: float) -> tuple[float, ...]:
    """Return the row of a finding at an instant [s]."""
    return (time_s, *finding[:-1])


def health_stories(recording: Streams) -> list[Story]:
    """Return every finding of a run once, in the order in which they came."""
    if STREAM not in recording.streams:
        return []
    rows = recording.stream(STREAM)
    stories: dict[tuple[int, int, int], Story] = {}
    for time_s, kind, string, place, *values in zip(*(rows[name] for name in COLUMNS), strict=True):
        key = (int(kind), int(string), int(place))
        first_s = stories[key].first_s if key in stories else float(time_s)
        numbers = (float(value) for value in values)
        last = Finding(FindingKind(key[0]), key[1], key[2], *numbers, since_s=first_s)  # type: ignore[misc]
        stories[key] = Story(first_s, last)
    return list(stories.values())


def health_warnings(recording: Streams) -> list[str]:
    """Return one line per finding."""
    return [_line(story) for story in health_stories(recording)]


def health_table(recording: Streams) -> list[tuple[str, ...]]:
    """Return the findings of a run as a table with its head; the head alone when there is none."""
    head = ("Finding", "Where", "Found at, h", "Size", "Reported from", "Confidence", "Time left, h")
    return [head, *(_row(story) for story in health_stories(recording))]


def _row(story: Story) -> tuple[str, ...]:
    found = story.last
    left_h = found.time_to_limit_s / SECONDS_PER_HOUR
    return (
        found.kind.name,
        _where(found) or "truck",
        f"{story.first_s / SECONDS_PER_HOUR:.2f}",
        f"{found.value:.3g} {UNITS[found.kind]}",
        f"{found.limit:.3g}",
        f"{found.confidence:.3f}",
        f"{left_h:.1f}" if math.isfinite(left_h) else "-",
    )


def _where(found: Finding) -> str:
    string = "" if found.string < 0 else f"string {found.string}"
    return string if found.place < 0 else f"{string} place {found.place}"


def _line(story: Story) -> str:
    found = story.last
    where = f", {_where(found)}" if found.string >= 0 else ""
    left_h = found.time_to_limit_s / SECONDS_PER_HOUR
    left = f"{left_h:.1f} h to its limit" if math.isfinite(left_h) else "not growing"
    return (
        f"Health {found.kind.name}{where}: found at {story.first_s / SECONDS_PER_HOUR:.2f} h,"
        f" last {found.value:.3g} {UNITS[found.kind]} against {found.limit:.3g},"
        f" confidence {found.confidence:.3f}, {left}"
    )
