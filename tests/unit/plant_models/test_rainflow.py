"""Rainflow counting."""

import numpy as np
import pytest

from plant_models.rainflow import rainflow, turning_points


def test_the_standards_own_example_is_counted_as_printed() -> None:
    ranges, counts = rainflow(np.array([-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0]))
    assert sorted(zip(ranges, counts, strict=True)) == [
        (3.0, 0.5), (4.0, 0.5), (4.0, 1.0), (6.0, 0.5), (8.0, 0.5), (8.0, 0.5), (9.0, 0.5),
    ]  # fmt: skip


def test_a_deep_cycle_with_a_small_one_in_it_is_one_deep_and_one_small_cycle() -> None:
    ranges, counts = rainflow(np.array([0.9, 0.5, 0.6, 0.2, 0.9]))
    found = sorted(zip(ranges.round(9), counts, strict=True))
    assert found == [(0.1, 1.0), (0.7, 0.5), (0.7, 0.5)]


def test_a_course_that_never_moves_has_no_cycles() -> None:
    ranges, counts = rainflow(np.full(5, 0.4))
    assert ranges.size == counts.size == 0


def test_swings_below_the_least_are_left_out_and_the_great_one_stays() -> None:
    fine = np.linspace(0.9, 0.3, 601) + 1e-4 * np.tile([1.0, -1.0], 301)[:601]
    ranges, _ = rainflow(fine, 1e-3)
    assert ranges.size == 1
    assert ranges[0] == pytest.approx(0.6, abs=2e-3)
    assert rainflow(fine)[0].size == 1  # the slope is steeper than the ripple


def test_ripple_on_a_plateau_is_left_out() -> None:
    course = np.concatenate((np.linspace(0.9, 0.5, 50), 0.5 + 1e-4 * np.tile([1.0, 0.0], 20), [0.8]))
    assert rainflow(course)[0].size > 10
    ranges, counts = rainflow(course, 1e-3)
    assert ranges == pytest.approx([0.4, 0.3], abs=2e-4)
    assert counts.tolist() == [0.5, 0.5]


def test_turning_points_keep_both_ends() -> None:
    assert turning_points(np.array([0.5, 0.5, 0.7, 0.7, 0.7])).tolist() == [0.5, 0.7]
