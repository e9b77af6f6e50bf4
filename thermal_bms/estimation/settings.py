"""How sure the estimator is of its sensors and of its cell model, and how often it does the slow parts."""

from pydantic import Field

from thermal_bms.parameters import Parameters


class EstimationSettings(Parameters):
    """One standard deviation of each error, and the rates of the slow parts.

    Current sensor: gain 0.5 % and offset 0.1 % of range, as shunt and Hall sensors of traction batteries are sold;
    range taken as 1.7 times the rating. All other numbers are assumptions of this project; docs/estimation.md
    shows what they lead to.
    """

    initial_soc_sd: float = Field(default=0.12, gt=0.0, le=0.5, description="of a stored charge")
    current_gain_sd: float = Field(default=0.005, ge=0.0, le=0.1, description="of the current sensor")
    current_offset_sd: float = Field(default=0.0017, ge=0.0, le=0.1, description="share of the rated current")
    voltage_noise_v: float = Field(
        default=0.003, gt=0.0, le=0.1, description="of the model's fast errors; the filter adapts upwards"
    )
    voltage_noise_time_s: float = Field(
        default=60.0, gt=0.0, le=3600.0, description="how long a fast error lasts"
    )
    ocv_error_v: float = Field(
        default=0.004, gt=0.0, le=0.1, description="of the open-circuit voltage, hysteresis apart"
    )
    ocv_error_length: float = Field(
        default=0.05, gt=0.0, le=1.0, description="charge over which that error changes"
    )
    slow_error: float = Field(
        default=0.05, ge=0.0, le=1.0, description="diffusion outside the circuit, share of the overpotential"
    )
    resistance_sd: float = Field(default=0.1, gt=0.0, le=1.0, description="of the resistance, relative")
    resistance_growth_max: float = Field(
        default=3.0, gt=1.0, le=10.0, description="of a new cell's resistance"
    )
    capacity_sd: float = Field(default=0.05, gt=0.0, le=0.5, description="of the capacity, relative")
    cell_soc_sd: float = Field(default=0.01, ge=0.0, le=0.2, description="between the cells of a string")
    cell_resistance_sd: float = Field(
        default=0.03, ge=0.0, le=0.5, description="between the cells of a string"
    )
    cell_voltage_noise_v: float = Field(default=0.002, ge=0.0, le=0.05, description="of one cell's sensor")
    gate_sd: float = Field(default=5.0, ge=3.0, le=20.0, description="a voltage further off is an outlier")
    outlier_s: float = Field(
        default=120.0, gt=0.0, le=3600.0, description="outliers for this long: the estimate itself is wrong"
    )
    capacity_known_sd: float = Field(
        default=0.02, gt=0.0, le=0.2, description="state of health is reported from here"
    )
    resistance_known_sd: float = Field(
        default=0.05, gt=0.0, le=0.5, description="the same for the resistance"
    )
    cell_temp_error_k: float = Field(
        default=0.3,
        ge=0.0,
        le=5.0,
        description="coldest and hottest cell may be this much beyond their sensors",
    )
    power_margin: float = Field(default=0.02, ge=0.0, le=0.3, description="taken off every power limit")
    consumption_distance_m: float = Field(
        default=50e3, gt=1e3, le=1e6, description="over which consumption is averaged"
    )
