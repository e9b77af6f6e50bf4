"""From where on predictive health speaks up, and how sure it must be."""

from pydantic import Field

from thermal_bms.parameters import Parameters


class HealthSettings(Parameters):
    """Thresholds. All are assumed, set on the cases named in docs/health.md as used for tuning.

    A finding needs its confidence for ``persistence`` samples on end, and goes when it fell to half of it.
    """

    sample_s: float = Field(default=30.0, ge=5.0, le=300.0, description="between two looks at all cells")
    persistence: int = Field(default=10, ge=1, le=1000, description="samples on end")
    confidence: float = Field(default=0.99, gt=0.5, lt=1.0)
    outlier_deviations: float = Field(
        default=6.0, gt=0.0, description="robust deviations of the population that an outlier is away"
    )
    leak_per_h: float = Field(
        default=0.001, gt=0.0, description="leak that is reported, share of capacity per hour"
    )
    charge_spread: float = Field(default=0.05, gt=0.0, description="charge a group may lose on the others")
    resistance_growth: float = Field(default=0.2, gt=0.0, description="above the mean of the string")
    resistance_growth_limit: float = Field(default=0.5, gt=0.0)
    sensor_drift_k: float = Field(default=2.0, gt=0.0)
    sensor_drift_limit_k: float = Field(default=5.0, gt=0.0)
    cooling_share: float = Field(
        default=0.7, gt=0.0, lt=1.0, description="of the conductance of the other strings"
    )
    cooling_excited_k: float = Field(
        default=3.0, gt=0.0, description="cells above inlet; below it nothing is judged"
    )
    flow_share: float = Field(default=0.93, gt=0.0, lt=1.0)
    refrigerant_share: float = Field(default=0.75, gt=0.0, lt=1.0)
    refrigerant_excited_k: float = Field(default=1.5, gt=0.0, description="outlet above inlet")
    limit_share: float = Field(
        default=0.5, gt=0.0, lt=1.0, description="flow, conductance or heat at the end"
    )
