"""What the truck is doing and will do along the stages: driving, charging, waiting on the plug, parked.

From it follow the bounds of the cells, what a kelvin outside costs, and the price of energy. A planned charge
costs the driver's time where the cells take less than the charger offers: the limit table's factor over
temperature gives the bounds and the slope. Before an event beyond the plan's end, the last stage is asked to be
on the way there: ``T_event - rate (t_event - t_end)`` with what heater or cooler can do after losses.
"""

from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple, final

import numpy as np
import numpy.typing as npt

from controllers.conditioning import pack_energy_kwh
from controllers.mpc.grid import Grid
from controllers.mpc.settings import MpcSettings
from controllers.tables import interpolate
from thermal_bms.description import PackDescription
from thermal_bms.limits import load_limits
from thermal_bms.signals import Estimate, LimitCause, Limits, Measurement, Preview, VehicleMode
from thermal_bms.units import JOULES_PER_KWH, SECONDS_PER_HOUR, BoolArray, FloatArray

IntArray = npt.NDArray[np.int64]

REACHABLE_SHARE = 0.75
"""Of the rated heating or cooling, less the losses, that is reckoned with towards an event beyond the plan; assumed."""

EVENT_S = 1800.0
"""To miss the temperature of an event by a kelvin counts as much as being outside for so long; assumed."""

SETTLING_S = 600.0
"""Over so long the price of being outside rises to its full height: nothing done now helps sooner; assumed."""

LAGGING_K = 1.5
"""The coldest cell falls so far behind the mean while the pack is heated at full power; assumed."""

SLOPE_OVER_K = 10.0
"""Over so many kelvin below the full charge power its loss is taken as straight."""

CHARGE_TO_SOC = 0.85
"""Until there a planned charge is taken to run."""


class Doing(NamedTuple):
    """What the truck does now."""

    plugged: bool
    charging: bool
    parked: bool


class Window(NamedTuple):
    """Cell temperatures in which a charge loses no time, and what a kelvin below costs [EUR/(K s)]."""

    lowest_degc: float
    highest_degc: float
    price_eur_per_k_s: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """Bounds of the cells and prices along the stages, each of shape (n,), and how the truck moves.

    Attributes
    ----------
    lowest_degc, highest_degc : of the coldest and of the hottest cell
    below_price, above_price : [EUR/(K s)]
    energy_price : [EUR/J]
    """

    lowest_degc: FloatArray
    highest_degc: FloatArray
    below_price: FloatArray
    above_price: FloatArray
    energy_price: FloatArray


