"""Cells and trucks that ship with the project: they load, and their numbers agree with what they claim."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from plant_models.cell import PARAMETER_SETS, CellParameters, load_cell
from plant_models.truck_parameters import TRUCKS as TRUCK_FILES
from plant_models.truck_parameters import TruckParameters, load_truck, truck_names
from thermal_bms.errors import ConfigError
from thermal_bms.parameters import parse, read_toml
from thermal_bms.units import FloatArray

CELLS = sorted(path.stem for path in (PARAMETER_SETS / "cells").glob("*.toml"))

# name: window of the resistance at 25 degC and half charge [ohm Ah], and the pulse length it holds for [s]
RESISTANCE_OHM_AH = {
    "lfp_302ah": (0.091, 0.136, 30.0),
    "lfp_302ah_fast_charge": (0.090, 0.092, 30.0),
    "lfp_202ah": (0.091, 0.136, 30.0),
    "nmc_94ah": (0.068, 0.072, 10.0),
    "nmc_78ah_pouch": (0.076, 0.078, 10.0),
    "nmc_56ah_pouch": (0.076, 0.078, 10.0),
}
ENERGY_WH = {  # nominal voltage times capacity, from the datasheets
    "lfp_302ah": 3.2 * 302.0,
    "lfp_302ah_fast_charge": 3.2 * 302.0,
    "lfp_202ah": 3.2 * 202.0,
    "nmc_94ah": 3.68 * 94.0,
    "nmc_78ah_pouch": 3.7 * 78.0,
    "nmc_56ah_pouch": 3.65 * 56.3,
}


@pytest.fixture(params=CELLS)
def cell(request: pytest.FixtureRequest) -> CellParameters:
    return load_cell(request.param)


def pulse_resistance_ohm(
    cell: CellParameters, temp_degc: float, pulse_s: float, *, charge: bool
) -> FloatArray:
    """Resistance after a pulse over the cell's charge grid, at a temperature that is a row of its tables."""
    circuit = cell.circuit
    row = circuit.temp_degc.index(temp_degc)
    r0 = circuit.r0_charge_ohm if charge else circuit.r0_discharge_ohm
    total = np.array(r0[row])
    for r, tau in ((circuit.r1_ohm, circuit.tau1_s), (circuit.r2_ohm, circuit.tau2_s)):
        total += np.array(r[row]) * (1.0 - np.exp(-pulse_s / np.array(tau[row])))
    return total


def half_charge_ohm(cell: CellParameters, temp_degc: float, pulse_s: float) -> float:
    half = [
        np.interp(0.5, cell.circuit.soc, pulse_resistance_ohm(cell, temp_degc, pulse_s, charge=charge))
        for charge in (False, True)
    ]
    return float(np.mean(half))


def test_every_cell_is_known_to_these_tests() -> None:
    assert set(CELLS) == set(RESISTANCE_OHM_AH) == set(ENERGY_WH)


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_names_itself_like_its_file(name: str) -> None:
    assert load_cell(name).name == name


def test_every_source_but_an_assumption_has_a_reference(cell: CellParameters) -> None:
    for source in cell.source:
        assert source.notes
        assert source.kind == "assumed" or source.reference


def test_the_variant_for_megawatt_charging_says_that_it_is_assumed() -> None:
    assert load_cell("lfp_302ah_fast_charge").source[0].kind == "assumed"
    assert load_cell("lfp_302ah").source[0].kind == "datasheet"


def test_the_open_circuit_voltage_stays_within_the_limits(cell: CellParameters) -> None:
    assert cell.circuit.ocv_v[0] >= cell.voltage_min_v
    assert cell.circuit.ocv_v[-1] + cell.circuit.hysteresis_v <= cell.voltage_max_v


def test_the_mean_voltage_gives_the_nominal_energy(cell: CellParameters) -> None:
    energy_wh = cell.capacity_ah * np.trapezoid(cell.circuit.ocv_v, cell.circuit.soc)
    assert energy_wh == pytest.approx(ENERGY_WH[cell.name], rel=0.04)


@pytest.mark.parametrize("temp_degc", [-30.0, 0.0, 55.0])
def test_the_open_circuit_voltage_rises_with_charge_at_every_temperature(
    cell: CellParameters, temp_degc: float
) -> None:
    off_k = temp_degc - cell.circuit.reference_temp_degc
    ocv_v = np.array(cell.circuit.ocv_v) + off_k * np.array(cell.circuit.entropic_v_per_k)
    assert np.all(np.diff(ocv_v) > 0.0)


