"""The stress of one day on every group of a pack, and the ageing rates that follow from it.

A day is a recorded stretch, filled up to whole days of 24 h by standing at its last charge and at the mean ambient
temperature. Charge that moved while the cells were at a temperature counts at that temperature; calendar ageing
counts the time. Depths are those of rainflow cycles of the string's charge, weighted by the charge they move; the
C-rate is the mean of charge and discharge rate, each over the time in its direction, as the laws define it.

A pack that has faded moves the same charge with deeper cycles: charging ends at the same charge, driving ends lower.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from plant_models.ageing import AgeingRates
from plant_models.ageing_parameters import AgeingParameters
from plant_models.ageing_rates import (
    SECONDS_PER_DAY,
    calendar_gain_rate,
    calendar_loss_rate,
    cycle_gain_rate,
    cycle_loss_rate,
    cycle_temp_factor,
)
from plant_models.cell import CellParameters
from plant_models.health import PackHealth
from plant_models.plating import (
    charge_above_limit_ah,
    held_row,
    lowest_limit_a,
    plating_limit_a,
    plating_loss,
)
from plant_models.rainflow import rainflow
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

N_DEPTHS = 50
LEAST_SWING = 5e-4  # of charge; what is smaller moves next to nothing and is left out of the depths
IN_USE_C_RATE = 0.01  # below this a cell rests
N_INSTANTS_MAX = 180  # of the day at which calendar rates are found


class CellCourse(NamedTuple):
    """Temperature and charge of every group, at instants. Arrays (n_times, n_strings, n_series).

    Attributes
    ----------
    time_s : rising [s]
    temp_k : core temperature [K]
    soc : charge of the group in 0..1
    """

    time_s: FloatArray
    temp_k: FloatArray
    soc: FloatArray


class StringCourse(NamedTuple):
    """Current and charge of every string, more often. Arrays (n_rows, n_strings).

    Attributes
    ----------
    time_s : ends of the intervals, rising [s]
    cell_current_a : mean current of one cell, positive on discharge [A]
    soc : mean charge of the string in 0..1
    """

    time_s: FloatArray
    cell_current_a: FloatArray
    soc: FloatArray

    @property
    def span_s(self) -> FloatArray:
        """Length of the intervals that end at ``time_s``; the first is 0 [s]."""
        return np.diff(self.time_s, prepend=self.time_s[:1])


@dataclass(frozen=True)
class AgeingDay:
    """The stress of one kind of day.

    Attributes
    ----------
    parameters, cell : what ages
    health : of the pack on this day
    days : how many days of 24 h the stretch was filled up to
    time_share : share of the time that each instant stands for, shape (n,)
    temp_k, soc : of every group at these instants, shape (n, n_strings, n_series)
    moved_share : share of the charge moved around each instant, shape (n, n_strings)
    depth, depth_share : depths of cycles and the share of charge moved in them, shapes (n_depths,) and
        (n_strings, n_depths)
    depth_ratio : swing of a group over that of its string
    c_rate : mean of charge and discharge, shape (n_strings,) [1/h]
    efc_per_day : charge moved per day over twice the nameplate capacity, of every group
    plated_per_day : capacity lost to plating per day, low, nominal and high
    outside : share of the stress outside the valid range
    """

    parameters: AgeingParameters
    cell: CellParameters
    health: PackHealth
    days: int
    time_share: FloatArray
    temp_k: FloatArray
    soc: FloatArray
    moved_share: FloatArray
    depth: FloatArray
    depth_share: FloatArray
    depth_ratio: FloatArray
    c_rate: FloatArray
    efc_per_day: FloatArray
    plated_per_day: FloatArray
    outside: "OutsideShares"

    @property
    def soc_span(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest charge of every group."""
        return self.soc.min(axis=0), self.soc.max(axis=0)


