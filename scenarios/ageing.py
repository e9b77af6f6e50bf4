"""Ageing of a run's pack from its recording alone: percent and EUR per day, and where the laws were stretched."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from plant_models.ageing import (
    AgeingState,
    advance,
    new_cells,
    resistance_band,
)
from plant_models.ageing_day import AgeingDay, CellCourse, StringCourse, ageing_day, ageing_rates
from plant_models.ageing_parameters import AgeingParameters, load_ageing
from plant_models.cell import CellParameters, load_cell
from plant_models.health import PackHealth
from plant_models.truck_parameters import TruckParameters, full_energy_j
from scenarios.energy_balance import ColumnSource, SignalSource, StreamSource
from scenarios.prices import PriceTable, load_prices
from thermal_bms.errors import ConfigError, RecordingError
from thermal_bms.parameters import parse
from thermal_bms.recording import SIGNALS
from thermal_bms.units import JOULES_PER_KWH, FloatArray, degc_to_k

CELLS = "cells"
HEALTH = "pack_health"
DAYS_PER_YEAR = 365.25
KPI_YEARS = 10.0
TOLD_SHARE = 0.01  # a smaller share outside a law's range is not worth a warning


@dataclass(frozen=True)
class AgedRun:
    """What a recording says about ageing.

    Attributes
    ----------
    day : stress of the recorded day on every group
    rest_temp_k : mean ambient temperature [K]
    usable_soc : window of charge that the truck uses
    pack_energy_kwh : of the new pack
    """

    day: AgeingDay
    rest_temp_k: float
    usable_soc: tuple[float, float]
    pack_energy_kwh: float


def aged_run(recording: SignalSource) -> AgedRun:
    """Return the stress that a run put on every group of its pack.

    Raises
    ------
    RecordingError
        when the recording lacks cells, strings or the truck, or is shorter than two rows.
    """
    truck, cell = recorded_truck(recording.meta)
    if not isinstance(recording, StreamSource) or CELLS not in recording.streams:
        raise RecordingError("the recording has no stream of cells, so nothing can be said about ageing")
    cells, signals = _cells(recording), recording.stream(SIGNALS)
    if cells.time_s.size < 2 or signals["time_s"].size < 2:
        raise RecordingError("the recording is shorter than two rows, so nothing can be said about ageing")
    rest_temp_k = degc_to_k(float(signals["ambient_temp_degc"].mean()))
    day = ageing_day(
        _ageing(cell.chemistry),
        cell,
        cells,
        _strings(signals, truck),
        rest_temp_k=rest_temp_k,
        health=recorded_health(recording.meta, cells.soc.shape[1:]),
    )
    energy_kwh = full_energy_j(truck, cell) / JOULES_PER_KWH
    return AgedRun(day, rest_temp_k, truck.pack.usable_soc, energy_kwh)


def ageing_kpis(recording: SignalSource, prices: PriceTable | None = None) -> dict[str, float]:
    """Return the figures of ageing; none for a recording that has no pack to age.

    Per day means: the mean of the first ten years of such days, starting with a new pack. Capacity counts as the
    mean of all groups. Low and high hold the band of the laws, widened by the share of stress outside their range.
    """
    try:
        run = aged_run(recording)
    except RecordingError:
        return {}
    prices = prices or load_prices()
    days = KPI_YEARS * DAYS_PER_YEAR
    rates = ageing_rates(run.day)
    state = advance(run.day.parameters, new_cells(run.day.health.capacity.shape), rates, days)
    low, nominal, high = _losses(state, run.day)
    per_day = 100.0 / days
    eur = prices.capacity_eur_per_percent(run.pack_energy_kwh) * per_day
    gain = resistance_band(run.day.parameters, state, run.day.outside.worst)[1] - 1.0
    return {
        "ageing_percent_per_day": nominal.mean() * per_day,
        "ageing_percent_per_day_low": low.mean() * per_day,
        "ageing_percent_per_day_high": high.mean() * per_day,
        "ageing_calendar_percent_per_day": state.loss_calendar.mean() * per_day,
        "ageing_cycle_percent_per_day": state.loss_cycle.mean() * per_day,
        "ageing_plating_percent_per_day": state.loss_plating[1].mean() * per_day,
        "ageing_worst_percent_per_day": nominal.max() * per_day,
        "ageing_resistance_percent_per_day": gain.mean() * per_day,
        "ageing_eur_per_day": nominal.mean() * eur,
        "ageing_eur_per_day_low": low.mean() * eur,
        "ageing_eur_per_day_high": high.mean() * eur,
    }


def ageing_warnings(recording: SignalSource) -> list[str]:
    """Return one line for each way in which a run left the range that its ageing laws were measured in."""
    try:
        day = aged_run(recording).day
    except RecordingError:
        return []
    valid, share = day.parameters.valid, day.outside
    low_degc, high_degc = valid.temp_degc
    range_text = f"outside the {low_degc:g} to {high_degc:g} °C of the ageing law"
    told = (
        (share.time_temp, f"of the time the cells were {range_text}"),
        (share.moved_temp, f"of the charge moved while the cells were {range_text}"),
        (
            share.moved_charging,
            f"of the charge moved in charging above the {valid.charge_c_rate_max:g}C of the ageing law",
        ),
        (
            share.moved_discharging,
            f"of the charge moved in discharging above the {valid.discharge_c_rate_max:g}C of the ageing law",
        ),
    )
    return [
        f"{100.0 * part:.0f} % {text}; its band is widened" for part, text in told if part > TOLD_SHARE
    ] + _plating_warning(day)


def _plating_warning(day: AgeingDay) -> list[str]:
    low, nominal, high = (100.0 * lost.max() for lost in day.plated_per_day)
    if high < 1e-4:
        return []
    return [
        (
            f"Charging went above the current at which lithium may plate: the worst group lost {nominal:.2g} % of its "
            f"capacity in a day (band {low:.2g} to {high:.2g} %)"
        )
    ]


def recorded_health(meta: Mapping[str, Any], shape: tuple[int, ...]) -> PackHealth:
    """Return the health that the pack of a recording started with; new when the recording does not say."""
    found = meta.get(HEALTH)
    if not isinstance(found, Mapping):
        return PackHealth(np.ones(shape), np.ones(shape))
    return PackHealth(np.array(found["capacity"], float), np.array(found["resistance"], float))


def health_meta(health: PackHealth) -> dict[str, Any]:
    """Return what a recording says of its pack's health; nothing for a new pack."""
    if not health.is_used:
        return {}
    return {HEALTH: {name: values.tolist() for name, values in health._asdict().items()}}


