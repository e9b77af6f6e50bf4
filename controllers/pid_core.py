"""One PID loop, built on simple-pid, with everything that a real actuator asks of it.

With the setpoint ``r``, the measured value ``y`` and the feed-forward ``f``::

    u = kp (b r - y) + I + D + f,   dI/dt = ki (r - y) + (u_applied - u) / T_t,   Tf dD/dt + D = -kd dy/dt

and ``u`` limited to ``output_min .. output_max``. The setpoint weight ``b`` acts on changes of the setpoint
while the output is between its limits: the first setpoint, and any change while the actuator stands at an
end, counts in full. ``u_applied`` is what the actuator did with the last output (back-calculation, Astrom and
Hagglund 2006, *Advanced PID Control*, ISA, chapter 3).

simple-pid 2.0.1 computes ``kp (r - y) + I``. What it does not know, or does in a way that hurts, is kept
outside of it and is only spoken to through its public interface: it sees finite numbers only, no limits, a
constant clock and an explicit ``dt``, never its own derivative, never proportional-on-measurement, never an
error map.
"""

from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import final

from simple_pid import PID

from thermal_bms.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PidGains:
    """Gains in output units per unit of the measured value; all negative when more output lowers the value.

    Attributes
    ----------
    kp : proportional [output / input]
    ki : integral [output / (input s)]
    kd : derivative [output s / input]
    """

    kp: float
    ki: float = 0.0
    kd: float = 0.0

    def __post_init__(self) -> None:
        values = (self.kp, self.ki, self.kd)
        if not all(isfinite(value) for value in values):
            raise ConfigError(f"PID gains kp, ki, kd = {values}: must be finite")
        if min(values) < 0.0 < max(values):
            raise ConfigError(f"PID gains kp, ki, kd = {values}: must have the same sign")


def _constant_clock() -> float:
    return 0.0


