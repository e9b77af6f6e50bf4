"""What ``doctor`` says of the machine around the program: packages, CAN channels, compiled kernels."""

import logging
from importlib import import_module

# virtual ones are always there; socketcand listens on the network for several seconds
_NOT_ASKED = ("virtual", "udp_multicast", "socketcand")


def packages_line() -> str:
    """Return where our packages come from; one that was overwritten has ended the program before."""
    from thermal_bms.cli import PACKAGES

    folders = {str(import_module(name).__path__[0]).rpartition("/")[0] for name in PACKAGES}
    return f"packages: all {len(PACKAGES)} are ours, in {', '.join(sorted(folders))}"


def channels_line() -> str:
    """Return the channels that python-can's drivers find on this machine."""
    import can

    logging.getLogger("can").setLevel(logging.CRITICAL)  # drivers complain about libraries that are not there
    asked = [name for name in can.interfaces.BACKENDS if name not in _NOT_ASKED]
    found = can.detect_available_configs(asked)
    names = sorted({f"{one['interface']}:{one.get('channel', '?')}" for one in found})
    return f"channels that python-can finds: {', '.join(names) or 'none'} ({len(asked)} drivers asked)"


def kernels_line() -> str:
    """Return whether the simulation's kernels are compiled already."""
    from plant_models.kernels import CACHE_FOLDER

    count = len(list(CACHE_FOLDER.rglob("*.nbc")))
    if count == 0:
        return "kernels of the simulation: not compiled yet, the first run takes about a minute longer"
    return f"kernels of the simulation: {count} compiled, in {CACHE_FOLDER}"