class OutsideShares(NamedTuple):
    """Shares of the stress outside the range in which the capacity law was measured.

    Attributes
    ----------
    time_temp : of the time, by temperature
    moved_temp, moved_charging, moved_discharging : of the charge moved, by temperature and by C-rate
    """

    time_temp: float
    moved_temp: float
    moved_charging: float
    moved_discharging: float

    @property
    def worst(self) -> float:
        """The largest of the shares."""
        return max(self)


def ageing_day(
    parameters: AgeingParameters,
    cell: CellParameters,
    cells: CellCourse,
    strings: StringCourse,
    *,
    rest_temp_k: float,
    health: PackHealth,
) -> AgeingDay:
    """Return the stress of a recorded stretch on every group.

    Parameters
    ----------
    cells, strings : what was recorded
    rest_temp_k : temperature of the cells while the day is filled up to 24 h [K]
    health : of the pack while it was recorded
    """
    span_s = float(strings.time_s[-1] - strings.time_s[0])
    days = max(1, int(np.ceil(span_s / SECONDS_PER_DAY - 1e-9)))
    rate = strings.cell_current_a / cell.capacity_ah
    dt_h = strings.span_s / SECONDS_PER_HOUR
    moved = np.abs(rate) * dt_h[:, None]
    ratio = _swing_ratio(cells.soc, health)
    time_share, temp_k, soc, moved_share = _instants(
        cells, strings.time_s, moved, fill_s=days * SECONDS_PER_DAY - span_s, rest_temp_k=rest_temp_k
    )
    depth, depth_share = _depths(strings.soc)
    return AgeingDay(
        parameters=parameters,
        cell=cell,
        health=health,
        days=days,
        time_share=time_share,
        temp_k=temp_k,
        soc=soc,
        moved_share=moved_share,
        depth=depth,
        depth_share=depth_share,
        depth_ratio=ratio,
        c_rate=_mean_rate(rate, dt_h),
        efc_per_day=np.broadcast_to(0.5 * moved.sum(axis=0)[:, None] / days, ratio.shape),
        plated_per_day=_plated(parameters, cell, cells, strings, health) / days,
        outside=_outside(parameters, time_share, temp_k, moved_share, (rate, moved)),
    )


def ageing_rates(day: AgeingDay, capacity: FloatArray | None = None) -> AgeingRates:
    """Return the rates of a day; with ``capacity`` those of the same day with a pack faded to it.

    Parameters
    ----------
    capacity : of every group relative to new, shape (n_strings, n_series); default: as on the day
    """
    law, resistance = day.parameters.capacity, day.parameters.resistance
    deeper = np.ones_like(day.depth_ratio) if capacity is None else day.health.capacity / capacity
    top = day.soc_span[1]
    soc = np.clip(top - (top - day.soc) * deeper, 0.0, 1.0)
    loss = calendar_loss_rate(law, day.temp_k, soc)
    gain = calendar_gain_rate(resistance, day.cell.circuit, day.temp_k, soc)
    factor = np.einsum("nk,nki->ki", day.moved_share, cycle_temp_factor(law, day.temp_k))
    voltage = np.interp(soc, day.cell.circuit.soc, day.cell.circuit.ocv_v)
    voltage_rms_v = np.sqrt(np.einsum("nk,nki->ki", day.moved_share, voltage**2))
    cycle_loss, cycle_gain = _over_depths(day, deeper, voltage_rms_v)
    return AgeingRates(
        loss_calendar=np.einsum("n,nki->ki", day.time_share, loss),
        loss_cycle=factor * cycle_loss,
        gain_calendar=np.einsum("n,nki->ki", day.time_share, gain),
        gain_cycle=cycle_gain,
        efc_per_day=day.efc_per_day,
        plated_per_day=day.plated_per_day,
    )


