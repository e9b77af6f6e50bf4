"""What predictive health finds: kind, place, size, confidence and the time that is left."""

import math
from enum import IntEnum
from typing import NamedTuple

WHOLE = -1


class FindingKind(IntEnum):
    """What goes wrong. Numbers are kept for good: recordings hold them."""

    SOFT_SHORT = 1
    RESISTANCE_GROWTH = 2
    CELL_TEMP_OUTLIER = 3
    STRING_COOLING_LOSS = 4
    COOLANT_FLOW_LOSS = 5
    REFRIGERANT_LOSS = 6


UNITS = {
    FindingKind.SOFT_SHORT: "A",
    FindingKind.RESISTANCE_GROWTH: "of the mean",
    FindingKind.CELL_TEMP_OUTLIER: "K",
    FindingKind.STRING_COOLING_LOSS: "of the others",
    FindingKind.COOLANT_FLOW_LOSS: "of the expected flow",
    FindingKind.REFRIGERANT_LOSS: "of the evaporator's conductance",
}


class Finding(NamedTuple):
    """One thing that goes wrong slowly.

    Attributes
    ----------
    kind : what
    string : index of the string, or ``WHOLE`` for the truck
    place : group or sensor within the string, or ``WHOLE``
    value, limit : size found now and where it is reported from, in the unit of ``UNITS``
    confidence : probability that the true value is beyond ``limit``, in 0..1
    time_to_limit_s : until its consequence is reached at the present rate; infinite: it does not move [s]
    since_s : when it was found, on the clock of the measurements [s]
    """

    kind: FindingKind
    string: int
    place: int
    value: float
    limit: float
    confidence: float
    time_to_limit_s: float
    since_s: float


def confidence_beyond(value: float, limit: float, sd: float) -> float:
    """Return the probability that the true value is above ``limit``, for a normal error.

    >>> round(confidence_beyond(3.0, 1.0, 1.0), 3)
    0.977
    """
    if not sd > 0.0:
        return 1.0 if value > limit else 0.0
    return 0.5 * (1.0 + math.erf((value - limit) / (sd * math.sqrt(2.0))))
