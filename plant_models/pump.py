"""Pump or blower: its curve against the system's curve, electric power, and the lags of slow actuators.

Affinity laws for the speed fraction n, a quadratic curve, a laminar and a quadratic part of the system::

    Δp_pump   = Δp_max n² - c q²,             c = Δp_max / q_free²
    Δp_system = R_1 q + R_2 q²
    q         = 2 Δp_max n² / (R_1 + sqrt(R_1² + 4 (R_2 + c) Δp_max n²))          (positive root, 0 at rest)

The overall efficiency follows a parabola over the flow, η = η_best x (2 - x) with x = q / (n q_best), so
that the electric power Δp q / η stays finite at zero flow. Gülich, Centrifugal Pumps (2020), chapters 2 and
4, doi 10.1007/978-3-030-14788-4. The hydraulic power becomes heat in the medium, the rest goes to the
ambient. Kernels read fields named ``pump_...`` from one record.
"""

import math

from pydantic import Field, model_validator

from plant_models.kernels import Record, kernel
from thermal_bms.parameters import Parameters

ARRIVED = 1e-9


class PumpParameters(Parameters):
    """Curve, efficiency and lag of a pump or blower.

    The defaults are a Pierburg CWA200: 116 L/min at 0.45 bar and 166 L/min at 0.30 bar give shut-off
    pressure and free flow of the quadratic curve, 12 V and 15 A the efficiency, 4500 rev/min the speed.
    """

    pressure_max_pa: float = Field(
        default=59.3e3, gt=0.0, le=1e6, description="at full speed and no flow; CWA200 curve, extrapolated"
    )
    flow_free_m3_per_s: float = Field(
        default=3.94e-3,
        gt=0.0,
        le=2.0,
        description="at full speed and no pressure; CWA200 curve, extrapolated",
    )
    flow_best_m3_per_s: float = Field(
        default=2.3e-3,
        gt=0.0,
        le=2.0,
        description="flow of best efficiency at full speed; derived from CWA200",
    )
    efficiency_best: float = Field(
        default=0.49,
        gt=0.02,
        le=0.95,
        description="electric to hydraulic; derived from CWA200, 12 V and 15 A",
    )
    speed_max_rpm: float = Field(default=4500.0, gt=0.0, le=50e3, description="CWA200 datasheet")
    lag_s: float = Field(default=1.0, gt=0.0, le=60.0, description="time constant of the speed; assumed")

    @model_validator(mode="after")
    def _best_below_free(self) -> "PumpParameters":
        if self.flow_best_m3_per_s <= 0.5 * self.flow_free_m3_per_s:
            raise ValueError(
                "flow_best_m3_per_s must be > half of flow_free_m3_per_s, else efficiency is negative"
            )
        return self


def prefixed(prefix: str, model: Parameters, skip: tuple[str, ...] = ()) -> dict[str, float]:
    """Return the plain numbers of a parameter model as record fields named ``prefix_name``.

    >>> prefixed("pump", PumpParameters())["pump_speed_max_rpm"]
    4500.0
    """
    return {f"{prefix}_{k}": v for k, v in model if isinstance(v, (int, float)) and k not in skip}


@kernel
def pump_flow_m3_per_s(
    p: Record, speed: float, linear_pa_s_per_m3: float, quadratic_pa_s2_per_m6: float
) -> float:
    """Return the flow where the pump's curve meets the system's.

    Parameters
    ----------
    p : record with the fields of :class:`PumpParameters`, prefix ``pump_``
    speed : speed fraction in 0..1
    linear_pa_s_per_m3, quadratic_pa_s2_per_m6 : R_1 and R_2 of the system, >= 0

    Returns
    -------
    volume flow [m³/s]

    >>> from plant_models.kernels import record
    >>> p = record(**prefixed("pump", PumpParameters()))[0]
    >>> round(60e3 * pump_flow_m3_per_s(p, 1.0, 0.0, 45e3 / (116 / 60e3) ** 2), 1)
    116.0
    """
    head = p.pump_pressure_max_pa * speed * speed
    curve = p.pump_pressure_max_pa / (p.pump_flow_free_m3_per_s * p.pump_flow_free_m3_per_s)
    root = math.sqrt(linear_pa_s_per_m3 * linear_pa_s_per_m3 + 4.0 * (quadratic_pa_s2_per_m6 + curve) * head)
    total = linear_pa_s_per_m3 + root
    return 2.0 * head / total if total > 0.0 else 0.0


@kernel
def pump_power_w(p: Record, speed: float, flow_m3_per_s: float) -> tuple[float, float]:
    """Return electric and hydraulic power of the pump at a point of its curve.

    Parameters
    ----------
    p : record with the fields of :class:`PumpParameters`, prefix ``pump_``
    speed : speed fraction in 0..1
    flow_m3_per_s : volume flow at that speed [m³/s]

    Returns
    -------
    electric power, hydraulic power [W]

    >>> from plant_models.kernels import record
    >>> p = record(**prefixed("pump", PumpParameters()))[0]
    >>> [round(power) for power in pump_power_w(p, 1.0, 116 / 60e3)]
    [182, 87]
    """
    part = flow_m3_per_s / p.pump_flow_free_m3_per_s
    pressure = p.pump_pressure_max_pa * max(speed * speed - part * part, 0.0)
    best = speed * p.pump_flow_best_m3_per_s
    ratio = flow_m3_per_s / best if best > 0.0 else 0.0
    return pressure * best / (p.pump_efficiency_best * (2.0 - ratio)), pressure * flow_m3_per_s


@kernel
def lagged(value: float, target: float, lag_s: float, dt_s: float) -> tuple[float, float]:
    """Return end value and mean over the step of a first-order lag, both exact for a constant target.

    Parameters
    ----------
    value : at the start of the step
    target : where it goes
    lag_s : time constant, > 0 [s]
    dt_s : step, > 0 [s]

    Nearer than ``ARRIVED`` the target is reached, so that nothing creeps on for hours.

    >>> [round(x, 4) for x in lagged(0.0, 1.0, 1.0, 1.0)]
    [0.6321, 0.3679]
    """
    end = target + (value - target) * math.exp(-dt_s / lag_s)
    mean = target + (value - end) * lag_s / dt_s
    return (target if abs(end - target) < ARRIVED else end), mean


@kernel
def ramped(value: float, target: float, travel_s: float, dt_s: float) -> tuple[float, float]:
    """Return end value and mean over the step of an actuator that covers 0..1 at constant speed.

    Parameters
    ----------
    value, target : in 0..1
    travel_s : time from 0 to 1, > 0 [s]
    dt_s : step, > 0 [s]

    >>> ramped(0.0, 1.0, 4.0, 2.0)
    (0.5, 0.25)
    >>> ramped(0.0, 0.5, 2.0, 2.0)
    (0.5, 0.375)
    """
    distance = abs(target - value)
    moving_s = min(distance * travel_s, dt_s)
    share = moving_s / (distance * travel_s) if distance > 0.0 else 0.0
    end = value + share * (target - value)
    return end, end - (end - value) * 0.5 * moving_s / dt_s
