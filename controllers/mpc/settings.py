"""The settings of the predictive controller: grid, prices, bounds, penalties, observer, chain."""

from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from controllers.actuation import ActuationSettings
from controllers.conditioning import ConditioningSettings
from controllers.modes import ModeSettings
from thermal_bms.parameters import Parameters

Count = Annotated[int, Field(ge=1, le=240)]
Length = Annotated[float, Field(ge=5.0, le=600.0)]


class PriceSettings(Parameters):
    """What energy, time and wear cost."""

    energy_depot_eur_per_kwh: float = Field(
        default=0.20,
        ge=0.0,
        le=5.0,
        description="plugged in with a known departure; EU non-household electricity without refundable taxes,"
        " 0.19 to 0.20 EUR/kWh in 2024 (Eurostat nrg_pc_205), rounded",
    )
    energy_public_eur_per_kwh: float = Field(
        default=0.40,
        ge=0.0,
        le=5.0,
        description="at a public truck charger; European fleet tariffs are quoted between 0.35 and 0.45; assumed",
    )
    energy_drive_eur_per_kwh: float = Field(
        default=0.35,
        ge=0.0,
        le=5.0,
        description="out of the battery: a mix of both, over a charging efficiency of 0.93; assumed",
    )
    time_eur_per_h: float = Field(
        default=45.0,
        ge=0.0,
        le=500.0,
        description="truck and driver waiting at a charger; drivers' wage and non-wage cost of about 25 to 35 EUR/h"
        " in western Europe and the standing truck; assumed",
    )
    pack_eur_per_kwh: float = Field(
        default=110.0,
        ge=0.0,
        le=1000.0,
        description="115 USD/kWh mean pack price of 2024 (BloombergNEF battery price survey), as EUR",
    )
    pack_life_years: float = Field(
        default=8.0,
        gt=0.5,
        le=30.0,
        description="calendar life at 25 degC in which the price is spent; usual warranty of truck packs",
    )
    ageing_doubles_k: float = Field(
        default=11.6,
        gt=2.0,
        le=40.0,
        description="kelvin after which calendar ageing runs twice as fast; activation energy of about 53 kJ/mol",
    )
    plating_eur_per_kwh_k_h: float = Field(
        default=0.002,
        ge=0.0,
        le=1.0,
        description="per kWh of pack, for every kelvin below the lowest temperature of the charge rate: 10 K too"
        " cold for an hour wears 0.02 EUR/kWh, ten times a year's calendar ageing per hour; assumed",
    )
    start_eur_per_kw: float = Field(
        default=0.0005,
        ge=0.0,
        le=1.0,
        description="one start of the compressor or change of the valve, per kW of chiller: 100 EUR/kW over 200,000"
        " starts; assumed",
    )


class GridSettings(Parameters):
    """The steps of the plan: short ones first."""

    counts: tuple[Count, ...] = Field(
        default=(12, 24, 24), min_length=1, max_length=8, description="stages of each length"
    )
    lengths_s: tuple[Length, ...] = Field(
        default=(20.0, 60.0, 120.0), min_length=1, max_length=8, description="together 76 min in 60 stages"
    )
    period_s: float = Field(
        default=20.0,
        ge=5.0,
        le=120.0,
        description="a new plan so often; between plans the first step is held",
    )

    @model_validator(mode="after")
    def _fits(self) -> "GridSettings":
        if len(self.counts) != len(self.lengths_s):
            raise ValueError(f"lengths_s needs {len(self.counts)} values, one per count")
        if sum(self.counts) > 240:
            raise ValueError("counts must not add up to more than 240 stages")
        if any(b < a for a, b in pairwise(self.lengths_s)):
            raise ValueError("lengths_s must rise")
        if self.period_s > self.lengths_s[0]:
            raise ValueError("period_s must be <= the first of lengths_s")
        return self


class BoundSettings(Parameters):
    """Between which temperatures cells may be, and what it costs to leave them there not."""

    drive_min_degc: float = Field(
        default=15.0,
        ge=-30.0,
        le=30.0,
        description="coldest cell in use; Lishen LP54173207 datasheet: 15 to 35",
    )
    drive_max_degc: float = Field(
        default=34.0, ge=20.0, le=50.0, description="hottest cell in use; 1 K inside the same"
    )
    price_eur_per_kwh_k_h: float = Field(
        default=0.005,
        ge=0.0,
        le=10.0,
        description="per kWh of pack, of every kelvin outside, linear part; 3 EUR/(K h) for 600 kWh, where moving a"
        " kelvin costs 0.1 to 0.4 EUR: minutes outside are dearer than going back; assumed",
    )
    price_eur_per_kwh_k2_h: float = Field(
        default=0.002, ge=0.0, le=10.0, description="the same, quadratic part; assumed"
    )
    terminal_share: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="of the heat stored at the end of the plan, that must still be paid for later; assumed",
    )