def _losses(state: AgeingState, day: AgeingDay) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return low, nominal and high loss of every group; plating may be more than there is, so that it counts."""
    low_factor, high_factor = day.parameters.band.factors("capacity", day.outside.worst)
    law = state.loss_calendar + state.loss_cycle
    plated = state.loss_plating
    return low_factor * law + plated[0], law + plated[1], high_factor * law + plated[2]


def recorded_truck(meta: Mapping[str, Any]) -> tuple[TruckParameters, CellParameters]:
    """Return the truck that a recording was made with, and its cell.

    Raises
    ------
    RecordingError
        when the recording does not hold it.
    """
    truck = meta.get("truck")
    if not isinstance(truck, Mapping):
        raise RecordingError("the recording does not hold its truck, so nothing can be said about ageing")
    try:
        parameters = parse(TruckParameters, truck, "recording")
        return parameters, _cell(parameters.cell)
    except ConfigError as error:
        raise RecordingError(f"the truck in the recording cannot be read: {error}") from None


def _cells(recording: StreamSource) -> CellCourse:
    cells = recording.stream(CELLS)
    return CellCourse(cells["time_s"], degc_to_k(cells["cell_temp_degc"]), cells["cell_soc"])


def _strings(signals: ColumnSource, truck: TruckParameters) -> StringCourse:
    strings = range(truck.pack.n_strings)
    current_a = np.stack([signals[f"string_current_a_{k}"] for k in strings], axis=1)
    soc = np.stack([signals[f"string_soc_{k}"] for k in strings], axis=1)
    return StringCourse(signals["time_s"], current_a / truck.pack.n_parallel, soc)


@cache
def _cell(name: str) -> CellParameters:
    return load_cell(name)


@cache
def _ageing(chemistry: str) -> AgeingParameters:
    return load_ageing(chemistry)
