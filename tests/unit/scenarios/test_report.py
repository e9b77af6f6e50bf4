"""The report: one file, the verdict first, nothing lost in drawing, nothing that breaks on odd recordings."""

import json
import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from scenarios.checks import CheckResult, evaluate_checks
from scenarios.energy_balance import EnergyFlow, energy_split
from scenarios.report import find_recording, render_report, write_report
from scenarios.report_html import bullet, number_text
from scenarios.report_plots import N_BINS, DayView
from scenarios.report_sankey import sankey_figure
from tests.unit.scenarios.synthetic import FakeRecording, truck_day, write_recording
from thermal_bms.errors import RecordingError, ScenarioError
from thermal_bms.recording import Recorder, Recording

SVG = "{http://www.w3.org/2000/svg}"
SECTIONS = (
    "Checks",
    "The day",
    "Temperatures",
    "Thermal system",
    "Power and limits",
    "Charging",
    "Where the energy went",
    "Cells",
    "Strings",
    "Energy balance",
    "Figures and parameters",
)


@pytest.fixture(scope="module")
def day() -> FakeRecording:
    return truck_day(dt_s=10.0)


@pytest.fixture(scope="module")
def page(day: FakeRecording) -> str:
    return render_report(day)


def section_names(page: str) -> list[str]:
    return re.findall(r"<h2>([^<]*)</h2>", page)


def changed(day: FakeRecording, meta: dict[str, Any] | None = None, **columns: Any) -> FakeRecording:
    return FakeRecording({**day.columns, **columns}, {**day.meta, **(meta or {})}, day.cells)


def with_checks(day: FakeRecording, checks: dict[str, str]) -> FakeRecording:
    return changed(day, {"scenario": {**day.meta["scenario"], "checks": checks}})


def test_a_full_day_shows_every_section(page: str) -> None:
    assert section_names(page) == list(SECTIONS)


