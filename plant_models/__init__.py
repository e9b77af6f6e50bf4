"""The simulated truck: cells, pack, thermal loop, vehicle, charger. Part of the distribution ``thermal-bms``."""

DISTRIBUTION = "thermal-bms"
