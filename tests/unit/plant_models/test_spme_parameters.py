import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from plant_models.spme_parameters import (
    ELECTROCHEMISTRY,
    SpmeParameters,
    check_electrochemistry,
    electrode_curves,
    electrolyte_grid,
    load_spme,
    open_circuit_v,
    stoichiometry_window,
)
from thermal_bms.errors import ConfigError, PlantError
from thermal_bms.parameters import parse, read_toml

SETS = sorted(path.stem for path in ELECTROCHEMISTRY.glob("*.toml"))
PUBLISHED = [name for name in SETS if load_spme(name).window is None]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = Path(__file__).resolve().parents[3] / "tools" / "make_electrode_tables.py"
    spec = importlib.util.spec_from_file_location("make_electrode_tables", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_there_are_the_four_published_sets() -> None:
    assert PUBLISHED == ["chen2020", "okane2022", "oregan2022", "prada2013"]


def test_a_cell_without_an_electrochemical_set_is_named_with_those_that_have_one() -> None:
    check_electrochemistry("nmc_94ah", "day.toml")
    with pytest.raises(
        ConfigError, match=r"no electrochemical set for cell chen2020;.*lfp_202ah.*\(day.toml\)"
    ):
        check_electrochemistry("chen2020", "day.toml")


@pytest.mark.parametrize("name", SETS)
def test_every_set_says_where_its_numbers_come_from(name: str) -> None:
    cell = load_spme(name)
    assert cell.name == name
    assert all(source.reference for source in cell.source if source.kind != "assumed")


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_set_rests_at_its_voltage_limits_and_holds_its_capacity(name: str) -> None:
    cell = load_spme(name)
    window = stoichiometry_window(cell)
    assert open_circuit_v(cell, window.negative_full, window.positive_full) == pytest.approx(
        cell.voltage_max_v
    )
    assert open_circuit_v(cell, window.negative_empty, window.positive_empty) == pytest.approx(
        cell.voltage_min_v
    )
    assert window.capacity_ah == pytest.approx(cell.capacity_ah, rel=0.07)


# Solutions of PyBaMM 26.10.1 for the same sets: negative empty and full, positive full and empty.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chen2020", (0.026346, 0.910618, 0.263845, 0.853975)),
        ("okane2022", (0.030218, 0.907069, 0.266214, 0.851390)),
        ("prada2013", (0.017618, 0.810043, 0.003762, 0.703502)),
    ],
)
def test_stoichiometry_limits_are_those_of_an_independent_solution(
    name: str, expected: tuple[float, float, float, float]
) -> None:
    window = stoichiometry_window(load_spme(name))
    found = (window.negative_empty, window.negative_full, window.positive_full, window.positive_empty)
    assert found == pytest.approx(expected, abs=2e-4)


def test_the_lfp_cell_is_complete_for_temperature() -> None:
    cell = load_spme("prada2013")
    assert cell.chemistry == "lfp"
    specific_j_per_kgk = cell.thermal.heat_capacity_j_per_k(298.15) / 0.070  # an A123 26650 weighs 70 g
    assert specific_j_per_kgk == pytest.approx(1100.0, rel=0.10)  # Forgez et al. 2010
    x = np.linspace(0.1, 0.9, 9)
    assert np.abs(electrode_curves(cell.positive.table, x)[1]).max() > 5e-5
    assert cell.negative.diffusivity_activation_j_per_mol > 0.0


def test_heat_capacity_of_the_lg_m50_stack() -> None:
    # Chen 2020: sum of thickness, density and specific heat of the five layers over 200.8 um, in 24.2 cm3.
    assert load_spme("chen2020").thermal.heat_capacity_j_per_k(298.15) == pytest.approx(42.775, abs=1e-3)
    warm = load_spme("oregan2022").thermal
    assert warm.heat_capacity_j_per_k(308.15) > warm.heat_capacity_j_per_k(298.15)


def test_tables_are_what_the_tool_writes(tool: ModuleType) -> None:
    for name, text in tool.texts(None).items():
        assert (ELECTROCHEMISTRY / name).read_text(encoding="utf-8") == text, name


def test_measured_graphite_lies_near_its_published_fit() -> None:
    x = np.linspace(0.05, 0.95, 50)
    measured, fit = (electrode_curves(f"graphite_{name}", x)[0] for name in ("measured_chen2020", "chen2020"))
    assert np.abs(measured - fit).max() < 0.02


def test_conductivity_of_the_electrolyte_has_its_published_value() -> None:
    temp_degc, concentration, values = electrolyte_grid("nyman2008")
    at = values[list(temp_degc).index(20.0), list(concentration).index(1000.0)]
    assert at[1] == pytest.approx(0.1297 - 2.51 + 3.329, rel=1e-6)
    assert at[2] == pytest.approx(0.2594)


def test_an_unknown_table_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"graphite_chen2O20.*did you mean graphite_chen2020"):
        electrode_curves("graphite_chen2O20", np.array([0.5]))


def test_a_broken_table_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "electrodes").mkdir()
    (tmp_path / "electrodes" / "rock.csv").write_text("stoichiometry,ocp_v\n0.0,1.0\n")
    (tmp_path / "electrodes" / "word.csv").write_text("stoichiometry,ocp_v\n0.0,high\n")
    monkeypatch.setattr("plant_models.spme_parameters.ELECTROCHEMISTRY", tmp_path)
    with pytest.raises(ConfigError, match=r"rock\.csv: columns must be"):
        electrode_curves("rock", np.array([0.5]))
    with pytest.raises(ConfigError, match=r"word\.csv: not a table of numbers"):
        electrode_curves("word", np.array([0.5]))


def test_a_number_out_of_range_is_refused_with_its_key() -> None:
    data = read_toml(ELECTROCHEMISTRY / "chen2020.toml")
    data["negative"]["porosity"] = 1.2
    with pytest.raises(ConfigError, match=r"negative\.porosity = 1\.2: must be < 1"):
        parse(SpmeParameters, data, "chen2020.toml")


def test_a_voltage_limit_that_the_lithium_cannot_reach_is_refused() -> None:
    cell = load_spme("chen2020").model_copy(update={"voltage_max_v": 5.2})
    with pytest.raises(PlantError, match=r"chen2020: 5\.2 V is out of reach"):
        stoichiometry_window(cell)