def test_the_page_asks_for_nothing_from_elsewhere(page: str) -> None:
    outside = re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:)[^"']*|url\((?!["']?#)[^)]*|@import""", page)
    assert outside == []


def test_every_figure_is_sound_svg_with_its_text_as_text(page: str) -> None:
    drawings = re.findall(r"<figure[^>]*>(<svg.*?</svg>)", page, re.DOTALL)
    assert len(drawings) == 12
    for drawing in drawings:
        root = ET.fromstring(drawing)  # noqa: S314  our own text
        words = " ".join("".join(text.itertext()) for text in root.iter(f"{SVG}text"))
        assert len(words) > 20
        assert root.get("viewBox")


def test_axes_carry_units(page: str) -> None:
    for label in ("Temperature [°C]", "Power [kW]", "SoC [%]", "Duty [%]", "Pressure [bar]", "Current [A]"):
        assert label in page
    assert "Time since start [h], start at 06:00" in page


def test_inner_names_of_the_figures_do_not_meet(page: str) -> None:
    drawings = re.findall(r"<figure[^>]*>(<svg.*?</svg>)", page, re.DOTALL)
    names = [set(re.findall(r'id="([^"]+)"', drawing)) for drawing in drawings]
    for n, first in enumerate(names):
        for second in names[n + 1 :]:
            assert not first & second


def test_the_same_recording_gives_the_same_page(day: FakeRecording, page: str) -> None:
    assert render_report(day) == page


def test_the_page_is_small_enough_to_mail(page: str) -> None:
    assert len(page.encode()) < 4_000_000


@pytest.mark.parametrize(
    ("checks", "complete", "verdict", "line"),
    [
        ({"cell_temp_max_degc": "< 45", "distance_km": "> 1"}, True, "passed", "2 of 2 checks passed"),
        ({"cell_temp_max_degc": "< 20", "distance_km": "> 1"}, True, "failed", "1 of 2 checks failed"),
        ({}, True, "passed", "no checks"),
        ({"cell_temp_max_degc": "< 45"}, False, "incomplete", "did not come to its end"),
        ({"cell_temp_max_degc": "< 20"}, False, "incomplete", "did not come to its end"),
    ],
)
def test_the_verdict_says_how_the_run_ended(
    checks: dict[str, str], verdict: str, line: str, *, complete: bool
) -> None:
    short = FakeRecording(
        {"time_s": [1.0], "cell_temp_max_degc": [30.0], "distance_m": [5e3]},
        {"title": "Run", "scenario": {"checks": checks}},
        complete=complete,
    )
    page = render_report(short)
    assert f'class="verdict {verdict}"><strong>{verdict}</strong>' in page
    assert line in page


def test_a_check_on_an_unknown_figure_is_refused(day: FakeRecording) -> None:
    with pytest.raises(ScenarioError, match="did you mean range_km"):
        render_report(with_checks(day, {"rang_km": "> 1"}))


def test_text_from_a_scenario_cannot_become_markup(day: FakeRecording) -> None:
    nasty = '</script><script>alert("x")</script><b>&'
    phases = [{"name": nasty, "kind": "drive", "start_s": 0.0, "end_s": 4e4}]
    page = render_report(changed(day, {"title": nasty, "phases": phases, "truck": nasty}))
    assert "<script>alert" not in page
    assert "&lt;/script&gt;" in page


def test_a_recording_without_cell_fields_strings_or_charger_leaves_those_sections_out(
    day: FakeRecording,
) -> None:
    gone = ("string_", "charger_power_w", "energy_j")
    columns = {k: v for k, v in day.columns.items() if not any(word in k for word in gone)}
    meta = {k: v for k, v in day.meta.items() if k != "energy_balance"}
    names = section_names(render_report(FakeRecording(columns, meta)))
    assert names == [n for n in SECTIONS if n not in {"Cells", "Strings", "Charging", "Energy balance"}]


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_a_run_that_died_early_still_gives_a_page(day: FakeRecording, rows: int) -> None:
    columns = {name: values[:rows] for name, values in day.columns.items()}
    cells = {name: values[:0] for name, values in day.cells.items()}
    page = render_report(FakeRecording(columns, day.meta, cells, complete=False))
    assert "The recording is incomplete" in page
    assert ("Temperatures" in section_names(page)) == (rows >= 2)


def test_signals_that_are_not_numbers_leave_gaps_and_not_errors(day: FakeRecording) -> None:
    lost = day["cell_temp_measured_max_degc"].copy()
    lost[100:900] = math.nan
    empty = np.full_like(lost, math.nan)
    page = render_report(
        changed(
            day,
            cell_temp_measured_max_degc=lost,
            cell_temp_measured_min_degc=empty,
            coolant_inlet_temp_degc=lost,
        )
    )
    assert section_names(page)[0] == "Checks"
    assert "NaN" not in page.split('id="values"')[1].split("</script>")[0]


def test_constant_signals_draw_without_complaint(day: FakeRecording) -> None:
    still = {name: np.zeros_like(values) for name, values in day.columns.items() if name != "time_s"}
    page = render_report(FakeRecording({"time_s": day["time_s"], **still}, day.meta, day.cells))
    assert "Temperatures" in section_names(page)


def test_an_open_balance_and_faults_are_warned_of(day: FakeRecording, page: str) -> None:
    faults = np.zeros_like(day["time_s"])
    faults[50:60] = 2.0
    leaking = day["chiller_heat_energy_j"] * 1.01
    warned = render_report(changed(day, fault_count=faults, chiller_heat_energy_j=leaking))
    assert "The thermal balance is open" in warned
    assert "Faults were active, at most 2 at one time" in warned
    assert "Warnings" not in section_names(page)


def test_a_balance_that_lists_an_unrecorded_port_is_a_warning_and_fails_its_check() -> None:
    balance = {"thermal": {"in": ["heater_heat_j"], "out": [], "stored": []}}
    meta = {"energy_balance": balance, "scenario": {"checks": {"thermal_closure": "< 1e-6"}}}
    page = render_report(FakeRecording({"time_s": [1.0]}, meta))
    assert "column heater_heat_j was not recorded" in page
    assert 'class="verdict failed"' in page


def test_warnings_of_the_runner_are_shown() -> None:
    short = FakeRecording({"time_s": [1.0]})
    assert "the chiller tripped at 12:00" in render_report(
        short, {"warnings": ["the chiller tripped at 12:00"]}
    )


def test_drawing_few_points_keeps_every_peak() -> None:
    time_s = np.arange(1.0, 86401.0)
    signal = np.sin(time_s / 5000.0)
    signal[[777, 40000, 86399]] = (9.0, -8.0, 7.0)
    hours, few = DayView(FakeRecording({"time_s": time_s})).envelope(signal)
    assert few.size <= 2 * N_BINS
    assert (few.max(), few.min()) == (9.0, -8.0)
    assert few[-2:].max() == 7.0
    assert hours[np.argmax(few)] == pytest.approx(777 / 3600.0, abs=24.0 / N_BINS)
    assert np.all(np.diff(hours) >= 0.0)


def test_the_mean_of_a_bin_weighs_long_intervals_more() -> None:
    time_s = np.concatenate((np.arange(1.0, 3601.0), 3600.0 + 60.0 * np.arange(1.0, 61.0)))
    view = DayView(FakeRecording({"time_s": time_s}))
    values = np.where(time_s <= 3600.0, 1.0, 3.0)
    means = view.mean(values)
    assert means[view.bin_time_h < 0.99] == pytest.approx(1.0)
    assert means[view.bin_time_h > 1.02] == pytest.approx(3.0)


def test_the_mean_of_a_bin_is_over_its_known_values_and_a_gap_stays_a_gap() -> None:
    view = DayView(FakeRecording({"time_s": np.arange(1.0, 7201.0)}))
    values = np.where(np.arange(7200) % 2 == 0, 5.0, math.nan)
    values[3600:5400] = math.nan
    means = view.mean(values)
    assert means[view.bin_time_h < 0.99] == pytest.approx(5.0)
    assert np.isnan(means[(view.bin_time_h > 1.01) & (view.bin_time_h < 1.49)]).all()


def test_phases_of_an_interrupted_run_are_read_off_its_rows(day: FakeRecording) -> None:
    known = DayView(day).phases
    read = DayView(changed(day, {"phases": []})).phases
    assert [phase["kind"] for phase in read] == [phase["kind"] for phase in known]
    for one, other in zip(read, known, strict=True):
        assert one["end_s"] == pytest.approx(other["end_s"], abs=200.0)


def test_stretches_of_a_code_cover_the_time_they_held() -> None:
    view = DayView(FakeRecording({"time_s": [600.0, 1200.0, 1800.0, 2400.0]}))
    runs = view.runs(np.array([2.0, 2.0, 0.0, 3.0]))
    assert [(round(start * 60), round(width * 60), code) for start, width, code in runs] == [
        (0, 20, 2),
        (20, 10, 0),
        (30, 10, 3),
    ]


def test_a_short_event_stays_visible_in_a_strip_of_a_long_day() -> None:
    codes = np.zeros(86400)
    codes[5000] = 6.0
    view = DayView(FakeRecording({"time_s": np.arange(1.0, 86401.0)}))
    assert 6 in [code for _, _, code in view.runs(codes)]


def sankey_heights(flows: tuple[EnergyFlow, ...]) -> list[float]:
    figure = sankey_figure(flows)
    assert figure is not None
    bands = [patch for patch in figure.axes[0].patches if hasattr(patch, "get_path") and patch.get_alpha()]
    return [float(band.get_path().vertices[0][1] - band.get_path().vertices[7][1]) for band in bands]


def test_bands_of_the_sankey_are_as_wide_as_their_energy(day: FakeRecording) -> None:
    flows = energy_split(day)
    heights = sorted(sankey_heights(flows))
    energies = sorted(flow.energy_kwh for flow in flows)
    assert np.array(heights) / heights[-1] == pytest.approx(np.array(energies) / energies[-1])


def test_the_sankey_stays_inside_its_frame_with_many_small_uses(day: FakeRecording) -> None:
    figure = sankey_figure(energy_split(day))
    assert figure is not None
    for patch in figure.axes[0].patches:
        box = patch.get_path().get_extents(patch.get_patch_transform())
        assert box.y0 >= -1e-9
        assert box.y1 <= 1.0 + 1e-9


def test_nothing_flowed_gives_no_sankey() -> None:
    assert sankey_figure(()) is None


def dot_and_zone(check: CheckResult) -> tuple[float, float, float]:
    drawing = ET.fromstring(bullet(check))  # noqa: S314  our own text
    dot, zone = drawing.find("circle"), drawing.findall("rect")[1]
    assert dot is not None
    left = float(zone.get("x", "nan"))
    return float(dot.get("cx", "nan")), left, left + float(zone.get("width", "nan"))


@pytest.mark.parametrize("value", [-500.0, -3.0, 0.0, 14.9, 15.5, 30.0, 44.9, 45.3, 46.0, 1e6])
@pytest.mark.parametrize("text", ["< 45", ">= 15", "15 .. 45", "<= 0", "> -3.1"])
def test_the_dot_of_a_check_lies_in_the_allowed_zone_when_it_passed(text: str, value: float) -> None:
    (check,) = evaluate_checks({"range_km": value}, {"range_km": text})
    dot, left, right = dot_and_zone(check)
    assert (left - 0.11 <= dot <= right + 0.11) == check.passed or math.isclose(dot, right, abs_tol=1.5)
    assert 6.0 <= dot <= 254.0


def test_a_check_without_a_value_has_no_dot() -> None:
    (check,) = evaluate_checks({}, {"range_km": "> 3"})
    assert "circle" not in bullet(check)


@pytest.mark.parametrize(
    ("value", "text"),
    [(math.nan, "–"), (0.0, "0"), (999.6, "1000"), (123456.0, "123 456"), (-0.5, "-0.5"), (4.0, "4")],
)
def test_numbers_are_written_as_people_write_them(value: float, text: str) -> None:
    assert number_text(value) == text


def test_the_cursor_finds_its_values_in_the_page(day: FakeRecording, page: str) -> None:
    found = re.search(r'<script id="values" type="application/json">(.*?)</script>', page)
    assert found
    values = json.loads(found[1])
    assert all(len(signal["values"]) == len(values["hours"]) for signal in values["signals"])
    hottest = next(s for s in values["signals"] if s["label"] == "Cell max")["values"]
    assert max(hottest) == pytest.approx(day["cell_temp_max_degc"].max(), abs=0.5)
    assert 0.0 < values["left"] < values["right"] < 1.0


@pytest.fixture(scope="module")
def run_folder(day: FakeRecording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_recording(day, folder / "recording.rec")
    return folder


def test_a_report_is_written_beside_the_recording(run_folder: Path, page: str) -> None:
    (run_folder / "summary.json").write_text('{"warnings": []}')
    path = write_report(run_folder)
    assert path == run_folder / "report.html"
    assert path.read_text(encoding="utf-8") == page
    assert sorted(p.name for p in run_folder.iterdir()) == ["recording.rec", "report.html", "summary.json"]


def test_a_report_can_be_made_from_the_recording_itself(run_folder: Path) -> None:
    assert write_report(run_folder / "recording.rec") == run_folder / "report.html"


def write_short(path: Path) -> None:
    with Recorder(path, {"title": "Short"}, {"signals": ["time_s"]}) as recorder:
        recorder.append("signals", (1.0,))


def test_a_broken_summary_does_not_stop_a_report(tmp_path: Path) -> None:
    write_short(tmp_path / "recording.rec")
    (tmp_path / "summary.json").write_text("{half")
    assert write_report(tmp_path).exists()


def test_a_recording_cut_off_in_the_middle_is_reported_as_incomplete(
    run_folder: Path, tmp_path: Path
) -> None:
    whole = (run_folder / "recording.rec").read_bytes()
    (tmp_path / "recording.rec").write_bytes(whole[: len(whole) * 2 // 3])
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert 'class="verdict incomplete"' in text
    assert Recording(tmp_path / "recording.rec").problem.split(" at byte")[0] in text


def test_a_folder_without_a_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no recording"):
        write_report(tmp_path)
    with pytest.raises(RecordingError, match="holds no recording"):
        find_recording(tmp_path / "nowhere")


def test_two_recordings_in_a_folder_are_not_guessed_between(tmp_path: Path) -> None:
    for name in ("a.rec", "b.rec"):
        write_short(tmp_path / name)
    with pytest.raises(RecordingError, match="2 recordings"):
        write_report(tmp_path)


def test_a_report_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    write_short(tmp_path / "recording.rec")
    (tmp_path / "report.html").mkdir()
    (tmp_path / "report.html" / "file").touch()
    with pytest.raises(RecordingError, match=r"report\.html: cannot be written"):
        write_report(tmp_path)
    assert not (tmp_path / "report.part").exists()