def test_the_resistance_at_25_degc_lies_in_the_stated_window(cell: CellParameters) -> None:
    low, high, pulse_s = RESISTANCE_OHM_AH[cell.name]
    assert low <= cell.capacity_ah * half_charge_ohm(cell, 25.0, pulse_s) <= high


def test_the_resistance_falls_with_temperature_at_every_charge(cell: CellParameters) -> None:
    for charge in (False, True):
        rows = [pulse_resistance_ohm(cell, t, 10.0, charge=charge) for t in cell.circuit.temp_degc]
        assert np.all(np.diff(np.array(rows), axis=0) < 0.0)


def test_the_cold_multiplies_the_resistance_as_published(cell: CellParameters) -> None:
    ratio = half_charge_ohm(cell, -20.0, 10.0) / half_charge_ohm(cell, 25.0, 10.0)
    assert (4.0 if cell.chemistry == "lfp" else 7.0) < ratio < (7.0 if cell.chemistry == "lfp" else 11.0)


def test_the_measured_table_of_the_94_ah_cell_comes_back_after_ten_seconds() -> None:
    cell = load_cell("nmc_94ah")
    measured = {5.0: (1.4689e-3, 1.5749e-3), 25.0: (0.73e-3, 0.7512e-3), 35.0: (0.606e-3, 0.6197e-3)}
    for temp_degc, both in measured.items():
        for charge, ohm in zip((False, True), both, strict=True):
            half = np.interp(
                0.5, cell.circuit.soc, pulse_resistance_ohm(cell, temp_degc, 10.0, charge=charge)
            )
            assert half == pytest.approx(ohm, rel=5e-3)


def test_the_entropic_coefficient_is_negative_when_empty_and_small_when_full(cell: CellParameters) -> None:
    entropic = np.array(cell.circuit.entropic_v_per_k)
    assert -0.6e-3 < entropic[0] < -0.2e-3
    assert abs(entropic[-1]) < 0.15e-3
    assert np.all(np.abs(entropic) < 0.6e-3)


def test_the_measured_lfp_entropic_coefficient_agrees_with_that_of_its_electrodes() -> None:
    # Gerver and Meyers 2011 (LFP, doi 10.1149/1.3591799: +0.05 to -0.11 mV/K over lithiation, here linear)
    # less the graphite fit of O'Regan et al. 2022; windows of the About:Energy BPX example cell.
    circuit = load_cell("lfp_302ah").circuit
    soc = np.linspace(0.2, 0.9, 15)
    graphite, positive = 0.0016 + 0.821 * soc, 0.950 - 0.863 * soc
    peak = 0.3561 * np.exp(-((graphite - 0.08309) ** 2) / 0.004616)
    electrodes = 1e-3 * (0.055 - 0.19 * positive) - 1e-3 * (0.02914 - 0.1112 * graphite + peak)
    measured = np.interp(soc, circuit.soc, circuit.entropic_v_per_k)
    assert np.max(np.abs(measured - electrodes)) < 0.15e-3


def test_the_path_to_the_plate_of_the_302_ah_cell_follows_its_geometry() -> None:
    thermal = load_cell("lfp_302ah").thermal
    assert thermal.cooled_area_m2 == pytest.approx(thermal.length_m * thermal.width_m, rel=1e-3)
    in_plane = thermal.height_m / (3.0 * 26.6 * thermal.cooled_area_m2)
    assert in_plane < thermal.core_to_plate_k_per_w < 1.35 * in_plane
    assert thermal.core_to_plate_k_per_w == pytest.approx(0.275, abs=0.01)


def test_a_cell_weighs_what_its_size_allows(cell: CellParameters) -> None:
    thermal = cell.thermal
    density = thermal.mass_kg / (thermal.length_m * thermal.width_m * thermal.height_m)
    assert 1700.0 < density < 2700.0


