"""Truck days: drive cycles, climates, phases, metrics, reports. Part of the distribution ``thermal-bms``."""

DISTRIBUTION = "thermal-bms"
