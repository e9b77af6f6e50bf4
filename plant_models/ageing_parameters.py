"""What ages a cell, as published numbers: capacity, resistance, plating, the range they hold in and their band."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from plant_models.cell import PARAMETER_SETS
from thermal_bms.parameters import Parameters, Source, parse, read_toml

AGEING = PARAMETER_SETS / "ageing"

Band = Annotated[tuple[float, float, float], Field(description="low, nominal, high")]


class ValidRange(Parameters):
    """Where the capacity law was measured. A smaller depth lies between its cycling and its calendar tests."""

    temp_degc: tuple[float, float]
    charge_c_rate_max: float = Field(gt=0.0)
    discharge_c_rate_max: float = Field(gt=0.0)


class ArrheniusCapacity(Parameters):
    """Capacity loss ``A exp((B + C U_a)/T) days^p`` and ``(a + b DoD + c C) exp(d/T) efc^q``."""

    law: Literal["arrhenius"]
    calendar_per_day: float = Field(gt=0.0, description="A")
    calendar_temp_k: float = Field(lt=0.0, description="B")
    calendar_temp_k_per_v: float = Field(lt=0.0, description="C")
    calendar_exponent: float = Field(gt=0.0, le=1.5)
    cycle: float = Field(ge=0.0, description="a")
    cycle_per_dod: float = Field(ge=0.0, description="b")
    cycle_per_c_rate: float = Field(ge=0.0, description="c")
    cycle_temp_k: float = Field(description="d")
    cycle_exponent: float = Field(gt=0.0, le=1.5)


class NormalisedCapacity(Parameters):
    """Capacity loss ``A exp(B (U_a/0.123 V)^(1/3) / T_n^3) x^p`` and ``a (DoD^2 T_n^3 C^0.5)^b y^q``.

    ``T_n`` is the temperature over 308.15 K; x counts days and y equivalent full cycles, each in units of its scale.
    """

    law: Literal["normalised"]
    calendar_per_scale: float = Field(gt=0.0, description="A")
    calendar_slope: float = Field(lt=0.0, description="B")
    calendar_scale_days: float = Field(gt=0.0)
    calendar_exponent: float = Field(gt=0.0, le=1.5)
    cycle_per_scale: float = Field(gt=0.0, description="a")
    cycle_power: float = Field(gt=0.0, description="b")
    cycle_scale_efc: float = Field(gt=0.0)
    cycle_exponent: float = Field(gt=0.0, le=1.5)


class NaumannResistance(Parameters):
    """Resistance gain, linear in time and in cycles, of Naumann and others.

    ``k exp(-E/R (1/T - 1/298.15 K)) (c (soc - 0.5)^2 + d) t`` and
    ``(a C + b) (e (DoD - 0.5)^3 + f) efc / 100``, the latter never negative.
    """

    law: Literal["naumann"]
    calendar_per_s: float = Field(gt=0.0, description="k")
    activation_j_per_mol: float = Field(gt=0.0, description="E")
    calendar_soc_curvature: float = Field(description="c")
    calendar_half_charge: float = Field(gt=0.0, description="d")
    cycle_per_c_rate: float = Field(description="a")
    cycle_at_rest: float = Field(description="b, at a vanishing C-rate")
    cycle_dod_cubic: float = Field(description="e")
    cycle_half_depth: float = Field(description="f")


class SchmalstiegResistance(Parameters):
    """Resistance gain of Schmalstieg and others, times a scale for another cell.

    ``(a U + b) exp(c/T) days^p`` and ``(d (U_rms - U_0)^2 + e + f DoD) Ah``, with the charge that moves through
    their cell in as many equivalent full cycles.
    """

    law: Literal["schmalstieg"]
    scale: float = Field(gt=0.0)
    calendar_per_v: float = Field(gt=0.0, description="a")
    calendar_offset: float = Field(description="b")
    calendar_temp_k: float = Field(lt=0.0, description="c")
    calendar_exponent: float = Field(gt=0.0, le=1.5)
    cycle_per_v2: float = Field(ge=0.0, description="d")
    cycle_voltage_v: float = Field(gt=0.0, description="U_0")
    cycle: float = Field(description="e")
    cycle_per_dod: float = Field(ge=0.0, description="f")
    cell_capacity_ah: float = Field(gt=0.0)


class PlatingParameters(Parameters):
    """Lithium lost in charging above the current at which the anode reaches 0 V; see ``plating``."""

    anode_share: Band = Field(description="of the cell's voltage drop that the anode takes")
    plated_share: Band = Field(description="of the charge above the limit that plates")
    lost_share: float = Field(gt=0.0, le=1.0, description="of plated lithium that is not stripped again")

    @model_validator(mode="after")
    def _bands_rise(self) -> "PlatingParameters":
        for name in ("anode_share", "plated_share"):
            low, nominal, high = getattr(self, name)
            if not 0.0 < low <= nominal <= high <= 1.0:
                raise ValueError(f"{name} must rise from low to high within 0 to 1")
        return self


class AgeingBand(Parameters):
    """Factors on the losses: lowest and highest inside the valid range, and how they widen outside."""

    capacity: tuple[float, float]
    resistance: tuple[float, float]
    widening: float = Field(ge=0.0, description="of the distance from 1, when all stress is outside")

    @model_validator(mode="after")
    def _around_one(self) -> "AgeingBand":
        for name in ("capacity", "resistance"):
            low, high = getattr(self, name)
            if not 0.0 < low <= 1.0 <= high:
                raise ValueError(f"{name} must hold 1 between low and high")
        return self

    def factors(self, name: Literal["capacity", "resistance"], outside: float) -> tuple[float, float]:
        """Return low and high factor when a share ``outside`` of the stress lies outside the valid range.

        >>> band = AgeingBand(capacity=(0.5, 1.5), resistance=(0.5, 2.0), widening=1.0)
        >>> band.factors("capacity", 1.0)
        (0.333, 2.0)
        """
        low, high = getattr(self, name)
        wider = 1.0 + self.widening * outside
        return 1.0 / (1.0 + (1.0 / low - 1.0) * wider), 1.0 + (high - 1.0) * wider


class AgeingParameters(Parameters):
    """Everything that ages cells of one chemistry, with its sources."""

    chemistry: Literal["lfp", "nmc"]
    source: tuple[Source, ...] = Field(min_length=1)
    valid: ValidRange
    capacity: Annotated[ArrheniusCapacity | NormalisedCapacity, Field(discriminator="law")]
    resistance: Annotated[NaumannResistance | SchmalstiegResistance, Field(discriminator="law")]
    plating: PlatingParameters
    band: AgeingBand


def load_ageing(chemistry: str) -> AgeingParameters:
    """Return the ageing parameters of a chemistry.

    >>> load_ageing("lfp").valid.charge_c_rate_max
    0.65
    """
    path = AGEING / f"{chemistry}.toml"
    return parse(AgeingParameters, read_toml(path), path.name)