def test_a_megawatt_into_216s3p_of_the_fast_charge_cell_makes_40_to_65_kw() -> None:
    cell = load_cell("lfp_302ah_fast_charge")
    circuit = cell.circuit
    soc = np.linspace(0.2, 0.8, 61)
    n_cells, power_w, temp_k = 216 * 3, 1.0e6, 298.15
    volt = np.interp(soc, circuit.soc, circuit.ocv_v) + circuit.hysteresis_v
    ohm = np.interp(soc, circuit.soc, pulse_resistance_ohm(cell, 25.0, 1e6, charge=True))
    current = (np.sqrt(volt**2 + 4.0 * ohm * power_w / n_cells) - volt) / (2.0 * ohm)
    entropic = np.interp(soc, circuit.soc, circuit.entropic_v_per_k)
    heat_w = n_cells * current * (current * ohm + circuit.hysteresis_v + temp_k * entropic)
    assert 40e3 < np.average(heat_w, weights=1.0 / current) < 65e3
    assert np.max(current) < cell.charge_current_max_a


def test_a_table_of_the_wrong_size_names_key_and_file(tmp_path: Path) -> None:
    data = read_toml(PARAMETER_SETS / "cells" / "lfp_302ah.toml")
    data["circuit"]["ocv_v"] = data["circuit"]["ocv_v"][:-1]
    with pytest.raises(ConfigError, match=r"circuit.*ocv_v needs 47 values.*lfp\.toml"):
        parse(CellParameters, data, (tmp_path / "lfp.toml").name)


@pytest.mark.measured_data
def test_the_script_makes_the_shipped_cells_from_the_measured_tables(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(PARAMETER_SETS.parents[1] / "tools"))
    assert importlib.import_module("make_cells").main([str(data_folder / "cells"), str(tmp_path)]) == 0
    for name in CELLS:
        made = parse(CellParameters, read_toml(tmp_path / f"{name}.toml"), name)
        shipped = load_cell(name)
        assert made.model_dump(exclude={"circuit"}) == shipped.model_dump(exclude={"circuit"})
        for key, value in shipped.circuit:
            np.testing.assert_allclose(getattr(made.circuit, key), value, rtol=2e-3, atol=1e-7)


TRUCKS = truck_names()
INSTALLED_KWH = {  # published, or the middle of the published class
    "heavy_lfp": 621.0,
    "heavy_lfp_fast_charge": 621.0,
    "heavy_nmc": 533.0,  # 480 usable at 0.9
    "medium_nmc": 291.0,
    "medium_lfp": 124.0,
    "light_liquid": 93.5,
    "light_air": 39.46,
}
USABLE_KWH = {"heavy_lfp": 600.0, "heavy_nmc": 480.0, "light_liquid": 89.0, "light_air": 39.0}
TOTAL_MASS_KG = {
    "heavy_lfp": 44000.0,
    "heavy_lfp_fast_charge": 44000.0,
    "heavy_nmc": 44000.0,
    "medium_nmc": 14969.0,  # 33,000 lb
    "medium_lfp": 8550.0,
    "light_liquid": 4309.0,
}
DC_POWER_W = {
    "heavy_lfp": 1.0e6,
    "heavy_lfp_fast_charge": 1.0e6,
    "heavy_nmc": 750e3,
    "medium_lfp": 104e3,
    "light_liquid": 176e3,
    "light_air": 43e3,
}


@pytest.fixture(params=TRUCKS)
def truck_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def nominal_v(cell: CellParameters) -> float:
    return ENERGY_WH[cell.name] / cell.capacity_ah


def installed_kwh(truck: TruckParameters) -> float:
    pack, cell = truck.pack, load_cell(truck.cell)
    return 1e-3 * pack.n_strings * pack.n_series * pack.n_parallel * cell.capacity_ah * nominal_v(cell)


def test_every_truck_is_known_to_these_tests() -> None:
    assert set(TRUCKS) == set(INSTALLED_KWH)


def test_strings_series_and_cells_give_the_published_energy(truck_name: str) -> None:
    assert installed_kwh(load_truck(truck_name)) == pytest.approx(INSTALLED_KWH[truck_name], rel=0.012)


@pytest.mark.parametrize("name", USABLE_KWH)
def test_the_charge_window_gives_the_published_usable_energy(name: str) -> None:
    truck = load_truck(name)
    low, high = truck.pack.usable_soc
    assert (high - low) * installed_kwh(truck) == pytest.approx(USABLE_KWH[name], rel=0.015)


@pytest.mark.parametrize("name", TOTAL_MASS_KG)
def test_kerb_mass_and_payload_give_the_published_total(name: str) -> None:
    vehicle = load_truck(name).vehicle
    assert vehicle.mass_kerb_kg + vehicle.payload_max_kg == pytest.approx(TOTAL_MASS_KG[name], rel=0.01)


