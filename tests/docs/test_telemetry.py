"""The examples on the page on telemetry are taken as they stand there."""

import textwrap
import tomllib
from datetime import UTC, datetime

from tests.docs.pages import ROOT, blocks
from thermal_bms.telemetry.config import TelemetrySettings
from thermal_bms.telemetry.envelope import Reason
from thermal_bms.telemetry.plan import PlanDesk
from thermal_bms.telemetry.remote import IN_PREVIEW, ConditioningMode, RemoteDesk
from thermal_bms.telemetry.stamp import Stamp

TEXT = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")


def stamp(hour: int) -> Stamp:
    return Stamp(0.0, datetime(2026, 3, 1, hour, 30, tzinfo=UTC).timestamp())


def example(key: str) -> bytes:
    (text,) = (one.text for one in blocks("json") if one.page == "telemetry.md" and f'"{key}"' in one.text)
    return text.encode()


def test_the_configuration_is_accepted() -> None:
    start = TEXT.index("    [telemetry]\n")
    text = textwrap.dedent(TEXT[start : TEXT.index("<!-- begin", start)])
    settings = TelemetrySettings(**tomllib.loads(text)["telemetry"])
    assert settings.commands
    assert settings.broker.port == 8883


def test_the_command_is_accepted() -> None:
    desk = RemoteDesk("", stamp(4), acts_on=IN_PREVIEW)
    assert desk.take(example("set"), stamp(4)).accepted
    assert desk.setpoints(stamp(5)).mode is ConditioningMode.DRIVING_PREPARATION


def test_the_plan_is_accepted() -> None:
    desk = PlanDesk("", stamp(6))
    assert desk.take(example("charge_start"), stamp(6)).accepted
    assert len(desk.preview(stamp(8)).heat_w) == 1


def test_every_reason_is_explained() -> None:
    assert [reason for reason in Reason if f"| `{reason}` |" not in TEXT] == []
