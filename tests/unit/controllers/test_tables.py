from math import inf, nan

import numpy as np
import pytest

from controllers.tables import interpolate


@pytest.mark.parametrize("x", [-5.0, 0.0, 0.3, 1.0, 2.9, 3.0, 10.0, -inf, inf])
def test_it_agrees_with_numpy_inside_and_outside(x: float) -> None:
    grid, values = (0.0, 1.0, 3.0), (5.0, 7.0, -1.0)
    assert interpolate(x, grid, values) == pytest.approx(float(np.interp(x, grid, values)))


def test_an_unknown_place_gives_the_first_value() -> None:
    assert interpolate(nan, (0.0, 1.0), (5.0, 7.0)) == 5.0


def test_a_table_of_one_point_is_a_constant() -> None:
    assert [interpolate(x, (1.0,), (4.0,)) for x in (0.0, 1.0, 2.0)] == [4.0, 4.0, 4.0]
