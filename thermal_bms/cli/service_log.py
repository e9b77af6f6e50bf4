"""The log of a service: one line per event on standard error, which systemd keeps."""

import logging


def start_log(*, quiet: bool) -> None:
    """Log events, or warnings and errors only; drivers' own complaints reach us as exceptions."""
    level = logging.WARNING if quiet else logging.INFO
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("can").setLevel(logging.CRITICAL)
