"""A figure with its limit: what an identification or a validation says about itself."""

import math
from typing import NamedTuple

from plant_models.identification.cell import Identified
from plant_models.identification.drive import DriveError

REST_MAX_MV = 10.0
MISFIT_MAX = 2.0
DRIVE_MAX_MV = 20.0
DRIVE_MAX_K = 0.4
MV_PER_V = 1e3


class Finding(NamedTuple):
    """One figure. A limit of NaN is none."""

    subject: str
    name: str
    value: float
    limit: float
    unit: str

    @property
    def passed(self) -> bool:
        """Return whether the figure is within its limit; a figure that is no number is not.

        >>> Finding("cell", "rests", 4.0, 10.0, "mV").passed
        True
        """
        return math.isnan(self.limit) or self.value <= self.limit


def fit_findings(found: Identified, trained: DriveError | None) -> list[Finding]:
    """Return the figures of a fit on the data that it was made from."""
    curve = found.open_circuit
    lines = [
        Finding(
            "open-circuit voltage",
            f"against {curve.n_rests} rests, rms",
            MV_PER_V * curve.rest_rms_v,
            REST_MAX_MV,
            "mV",
        )
    ]
    for relaxations, branches in zip(found.relaxations, found.branches, strict=True):
        subject = f"pulses at {relaxations.temp_degc:.0f} degC"
        lines += [
            Finding(subject, "misfit, 1 is 3 mV + 6 % of the drop", relaxations.misfit, MISFIT_MAX, ""),
            Finding(
                subject,
                "two branches against the relaxations, rms",
                MV_PER_V * branches.rms_v,
                math.nan,
                "mV",
            ),
        ]
    if found.thermal is not None:
        lines.append(
            Finding("drive", "case temperature of the fit, rms", found.thermal.rms_k, DRIVE_MAX_K, "K")
        )
    if trained is not None:
        lines.append(
            Finding("drive", "voltage above 10 %, rms", MV_PER_V * trained.voltage_rms_v, DRIVE_MAX_MV, "mV")
        )
    return lines