@pytest.mark.parametrize("name", DC_POWER_W)
def test_the_inlet_carries_the_published_charging_power(name: str) -> None:
    truck = load_truck(name)
    volt = truck.pack.n_series * nominal_v(load_cell(truck.cell))
    assert truck.dc_current_max_a * volt == pytest.approx(DC_POWER_W[name], rel=0.05)


def test_the_packs_stay_below_one_thousand_volts(truck_name: str) -> None:
    truck = load_truck(truck_name)
    assert truck.pack.n_series * load_cell(truck.cell).voltage_max_v < 1000.0


def test_one_temperature_sensor_watches_six_to_sixteen_cells(truck_name: str) -> None:
    pack = load_truck(truck_name).pack
    assert 6 <= pack.n_series * pack.n_parallel / pack.n_temp_sensors <= 16


def test_every_source_of_a_truck_but_an_assumption_has_a_reference(truck_name: str) -> None:
    truck = load_truck(truck_name)
    for source in (*truck.source, *truck.vehicle.source):
        assert source.notes
        assert source.kind == "assumed" or source.reference


def test_every_number_of_a_truck_file_that_is_estimated_says_so(truck_name: str) -> None:
    """A number carries its origin beside it, but for counts and what a comment above explains."""
    explained = ("housing_", "n_", "regen_efficiency")
    table = ""
    for line in (TRUCK_FILES / f"{truck_name}.toml").read_text(encoding="utf-8").splitlines():
        table = line.split("]")[0].strip("[") if line.startswith("[") else table
        number = line.partition("=")[2].strip()[:1] in tuple("0123456789[")
        if table in ("pack", "vehicle", "chiller", "cabin") and number and not line.startswith(explained):
            assert "#" in line, line


def test_the_heavy_trucks_have_chillers_of_10_and_20_kw_at_40_degc() -> None:
    assert load_truck("heavy_lfp").chiller.capacity_w == 10e3
    assert load_truck("heavy_nmc").chiller.capacity_w == 20e3
    assert all(load_truck(name).chiller.ambient_degc == 40.0 for name in TRUCKS)


def test_the_gap_filler_under_the_cans_is_that_of_the_comment() -> None:
    for name in ("heavy_lfp", "heavy_nmc", "medium_nmc", "medium_lfp"):
        truck = load_truck(name)
        area_m2 = load_cell(truck.cell).thermal.cooled_area_m2
        assert truck.pack.interface_k_per_w == pytest.approx(0.0015 / (2.5 * area_m2), rel=0.02)


def test_the_pouch_reaches_its_housing_as_in_the_published_pack() -> None:
    truck = load_truck("light_liquid")
    inner = load_cell(truck.cell).thermal.core_to_plate_k_per_w
    assert inner + truck.pack.interface_k_per_w == pytest.approx(0.899, abs=0.002)


def test_the_datasheet_cells_cap_the_charge_of_the_heavy_truck_below_a_megawatt() -> None:
    truck = load_truck("heavy_lfp")
    cell = load_cell(truck.cell)
    volt = np.interp(0.5, cell.circuit.soc, cell.circuit.ocv_v)
    volt += cell.charge_current_max_a * half_charge_ohm(cell, 25.0, 1e6)
    power_w = truck.pack.n_strings * truck.pack.n_series * cell.charge_current_max_a * volt
    assert 640e3 < power_w < 690e3


def test_the_fast_charge_truck_differs_in_cells_and_chiller_alone() -> None:
    plain, fast = load_truck("heavy_lfp"), load_truck("heavy_lfp_fast_charge")
    differing = {key for key, value in plain if getattr(fast, key) != value}
    assert differing == {"title", "source", "cell", "chiller"}
    assert fast.source[0].kind == "assumed"


def test_forty_tonnes_on_the_flat_at_85_km_per_h_take_1_1_to_1_3_kwh_per_km() -> None:
    for name in ("heavy_lfp", "heavy_nmc"):
        vehicle = load_truck(name).vehicle
        speed = 85.0 / 3.6
        force_n = 0.5 * 1.204 * vehicle.drag_area_m2 * speed**2
        force_n += vehicle.rolling_resistance * 40000.0 * 9.80665
        joule_per_m = force_n / vehicle.drive_efficiency + vehicle.auxiliary_power_w / speed
        assert 1.1 < joule_per_m / 3600.0 < 1.3
