"""Truck battery thermal management: what rides on the truck. Part of the distribution ``thermal-bms``."""

DISTRIBUTION = "thermal-bms"
__version__ = "0.1.0"
