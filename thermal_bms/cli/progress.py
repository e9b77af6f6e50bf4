"""The progress bar of long work, with the time left."""

from types import TracebackType
from typing import Self

SECONDS_PER_HOUR = 3600.0
_FORMAT = "{percentage:3.0f} % |{bar:30}| {desc}, {remaining} left"


class ProgressBar:
    """A bar on the terminal's error stream; shows nothing when that is no terminal, or when quiet.

    Called with the simulated seconds done and in total; the total may move while the work goes on.
    """

    def __init__(self, *, quiet: bool) -> None:
        from tqdm import tqdm

        self._bar = tqdm(
            total=1.0, bar_format=_FORMAT, disable=quiet or None, leave=False, desc="getting ready"
        )
        self._moving = False

    def __call__(self, done_s: float, total_s: float) -> None:
        """Show how far the work is."""
        if not self._moving:  # building and compiling say nothing of how long the rest takes
            self._bar.unpause()
            self._bar.initial = self._bar.n = done_s
            self._bar.last_print_n = done_s
            self._moving = True
        self._bar.total = max(total_s, done_s)
        self._bar.desc = f"{done_s / SECONDS_PER_HOUR:.1f} of {total_s / SECONDS_PER_HOUR:.1f} h"
        self._bar.update(done_s - self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()


class CountBar:
    """The same for work that is counted in pieces, of which some may have been done before."""

    def __init__(self, total: int, *, done: int, unit: str, quiet: bool) -> None:
        from tqdm import tqdm

        form = f"{{percentage:3.0f}} % |{{bar:30}}| {{n_fmt}} of {{total_fmt}} {unit}, {{remaining}} left"
        self._bar = tqdm(total=total, initial=done, bar_format=form, disable=quiet or None, leave=False)

    def step(self) -> None:
        """Count one piece."""
        self._bar.update(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
