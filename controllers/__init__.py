"""Thermal controllers: thermostat, PID. Part of the distribution ``thermal-bms``."""

DISTRIBUTION = "thermal-bms"
