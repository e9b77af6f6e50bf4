"""Plating tables as surfaces: never beyond their points, and never falling with warmth."""

from hypothesis import given
from hypothesis import strategies as st

from thermal_bms.plating import PlatingLimit, load_plating, plating_names

TABLES = [load_plating(name) for name in plating_names()]
ANY_TABLE = st.sampled_from(TABLES)
TEMP_DEGC = st.floats(-60.0, 80.0)
SOC = st.floats(-0.2, 1.2)


@given(ANY_TABLE, st.floats(-20.0, 80.0), SOC)
def test_a_rate_lies_within_the_tables_values(table, temp_degc, soc):  # type: ignore[no-untyped-def]
    values = [value for row in table.c_rate_max for value in row]
    assert min(values) <= PlatingLimit(table).c_rate(temp_degc, soc) <= max(values)


@given(ANY_TABLE, TEMP_DEGC, TEMP_DEGC, SOC)
def test_a_warmer_cell_is_never_allowed_less(table, one_degc, other_degc, soc):  # type: ignore[no-untyped-def]
    cold_degc, warm_degc = sorted((one_degc, other_degc))
    limit = PlatingLimit(table)
    assert limit.c_rate(cold_degc, soc) <= limit.c_rate(warm_degc, soc) + 1e-12
