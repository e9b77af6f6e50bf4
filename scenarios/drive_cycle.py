"""Drive cycles: target speed over time or over distance, with grade and stops; the library and the readers.

A cycle over time is a speed trace, linear between samples. A cycle over distance is a speed limit that holds
from its row to the next, with grade likewise and times to stand; how soon it is reached is up to the driver.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from plant_models.road import CycleArrays, cycle_by_distance, cycle_by_time
from scenarios.tables import Table, read_table
from thermal_bms.errors import ScenarioError
from thermal_bms.parameters import did_you_mean
from thermal_bms.units import METRES_PER_MILE, SECONDS_PER_HOUR, FloatArray

LIBRARY = Path(__file__).parent / "cycles"
SPEED_MAX_M_PER_S = 60.0  # no truck trace goes faster; a unit mix-up does
GRADE_MAX = 0.3  # the steepest public roads are near 35 %, the steepest truck routes below 20 %
SPEED_FACTORS = {
    "speed_m_per_s": 1.0,
    "speed_km_per_h": 1.0 / 3.6,
    "speed_mph": METRES_PER_MILE / SECONDS_PER_HOUR,
}
COLUMNS = ("time_s", "distance_m", *SPEED_FACTORS, "grade", "grade_percent", "stop_s")
VECTO_NAMES = {
    "t": "time_s",
    "time": "time_s",
    "s": "distance_m",
    "distance": "distance_m",
    "v": "speed_km_per_h",
    "speed": "speed_km_per_h",
    "grad": "grade_percent",
    "grade": "grade_percent",
    "gradient": "grade_percent",
    "slope": "grade_percent",
    "stop": "stop_s",
}
IDLE_SPEED_M_PER_S = 0.1


@dataclass(frozen=True, slots=True)
class CycleStatistics:
    """What a cycle is like; times and means of a cycle over distance are those of driving at its limits."""

    duration_s: float
    distance_m: float
    mean_speed_m_per_s: float
    moving_speed_m_per_s: float
    speed_max_m_per_s: float
    idle: float
    stops: int
    grade_min: float
    grade_max: float
    climb_m: float


@dataclass(frozen=True, slots=True)
class DriveCycle:
    """A drive cycle; all arrays have the same length.

    Attributes
    ----------
    name, source : what it is and where it comes from
    by_distance : the speed belongs to the position, not to the instant
    time_s : rising from 0 [s]; of a cycle over distance the time when driven at its limits, stops included
    distance_m : not falling, from 0 [m]; of a cycle over time the integral of its speed
    speed_m_per_s : target [m/s]
    grade : rise over run, as a fraction
    stop_s : time to stand at this place [s]; zero in a cycle over time
    """

    name: str
    source: str
    by_distance: bool
    time_s: FloatArray
    distance_m: FloatArray
    speed_m_per_s: FloatArray
    grade: FloatArray
    stop_s: FloatArray

    def arrays(self, comfort_decel_m_per_s2: float = 0.5) -> CycleArrays:
        """Return the cycle packed for the vehicle kernel, with this braking ahead of lower limits."""
        if not self.by_distance:
            return cycle_by_time(self.time_s, self.speed_m_per_s, self.grade)
        return cycle_by_distance(
            self.distance_m,
            self.speed_m_per_s,
            self.grade,
            self.stop_s,
            comfort_decel_m_per_s2=comfort_decel_m_per_s2,
        )

    def repeated(self, times: int) -> "DriveCycle":
        """Return the cycle driven ``times`` times on end.

        >>> round(float(load_cycle("epa_udds").repeated(2).distance_m[-1]))
        23981
        """
        if times < 1:
            raise ScenarioError(f"repeat = {times}: must be at least 1")
        first = 0 if self.by_distance else 1  # the last sample of one round is the first of the next

        def rounds(values: FloatArray, *, growing: bool) -> FloatArray:
            offset = values[-1] if growing else 0.0
            return np.concatenate([values, *(values[first:] + k * offset for k in range(1, times))])

        return replace(
            self,
            time_s=rounds(self.time_s, growing=True),
            distance_m=rounds(self.distance_m, growing=True),
            speed_m_per_s=rounds(self.speed_m_per_s, growing=False),
            grade=rounds(self.grade, growing=False),
            stop_s=rounds(self.stop_s, growing=False),
        )

    def repeated_to(self, distance_m: float) -> "DriveCycle":
        """Return the cycle repeated or cut to a distance; over time, to the first sample that reaches it.

        >>> round(float(load_cycle("epa_hwfet").repeated_to(100e3).distance_m[-1]), -2)
        100000.0
        """
        if not distance_m > 0.0:
            raise ScenarioError(f"distance_m = {distance_m:g}: must be > 0")
        times = max(int(np.ceil(distance_m / self.distance_m[-1])), 1)
        long = self.repeated(times)
        keep = min(int(np.searchsorted(long.distance_m, distance_m, side="left")) + 1, long.distance_m.size)
        cut = _rows(long, slice(0, keep))
        if not self.by_distance or cut.distance_m[-1] <= distance_m:
            return cut
        return _with_nominal_time(
            replace(
                cut,
                distance_m=np.append(cut.distance_m[:-1], distance_m),
                speed_m_per_s=np.append(cut.speed_m_per_s[:-1], 0.0),
                stop_s=np.append(cut.stop_s[:-1], 0.0),
            )
        )

    def scaled(self, factor: float) -> "DriveCycle":
        """Return the cycle with every speed times ``factor``; over time, the road gets longer or shorter."""
        if not factor > 0.0:
            raise ScenarioError(f"speed factor = {factor:g}: must be > 0")
        return self._with_speed(self.speed_m_per_s * factor)

    def capped(self, speed_m_per_s: float) -> "DriveCycle":
        """Return the cycle as driven with a speed limiter; the times of a cycle over time stay as they are.

        >>> float(load_cycle("nrel_long_haul").capped(25.0).speed_m_per_s.max())
        25.0
        """
        if not speed_m_per_s > 0.0:
            raise ScenarioError(f"speed cap = {speed_m_per_s:g} m/s: must be > 0")
        return self._with_speed(np.minimum(self.speed_m_per_s, speed_m_per_s))

    def _with_speed(self, speed_m_per_s: FloatArray) -> "DriveCycle":
        changed = replace(self, speed_m_per_s=speed_m_per_s)
        if self.by_distance:
            return _with_nominal_time(changed)
        return replace(changed, distance_m=_travelled_m(self.time_s, speed_m_per_s))

    def statistics(self) -> CycleStatistics:
        """Return duration, distance, speeds, idling, stops and grade of the cycle.

        >>> found = load_cycle("epa_udds").statistics()
        >>> round(found.distance_m), found.stops
        (11990, 17)
        """
        duration_s = float(self.time_s[-1])
        distance_m = float(self.distance_m[-1])
        standing = self.speed_m_per_s < IDLE_SPEED_M_PER_S
        if self.by_distance:
            idle_s = float(self.stop_s.sum())
            stops = int(np.count_nonzero(standing | (self.stop_s > 0.0)))
        else:
            idle_s = float(np.diff(self.time_s)[standing[1:] & standing[:-1]].sum())
            stops = int(np.count_nonzero(standing[1:] & ~standing[:-1]))
        rise_m = np.diff(self.arrays().table[3])
        return CycleStatistics(
            duration_s=duration_s,
            distance_m=distance_m,
            mean_speed_m_per_s=distance_m / duration_s,
            moving_speed_m_per_s=distance_m / (duration_s - idle_s),
            speed_max_m_per_s=float(self.speed_m_per_s.max()),
            idle=idle_s / duration_s,
            stops=stops,
            grade_min=float(self.grade.min()),
            grade_max=float(self.grade.max()),
            climb_m=float(rise_m[rise_m > 0.0].sum()),
        )


def library_cycles() -> list[str]:
    """Return the names of the cycles that come with the package.

    >>> "wltc_class3b" in library_cycles()
    True
    """
    return sorted(path.stem for path in LIBRARY.glob("*.csv"))


def load_cycle(name_or_path: str | Path, *, folder: Path | None = None) -> DriveCycle:
    """Return a library cycle by name, or a user's ``.csv`` or VECTO ``.vdri`` file by path.

    A CSV has ``time_s`` or ``distance_m``; one of ``speed_m_per_s``, ``speed_km_per_h``, ``speed_mph``;
    perhaps ``grade`` (fraction) or ``grade_percent``, and ``stop_s``. With both, time wins. A ``.vdri`` has
    ``<t>`` [s] or ``<s>`` [m], ``<v>`` [km/h], ``<grad>`` [%], ``<stop>`` [s]; with neither, a row is 1 s.

    Parameters
    ----------
    name_or_path : name or path
    folder : where a relative path starts; default: the working directory

    Raises
    ------
    ScenarioError
        with one line that names file, line, what is allowed and what to do.
    """
    text = str(name_or_path)
    path = Path(text)
    if path.suffix == "" and path.name == text:
        if text not in library_cycles():
            raise ScenarioError(f"cycle = {text!r}: no such cycle{did_you_mean(text, library_cycles())}")
        path = LIBRARY / f"{text}.csv"
    elif folder is not None:
        path = folder / path
    vecto = path.suffix.lower() == ".vdri"
    if not vecto and path.suffix.lower() != ".csv":
        raise ScenarioError(
            f"{path}: a cycle is a .csv or .vdri file, or one of: {', '.join(library_cycles())}"
        )
    if vecto:
        table = read_table(path, COLUMNS, comments=("#", "c ", "c\t", "c,", "c["), rename=_vecto_name)
    else:
        table = read_table(path, COLUMNS)
    return _cycle(table, path.stem, vecto=vecto)


def _vecto_name(header: str) -> str:
    """Return our name of a VECTO column; its spelling varies.

    >>> _vecto_name("<S> [m]"), _vecto_name(" Grad ")
    ('distance_m', 'grade_percent')
    """
    plain = re.sub(r"[\[(].*?[\])]", "", header).strip().strip("<>").strip().lower()
    return VECTO_NAMES.get(plain, plain)


def _cycle(table: Table, name: str, *, vecto: bool) -> DriveCycle:
    columns = table.columns
    n = len(table.lines)
    if n < 2:
        raise ScenarioError(f"{table.path}: one row only: a cycle needs at least two")
    speed = _speed(table)
    grade = _grade(table)
    by_distance = "time_s" not in columns and "distance_m" in columns
    zeros = np.zeros(n)
    source = table.meta.get("source", str(table.path.name))
    if by_distance:
        distance = columns["distance_m"]
        table.refuse(
            np.diff(distance, prepend=distance[0]) < 0.0,
            "distance_m",
            "distance must not fall; sort the rows",
        )
        stop = columns.get("stop_s", zeros)
        if "stop_s" in columns:
            table.refuse((stop < 0.0) | (stop > 86400.0), "stop_s", "must be from 0 to 86400 s")
        if distance[-1] <= distance[0]:
            raise ScenarioError(f"{table.path}: the distance does not grow: nothing to drive")
        made = DriveCycle(name, source, True, zeros, distance - distance[0], speed, grade, stop)  # noqa: FBT003
        last_moving = int(
            np.flatnonzero(speed > 0.0)[-1]
        )  # behind the stop after it there is nothing to drive
        return _with_nominal_time(_rows(made, slice(0, min(last_moving + 2, n))))
    time = columns["time_s"] if "time_s" in columns else _seconds(table, n, vecto=vecto)
    if "time_s" in columns:
        table.refuse(
            np.diff(time, prepend=time[0] - 1.0) <= 0.0,
            "time_s",
            "time must rise from row to row; sort the rows",
        )
    time = time - time[0]
    return DriveCycle(name, source, False, time, _travelled_m(time, speed), speed, grade, zeros)  # noqa: FBT003


def _seconds(table: Table, n: int, *, vecto: bool) -> FloatArray:
    if not vecto:
        hint = did_you_mean(table.others[0], ["time_s", "distance_m"]) if table.others else ""
        raise ScenarioError(f"{table.path}: no column time_s or distance_m{hint}")
    return np.arange(n, dtype=np.float64)


def _speed(table: Table) -> FloatArray:
    found = [key for key in SPEED_FACTORS if key in table.columns]
    if not found:
        near = [name for name in table.others if name.startswith(("speed", "v"))]
        hint = f" (found: {', '.join(near)})" if near else ""
        raise ScenarioError(f"{table.path}: no speed column: name one of {', '.join(SPEED_FACTORS)}{hint}")
    if len(found) > 1:
        raise ScenarioError(f"{table.path}: {' and '.join(found)}: give the speed once")
    key = found[0]
    values = table.columns[key]
    speed = values * SPEED_FACTORS[key]
    limit = SPEED_MAX_M_PER_S / SPEED_FACTORS[key]
    table.refuse(values < 0.0, key, "speed must not be negative; write 0 where the truck stands")
    table.refuse(speed > SPEED_MAX_M_PER_S, key, f"must be at most {limit:.0f}; is it in another unit?")
    if not np.any(speed > 0.0):
        raise ScenarioError(f"{table.path}: {key} is zero throughout: nothing to drive")
    return speed


def _grade(table: Table) -> FloatArray:
    if "grade" in table.columns and "grade_percent" in table.columns:
        raise ScenarioError(f"{table.path}: grade and grade_percent: give the grade once")
    if "grade_percent" in table.columns:
        percent = table.columns["grade_percent"]
        table.refuse(np.abs(percent) > 100.0 * GRADE_MAX, "grade_percent", "must be from -30 to 30 %")
        return percent / 100.0
    if "grade" in table.columns:
        grade = table.columns["grade"]
        remedy = "must be from -0.3 to 0.3; if it is in percent, name the column grade_percent"
        table.refuse(np.abs(grade) > GRADE_MAX, "grade", remedy)
        return grade
    return np.zeros(len(table.lines))


def _travelled_m(time_s: FloatArray, speed_m_per_s: FloatArray) -> FloatArray:
    steps_m = 0.5 * (speed_m_per_s[1:] + speed_m_per_s[:-1]) * np.diff(time_s)
    return np.concatenate([[0.0], np.cumsum(steps_m)])


def _with_nominal_time(cycle: DriveCycle) -> DriveCycle:
    """Return a cycle over distance with the time it takes at its limits, stops included."""
    limit = cycle.arrays().table[2]
    steps_m = np.diff(cycle.distance_m)
    steps_s = np.divide(steps_m, limit[:-1], out=np.zeros_like(steps_m), where=steps_m > 0.0)
    return replace(cycle, time_s=np.concatenate([[0.0], np.cumsum(steps_s + cycle.stop_s[:-1])]))


def _rows(cycle: DriveCycle, rows: slice) -> DriveCycle:
    return replace(
        cycle,
        time_s=cycle.time_s[rows],
        distance_m=cycle.distance_m[rows],
        speed_m_per_s=cycle.speed_m_per_s[rows],
        grade=cycle.grade[rows],
        stop_s=cycle.stop_s[rows],
    )
