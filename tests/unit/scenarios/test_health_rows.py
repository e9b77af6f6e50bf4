import math
from pathlib import Path

import pytest

from scenarios.health_rows import COLUMNS, STREAM, health_row, health_stories, health_table, health_warnings
from thermal_bms.health import Finding, FindingKind
from thermal_bms.recording import Recorder, Recording

SHORT = Finding(FindingKind.SOFT_SHORT, 1, 40, 0.8, 0.3, 0.995, 7200.0, 60.0)
FLOW = Finding(FindingKind.COOLANT_FLOW_LOSS, -1, -1, 0.85, 0.93, 0.999, math.inf, 90.0)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    path = tmp_path / "day.rec"
    with Recorder(path, {}, {STREAM: list(COLUMNS)}) as recorder:
        recorder.append(STREAM, health_row(SHORT, 3600.0))
        recorder.append(STREAM, health_row(FLOW, 3600.0))
        recorder.append(STREAM, health_row(SHORT._replace(value=0.9), 5400.0))
    return Recording(path)


def test_each_finding_is_told_once_with_its_first_time_and_its_last_size(recording: Recording) -> None:
    short, flow = health_stories(recording)
    assert (short.first_s, short.last.value, short.last.place) == (3600.0, 0.9, 40)
    assert flow.last.kind is FindingKind.COOLANT_FLOW_LOSS


def test_a_warning_says_what_where_when_and_how_long(recording: Recording) -> None:
    short, flow = health_warnings(recording)
    assert short == (
        "Health SOFT_SHORT, string 1 place 40: found at 1.00 h, last 0.9 A against 0.3,"
        " confidence 0.995, 2.0 h to its limit"
    )
    assert flow.startswith("Health COOLANT_FLOW_LOSS: found")
    assert flow.endswith("not growing")


def test_the_table_has_a_head_and_a_row_per_finding(recording: Recording) -> None:
    head, short, flow = health_table(recording)
    assert len(head) == len(short) == len(flow)
    assert short[1] == "string 1 place 40"
    assert flow[1] == "truck"
    assert flow[-1] == "-"
