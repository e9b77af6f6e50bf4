import math

from hypothesis import given
from hypothesis import strategies as st

from thermal_bms.interpolation import PiecewiseLinear, interpolate

XS = (-20.0, 0.0, 10.0, 45.0)
YS = (0.3, 1.0, 0.25, 0.25)
anywhere = st.one_of(
    st.floats(-60.0, 60.0), st.sampled_from((*XS, math.nextafter(10.0, 0.0), -math.inf, math.inf, math.nan))
)


@given(st.lists(anywhere, min_size=1, max_size=20))
def test_a_remembered_segment_changes_no_bit_whatever_was_asked_before(asked: list[float]) -> None:
    table = PiecewiseLinear(XS, YS)
    for x in asked:
        found, expected = table.at(x), interpolate(x, XS, YS)
        assert found == expected or (math.isnan(found) and math.isnan(expected))
