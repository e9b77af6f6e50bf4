import numpy as np

from thermal_bms.can.raw import quantised, quantised_code


def test_halves_go_to_the_even_code() -> None:
    assert [quantised_code(value, 1.0, 0.0, 0, 9).code for value in (0.5, 1.5, 2.5)] == [0, 2, 2]


def test_half_a_step_beyond_the_end_is_still_held() -> None:
    assert quantised_code(9.5, 1.0, 0.0, 0, 9) == (9, True)
    assert quantised_code(9.51, 1.0, 0.0, 0, 9) == (9, False)
    assert quantised_code(-0.5, 1.0, 0.0, 0, 9) == (0, True)
    assert quantised_code(-0.51, 1.0, 0.0, 0, 9) == (0, False)


def test_arrays_are_quantised_like_numbers_and_missing_values_pass() -> None:
    values = np.array([np.nan, 9.51, -0.2, 4.4, np.inf])
    ones = np.ones(5)
    arrived, held = quantised(values, ones, 0.0 * ones, 0.0 * ones, 9.0 * ones)
    np.testing.assert_array_equal(arrived, [np.nan, 9.0, 0.0, 4.0, 9.0])
    assert held.tolist() == [True, False, True, True, False]
    assert np.copysign(1.0, arrived[2]) == 1.0