def rest_rates(day: AgeingDay, rest_temp_k: float, capacity: FloatArray | None = None) -> AgeingRates:
    """Return the rates of a day on which the truck stands as it was left: at its last charge, at rest temperature."""
    law, resistance = day.parameters.capacity, day.parameters.resistance
    deeper = 1.0 if capacity is None else day.health.capacity / capacity
    top = day.soc_span[1]
    soc = np.clip(top - (top - day.soc[-1]) * deeper, 0.0, 1.0)
    temp_k = np.full_like(soc, rest_temp_k)
    none = np.zeros_like(soc)
    return AgeingRates(
        loss_calendar=calendar_loss_rate(law, temp_k, soc),
        loss_cycle=none,
        gain_calendar=calendar_gain_rate(resistance, day.cell.circuit, temp_k, soc),
        gain_cycle=none,
        efc_per_day=none,
        plated_per_day=np.zeros_like(day.plated_per_day),
    )


def _over_depths(
    day: AgeingDay, deeper: FloatArray, voltage_rms_v: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return loss and gain rate of cycling, means over the depths of the day's cycles."""
    loss, gain = np.zeros_like(deeper), np.zeros_like(deeper)
    c_rate = np.broadcast_to(day.c_rate[:, None], deeper.shape)
    for j in np.flatnonzero(day.depth_share.any(axis=0)):
        depth = np.minimum(day.depth[j] * day.depth_ratio * deeper, 1.0)
        share = day.depth_share[:, j, None]
        loss += share * cycle_loss_rate(day.parameters.capacity, depth, c_rate)
        gain += share * cycle_gain_rate(day.parameters.resistance, depth, c_rate, voltage_rms_v)
    return loss, gain


def _mean_rate(rate: FloatArray, dt_h: FloatArray) -> FloatArray:
    """Return the mean of the charge and the discharge C-rate of every string, each over the time in its direction."""
    total, directions = np.zeros(rate.shape[1]), np.zeros(rate.shape[1])
    for one_way in (rate, -rate):
        used_h = np.where(one_way > IN_USE_C_RATE, dt_h[:, None], 0.0)
        span_h = used_h.sum(axis=0)
        total += (one_way * used_h).sum(axis=0) / np.where(span_h > 0.0, span_h, 1.0)
        directions += span_h > 0.0
    return total / np.maximum(directions, 1.0)


def _swing_ratio(soc: FloatArray, health: PackHealth) -> FloatArray:
    """Return the way that every group's charge went over the mean of its string."""
    way = np.abs(np.diff(soc, axis=0)).sum(axis=0)
    mean = way.mean(axis=1, keepdims=True)
    return np.asarray(np.divide(way, mean, out=np.ones_like(health.capacity), where=mean > 0.0))


def _depths(string_soc: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the depths and, per string, the share of the charge moved in cycles of each depth."""
    edges = np.linspace(0.0, 1.0, N_DEPTHS + 1)
    moved, first = np.zeros((string_soc.shape[1], N_DEPTHS)), np.zeros((string_soc.shape[1], N_DEPTHS))
    for k in range(string_soc.shape[1]):
        ranges, counts = rainflow(string_soc[:, k], LEAST_SWING)
        place = np.clip(np.searchsorted(edges, ranges, side="right") - 1, 0, N_DEPTHS - 1)
        moved[k] = np.bincount(place, ranges * counts, N_DEPTHS)
        first[k] = np.bincount(place, ranges * ranges * counts, N_DEPTHS)
    total, middle = moved.sum(axis=0), 0.5 * (edges[:-1] + edges[1:])
    depth = np.divide(first.sum(axis=0), total, out=middle, where=total > 0.0)
    all_moved = moved.sum(axis=1, keepdims=True)
    return depth, np.divide(moved, all_moved, out=np.zeros_like(moved), where=all_moved > 0.0)


def _instants(
    cells: CellCourse, row_time_s: FloatArray, moved: FloatArray, *, fill_s: float, rest_temp_k: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return time share, temperature, charge and moved share at instants of the day, rest included as the last."""
    chosen = np.unique(np.linspace(0, cells.time_s.size - 1, N_INSTANTS_MAX).astype(int))
    time_s, temp_k, soc = cells.time_s[chosen], cells.temp_k[chosen], cells.soc[chosen]
    middle_s = 0.5 * (time_s[1:] + time_s[:-1])
    edges_s = np.concatenate((time_s[:1], middle_s, time_s[-1:]))
    weight_s = np.append(np.diff(edges_s), fill_s)
    total_s = float(weight_s.sum())
    place = np.searchsorted(middle_s, row_time_s, side="left")
    charge = np.stack([np.bincount(place, moved[:, k], time_s.size) for k in range(moved.shape[1])], axis=1)
    all_charge = charge.sum(axis=0)
    # a string that never moved counts its time, so that its temperature factor is one of its own temperatures
    even = np.broadcast_to(1.0 / time_s.size, charge.shape).copy()
    share = np.divide(charge, all_charge, out=even, where=all_charge > 0.0)
    return (
        weight_s / total_s if total_s > 0.0 else np.full(weight_s.size, 1.0 / weight_s.size),
        np.concatenate((temp_k, np.full((1, *temp_k.shape[1:]), rest_temp_k))),
        np.concatenate((soc, soc[-1:])),
        np.concatenate((share, np.zeros((1, share.shape[1])))),
    )


def _plated(
    parameters: AgeingParameters,
    cell: CellParameters,
    cells: CellCourse,
    strings: StringCourse,
    health: PackHealth,
) -> FloatArray:
    """Return the capacity lost to plating in the whole stretch, low, nominal and high.

    Limits of single groups are found only where the current exceeds that of the coldest at the worst charge.
    """
    charging_a = np.maximum(-strings.cell_current_a, 0.0)
    span_s = strings.span_s
    row = held_row(cells.time_s, strings.time_s)
    shares = parameters.plating.anode_share
    above = np.zeros((len(shares), *health.capacity.shape))
    coldest_k = cells.temp_k.min(axis=2)
    for k in range(charging_a.shape[1]):
        surely_a = lowest_limit_a(cell, max(shares), coldest_k[:, k]) / health.resistance[k].max()
        chosen = np.unique(row[charging_a[:, k] > surely_a[row]])
        unit_a = plating_limit_a(cell, 1.0, cells.temp_k[chosen, k], cells.soc[chosen, k])
        unit_a /= health.resistance[k]
        starts, stops = np.searchsorted(row, chosen, "left"), np.searchsorted(row, chosen, "right")
        for limit_a, start, stop in zip(unit_a, starts, stops, strict=True):
            current_a = charging_a[start:stop, k]
            if current_a.max() > limit_a.min() / max(shares):
                for n, share in enumerate(shares):
                    above[n, k] += charge_above_limit_ah(limit_a / share, span_s[start:stop], current_a)
    return plating_loss(parameters.plating, above, cell.capacity_ah)


def _outside(
    parameters: AgeingParameters,
    time_share: FloatArray,
    temp_k: FloatArray,
    moved_share: FloatArray,
    rows: tuple[FloatArray, FloatArray],
) -> OutsideShares:
    """Return what shares of time and charge lie outside the valid range; ``rows`` are C-rate and charge moved."""
    valid, (rate, moved) = parameters.valid, rows
    low_k, high_k = (273.15 + t for t in valid.temp_degc)
    outside = ((temp_k < low_k) | (temp_k > high_k)).mean(axis=2)
    total = float(moved.sum())
    strings = moved.sum(axis=0) / total if total > 0.0 else np.zeros(moved.shape[1])
    return OutsideShares(
        time_temp=float(time_share @ outside.mean(axis=1)),
        moved_temp=float(np.einsum("nk,nk->k", moved_share, outside) @ strings),
        moved_charging=float(moved[rate < -valid.charge_c_rate_max].sum()) / total if total > 0.0 else 0.0,
        moved_discharging=float(moved[rate > valid.discharge_c_rate_max].sum()) / total
        if total > 0.0
        else 0.0,
    )
