"""Predictive health: what drifts away from its neighbours or its model, before a limit is reached."""

from thermal_bms.health.findings import Finding, FindingKind
from thermal_bms.health.monitor import HealthMonitor
from thermal_bms.health.settings import HealthSettings

__all__ = ["Finding", "FindingKind", "HealthMonitor", "HealthSettings"]
