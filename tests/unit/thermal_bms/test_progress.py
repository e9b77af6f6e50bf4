"""The progress bar."""

import io
import sys

import pytest

from thermal_bms.cli.progress import ProgressBar


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("terminal", "quiet", "shown"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_the_bar_shows_on_a_terminal_unless_quiet(
    terminal: bool, quiet: bool, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with ProgressBar(quiet=quiet) as bar:
        bar(1800.0, 7200.0)
        bar._bar.refresh()
    text = stream.getvalue()
    assert ("25 % |" in text) == shown
    assert ("0.5 of 2.0 h" in text) == shown
    assert (" left" in text) == shown


def test_a_total_that_was_too_small_gives_no_more_than_all(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with ProgressBar(quiet=False) as bar:
        bar(9000.0, 7200.0)
        bar._bar.refresh()
    assert "100 % |" in stream.getvalue()
