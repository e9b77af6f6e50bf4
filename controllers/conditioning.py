"""Between which temperatures the cells are to be: driving, charging, parked, and ahead of an event.

Before a planned charge the cells are brought to where they take the planned power. How warm that is follows
from the charge rate; how cold, from the heat that the charge will make. The lead time is the time the truck
needs for it::

    lead = (reserve + loss * (T_target - T_air)) * C dT / Q_max

with C the heat capacity of the cells, dT the way of the coldest cell up or the hottest down, Q_max what heater
or cooler can do, and a loss to air colder than the target: housing and coolant stand in it.
"""

from math import isfinite, nan
from typing import Annotated, Any, NamedTuple, final

from pydantic import Field, model_validator

from controllers.tables import checked_table, interpolate
from thermal_bms.description import PackDescription
from thermal_bms.parameters import Parameters
from thermal_bms.signals import Estimate, LimitCause, Limits, Measurement, Preview, VehicleMode

Temperature = Annotated[float, Field(ge=-40.0, le=50.0)]
Rate = Annotated[float, Field(gt=0.0, le=10.0)]


class Band(NamedTuple):
    """Heat below ``heat_degc``, cool above ``cool_degc``; minus or plus infinity: never."""

    heat_degc: float
    cool_degc: float


class ConditioningSettings(Parameters):
    """Target temperatures by what the truck does; some defaults differ by ``CHEMISTRY_DEFAULTS``."""

    heat_degc: Temperature = Field(description="driving: heat cells colder than this; by chemistry")
    cool_degc: Temperature = Field(
        description="driving and charging: cool cells hotter than this; by chemistry"
    )
    band_min_k: float = Field(
        default=3.0, ge=1.0, le=30.0, description="least distance kept between the two targets; assumed"
    )
    park_heat_degc: Temperature = Field(
        default=-17.0,
        description="parked, unplugged: heat below, on the pack's own energy; the eActros protects its"
        " battery below -19 degC (press, environmentalengineering.org.uk 14573)",
    )
    park_cool_degc: Temperature = Field(
        default=45.0,
        description="parked, unplugged: cool above; upper end of the 20 to 45 degC that Modine quotes",
    )
    plugged_heat_degc: Temperature = Field(
        default=5.0, description="plugged in, not charging: heat below, on grid energy; assumed"
    )
    plugged_cool_degc: Temperature = Field(
        default=35.0,
        description="plugged in, not charging: cool above; upper end of the optimum 20 to 35 degC that"
        " Guchen quotes",
    )
    departure_heat_degc: Temperature = Field(
        default=20.0,
        description="plugged in before departure: bring cells to at least this; lower end of the same",
    )
    departure_cool_degc: Temperature = Field(
        default=28.0, description="plugged in before departure: bring cells to at most this; assumed"
    )
    precool_degc: Temperature = Field(
        default=25.0,
        description="before and in a charge that makes more heat than the cooler takes: cool cells above;"
        " lower end of the 25 to 45 degC in which LFP takes its full rate",
    )
    precool_heat_share: float = Field(
        default=0.8,
        ge=0.0,
        le=10.0,
        description="of the rated cooling, that a charge's heat must exceed for cooling ahead; assumed",
    )
    charge_rate_per_h: tuple[Rate, ...] = Field(
        min_length=1,
        max_length=20,
        description="grid of charge_heat_degc: charge power over pack energy; by chemistry",
    )
    charge_heat_degc: tuple[Temperature, ...] = Field(
        min_length=1,
        max_length=20,
        description="lowest temperature at which cells take that charge rate; by chemistry",
    )
    lead_reserve: float = Field(
        default=1.4,
        ge=1.0,
        le=5.0,
        description="factor on the reckoned lead time: losses, uneven cells; assumed",
    )
    lead_loss_per_k: float = Field(
        default=0.01,
        ge=0.0,
        le=0.1,
        description="added to lead_reserve per kelvin that the air is colder than the target: losses of housing"
        " and coolant; a 530 kWh pack at -20 degC loses about 1.4 kW of 10 kW (simulated)",
    )
    lead_min_s: float = Field(default=600.0, ge=0.0, le=7200.0, description="shortest lead time; assumed")
    lead_max_s: float = Field(default=14400.0, ge=0.0, le=86400.0, description="longest lead time; assumed")
    confidence_min: float = Field(
        default=0.3, ge=0.0, le=1.0, description="of the preview, below which it is not acted upon; assumed"
    )
    charge_idle_s: float = Field(
        default=900.0,
        ge=60.0,
        le=86400.0,
        description="plugged in without current for so long: the charge is over; assumed",
    )
    heat_capacity_j_per_k_kwh: float = Field(
        default=5700.0,
        ge=1000.0,
        le=30000.0,
        description="of the cells per kWh: 5.51 kg at 1000 J/(kg K) for 0.966 kWh, 302 Ah LFP cell"
        " (datasheet; heat capacity SimSES); 2.1 kg for 0.346 kWh, 94 Ah NMC cell, gives 6100",
    )

    @model_validator(mode="after")
    def _bands_fit(self) -> "ConditioningSettings":
        for low, high in (
            ("heat_degc", "cool_degc"),
            ("park_heat_degc", "park_cool_degc"),
            ("plugged_heat_degc", "plugged_cool_degc"),
            ("departure_heat_degc", "departure_cool_degc"),
        ):
            if getattr(self, high) - getattr(self, low) < self.band_min_k:
                raise ValueError(f"{high} must be at least band_min_k = {self.band_min_k} above {low}")
        if self.lead_min_s > self.lead_max_s:
            raise ValueError("lead_min_s must be <= lead_max_s")
        checked_table(self, "charge_rate_per_h", "charge_heat_degc")
        return self


