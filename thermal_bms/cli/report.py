"""``thermal-bms report``: build report.html again from what a run left."""

import argparse
from pathlib import Path

SUMMARY = "build report.html again from a recording"
DESCRIPTION = """\
Build report.html in the folder of a run from its recording and summary.json, as after an update or an
interrupted run. An incomplete recording gives a report of what was recorded, and says so.
"""
EPILOG = """\
examples:
  thermal-bms report output/heavy_lfp_truck_day
  thermal-bms report output/heavy_lfp_truck_day/recording.rec --csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the verb."""
    path_help = "folder of a run, or its recording"
    parser.add_argument("path", metavar="FOLDER|RECORDING", type=Path, help=path_help)
    parser.add_argument("--csv", action="store_true", help="also write the signals as signals.csv")
    parser.add_argument("--parquet", action="store_true", help="also write the signals as signals.parquet")


def execute(arguments: argparse.Namespace) -> int:
    """Write the report; return 0."""
    from thermal_bms.export import require_parquet, write_csv, write_parquet
    from thermal_bms.recording import Recording, find_recording

    if arguments.parquet:
        require_parquet()
    path = find_recording(arguments.path)
    recording = Recording(path)
    if not recording.complete:
        print(f"{path} is incomplete: {recording.problem}")

    from scenarios.report import write_report

    print(write_report(path))
    if arguments.csv:
        print(write_csv(recording, path.with_name("signals.csv")))
    if arguments.parquet:
        print(write_parquet(recording, path.with_name("signals.parquet")))
    return 0
