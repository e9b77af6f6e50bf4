"""Strategies: controllers with their settings, as they are named to be compared and tuned."""

from dataclasses import dataclass
from pathlib import Path

from controllers.settings_file import ControllerTable, as_overrides, read_settings
from thermal_bms.errors import ConfigError


@dataclass(frozen=True)
class Strategy:
    """A controller under a label, with settings of its own or those of the scenario.

    Attributes
    ----------
    label : how people call it
    table : controller and settings
    is_tuned : the settings are given; else a scenario that names this controller brings its own
    """

    label: str
    table: ControllerTable
    is_tuned: bool = False

    def overrides(self, own: str) -> list[str]:
        """Return the changes that put the strategy into a scenario whose own controller is ``own``."""
        return [] if self.table.name == own and not self.is_tuned else as_overrides(self.table)


def of_controller(name: str, label: str = "") -> Strategy:
    """Return the strategy of a controller's name, or of ``FILE.py:FUNCTION``.

    >>> of_controller("my/own.py:build").label
    'own'
    """
    path = name.rpartition(":")[0]
    own = Path(path).stem if path.endswith(".py") else name
    return Strategy(label or own, ControllerTable(name=name))


def of_file(path: Path, label: str = "") -> Strategy:
    """Return the strategy of a settings file."""
    return Strategy(label or path.stem, read_settings(path), is_tuned=True)


def parse_strategies(listed: str, *, flag: str = "--controllers") -> list[Strategy]:
    """Return the strategies of a comma-separated list: ``pid``, ``FILE.py:FUNCTION``, ``FILE.toml``, ``LABEL=...``.

    Raises
    ------
    ConfigError
        when the list is empty, a name is used twice, or a file cannot be read.

    >>> [s.label for s in parse_strategies("thermostat, pid, mine=my/own.py:build")]
    ['thermostat', 'pid', 'mine']
    """
    found = []
    for text in listed.split(","):
        label, _, what = (part.strip() for part in text.rpartition("="))
        if not what:
            raise ConfigError(f"{flag} {listed}: an empty name; expected as in thermostat,pid")
        is_file = what.endswith(".toml")
        found.append(of_file(Path(what), label) if is_file else of_controller(what, label))
    labels = [strategy.label for strategy in found]
    for label in labels:
        if labels.count(label) > 1:
            raise ConfigError(f"{flag} {listed}: {label} stands there twice; name one with LABEL=...")
    return found