# Any: nested settings as a TOML file would give them
CHEMISTRY_DEFAULTS: dict[str, dict[str, Any]] = {
    "lfp": {
        "heat_degc": 15.0,
        "cool_degc": 32.0,
        "charge_rate_per_h": (0.1, 0.2, 0.5, 1.0),
        "charge_heat_degc": (5.0, 10.0, 15.0, 25.0),
    },
    "nmc": {
        "heat_degc": 15.0,
        "cool_degc": 30.0,
        "charge_rate_per_h": (0.1, 0.3, 0.5, 1.0),
        "charge_heat_degc": (5.0, 10.0, 15.0, 20.0),
    },
}
"""Targets by chemistry.

LFP: best between 15 and 35 degC (Lishen LP54173207 datasheet), kept 3 K inside; charge rate over temperature
as in typical LFP derating tables (0.1 C below 10 degC, 0.2 C to 15, 0.5 C to 25, full above). NMC: cooling on
at 33 and off at 31 degC in the published truck battery design of TUM, optimum about 25 degC (Volvo), so 30;
0.3 C at 10 degC (50 Ah cell of NREL's BLAST-Lite); the points above 10 degC are assumed.
"""


def pack_energy_kwh(pack: PackDescription) -> float:
    """Return the energy of the pack at the open-circuit voltage of half charge [kWh]."""
    return pack.n_strings * pack.capacity_ah * _pack_voltage_v(pack) / 1000.0


def charge_heat_w(pack: PackDescription, power_w: float, temp_degc: float = 25.0) -> float:
    """Return the heat that charging at a power makes, ``n_series / n_strings R I^2`` [W]."""
    current_a = power_w / _pack_voltage_v(pack)
    resistance_ohm = interpolate(temp_degc, pack.resistance_temp_degc, pack.resistance_ohm)
    return pack.n_series / pack.n_strings * resistance_ohm * current_a * current_a


def _pack_voltage_v(pack: PackDescription) -> float:
    return pack.n_series * interpolate(0.5, pack.ocv_soc, pack.ocv_v)


