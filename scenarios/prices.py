"""One table of prices for everything that is counted in EUR: time, energy, and the capacity of the battery."""

from pathlib import Path

from pydantic import Field

from plant_models.charger import Place
from thermal_bms.parameters import Parameters, Source, parse, read_toml

PRICES = Path(__file__).parent / "prices.toml"


class PriceTable(Parameters):
    """Prices net of value added tax, each with its origin in the file."""

    source: tuple[Source, ...] = Field(min_length=1)
    driver_eur_per_h: float = Field(ge=0.0, le=200.0)
    truck_eur_per_h: float = Field(ge=0.0, le=500.0)
    depot_eur_per_kwh: float = Field(ge=0.0, le=5.0)
    public_eur_per_kwh: float = Field(ge=0.0, le=5.0)
    battery_eur_per_kwh: float = Field(ge=0.0, le=2000.0)
    violation_eur_per_k_h: float = Field(
        default=1.0, ge=0.0, le=1000.0, description="cells outside the comfort band"
    )
    end_of_life_capacity: float = Field(ge=0.5, lt=1.0, description="relative to new")
    value_at_end_of_life: float = Field(ge=0.0, lt=1.0, description="share of the price")

    def time_eur(self, duration_h: float) -> float:
        """Return the price of driver and truck for some hours.

        >>> load_prices().time_eur(2.0)
        90.0
        """
        return (self.driver_eur_per_h + self.truck_eur_per_h) * duration_h

    def energy_eur(self, energy_kwh: float, place: Place) -> float:
        """Return the price of energy from a charger at the depot or in public.

        >>> load_prices().energy_eur(100.0, "public")
        40.0
        """
        per_kwh = self.depot_eur_per_kwh if place == "depot" else self.public_eur_per_kwh
        return per_kwh * energy_kwh

    def capacity_eur_per_percent(self, pack_energy_kwh: float) -> float:
        """Return what one percent of the new pack's capacity costs [EUR].

        price (1 - value left) / (100 (1 - capacity at the end of life)): the price of the pack, less what it is
        worth at the end, spread over the capacity that it may lose until then.

        >>> load_prices().capacity_eur_per_percent(600.0)
        4320.0
        """
        spent_eur = self.battery_eur_per_kwh * pack_energy_kwh * (1.0 - self.value_at_end_of_life)
        return spent_eur / (100.0 * (1.0 - self.end_of_life_capacity))

    def scaled(self, name: str, factor: float) -> "PriceTable":
        """Return the table with one price multiplied, for asking how much a ranking depends on it.

        >>> load_prices().scaled("driver_eur_per_h", 0.5).driver_eur_per_h
        15.0
        """
        return self.model_copy(update={name: factor * getattr(self, name)})


def load_prices(path: Path = PRICES) -> PriceTable:
    """Return the price table; another file of the same form may be given.

    >>> load_prices().depot_eur_per_kwh
    0.2
    """
    return parse(PriceTable, read_toml(path), path.name)
