"""The stream "preview" of a recording: every preview that a controller was given, so that a replay gives it again."""

from dataclasses import replace

import numpy as np

from thermal_bms.recorder import Row
from thermal_bms.recording import Recording
from thermal_bms.recording_format import Shape
from thermal_bms.signals import NO_PREVIEW, Preview
from thermal_bms.units import FloatArray

PREVIEW = "preview"
POINTS_MAX = 64
_SCALARS = ("charge_in_s", "charge_power_w", "departure_in_s", "confidence")
_ARRAYS = ("horizon_s", "heat_w", "ambient_temp_degc")


def preview_columns() -> dict[str, Shape]:
    """Return the columns: the time of the tick that was first given it, its values, and how many points count."""
    columns: dict[str, Shape] = dict.fromkeys(("time_s", *_SCALARS, "points"), ())
    return columns | dict.fromkeys(_ARRAYS, (POINTS_MAX,))


def shortened(preview: Preview) -> Preview:
    """Return a preview of at most 64 points, the next ones: what the stream can hold."""
    if len(preview.horizon_s) <= POINTS_MAX:
        return preview
    return replace(
        preview,
        horizon_s=preview.horizon_s[:POINTS_MAX],
        heat_w=preview.heat_w[:POINTS_MAX],
        ambient_temp_degc=preview.ambient_temp_degc[:POINTS_MAX],
    )


def preview_row(time_s: float, preview: Preview) -> Row:
    """Return the row of a preview of at most 64 points."""
    scalars = [getattr(preview, name) for name in _SCALARS]
    points = len(preview.horizon_s)
    arrays = [np.full(POINTS_MAX, np.nan) for _ in _ARRAYS]
    for array, name in zip(arrays, _ARRAYS, strict=True):
        array[:points] = getattr(preview, name)
    return (time_s, *scalars, points, *arrays)


class RecordedPreviews:
    """The previews of a recording, by time. A recording without the stream knew none."""

    def __init__(self, recording: Recording) -> None:
        self._rows: FloatArray = np.empty((0, 0))
        if PREVIEW in recording.streams:
            self._rows = np.concatenate([np.empty((0, _WIDTH)), *recording.stream(PREVIEW).chunks()])
        self._next = 0
        self._preview = NO_PREVIEW

    def at(self, time_s: float) -> Preview:
        """Return the preview of the tick at a time; times must not fall."""
        while self._next < len(self._rows) and self._rows[self._next, 0] <= time_s:
            self._preview = _restored(self._rows[self._next])
            self._next += 1
        return self._preview


_WIDTH = 2 + len(_SCALARS) + len(_ARRAYS) * POINTS_MAX


def _restored(row: FloatArray) -> Preview:
    start = 1 + len(_SCALARS)
    points = int(row[start])
    arrays = row[start + 1 :].reshape(len(_ARRAYS), POINTS_MAX)[:, :points].copy()
    scalars = dict(zip(_SCALARS, row[1:start].tolist(), strict=True))
    return Preview(**dict(zip(_ARRAYS, arrays, strict=True)), **scalars)
