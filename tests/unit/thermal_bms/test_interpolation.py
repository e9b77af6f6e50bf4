import math

import pytest

from thermal_bms.interpolation import PiecewiseLinear, interpolate

XS = (-20.0, 0.0, 10.0, 45.0)
YS = (0.3, 1.0, 0.25, 0.25)


@pytest.mark.parametrize(
    ("x", "y"),
    [(-30.0, 0.3), (-20.0, 0.3), (-10.0, 0.65), (5.0, 0.625), (10.0, 0.25), (45.0, 0.25), (math.inf, 0.25)],
)
def test_between_its_points_a_table_is_linear_and_beyond_its_ends_constant(x: float, y: float) -> None:
    assert interpolate(x, XS, YS) == pytest.approx(y, rel=1e-12)
    assert PiecewiseLinear(XS, YS).at(x) == interpolate(x, XS, YS)


def test_a_missing_value_gives_none() -> None:
    assert math.isnan(interpolate(math.nan, XS, YS))
    assert math.isnan(PiecewiseLinear(XS, YS).at(math.nan))


def test_a_table_of_one_point_is_constant() -> None:
    table = PiecewiseLinear((5.0,), (2.0,))
    assert [table.at(x) for x in (-1.0, 5.0, 9.0)] == [2.0, 2.0, 2.0]
