"""What is known ahead of the feedback: the heat of the cells now and to come, and the gain schedule."""

from math import isfinite, nan
from typing import Annotated, final

import numpy as np
from pydantic import Field, model_validator

from controllers.tables import checked_table, interpolate
from thermal_bms.parameters import Parameters
from thermal_bms.signals import Preview

Temperature = Annotated[float, Field(ge=-60.0, le=80.0)]
Factor = Annotated[float, Field(gt=0.0, le=10.0)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class FeedForwardSettings(Parameters):
    """How much of the known cell heat is passed on before the temperature shows it."""

    share: float = Field(
        default=0.9,
        ge=0.0,
        le=1.5,
        description="of the cell heat that goes to the coolant; the rest leaves through the housing; assumed",
    )
    filter_time_s: float = Field(
        default=120.0,
        ge=0.0,
        le=3600.0,
        description="time constant of the heat's filter; of the order of coolant heat capacity over plate"
        " conductance: 0.3 MJ/K over 2.4 kW/K for 648 cells of 302 Ah; assumed",
    )
    preview_time_s: float = Field(
        default=600.0,
        ge=0.0,
        le=7200.0,
        description="the preview's heat is averaged over this time ahead; the loop's response time; assumed",
    )


@final
class HeatFeedForward:
    """Filtered heat of the cells, mixed with the preview's mean heat as far as the preview is trusted.

    ``heat = (1 - c) heat_now + c mean(preview.heat_w over preview_time_s)`` with the confidence ``c``, then
    first order with ``filter_time_s`` by backward Euler. A value that is not finite leaves the last one
    standing.

    >>> from thermal_bms.signals import NO_PREVIEW
    >>> feed_forward = HeatFeedForward(FeedForwardSettings(share=1.0, filter_time_s=9.0))
    >>> feed_forward.step(1000.0, NO_PREVIEW, dt_s=1.0)
    100.0
    """

    __slots__ = ("_ahead_w", "_heat_w", "_seen", "_settings")

    def __init__(self, settings: FeedForwardSettings) -> None:
        self._settings = settings
        self._ahead_w = nan
        self.reset()

    def reset(self) -> None:
        """Forget the filtered heat."""
        self._heat_w = 0.0
        self._seen: Preview | None = None

    def step(self, heat_w: float, preview: Preview, *, dt_s: float) -> float:
        """Return the heat that the coolant should carry, from now on [W]."""
        settings = self._settings
        if preview is not self._seen:  # a preview stays the same for many ticks
            self._seen, self._ahead_w = preview, mean_ahead_w(preview, settings.preview_time_s)
        expected_w = mixed_w(heat_w, self._ahead_w, preview.confidence)
        if isfinite(expected_w):
            self._heat_w += (expected_w - self._heat_w) * dt_s / (settings.filter_time_s + dt_s)
        return settings.share * self._heat_w


def mean_ahead_w(preview: Preview, ahead_s: float) -> float:
    """Return the mean heat that a preview expects over the coming ``ahead_s``; NaN when it cannot be used [W].

    The preview is read as a curve through its points; beyond its last point it is not used.

    >>> preview = Preview(np.array([0.0, 100.0]), np.array([0.0, 1000.0]), np.zeros(2), confidence=1.0)
    >>> mean_ahead_w(preview, ahead_s=100.0)
    500.0
    """
    n = preview.horizon_s.size
    if n < 2 or preview.heat_w.size != n or not 0.0 < preview.confidence <= 1.0 or ahead_s <= 0.0:
        return nan
    horizon_s, ahead_w = preview.horizon_s, preview.heat_w
    end_s = min(ahead_s, float(horizon_s[-1]))
    if not end_s > horizon_s[0]:
        return nan
    inside = horizon_s < end_s
    time_s = np.append(horizon_s[inside], end_s)
    curve_w = np.append(ahead_w[inside], np.interp(end_s, horizon_s, ahead_w))
    return float(np.sum(np.diff(time_s) * (curve_w[1:] + curve_w[:-1])) / (2.0 * (time_s[-1] - time_s[0])))


def mixed_w(heat_w: float, ahead_w: float, confidence: float) -> float:
    """Return the heat now mixed with the heat ahead as far as that is trusted; a missing one leaves the other [W]."""
    if not isfinite(ahead_w):
        return heat_w
    if not isfinite(heat_w):
        return ahead_w
    return heat_w + confidence * (ahead_w - heat_w)


class GainScheduleSettings(Parameters):
    """Factors on all three gains over ambient temperature and coolant flow; between the points linear."""

    ambient_temp_degc: tuple[Temperature, ...] = Field(
        default=(-20.0, 10.0, 30.0, 45.0), min_length=1, max_length=20, description="grid of ambient_factor"
    )
    ambient_factor: tuple[Factor, ...] = Field(
        default=(0.8, 1.0, 1.0, 1.25),
        min_length=1,
        max_length=20,
        description="gains tuned on a hot day failed on a cold one and the other way round in simulation;"
        " assumed, to be tuned",
    )
    flow: tuple[Fraction, ...] = Field(
        default=(0.0, 0.3, 1.0),
        min_length=1,
        max_length=20,
        description="grid of flow_factor: pump duty as applied",
    )
    flow_factor: tuple[Factor, ...] = Field(
        default=(0.7, 0.8, 1.0),
        min_length=1,
        max_length=20,
        description="less flow: longer dead time around the loop, so less gain; assumed, to be tuned",
    )

    @model_validator(mode="after")
    def _tables_fit(self) -> "GainScheduleSettings":
        checked_table(self, "ambient_temp_degc", "ambient_factor")
        checked_table(self, "flow", "flow_factor")
        return self

    def factor(self, ambient_temp_degc: float, flow: float) -> float:
        """Return the factor on the gains; an unknown ambient temperature counts as moderate.

        >>> GainScheduleSettings().factor(37.5, 1.0)
        1.125
        """
        ambient = ambient_temp_degc if isfinite(ambient_temp_degc) else 20.0
        over_ambient = interpolate(ambient, self.ambient_temp_degc, self.ambient_factor)
        return over_ambient * interpolate(flow, self.flow, self.flow_factor)
