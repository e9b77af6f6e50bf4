"""Climates: ambient temperature, humidity and sunshine over the scenario's time.

Every climate is a table of equal steps that repeats at its end; between the steps it is linear.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from scenarios.tables import Table, read_table
from thermal_bms.errors import ScenarioError
from thermal_bms.parameters import Parameters, did_you_mean
from thermal_bms.units import SECONDS_PER_HOUR, FloatArray

LIBRARY = Path(__file__).parent / "climates"
DIURNAL_STEP_S = 300.0  # linear between: within 1 mK of the cosine for 20 K between night and day
HOURS_PER_DAY = 24.0
COLUMNS = ("hour", "temp_degc", "humidity", "irradiance_w_per_m2")

Temp = Annotated[float, Field(ge=-60.0, le=60.0)]
Humidity = Annotated[float, Field(ge=0.0, le=1.0)]
Irradiance = Annotated[float, Field(ge=0.0, le=1500.0)]
Hour = Annotated[float, Field(ge=0.0, le=24.0)]


class ConstantClimate(Parameters):
    """The same weather all the time, as in a climatic chamber."""

    kind: Literal["constant"]
    temp_degc: Temp
    humidity: Humidity = 0.5
    irradiance_w_per_m2: Irradiance = 0.0


class DiurnalClimate(Parameters):
    """One day that repeats: half a cosine from the coldest hour to the hottest, another one back.

    The water content of the air stays the same over the day, so it is most humid at the coldest hour. The sun
    is half a sine from sunrise to sunset. The default hours are usual ones (assumed).
    """

    kind: Literal["diurnal"]
    temp_min_degc: Temp
    temp_max_degc: Temp
    hour_of_min: Hour = 5.0
    hour_of_max: Hour = 15.0
    humidity: Humidity = Field(default=0.7, description="relative, at the coldest hour")
    irradiance_max_w_per_m2: Irradiance = 0.0
    sunrise_hour: Hour = 6.0
    sunset_hour: Hour = 18.0

    @model_validator(mode="after")
    def _ordered(self) -> "DiurnalClimate":
        if self.temp_max_degc < self.temp_min_degc:
            raise ValueError("temp_max_degc must not be below temp_min_degc")
        if self.hour_of_max <= self.hour_of_min:
            raise ValueError("hour_of_max must be after hour_of_min")
        if self.sunset_hour <= self.sunrise_hour:
            raise ValueError("sunset_hour must be after sunrise_hour")
        return self


class HourlyClimate(Parameters):
    """Weather from a table: a library name, or a CSV with ``hour``, ``temp_degc`` and perhaps more.

    ``hour`` counts from midnight of day 1. ``humidity`` (0 to 1) and ``irradiance_w_per_m2`` are optional
    columns. Without humidity in the table the dew point is held, when given, else the relative humidity.
    """

    kind: Literal["hourly"]
    file: str = Field(min_length=1)
    start_day: int = Field(
        default=1, ge=1, le=366, description="day of the table on which the scenario starts"
    )
    humidity: Humidity = 0.5
    dew_point_degc: float | None = Field(default=None, ge=-60.0, le=40.0)


ClimateSettings = Annotated[ConstantClimate | DiurnalClimate | HourlyClimate, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Climate:
    """The weather, quick to ask.

    Attributes
    ----------
    temp_degc, humidity, irradiance_w_per_m2 : values at equal steps; the table repeats at its end
    step_s : width of a step [s]
    start_s : time in the table at which the scenario starts [s]
    """

    temp_degc: tuple[float, ...]
    humidity: tuple[float, ...]
    irradiance_w_per_m2: tuple[float, ...]
    step_s: float
    start_s: float = 0.0

    def ambient(self, time_s: float) -> tuple[float, float, float]:
        """Return temperature [degC], relative humidity (0..1) and irradiance [W/m2] at a scenario time [s].

        >>> climate = Climate((10.0, 20.0), (0.5, 0.5), (0.0, 100.0), step_s=3600.0)
        >>> climate.ambient(1800.0)
        (15.0, 0.5, 50.0)
        """
        n = len(self.temp_degc)
        steps = (time_s + self.start_s) / self.step_s
        whole = math.floor(steps)
        share = steps - whole
        i = whole % n
        j = (i + 1) % n
        temp, humidity, sun = self.temp_degc, self.humidity, self.irradiance_w_per_m2
        return (
            temp[i] + share * (temp[j] - temp[i]),
            humidity[i] + share * (humidity[j] - humidity[i]),
            sun[i] + share * (sun[j] - sun[i]),
        )


def library_climates() -> list[str]:
    """Return the names of the hourly climates that come with the package.

    >>> library_climates()
    ['minneapolis_cold_week', 'phoenix_hot_week']
    """
    return sorted(path.stem for path in LIBRARY.glob("*.csv"))


def build_climate(
    settings: ClimateSettings, *, start_hour: float = 0.0, folder: Path | None = None
) -> Climate:
    """Return the climate of these settings.

    Parameters
    ----------
    settings : which climate
    start_hour : hour of the day at which the scenario starts, 0 to 24
    folder : where a relative path of an hourly file starts; default: the working directory

    Raises
    ------
    ScenarioError
        when an hourly file cannot be used; one line that names file, line and remedy.

    Examples
    --------
    >>> day = DiurnalClimate(kind="diurnal", temp_min_degc=20.0, temp_max_degc=40.0)
    >>> round(build_climate(day, start_hour=10.0).ambient(0.0)[0], 6)
    30.0
    """
    start_s = start_hour * SECONDS_PER_HOUR
    if isinstance(settings, ConstantClimate):
        sun = (settings.irradiance_w_per_m2,)
        return Climate((settings.temp_degc,), (settings.humidity,), sun, step_s=SECONDS_PER_HOUR)
    if isinstance(settings, DiurnalClimate):
        return _diurnal(settings, start_s)
    return _hourly(settings, start_s, folder)


def saturation_pressure_pa(temp_degc: FloatArray) -> FloatArray:
    """Return the saturation pressure of water vapour over water [Pa].

    Magnus form p = 611.2 exp(17.62 t / (243.12 + t)), -45 to 60 degC, within 0.6 %. Reference: WMO-No. 8,
    Guide to Instruments and Methods of Observation, annex 4.B.

    >>> round(float(saturation_pressure_pa(np.array(20.0))))
    2333
    """
    return np.asarray(611.2 * np.exp(17.62 * temp_degc / (243.12 + temp_degc)), dtype=np.float64)


def _diurnal(day: DiurnalClimate, start_s: float) -> Climate:
    hour = np.arange(0.0, HOURS_PER_DAY, DIURNAL_STEP_S / SECONDS_PER_HOUR)
    rise_h = day.hour_of_max - day.hour_of_min
    since_min_h = (hour - day.hour_of_min) % HOURS_PER_DAY
    fall = 1.0 + (since_min_h - rise_h) / max(HOURS_PER_DAY - rise_h, 1e-9)
    phase = np.where(since_min_h <= rise_h, since_min_h / rise_h, fall)  # 0 coldest, 1 hottest, 2 coldest
    temp = day.temp_min_degc + 0.5 * (day.temp_max_degc - day.temp_min_degc) * (1.0 - np.cos(np.pi * phase))
    vapour = day.humidity * saturation_pressure_pa(np.array(day.temp_min_degc))
    humidity = np.minimum(vapour / saturation_pressure_pa(temp), 1.0)
    share = np.clip((hour - day.sunrise_hour) / (day.sunset_hour - day.sunrise_hour), 0.0, 1.0)
    sun = day.irradiance_max_w_per_m2 * np.sin(np.pi * share)
    return _climate(temp, humidity, np.maximum(sun, 0.0), DIURNAL_STEP_S, start_s)


def _hourly(settings: HourlyClimate, start_s: float, folder: Path | None) -> Climate:
    table = read_table(_path(settings.file, folder), COLUMNS)
    hour, temp = _checked(table)
    start_s += ((settings.start_day - 1) * HOURS_PER_DAY - float(hour[0])) * SECONDS_PER_HOUR
    n = len(table.lines)
    if "humidity" in table.columns:
        humidity = table.columns["humidity"]
    elif settings.dew_point_degc is not None:
        vapour = saturation_pressure_pa(np.array(settings.dew_point_degc))
        humidity = np.minimum(vapour / saturation_pressure_pa(temp), 1.0)
    else:
        humidity = np.full(n, settings.humidity)
    sun = table.columns.get("irradiance_w_per_m2", np.zeros(n))
    step_h = float(np.min(np.diff(hour)))
    even_h = np.arange(hour[0], hour[-1] + 0.5 * step_h, step_h)
    length_s = even_h.size * step_h * SECONDS_PER_HOUR
    if start_s >= length_s:
        raise ScenarioError(
            f"climate.start_day = {settings.start_day}: {table.path.name} has {length_s / 86400.0:.1f} days"
        )
    even_temp, even_humidity, even_sun = (np.interp(even_h, hour, values) for values in (temp, humidity, sun))
    return _climate(even_temp, even_humidity, even_sun, step_h * SECONDS_PER_HOUR, start_s)


def _path(file: str, folder: Path | None) -> Path:
    path = Path(file)
    if path.suffix == "" and path.name == file:
        if file not in library_climates():
            hint = did_you_mean(file, library_climates())
            raise ScenarioError(f"climate.file = {file!r}: no such climate{hint}; or give a path to a .csv")
        return LIBRARY / f"{file}.csv"
    return path if folder is None else folder / path


def _checked(table: Table) -> tuple[FloatArray, FloatArray]:
    for name in ("hour", "temp_degc"):
        if name not in table.columns:
            hint = did_you_mean(name, table.others) if table.others else ""
            raise ScenarioError(f"{table.path}: no column {name}{hint}")
    columns = table.columns
    hour, temp = columns["hour"], columns["temp_degc"]
    if hour.size < 2:
        raise ScenarioError(f"{table.path}: one row only: an hourly climate needs at least two")
    table.refuse(
        np.diff(hour, prepend=hour[0] - 1.0) <= 0.0, "hour", "must rise from row to row; sort the rows"
    )
    table.refuse(np.abs(temp) > 60.0, "temp_degc", "must be from -60 to 60 degC; is it in another unit?")
    if "humidity" in columns:
        humid = columns["humidity"]
        table.refuse((humid < 0.0) | (humid > 1.0), "humidity", "must be from 0 to 1; is it in percent?")
    if "irradiance_w_per_m2" in columns:
        sun = columns["irradiance_w_per_m2"]
        table.refuse((sun < 0.0) | (sun > 1500.0), "irradiance_w_per_m2", "must be from 0 to 1500 W/m2")
    return hour, temp


def _climate(
    temp: FloatArray, humidity: FloatArray, sun: FloatArray, step_s: float, start_s: float
) -> Climate:
    return Climate(tuple(temp.tolist()), tuple(humidity.tolist()), tuple(sun.tolist()), step_s, start_s)
