"""Parameter sets of ageing."""

from pathlib import Path

import numpy as np
import pytest

from plant_models.ageing_parameters import AGEING, AgeingBand, AgeingParameters, load_ageing
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import parse, read_toml

REFERENCE = Path(__file__).resolve().parents[2] / "reference" / "ageing_blast.npz"


@pytest.mark.parametrize("chemistry", ["lfp", "nmc"])
def test_every_chemistry_has_a_set_whose_sources_name_where_to_look(chemistry: str) -> None:
    parameters = load_ageing(chemistry)
    assert parameters.chemistry == chemistry
    assert all(source.reference for source in parameters.source)


@pytest.mark.parametrize("chemistry", ["lfp", "nmc"])
def test_the_band_holds_every_published_cell_of_the_chemistry_and_no_more_than_needed(chemistry: str) -> None:
    with np.load(REFERENCE) as arrays:
        losses = arrays[f"spread_{chemistry}"]
    ratios = losses[1:] / losses[0]
    low, high = load_ageing(chemistry).band.capacity
    assert low <= ratios.min() < low + 0.02
    assert high - 0.02 < ratios.max() <= high


def test_the_band_widens_with_the_share_outside_the_range() -> None:
    band = AgeingBand(capacity=(0.5, 1.5), resistance=(0.5, 2.0), widening=1.0)
    assert band.factors("capacity", 0.0) == (0.5, 1.5)
    assert band.factors("resistance", 0.5) == pytest.approx((1.0 / 2.5, 2.5))


@pytest.mark.parametrize(
    ("table", "key", "value", "said"),
    [
        ("band", "capacity", [1.1, 1.5], "must hold 1"),
        ("plating", "anode_share", [0.5, 0.4, 0.6], "anode_share must rise"),
        ("capacity", "law", "linear", "no such kind"),
    ],
)
def test_a_wrong_set_is_refused_in_one_line(table: str, key: str, value: object, said: str) -> None:
    data = read_toml(AGEING / "lfp.toml")
    data[table][key] = value
    with pytest.raises(ConfigError, match=said):
        parse(AgeingParameters, data, "mine.toml")


def test_the_resistance_band_holds_the_published_term_with_either_sign_at_any_charge() -> None:
    parameters = load_ageing("lfp")
    law = parameters.resistance
    assert law.law == "naumann"
    soc = np.linspace(0.0, 1.0, 101)
    fitted = law.calendar_per_s * (law.calendar_soc_curvature * (soc - 0.5) ** 2 + law.calendar_half_charge)
    low, high = parameters.band.resistance
    for sign in (-1.0, 1.0):
        ratio = 3.4194e-10 * (sign * 3.3903 * (soc - 0.5) ** 2 + 1.5604) / fitted
        assert low <= ratio.min()
        assert ratio.max() <= high
