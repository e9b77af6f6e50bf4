"""How members of a population deviate from its mean: one Kalman filter, one gain for all of them.

Every member i has a state x_i of few numbers; all share transition F, observation row h and noise, so covariance and
gain are the same for all and are computed once::

    x_i <- F x_i,                P <- F P F' + Q
    k = P h' / (h P h' + r),     x_i <- x_i + k (y_i - h x_i),   P <- (I - k h) P

A member whose innovation is beyond ``SURPRISE`` standard deviations has changed more than the noise Q allows; it alone
takes this observation with the gain of a covariance ``DOUBT`` times as large.

This is the bar-delta idea of Plett, "Efficient battery pack state estimation using bar-delta filtering", EVS24 (2009).
"""

from typing import final

import numpy as np

from thermal_bms.units import FloatArray

MAD_TO_SD = 1.4826  # of a normal distribution: 1 / 0.6745


SURPRISE = 5.0
DOUBT = 25.0


@final
class DeviationFilter:
    """Tracks the states of ``n_members`` members; see the module.

    Parameters
    ----------
    n_members : members of the population
    sd : one standard deviation of each state at the start, shape (n_states,)

    >>> watch = DeviationFilter(2, np.array([1.0]))
    >>> watch.correct(np.array([1.0, -1.0]), np.array([1.0]), 1.0)
    >>> watch.states.tolist()
    [[0.5, -0.5]]
    """

    def __init__(self, n_members: int, sd: FloatArray) -> None:
        self.states = np.zeros((sd.size, n_members))
        self.covariance = np.diag(sd**2)

    def predict(self, transition: FloatArray, noise: FloatArray) -> None:
        """Advance all states; ``noise`` is the variance that each of them gains."""
        self.states = transition @ self.states
        self.covariance = transition @ self.covariance @ transition.T
        self.covariance[np.diag_indices_from(self.covariance)] += noise

    def correct(self, observed: FloatArray, row: FloatArray, variance: float) -> None:
        """Take in one observation of every member, shape (n_members,)."""
        spread = self.covariance @ row
        explained = float(row @ spread)
        gain = spread / (explained + variance)
        innovation = observed - row @ self.states
        change = np.outer(gain, innovation)
        surprised = innovation**2 > SURPRISE**2 * (explained + variance)
        if surprised.any():
            change[:, surprised] *= DOUBT * (explained + variance) / (DOUBT * explained + variance)
        self.states += change
        covariance = self.covariance - np.outer(gain, spread)
        self.covariance = 0.5 * (covariance + covariance.T)

    def sd(self, state: int) -> float:
        """Return one standard deviation of a state, as the filter believes."""
        return float(np.sqrt(max(self.covariance[state, state], 0.0)))


def robust_centre(values: FloatArray) -> tuple[float, float]:
    """Return median and robust standard deviation of a population, which a few outliers do not move.

    >>> centre, sd = robust_centre(np.array([0.0, 1.0, 2.0, 3.0, 1000.0]))
    >>> centre, round(sd, 2)
    (2.0, 1.48)
    """
    ordered = np.sort(values)
    centre = float(ordered[values.size // 2])
    return centre, MAD_TO_SD * float(np.sort(np.abs(ordered - centre))[values.size // 2])
