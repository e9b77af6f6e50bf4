"""The contactors of a truck: what closes when it is told to, what is stuck, and what they say of themselves.

Without a contactor box a string is one switch that follows its command at once; with one, every contactor and relay
moves on its own (see ``contactor_box``).
"""

from typing import final

import numpy as np

from plant_models.contactor_box import NEGATIVE, POSITIVE, PRECHARGE, ContactorBox, ContactorBoxParameters
from plant_models.pack import PackConstants, PackState
from thermal_bms.signals import Command
from thermal_bms.units import BoolArray


@final
class Switches:
    """The switches of every string.

    Parameters
    ----------
    n_strings : strings in parallel
    box : contactors, precharge, fuses and DC link; None: one ideal switch per string
    contact_resistance_ohm : of a closed string
    """

    def __init__(
        self, n_strings: int, box: ContactorBoxParameters | None, contact_resistance_ohm: float
    ) -> None:
        self.box = None if box is None else ContactorBox(box, n_strings, contact_resistance_ohm)
        self._blocked = [False] * n_strings
        self._welded = [False] * n_strings
        self._blown = [False] * n_strings
        self._told = (False,) * n_strings
        self._no_precharge = np.zeros(n_strings, dtype=np.bool_)

    def block(self, string: int) -> None:
        """Keep a string's contactors open whatever is commanded."""
        self._blocked[string] = True
        if self.box:
            self.box.stuck[POSITIVE, string] = 0.0

    def weld(self, string: int) -> None:
        """Keep a string's positive contactor closed whatever is commanded; without a box, both."""
        self._welded[string] = True
        if self.box:
            self.box.stuck[POSITIVE, string] = 1.0

    def blow_fuse(self, string: int) -> None:
        """Cut a string off; its contactors still say what they are told."""
        self._blown[string] = True
        if self.box:
            self.box.fuse_blown[string] = True

    def command(self, command: Command, state: PackState) -> None:
        """Take a command; ideal switches follow it at once."""
        closes = self._told = command.contactor_close
        if self.box:
            idle = (False,) * len(closes)
            self.box.command(closes, command.negative_close or closes, command.precharge_close or idle)
            return
        for k, wanted in enumerate(closes):
            on = (wanted and not self._blocked[k]) or self._welded[k]
            state.string_closed[k] = 1.0 if on and not self._blown[k] else 0.0

    def connect(self, constants: PackConstants, state: PackState, dt_s: float) -> bool:
        """Let the switches move for ``dt_s``; return whether the bus is live."""
        if self.box is None:
            return 1.0 in state.string_closed.tolist()
        self.box.connect(
            state.string_voltage_v,
            state.string_current_a,
            state.string_closed,
            constants.contact_resistance_ohm,
            dt_s,
        )
        return self.box.live

    def feedback(self, state: PackState) -> tuple[BoolArray, BoolArray, BoolArray]:
        """Return what the switches say: positive and negative contactors, precharge relays."""
        if self.box:
            closed = self.box.closed.copy()
            return closed[POSITIVE], closed[NEGATIVE], closed[PRECHARGE]
        closed = state.string_closed > 0.0
        if True in self._blown:
            closed |= np.array(self._blown) & np.array(self._told)
        return closed, closed, self._no_precharge