@final
class Schedule:
    """Tells what the truck does; remembers how long no charge has flowed."""

    def __init__(
        self,
        settings: MpcSettings,
        pack: PackDescription,
        *,
        heating_k_per_s: float,
        cooling_k_per_s: float,
        loss_per_s: float,
    ) -> None:
        self._settings = settings
        self._heating_k_per_s = REACHABLE_SHARE * heating_k_per_s
        self._cooling_k_per_s = REACHABLE_SHARE * cooling_k_per_s
        self._loss_per_s = loss_per_s
        self._energy_kwh = pack_energy_kwh(pack)
        volt = 1000.0 * self._energy_kwh / (pack.n_strings * pack.capacity_ah)
        self._rated_w = pack.charge_current_max_a * pack.n_strings * volt
        self._idle_a = 0.02 * pack.capacity_ah * pack.n_strings
        curve = load_limits(pack.chemistry).derating.charge_over_temp_degc
        self._over_degc: FloatArray = np.linspace(-30.0, 60.0, 361)
        self._factor = np.array([curve.at(float(temp)) for temp in self._over_degc])
        self._windows: dict[float, Window] = {}
        self.reset()

    def reset(self) -> None:
        """Forget the charge."""
        self._idle_s = 0.0

    def now(self, measurement: Measurement, estimate: Estimate, limits: Limits, *, dt_s: float) -> Doing:
        """Return what the truck does now; cells too cold for any current are waiting to be charged."""
        plugged = measurement.plug_connected or measurement.vehicle_mode is VehicleMode.CHARGE
        flowing = abs(estimate.pack_current_a) > self._idle_a
        barred = (
            limits.charge_current_max_a <= self._idle_a and limits.charge_cause is LimitCause.CELL_TEMP_LOW
        )
        self._idle_s = 0.0 if not plugged or flowing or barred else self._idle_s + dt_s
        charging = plugged and self._idle_s < self._settings.conditioning.charge_idle_s
        return Doing(plugged, charging, measurement.vehicle_mode is VehicleMode.PARK and not plugged)

    def outlook(
        self, grid: Grid, doing: Doing, measurement: Measurement, estimate: Estimate, preview: Preview
    ) -> Outlook:
        """Return bounds and prices along the stages."""
        bounds, prices = self._settings.bounds, self._settings.prices
        n = grid.size
        price = bounds.price_eur_per_kwh_k_h * self._energy_kwh / SECONDS_PER_HOUR
        rising = np.minimum(grid.end_s / SETTLING_S, 1.0)
        look = Outlook(
            np.full(n, bounds.drive_min_degc),
            np.full(n, bounds.drive_max_degc),
            rising * price,
            rising * price,
            np.full(n, prices.energy_drive_eur_per_kwh / JOULES_PER_KWH),
        )
        trusted = preview.confidence >= self._settings.forecast.confidence_min
        if doing.plugged:
            self._on_the_plug(
                look, grid, doing, measurement, estimate, preview.departure_in_s if trusted else np.inf
            )
            return look
        event_s = preview.charge_in_s if trusted else np.inf
        if doing.parked:
            c = self._settings.conditioning
            until = grid.start_s < event_s
            look.lowest_degc[until], look.highest_degc[until] = c.park_heat_degc, c.park_cool_degc
        if isfinite(event_s) and event_s >= 0.0:
            stages = (grid.middle_s >= event_s) & (
                grid.middle_s < event_s + self._charge_s(estimate.soc, preview.charge_power_w)
            )
            self._charge(look, stages, preview.charge_power_w)
            window = self._window(preview.charge_power_w)
            ambient_degc = measurement.ambient_temp_degc
            self._on_the_way(look, grid, event_s, window.lowest_degc, bounds.drive_max_degc, ambient_degc)
        return look

    def _on_the_plug(
        self,
        look: Outlook,
        grid: Grid,
        doing: Doing,
        measurement: Measurement,
        estimate: Estimate,
        departure_s: float,
    ) -> None:
        c, prices = self._settings.conditioning, self._settings.prices
        known = isfinite(departure_s) and departure_s >= 0.0
        before = grid.start_s < departure_s if known else np.ones(grid.size, dtype=bool)
        look.lowest_degc[before], look.highest_degc[before] = c.plugged_heat_degc, c.plugged_cool_degc
        look.highest_degc[before] = np.minimum(
            look.highest_degc[before], self._settings.bounds.drive_max_degc + 1.0
        )
        depot = prices.energy_depot_eur_per_kwh if known else prices.energy_public_eur_per_kwh
        look.energy_price[before] = depot / JOULES_PER_KWH
        if known:
            leaving = np.flatnonzero(grid.end_s >= departure_s)[:1]
            look.lowest_degc[leaving] = c.departure_heat_degc
            self._as_event(look, grid, leaving)
            ambient_degc = measurement.ambient_temp_degc
            self._on_the_way(
                look, grid, departure_s, c.departure_heat_degc, c.departure_cool_degc, ambient_degc
            )
        elif doing.charging:
            charge_s = self._charge_s(estimate.soc, measurement.charger_power_max_w)
            self._charge(look, grid.middle_s < charge_s, measurement.charger_power_max_w)

    def _charge_s(self, soc: float, power_w: float) -> float:
        missing = CHARGE_TO_SOC - soc if isfinite(soc) else 0.5
        power_w = min(power_w, self._rated_w) if power_w > 0.0 else self._rated_w
        return max(missing, 0.05) * self._energy_kwh * JOULES_PER_KWH / power_w

    def _charge(self, look: Outlook, stages: BoolArray, power_w: float) -> None:
        """Write the bounds and prices of a charge at a power into these stages."""
        window = self._window(power_w)
        bounds, prices = self._settings.bounds, self._settings.prices
        look.lowest_degc[stages] = np.maximum(window.lowest_degc, bounds.drive_min_degc)
        look.highest_degc[stages] = min(window.highest_degc, bounds.drive_max_degc)
        look.below_price[stages] = (
            window.price_eur_per_k_s + prices.plating_eur_per_kwh_k_h * self._energy_kwh / SECONDS_PER_HOUR
        )
        look.energy_price[stages] = prices.energy_public_eur_per_kwh / JOULES_PER_KWH

    def _window(self, power_w: float) -> Window:
        """Return in which temperatures the cells take a power, and the price of time lost per kelvin below."""
        if power_w not in self._windows:
            share = min(power_w / self._rated_w, 1.0) if power_w > 0.0 else 1.0
            enough = np.flatnonzero(self._factor >= share - 1e-9)
            lowest, highest = float(self._over_degc[enough[0]]), float(self._over_degc[enough[-1]])
            below = float(np.interp(lowest - SLOPE_OVER_K, self._over_degc, self._factor))
            lost_per_k = (1.0 - below / share) / SLOPE_OVER_K
            c = self._settings.conditioning
            rate = min(power_w, self._rated_w) / (1000.0 * self._energy_kwh)
            plating = interpolate(rate, c.charge_rate_per_h, c.charge_heat_degc)
            price = lost_per_k * self._settings.prices.time_eur_per_h / SECONDS_PER_HOUR
            self._windows[power_w] = Window(max(lowest, plating), highest, price)
        return self._windows[power_w]

    def _on_the_way(
        self,
        look: Outlook,
        grid: Grid,
        event_s: float,
        lowest_degc: float,
        highest_degc: float,
        ambient_degc: float,
    ) -> None:
        """Ask the last stage to be on the way to an event beyond it."""
        ahead_s = event_s - float(grid.end_s[-1])
        if ahead_s <= 0.0:
            return
        gap_k = lowest_degc - ambient_degc if isfinite(ambient_degc) else 0.0
        heating_k_per_s = self._heating_k_per_s - self._loss_per_s * max(gap_k, 0.0)
        cooling_k_per_s = self._cooling_k_per_s - self._loss_per_s * max(-gap_k, 0.0)
        reach = lowest_degc + LAGGING_K - max(heating_k_per_s, 0.0) * ahead_s
        look.lowest_degc[-1] = max(look.lowest_degc[-1], reach)
        look.highest_degc[-1] = min(look.highest_degc[-1], highest_degc + max(cooling_k_per_s, 0.0) * ahead_s)
        self._as_event(look, grid, np.array([grid.size - 1]))

    def _as_event(self, look: Outlook, grid: Grid, stages: IntArray) -> None:
        """Make a kelvin outside in these stages cost as much as outside for ``EVENT_S``, however short they are."""
        factor = EVENT_S / grid.length_s[stages]
        look.below_price[stages] *= factor
        look.above_price[stages] *= factor
