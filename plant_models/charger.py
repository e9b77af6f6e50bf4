"""The charger: what the station can give, and how its current follows the request.

The battery management requests what the pack takes plus what the truck draws, so a plugged-in truck conditions its
pack on grid energy. Ratings of the library: AC depot 22 and 43 kW (IEC 61851, 32 and 63 A three-phase), CCS
150 and 350 kW (500 A, 1000 V: CharIN CCS ratings), MCS 750 kW and 1 MW (SAE J3271: up to 3000 A, 1250 V), GB/T 180 kW
(GB/T 20234.3-2015: 250 A, 1000 V). Up to 150 kW a charger is taken to stand at the depot, above that in public
(assumed); a scenario's phase can say otherwise.
"""

from typing import Literal

from pydantic import Field

from thermal_bms.errors import ScenarioError
from thermal_bms.parameters import Parameters, did_you_mean

Place = Literal["depot", "public"]


class ChargerParameters(Parameters):
    """Ratings of a charging station or of an on-board charger."""

    kind: Literal["ac", "ccs", "mcs", "gbt"]
    power_max_w: float = Field(gt=0.0, le=5e6)
    current_max_a: float = Field(gt=0.0, le=4000.0)
    voltage_max_v: float = Field(gt=0.0, le=1500.0)
    place: Place = Field(default="depot", description="whose energy it sells")
    handshake_s: float = Field(default=30.0, ge=0.0, description="plug to first current, assumed")
    slew_a_per_s: float = Field(default=20.0, gt=0.0, description="IEC 61851-23 asks for at least 20 A/s")


CHARGERS: dict[str, ChargerParameters] = {
    "ac_22kw": ChargerParameters(kind="ac", power_max_w=22e3, current_max_a=100.0, voltage_max_v=1000.0),
    "ac_43kw": ChargerParameters(kind="ac", power_max_w=43e3, current_max_a=200.0, voltage_max_v=1000.0),
    "ccs_150kw": ChargerParameters(kind="ccs", power_max_w=150e3, current_max_a=500.0, voltage_max_v=1000.0),
    "ccs_350kw": ChargerParameters(
        kind="ccs", power_max_w=350e3, current_max_a=500.0, voltage_max_v=1000.0, place="public"
    ),
    "mcs_750kw": ChargerParameters(
        kind="mcs",
        power_max_w=750e3,
        current_max_a=1500.0,
        voltage_max_v=1250.0,
        place="public",
        slew_a_per_s=100.0,
    ),
    "mcs_1mw": ChargerParameters(
        kind="mcs",
        power_max_w=1e6,
        current_max_a=3000.0,
        voltage_max_v=1250.0,
        place="public",
        slew_a_per_s=100.0,
    ),
    "gbt_180kw": ChargerParameters(
        kind="gbt", power_max_w=180e3, current_max_a=250.0, voltage_max_v=1000.0, place="public"
    ),
}


def charger(name: str) -> ChargerParameters:
    """Return the charger of that name.

    >>> charger("mcs_1mw").power_max_w
    1000000.0
    """
    if name not in CHARGERS:
        raise ScenarioError(f"charger = {name!r}: no such charger{did_you_mean(name, sorted(CHARGERS))}")
    return CHARGERS[name]


class Charger:
    """A plugged-in station: handshake, then a slew-limited current source within its ratings.

    It meters the bus voltage of the tick before; while that rises it gives up to 0.3 % more than its power.
    """

    def __init__(self, parameters: ChargerParameters) -> None:
        self.parameters = parameters
        self.current_a = 0.0
        self._connected_s = 0.0

    @property
    def ready(self) -> bool:
        """Whether the handshake is over."""
        return self._connected_s >= self.parameters.handshake_s

    def offer(self) -> tuple[bool, float, float, float]:
        """Return readiness, largest power [W], current [A] and voltage [V], as the vehicle is told."""
        rating = self.parameters
        return self.ready, rating.power_max_w, rating.current_max_a, rating.voltage_max_v

    def power_now_max_w(self, voltage_v: float) -> float:
        """Return the most power [W] that the station can give at this bus voltage; 0 before it is ready."""
        return (
            min(self.parameters.power_max_w, self.parameters.current_max_a * voltage_v) if self.ready else 0.0
        )

    def step(self, request_a: float, voltage_v: float, dt_s: float) -> float:
        """Return the current [A] fed into the bus over the coming step, for a request and the bus voltage now."""
        self._connected_s += dt_s
        if not self.ready or not 0.0 < voltage_v <= self.parameters.voltage_max_v:
            self.current_a = 0.0
            return 0.0
        limit_a = min(request_a, self.parameters.current_max_a, self.parameters.power_max_w / voltage_v)
        target_a = limit_a if limit_a > 0.0 else 0.0  # a request of NaN is none
        change_a = self.parameters.slew_a_per_s * dt_s
        self.current_a = min(target_a, self.current_a + change_a)  # rises slowly, falls at once
        return self.current_a
