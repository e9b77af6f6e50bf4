import numpy as np
import pytest

from plant_models.spme_parameters import load_spme
from plant_models.spme_reduced_cells import reduced_mesh
from plant_models.spme_reference import reference_mesh
from plant_models.spme_trace import trace_cell
from thermal_bms.errors import PlantError


@pytest.mark.parametrize("discretisation", ["reference", "reduced"])
def test_a_cell_without_current_rests(discretisation: str) -> None:
    trace = trace_cell(
        load_spme("chen2020"),
        np.zeros(61),
        temp_degc=25.0,
        negative=0.5,
        positive=0.5,
        discretisation="reference" if discretisation == "reference" else "reduced",
    )
    assert np.ptp(trace.voltage_v) < 1e-9
    assert trace.temp_k == pytest.approx(np.full(61, 298.15))


def test_a_current_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(PlantError, match="currents must be finite"):
        trace_cell(
            load_spme("chen2020"),
            np.array([0.0, np.nan]),
            temp_degc=25.0,
            negative=0.5,
            positive=0.5,
            discretisation="reduced",
        )


def test_a_mesh_of_the_other_discretisation_is_refused() -> None:
    cell = load_spme("chen2020")
    start = {"temp_degc": 25.0, "negative": 0.5, "positive": 0.5}
    with pytest.raises(PlantError, match="reference mesh"):
        trace_cell(cell, np.zeros(3), discretisation="reference", mesh=reduced_mesh(cell), **start)  # type: ignore[arg-type]
    with pytest.raises(PlantError, match="reduced mesh"):
        trace_cell(cell, np.zeros(3), discretisation="reduced", mesh=reference_mesh(cell), **start)  # type: ignore[arg-type]