@final
class PidCore:
    """A PID loop with two degrees of freedom that cannot wind up, bump or be poisoned by a bad value.

    Parameters
    ----------
    gains : gains to begin with
    output_min, output_max : limits of the output [output]
    setpoint_weight : share of a setpoint change that the proportional part answers at once, 0..1
    derivative_filter_s : time constant of the derivative's filter [s]
    tracking_time_s : time constant with which the integral follows the applied output [s]
    integral_rest : back-calculation moves the integral towards this value and not past it. Without it
        (None) the integral of a heater or cooler that is off for hours is pulled up until the output stands
        just below zero, and acts long before the setpoint is reached. With it, the integral also stands still
        while it would only push an output further that is at a limit (conditional integration). [output]

    >>> pid = PidCore(PidGains(kp=2.0, ki=0.1), output_min=0.0, output_max=100.0)
    >>> pid.step(50.0, 40.0, dt_s=1.0)
    21.0
    """

    __slots__ = (
        "_derivative",
        "_filter_s",
        "_gains",
        "_kernel",
        "_last_measured",
        "_last_setpoint",
        "_manual",
        "_output",
        "_output_max",
        "_output_min",
        "_rest",
        "_tracking_s",
        "_unlimited",
        "_weight",
        "held",
    )

    def __init__(
        self,
        gains: PidGains,
        *,
        output_min: float,
        output_max: float,
        setpoint_weight: float = 1.0,
        derivative_filter_s: float = 10.0,
        tracking_time_s: float = 100.0,
        integral_rest: float | None = None,
    ) -> None:
        if not (isfinite(output_min) and isfinite(output_max) and output_min <= output_max):
            raise ConfigError(f"PID limits {output_min} .. {output_max}: must be finite and rising")
        if not (
            0.0 < tracking_time_s < inf and 0.0 <= derivative_filter_s < inf and 0.0 <= setpoint_weight <= 1.0
        ):
            raise ConfigError("PID: tracking time must be > 0, filter time >= 0, setpoint weight in 0..1")
        self._kernel = PID(gains.kp, gains.ki, 0.0, sample_time=None, time_fn=_constant_clock)
        self._gains = gains
        self._output_min = output_min
        self._output_max = output_max
        self._weight = setpoint_weight
        self._filter_s = derivative_filter_s
        self._tracking_s = tracking_time_s
        self._rest = integral_rest
        self.reset()

    def reset(self) -> None:
        """Return to the state after construction; the gains stay."""
        self._kernel.set_auto_mode(enabled=False)
        self._kernel.set_auto_mode(enabled=True, last_output=0.0)
        self._derivative = 0.0
        self._last_measured: float | None = None
        self._last_setpoint: float | None = None
        self._unlimited: float | None = None
        self._output = min(max(0.0, self._output_min), self._output_max)
        self._manual = False
        self.held = False
        """The last step met a value that is not a finite number: output held, integral frozen."""

    @property
    def gains(self) -> PidGains:
        """The gains now in use."""
        return self._gains

    @property
    def output(self) -> float:
        """The last output, within its limits."""
        return self._output

    @property
    def integral(self) -> float:
        """The integral part [output]."""
        return float(self._kernel.components[1])

    def follow(self, output: float) -> None:
        """Manual mode: something else drives the actuator at ``output``; ``step`` goes on from there."""
        if isfinite(output):
            self.wake()
            self._output = min(max(output, self._output_min), self._output_max)
            self._manual = True

    def wake(self) -> None:
        """Say that time has passed without steps: derivative and last output mean nothing any more."""
        self._last_measured = None
        self._unlimited = None
        self._derivative = 0.0

    def step(
        self,
        setpoint: float,
        measured: float,
        *,
        dt_s: float,
        feed_forward: float = 0.0,
        applied: float | None = None,
        gains: PidGains | None = None,
        output_max: float | None = None,
    ) -> float:
        """Return the output for the coming tick.

        Parameters
        ----------
        setpoint, measured : in the same unit
        dt_s : time since the last step [s], > 0
        feed_forward : added to the output [output]
        applied : what the actuator did with the last output; None: exactly the limited output [output]
        gains : change over to these, without a bump; None: keep
        output_max : upper limit from now on; None: keep [output]

        Any value that is not finite, or ``dt_s <= 0``, holds the last output, freezes the integral and sets
        ``held``.
        """
        if output_max is not None and isfinite(output_max):
            self._output_max = max(output_max, self._output_min)
        if not (isfinite(setpoint) and isfinite(measured) and isfinite(feed_forward) and 0.0 < dt_s < inf):
            return self._hold()
        kernel, last, error, inside = self._kernel, self._unlimited, setpoint - measured, False
        integral = before = kernel.components[1]
        if last is not None:
            inside = self._output_min < last < self._output_max
            done = self._output if applied is None or not isfinite(applied) else applied
            if done != last and not self._manual:
                integral = self._tracked(integral, done - last, dt_s)
        if inside and self._last_setpoint is not None and setpoint != self._last_setpoint:
            integral -= self._gains.kp * (1.0 - self._weight) * (setpoint - self._last_setpoint)
        change = 0.0 if self._last_measured is None else measured - self._last_measured
        # filtered, by backward Euler: stable for every step
        derivative = (self._filter_s * self._derivative - self._gains.kd * change) / (self._filter_s + dt_s)
        if gains is not None and gains != self._gains:
            integral += self._change_over(gains, error, integral + derivative + feed_forward)
        if self._manual:
            part = self._gains.kp * error + self._gains.ki * error * dt_s
            integral = self._output - part - derivative - feed_forward
        if integral != before:
            span = self._output_max - self._output_min
            integral = min(max(integral, self._output_min - 10.0 * span), self._output_max + 10.0 * span)
            self._set_integral(integral)
        kernel.setpoint = setpoint
        kernel.Ki = self._gains.ki if inside or not self._is_stuck(error, integral) else 0.0
        feedback = kernel(measured, dt=dt_s)
        unlimited = nan if feedback is None else feedback + derivative + feed_forward
        if not isfinite(unlimited):
            self._set_integral(before)
            return self._hold()
        self._last_setpoint, self._last_measured, self._derivative = setpoint, measured, derivative
        self._unlimited, self._manual, self.held = unlimited, False, False
        self._output = min(max(unlimited, self._output_min), self._output_max)
        return self._output

    def _hold(self) -> float:
        self.held = True
        self._last_measured = None
        self._output = min(self._output, self._output_max)
        return self._output

    def _tracked(self, integral: float, missing: float, dt_s: float) -> float:
        """Return the integral after back-calculation from what became of the last output, less that output."""
        moved = integral + missing * min(dt_s / self._tracking_s, 1.0)
        if self._rest is None or moved == integral:
            return moved
        if moved > integral:
            return max(integral, min(moved, self._rest))
        return min(integral, max(moved, self._rest))

    def _change_over(self, gains: PidGains, error: float, others: float) -> float:
        """Take new gains; return what the integral must make up for, so that the output does not jump.

        Nothing before the first step, and while the output stands at the same limit before and after: there
        is no jump to be avoided, and the integral of a resting actuator must not be charged.
        """
        old, new = others + self._gains.kp * error, others + gains.kp * error
        self._gains = gains
        self._kernel.tunings = (gains.kp, gains.ki, 0.0)
        at_minimum = old <= self._output_min and new <= self._output_min
        at_maximum = old >= self._output_max and new >= self._output_max
        return 0.0 if self._last_setpoint is None or at_minimum or at_maximum else old - new

    def _is_stuck(self, error: float, integral: float) -> bool:
        """Return whether integrating would push an output at its limit, and the integral, further out.

        Only with ``integral_rest``; plain back-calculation is left as the books have it.
        """
        if self._rest is None or self._unlimited is None or self._manual:
            return False
        push = self._gains.ki * error
        if push < 0.0:
            return self._unlimited <= self._output_min and integral <= self._rest
        return self._unlimited >= self._output_max and integral >= self._rest

    def _set_integral(self, integral: float) -> None:
        """Write the integral in the only public way that simple-pid offers: hand over from manual mode."""
        self._kernel.set_auto_mode(enabled=False)
        self._kernel.set_auto_mode(enabled=True, last_output=integral)