@final
class Conditioning:
    """Chooses the band of cell temperatures; remembers a preparation, and how long no charge flows."""

    def __init__(
        self,
        settings: ConditioningSettings,
        pack: PackDescription,
        *,
        cooling_rated_w: float,
        heating_rated_w: float,
    ) -> None:
        self._settings = settings
        self._pack = pack
        self._cooling_rated_w = cooling_rated_w
        self._heating_rated_w = heating_rated_w
        self._energy_kwh = pack_energy_kwh(pack)
        self._rated_w = pack.charge_current_max_a * pack.n_strings * _pack_voltage_v(pack)
        self._idle_current_a = 0.02 * pack.capacity_ah * pack.n_strings
        s = settings
        self._drive = Band(s.heat_degc, s.cool_degc)
        self._park = Band(s.park_heat_degc, s.park_cool_degc)
        self._plugged = Band(s.plugged_heat_degc, s.plugged_cool_degc)
        self._departure = Band(s.departure_heat_degc, s.departure_cool_degc)
        self._offered_w = nan
        self._offered_band = self._drive
        self.reset()

    def reset(self) -> None:
        """Forget preparations and charges."""
        self.preparing = False
        self._idle_s = 0.0

    @property
    def heat_capacity_j_per_k(self) -> float:
        """Heat capacity of all cells [J/K]."""
        return self._settings.heat_capacity_j_per_k_kwh * self._energy_kwh

    def step(
        self, measurement: Measurement, estimate: Estimate, limits: Limits, preview: Preview, *, dt_s: float
    ) -> Band:
        """Return the band in which the cells are to be now."""
        plugged = measurement.plug_connected or measurement.vehicle_mode is VehicleMode.CHARGE
        if not plugged:
            self._idle_s = 0.0
            usual = self._park if measurement.vehicle_mode is VehicleMode.PARK else self._drive
            if not self._known(preview.charge_in_s, preview):
                return usual
            target = self._charge_band(preview.charge_power_w)
            return self._prepared(preview.charge_in_s, target, usual, estimate, measurement.ambient_temp_degc)
        if self._charging(estimate, limits, dt_s):
            self.preparing = False
            offered_w = measurement.charger_power_max_w
            return self._charge_band(offered_w)
        if not self._known(preview.departure_in_s, preview):
            return self._plugged
        return self._prepared(
            preview.departure_in_s, self._departure, self._plugged, estimate, measurement.ambient_temp_degc
        )

    def _charging(self, estimate: Estimate, limits: Limits, dt_s: float) -> bool:
        """Return whether a charge is under way; cells too cold for any current are waiting, not done."""
        flowing = abs(estimate.pack_current_a) > self._idle_current_a
        barred = limits.charge_current_max_a <= self._idle_current_a
        if flowing or (barred and limits.charge_cause is LimitCause.CELL_TEMP_LOW):
            self._idle_s = 0.0
        else:
            self._idle_s += dt_s
        return self._idle_s < self._settings.charge_idle_s

    def _charge_heat(self, power_w: float) -> float:
        rate = power_w / (1000.0 * self._energy_kwh) if power_w > 0.0 else 0.0
        return interpolate(rate, self._settings.charge_rate_per_h, self._settings.charge_heat_degc)

    def _charge_band(self, offered_w: float) -> Band:
        """Return the band for a charge at the power offered, or at what the pack may take if that is less."""
        if offered_w != self._offered_w:
            settings = self._settings
            power_w = min(offered_w, self._rated_w)
            hot = charge_heat_w(self._pack, power_w) > settings.precool_heat_share * self._cooling_rated_w
            cool_degc = settings.precool_degc if hot else settings.cool_degc
            self._offered_w = offered_w
            self._offered_band = self._narrowed(self._charge_heat(power_w), cool_degc)
        return self._offered_band

    def _narrowed(self, heat_degc: float, cool_degc: float) -> Band:
        """Return a band with its least width kept, at the cost of the heating target."""
        return Band(min(heat_degc, cool_degc - self._settings.band_min_k), cool_degc)

    def _known(self, in_s: float, preview: Preview) -> bool:
        """Return whether an event lies ahead that is near and trusted; else no preparation goes on."""
        known = (
            0.0 <= in_s <= self._settings.lead_max_s and preview.confidence >= self._settings.confidence_min
        )
        if not known:
            self.preparing = False
        return known

    def _prepared(
        self, in_s: float, target: Band, usual: Band, estimate: Estimate, ambient_degc: float
    ) -> Band:
        """Return the band between ``target`` and ``usual`` from the lead time on, before that ``usual``."""
        if not self.preparing:
            self.preparing = in_s <= self._lead_s(target, estimate, ambient_degc)
        if not self.preparing:
            return usual
        return self._narrowed(max(target.heat_degc, usual.heat_degc), min(target.cool_degc, usual.cool_degc))

    def _lead_s(self, target: Band, estimate: Estimate, ambient_degc: float) -> float:
        settings = self._settings
        heating_k = target.heat_degc - estimate.cell_temp_min_degc
        cooling_k = estimate.cell_temp_max_degc - target.cool_degc
        needed_s = 0.0
        if heating_k > 0.0 and self._heating_rated_w > 0.0:
            colder_k = target.heat_degc - ambient_degc
            reserve = settings.lead_reserve + (settings.lead_loss_per_k * colder_k if colder_k > 0.0 else 0.0)
            needed_s = reserve * self.heat_capacity_j_per_k * heating_k / self._heating_rated_w
        elif cooling_k > 0.0 and self._cooling_rated_w > 0.0:
            needed_s = settings.lead_reserve * self.heat_capacity_j_per_k * cooling_k / self._cooling_rated_w
        if not isfinite(needed_s):
            return settings.lead_min_s
        return min(max(needed_s, settings.lead_min_s), settings.lead_max_s)
