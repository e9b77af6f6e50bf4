"""What a truck's controller is told of interlock, crash switch, isolation and coolant tank, and their faults."""

import math
from dataclasses import dataclass

ISOLATION_OHM = 2.0e6
"""Of a healthy truck: some 2900 ohm/V at 700 V; assumed. UN R100 asks for 100 ohm/V."""
FULL_LEVEL = 0.8
DRY_LEVEL = 0.02


@dataclass(slots=True)
class SafetyInputs:
    """Interlock, crash switch, isolation and coolant tank of one truck.

    Attributes
    ----------
    hvil_closed, crash : 1 or 0
    isolation_ohm : between high voltage and chassis [ohm]
    coolant_level : in the tank, 0..1; NaN on an air truck
    leak_per_s : of the tank's content [1/s]
    """

    hvil_closed: float = 1.0
    crash: float = 0.0
    isolation_ohm: float = ISOLATION_OHM
    coolant_level: float = FULL_LEVEL
    leak_per_s: float = 0.0

    @property
    def dry(self) -> bool:
        """Whether the pump draws air instead of coolant.

        >>> SafetyInputs(coolant_level=0.01).dry
        True
        """
        return self.coolant_level < DRY_LEVEL

    def step(self, dt_s: float) -> None:
        """Let the leak run for ``dt_s`` seconds."""
        if self.leak_per_s > 0.0 and not math.isnan(self.coolant_level):
            self.coolant_level = max(self.coolant_level - self.leak_per_s * dt_s, 0.0)