class PenaltySettings(Parameters):
    """What keeps a plan calm."""

    proximal_share: float = Field(
        default=0.5,
        ge=0.0,
        le=10.0,
        description="price of a full-range difference to the plan before, squared, over that of the strongest"
        " actuator's full power; assumed",
    )
    rate_s: float = Field(
        default=3.0,
        ge=0.0,
        le=600.0,
        description="price of a full-range change between stages, squared, as time of that full power; assumed",
    )
    rate_max_per_s: float = Field(
        default=0.02,
        gt=0.0,
        le=1.0,
        description="fastest planned rise of a share; falling is free, as in the supervisor; assumed",
    )


class ForecastSettings(Parameters):
    """How far the future is believed."""

    persistence_s: float = Field(
        default=600.0,
        ge=10.0,
        le=7200.0,
        description="time constant with which the heat of now decays to the long-run mean; assumed",
    )
    long_run_s: float = Field(
        default=3600.0, ge=60.0, le=86400.0, description="memory of the long-run mean heat; assumed"
    )
    confidence_min: float = Field(
        default=0.3,
        ge=0.0,
        le=1.0,
        description="of the preview, below which its events are ignored; as the PID",
    )


class ObserverSettings(Parameters):
    """How fast what the model does not know is learned."""

    cell_s: float = Field(default=600.0, ge=20.0, le=7200.0, description="heat of the cells; assumed")
    medium_s: float = Field(default=60.0, ge=10.0, le=3600.0, description="heat of the medium; assumed")
    conductance_s: float = Field(
        default=3600.0, ge=60.0, le=86400.0, description="factor on the cells' conductance; assumed"
    )
    decay_s: float = Field(
        default=1200.0, ge=60.0, le=86400.0, description="a learned heat decays so in the forecast; assumed"
    )


class ChainSettings(Parameters):
    """When a plan counts, and what follows when it does not."""

    iterations_max: int = Field(default=60, ge=5, le=500, description="of the first solver; needs 8 to 20")
    second_iterations: int = Field(default=400, ge=10, le=5000, description="of the second solver")
    residual_max: float = Field(
        default=1e-3, gt=0.0, le=1.0, description="of the model's equations and bounds, in kelvin and shares"
    )
    shifted_plans_max: int = Field(
        default=3, ge=0, le=20, description="so often the plan before is used once more"
    )


class ValveSettings(Parameters):
    """The layer above the plan that moves the valve and starts the compressor."""

    decide_s: float = Field(default=60.0, ge=5.0, le=600.0, description="so often a move is considered")
    dwell_s: float = Field(
        default=300.0, ge=0.0, le=3600.0, description="shortest stay, and length for which moves are compared"
    )
    least_share: float = Field(
        default=0.03, ge=0.0, le=0.5, description="of a path, below which the plan does not want it; assumed"
    )
    urgent_k: float = Field(
        default=2.0, ge=0.1, le=20.0, description="outside the bounds by so much: move without dwell; assumed"
    )


class MpcSettings(Parameters):
    """Model predictive control: what a plan weighs, how it is made, and what stands behind it."""

    grid: GridSettings = Field(default=GridSettings(), description="the steps of the plan")
    prices: PriceSettings = Field(default=PriceSettings(), description="what things cost")
    bounds: BoundSettings = Field(default=BoundSettings(), description="allowed temperatures")
    penalties: PenaltySettings = Field(default=PenaltySettings(), description="calmness")
    forecast: ForecastSettings = Field(default=ForecastSettings(), description="belief in the future")
    observer: ObserverSettings = Field(default=ObserverSettings(), description="learning")
    chain: ChainSettings = Field(default=ChainSettings(), description="fallbacks")
    valve: ValveSettings = Field(default=ValveSettings(), description="mode valve and compressor")
    conditioning: ConditioningSettings = Field(
        description="target temperatures parked, plugged and before departure, also of the PID behind the plan;"
        " defaults by chemistry"
    )
    modes: ModeSettings = Field(
        default=ModeSettings(), description="the PID behind the plan moves its valve so"
    )
    actuation: ActuationSettings = Field(
        default=ActuationSettings(), description="how duties follow from heat"
    )

    @model_validator(mode="after")
    def _bounds_fit(self) -> "MpcSettings":
        if self.bounds.drive_max_degc - self.bounds.drive_min_degc < self.conditioning.band_min_k:
            raise ValueError(
                "bounds.drive_max_degc must be at least conditioning.band_min_k above drive_min_degc"
            )
        return self
