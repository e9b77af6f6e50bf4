"""Turn the original tables into the cycles and climates of the library.

    python tools/make_cycles.py --t3co FOLDER --fastsim FOLDER --blast-climate FOLDER --out scenarios

``--t3co`` and ``--fastsim`` are the package folders of the unpacked wheels t3co 2.0.0 and fastsim 2.1.5,
``--blast-climate`` a folder of BLAST-Lite's hourly climate, ``tmy_<city>.csv`` (hour, t_amb_degC, ghi_W_m2).
Nothing is smoothed or resampled; a grade column that is zero throughout is left out.
"""

import argparse
import csv
from pathlib import Path

T3CO = "t3co 2.0.0 (National Renewable Energy Laboratory), resources/cycles/{file}"
FASTSIM = "fastsim 2.1.5 (National Renewable Energy Laboratory), resources/cycles/{file}"
T3CO_TERMS = "BSD-3-Clause, (c) 2024 Alliance for Sustainable Energy, LLC; see NOTICE"
FASTSIM_TERMS = "Apache-2.0, (c) 2020 Alliance for Sustainable Energy, LLC; see NOTICE"
BLAST_TERMS = "BSD-3-Clause, (c) 2023 Alliance for Sustainable Energy, LLC; see NOTICE"

GRADE_NOTE = "grade is that of 40 CFR 1037 before 2021 (Appendix IV)"
CYCLES = (
    ("epa_gem_transient", "EPA GEM transient cycle (ARB transient)", "t3co", "EPA_Ph2_transient.csv", ""),
    (
        "epa_gem_55mph_grade",
        "EPA GEM 55 mph cruise with grade",
        "t3co",
        "EPA_Ph2_urban_highway_55mph.csv",
        GRADE_NOTE,
    ),
    (
        "epa_gem_65mph_grade",
        "EPA GEM 65 mph cruise with grade",
        "t3co",
        "EPA_Ph2_rural_interstate_65mph.csv",
        GRADE_NOTE,
    ),
    ("nrel_long_haul", "NREL long haul, a day of real driving", "t3co", "long_haul_cyc.csv", ""),
    ("nrel_regional_haul", "NREL regional haul, a day of real driving", "t3co", "regional_haul.csv", ""),
    ("wltc_class3b", "WLTC class 3b (UN GTR 15)", "fastsim", "wltc_3b.csv", ""),
    ("epa_udds", "EPA urban dynamometer driving schedule", "fastsim", "udds.csv", ""),
    ("epa_hwfet", "EPA highway fuel economy test", "fastsim", "hwfet.csv", ""),
)
CLIMATES = (
    ("phoenix_hot_week", "Phoenix, Arizona: hottest week of a typical year", "phoenix", 182),
    ("minneapolis_cold_week", "Minneapolis, Minnesota: coldest week of a typical year", "minneapolis", 25),
)


def number(value: float, digits: int) -> str:
    """Return the shortest text of ``value`` rounded to ``digits`` decimals.

    >>> number(24.50, 4), number(-0.00001, 4)
    ('24.5', '0')
    """
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def write(path: Path, header: dict[str, str], columns: list[str], rows: list[list[str]]) -> None:
    """Write a table with its origin as comment lines."""
    comments = [f"# {key}: {text}" for key, text in header.items() if text]
    lines = [*comments, ",".join(columns), *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{path}: {len(rows)} rows")


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header line."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def make_cycle(
    name: str, title: str, file: str, folder: Path, out: Path, note: str, *, source: str, terms: str
) -> None:
    """Write one cycle: time, speed to 0.1 mm/s, grade to 1e-6 where there is any."""
    rows = read(folder / "resources" / "cycles" / file)
    with_grade = any(float(row["cycGrade"]) != 0.0 for row in rows)
    columns = ["time_s", "speed_m_per_s", *(["grade"] if with_grade else [])]
    table = [
        [
            number(float(row["cycSecs"]), 3),
            number(float(row["cycMps"]), 4),
            *([number(float(row["cycGrade"]), 6)] if with_grade else []),
        ]
        for row in rows
    ]
    header = {"title": title, "source": source.format(file=file), "terms": terms, "note": note}
    write(out / "cycles" / f"{name}.csv", header, columns, table)


def make_climate(name: str, title: str, city: str, day: int, folder: Path, out: Path) -> None:
    """Write one week of hourly temperature and irradiance; ``day`` counts from 0 on 1 January."""
    rows = read(folder / f"tmy_{city}.csv")[24 * day : 24 * day + 7 * 24]
    table = [
        [str(hour), number(float(row["t_amb_degC"]), 2), number(float(row["ghi_W_m2"]), 1)]
        for hour, row in enumerate(rows)
    ]
    header = {
        "title": title,
        "source": f"BLAST-Lite (National Renewable Energy Laboratory), typical meteorological year of {city}",
        "terms": BLAST_TERMS,
        "note": f"hours {24 * day} to {24 * day + 167} of the year; no humidity in the source",
    }
    write(out / "climates" / f"{name}.csv", header, ["hour", "temp_degc", "irradiance_w_per_m2"], table)


def main() -> None:
    """Read the folders given and write the library's tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--t3co", type=Path)
    parser.add_argument("--fastsim", type=Path)
    parser.add_argument("--blast-climate", type=Path)
    parser.add_argument("--out", type=Path, default=Path("scenarios"))
    given = parser.parse_args()
    folders = {"t3co": (given.t3co, T3CO, T3CO_TERMS), "fastsim": (given.fastsim, FASTSIM, FASTSIM_TERMS)}
    for name, title, package, file, note in CYCLES:
        folder, source, terms = folders[package]
        if folder is not None:
            make_cycle(name, title, file, folder, given.out, note, source=source, terms=terms)
    for name, title, city, day in CLIMATES:
        if given.blast_climate is not None:
            make_climate(name, title, city, day, given.blast_climate, given.out)


if __name__ == "__main__":
    main()
