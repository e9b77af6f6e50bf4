"""Unlogged discharges between pulses are put back, when they all had one current."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plant_models.identification.gaps import filled
from plant_models.identification.measurement import Measurement, read_measurement
from tests.unit.plant_models.identification.synthetic import write_rows
from thermal_bms.errors import ConfigError

CURRENT_A, REST_S = 0.9, 1800.0


def with_gaps(tmp_path: Path, moved_ah: tuple[float, ...]) -> Measurement:
    """Ten samples a level, each level followed by a gap in which charge moved."""
    times, charges, start_s, taken_ah = [], [], 0.0, 0.0
    for moved in (*moved_ah, 0.0):
        times.append(start_s + np.arange(10.0))
        charges.append(np.full(10, taken_ah))
        start_s += 9.0 + moved * 3600.0 / CURRENT_A + REST_S
        taken_ah += moved
    time_s, charge_ah = np.concatenate(times), np.concatenate(charges)
    blank = np.zeros(time_s.size)
    table = np.stack([time_s, blank + 3.7, blank, blank + 25.0, charge_ah], axis=1)
    return read_measurement(write_rows(tmp_path / "hppc.csv", table))


def test_the_charge_of_every_gap_flows_first_and_the_cell_rests_after(tmp_path: Path) -> None:
    found = filled(with_gaps(tmp_path, (0.05, 0.2, 0.1)))
    put_in = ~found.logged
    assert set(np.round(found.current_a[put_in], 4)) == {0.0, CURRENT_A}
    counted_ah = float(np.sum(np.diff(found.time_s) * found.current_a[1:])) / 3600.0
    assert counted_ah == pytest.approx(0.35, rel=1e-3)
    assert np.all(np.diff(found.time_s) > 0.0)


def test_a_log_without_gaps_stays_as_it_is(tmp_path: Path) -> None:
    trace = with_gaps(tmp_path, (0.05, 0.2, 0.1))
    short = replace(trace, **{key: getattr(trace, key)[:10] for key in vars(trace) if key != "path"})
    assert filled(short).time_s.size == 10


def test_gaps_that_no_one_current_explains_are_refused_by_row(tmp_path: Path) -> None:
    trace = with_gaps(tmp_path, (0.05, 0.2, 0.1, 0.15))
    skewed = replace(
        trace, time_s=trace.time_s + 2.0e4 * np.sin(trace.time_s * 7e-4) ** 2 * (trace.time_s > 20)
    )
    steady = replace(skewed, time_s=np.maximum.accumulate(skewed.time_s))
    with pytest.raises(ConfigError, match=r"hppc\.csv, row 12: no sample for .* s in which 0\.050 Ah"):
        filled(steady)
