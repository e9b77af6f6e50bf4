"""Cycles in a course of charge: rainflow counting after ASTM E1049-85 (2011), section 5.4.4."""

import itertools

import numpy as np

from thermal_bms.units import FloatArray


def turning_points(values: FloatArray, least: float = 0.0) -> FloatArray:
    """Return the ends and turning points of a course, without swings smaller than ``least``.

    >>> turning_points(np.array([1.0, 0.5, 0.2, 0.6, 0.6, 0.4]))
    array([1. , 0.2, 0.6, 0.4])
    """
    steps = np.diff(values)
    moving = np.flatnonzero(steps)
    if moving.size == 0:
        return values[:1]
    turns = moving[1:][np.sign(steps[moving[1:]]) != np.sign(steps[moving[:-1]])]
    points = values[np.concatenate(([0], turns, [moving[-1] + 1]))]
    return points if least <= 0.0 else _without_small_swings(points, least)


def _without_small_swings(points: FloatArray, least: float) -> FloatArray:
    kept = [float(points[0])]
    for value in points[1:-1].tolist():
        rising_on = len(kept) > 1 and (value - kept[-1]) * (kept[-1] - kept[-2]) > 0.0
        if rising_on:
            kept[-1] = value
        elif abs(value - kept[-1]) >= least:
            kept.append(value)
    kept.append(float(points[-1]))
    return np.array(kept)


def rainflow(values: FloatArray, least: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Return range and count (1 or 0.5) of every cycle in a course of charge.

    The sum of range times count is half the way that the course has gone.

    Parameters
    ----------
    values : the course, shape (n,)
    least : swings smaller than this are not counted

    >>> ranges, counts = rainflow(np.array([-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0]))
    >>> ranges.tolist(), counts.tolist()
    ([3.0, 4.0, 4.0, 8.0, 9.0, 8.0, 6.0], [0.5, 0.5, 1.0, 0.5, 0.5, 0.5, 0.5])
    """
    found: list[tuple[float, float]] = []
    stack: list[float] = []
    for point in turning_points(values, least).tolist():
        stack.append(point)
        while len(stack) >= 3:
            newest, before = abs(stack[-1] - stack[-2]), abs(stack[-2] - stack[-3])
            if newest < before:
                break
            if len(stack) == 3:
                found.append((before, 0.5))
                del stack[0]
            else:
                found.append((before, 1.0))
                del stack[-3:-1]
    found += [(abs(b - a), 0.5) for a, b in itertools.pairwise(stack)]
    table = np.array(found).reshape(-1, 2)
    return table[:, 0], table[:, 1]
