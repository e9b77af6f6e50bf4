"""Bad measurements are refused by row, with what to do."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from plant_models.identification.measurement import ambient_degc, read_measurement
from tests.unit.plant_models.identification.synthetic import write_rows
from thermal_bms.errors import ConfigError
from thermal_bms.units import FloatArray


def rows(n: int = 60) -> FloatArray:
    """A pulse of 10 A from sample 20 to 40."""
    time_s = np.arange(float(n))
    current = np.where((time_s >= 20.0) & (time_s < 40.0), 10.0, 0.0)
    return np.stack(
        [time_s, 3.7 - 0.01 * current, current, np.full(n, 25.0), np.cumsum(current) / 3600.0], axis=1
    )


def test_a_csv_is_read_with_current_positive_on_discharge(tmp_path: Path) -> None:
    trace = read_measurement(write_rows(tmp_path / "a.csv", rows()))
    assert trace.current_a.max() == 10.0
    assert trace.charge_ah[-1] == pytest.approx(200.0 / 3600.0, rel=1e-3)
    assert np.isnan(trace.chamber_temp_degc).all()


def test_a_mat_file_is_turned_to_positive_on_discharge(tmp_path: Path) -> None:
    table = rows()
    names = ("Time", "Voltage", "Current", "Battery_Temp_degC", "Ah")
    signs = (1.0, 1.0, -1.0, 1.0, -1.0)
    meas = {name: sign * table[:, place] for place, (name, sign) in enumerate(zip(names, signs, strict=True))}
    savemat(tmp_path / "a.mat", {"meas": {**meas, "Chamber_Temp_degC": np.full(60, np.nan)}})
    trace = read_measurement(tmp_path / "a.mat")
    np.testing.assert_allclose(trace.current_a, table[:, 2])
    np.testing.assert_allclose(trace.charge_ah, table[:, 4])


def test_repeated_times_are_left_out_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    table = rows()
    table[30, 0] = table[29, 0]
    trace = read_measurement(write_rows(tmp_path / "a.csv", table))
    assert trace.time_s.size == 59
    assert trace.row[30] == 33.0


def _nan(table: FloatArray) -> None:
    table[7, 1] = np.nan


def _sign(table: FloatArray) -> None:
    table[:, 2] *= -1.0


def _back(table: FloatArray) -> None:
    table[11, 0] = 3.0


def _kelvin(table: FloatArray) -> None:
    table[:, 3] += 273.15


def _pack(table: FloatArray) -> None:
    table[:, 1] *= 96.0


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_nan, r"a\.csv, row 9: voltage_v is not a number: remove the rows or fill them \(1 in all\)"),
        (_sign, r"row 22: voltage rises with the discharge current: turn the sign"),
        (_back, r"row 13: time_s goes back: sort the rows"),
        (_kelvin, r"row 2: case_temp_degc = 298\.15 is outside -60 to 120: give degrees Celsius"),
        (_pack, r"row 2: voltage_v = 355\.2 is outside 0 to 5\.5: give volts of one cell"),
    ],
)
def test_a_spoilt_log_is_refused_by_row_with_the_remedy(tmp_path: Path, spoil: object, message: str) -> None:
    table = rows()
    assert callable(spoil)
    spoil(table)
    with pytest.raises(ConfigError, match=message):
        read_measurement(write_rows(tmp_path / "a.csv", table))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time_s,voltage_v,current_a\n0,1,2\n", "no column case_temp_degc"),
        ("time_s,voltage_v,current_a,case_temp_degc\n0,x,2,25\n", r"row 2: voltage_v = 'x' is not a number"),
        ("time_s,voltage_v,current_a,case_temp_degc\n0,3,0,25\n", "1 rows; at least 10"),
        ("", "no column time_s"),
    ],
)
def test_a_broken_csv_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_measurement(path)


def test_a_broken_or_absent_mat_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(b"nothing of the kind")
    with pytest.raises(ConfigError, match=r"not a readable \.mat"):
        read_measurement(tmp_path / "a.mat")
    savemat(tmp_path / "b.mat", {"other": 1.0})
    with pytest.raises(ConfigError, match=r"no field meas\.Time"):
        read_measurement(tmp_path / "b.mat")
    with pytest.raises(ConfigError, match="no such file"):
        read_measurement(tmp_path / "c.mat")


@pytest.mark.parametrize(
    ("chamber", "expected_end", "known"),
    [
        (np.linspace(24.0, 30.0, 60), 31.0, True),
        (np.zeros(60), 25.0, False),
        (np.full(60, np.nan), 25.0, False),
    ],
)
def test_the_air_starts_at_the_case_and_follows_a_chamber_that_can_be_believed(
    tmp_path: Path, chamber: FloatArray, expected_end: float, known: bool
) -> None:
    path = tmp_path / "a.csv"
    table = np.column_stack([rows(), chamber])
    header = "time_s,voltage_v,current_a,case_temp_degc,charge_ah,chamber_temp_degc"
    np.savetxt(path, table, delimiter=",", header=header, comments="")
    air, from_chamber = ambient_degc(read_measurement(path))
    assert air[0] == 25.0
    assert air[-1] == pytest.approx(expected_end)
    assert from_chamber is known
