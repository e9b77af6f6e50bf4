"""Estimation: what the battery management believes about its cells."""

from thermal_bms.estimation.settings import EstimationSettings
from thermal_bms.estimation.state import Estimator, string_resistance_ohm

__all__ = ["EstimationSettings", "Estimator", "string_resistance_ohm"]
