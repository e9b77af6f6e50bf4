"""Parameter sets of runaway: every number is there, and what cannot be is refused in one line."""

from typing import Any

import pytest

from plant_models.runaway_parameters import RUNAWAYS, Reaction, RunawayParameters, load_runaway
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import parse, read_toml, with_overrides


@pytest.mark.parametrize("chemistry", ["lfp", "nmc"])
def test_a_set_names_papers_and_what_is_assumed(chemistry: str) -> None:
    runaway = load_runaway(chemistry)
    kinds = {source.kind for source in runaway.source}
    assert {"paper", "assumed"} <= kinds
    assert all(
        "doi" in s.reference or "Environmental" in s.reference for s in runaway.source if s.kind == "paper"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("vent.ejecta_fraction=1.5", "vent.ejecta_fraction = 1.5: must be < 0.8"),
        ("short.heat_share=-0.1", "short.heat_share = -0.1: must be >= 0"),
        ("short.collapse=200", "short.collapse: unknown key"),
    ],
)
def test_a_wrong_number_is_named_with_what_is_allowed(change: str, message: str) -> None:
    data = with_overrides(read_toml(RUNAWAYS / "nmc.toml"), [change])
    with pytest.raises(ConfigError) as raised:
        parse(RunawayParameters, data, "nmc.toml")
    assert str(raised.value).startswith(message)


def test_an_autocatalytic_reaction_needs_a_beginning() -> None:
    data: dict[str, Any] = {
        "name": "cathode",
        "kind": "autocatalytic",
        "frequency_per_s": 1e9,
        "activation_j_per_mol": 1e5,
        "heat_j_per_kg": 1e5,
        "reactant_fraction": 0.2,
        "amount": 1.0,
    }
    with pytest.raises(ConfigError, match="never starts"):
        parse(Reaction, data, "here")
