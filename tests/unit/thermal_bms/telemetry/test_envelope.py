import json

import pytest

from tests.unit.thermal_bms.telemetry.telemetry_samples import at, command, encoded, iso
from thermal_bms.telemetry.envelope import Envelope, Reason, Term, Verdict, opened, timely
from thermal_bms.telemetry.record import Kind
from thermal_bms.telemetry.remote import CommandDocument

GOOD = {"id": "a-1", "issued": iso(0.0), "expires": iso(100.0)}


def envelope(**changes: object) -> Envelope:
    result = opened(Envelope, encoded({**GOOD, **changes}), bytes_max=1000)
    assert isinstance(result, Envelope)
    return result


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"issued": "yesterday"}, Reason.MALFORMED),
        ({"issued": "2026-03-01T06:00:00"}, Reason.MALFORMED),
        ({"expires": iso(0.0)}, Reason.MALFORMED),
        ({"id": "a b"}, Reason.MALFORMED),
        ({"id": ""}, Reason.MALFORMED),
        ({"id": "x" * 65}, Reason.MALFORMED),
        ({"more": 1}, Reason.MALFORMED),
        ({"id": "x" * 2000}, Reason.TOO_LONG),
    ],
)
def test_a_document_that_is_not_as_agreed_is_refused(changes: dict[str, object], reason: Reason) -> None:
    result = opened(Envelope, encoded({**GOOD, **changes}), bytes_max=1000)
    assert isinstance(result, Verdict)
    assert result.reason is reason
    assert result.detail


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b"null", b"[]", b"[" * 900, b'{"id": NaN}'])
def test_rubbish_is_refused_without_an_exception(payload: bytes) -> None:
    result = opened(Envelope, payload, bytes_max=1000)
    assert isinstance(result, Verdict)
    assert result.reason is Reason.MALFORMED


def test_the_sender_of_a_malformed_document_learns_which_one_it_was() -> None:
    result = opened(CommandDocument, encoded({**command(name="c-9"), "set": 5}), bytes_max=1000)
    assert isinstance(result, Verdict)
    assert result.id == "c-9"
    assert result.detail.startswith("set: ")


@pytest.mark.parametrize(
    ("now_s", "reason"),
    [
        (-61.0, Reason.NOT_YET_VALID),
        (-60.0, None),
        (0.0, None),
        (99.9, None),
        (100.0, Reason.EXPIRED),
        (1e6, Reason.EXPIRED),
    ],
)
def test_a_document_counts_from_a_minute_before_its_issue_until_it_expires(
    now_s: float, reason: Reason | None
) -> None:
    verdict = timely(envelope(), at(now_s), validity_max_s=1000.0)
    assert (verdict.reason if verdict else None) is reason


def test_a_document_that_would_be_valid_too_long_is_refused() -> None:
    verdict = timely(envelope(), at(1.0), validity_max_s=99.0)
    assert verdict is not None
    assert verdict.reason is Reason.VALID_TOO_LONG


def test_a_clock_set_back_does_not_prolong_what_was_accepted() -> None:
    term = Term.of(envelope(), at(10.0))
    assert not term.over(at(99.0))
    assert term.over(at(101.0, jump_s=-3600.0))
    assert term.over(at(50.0, jump_s=3600.0))


def test_an_acknowledgement_says_id_reason_and_time() -> None:
    waiting = Verdict(Reason.EXPIRED, "x" * 500, "a-1").acknowledgement("command", at(7.0))
    answer = json.loads(waiting.payload)
    assert waiting.kind is Kind.ACKNOWLEDGEMENT
    assert (answer["id"], answer["accepted"], answer["reason"]) == ("a-1", False, "EXPIRED")
    assert answer["decided"] == "2026-03-01T06:00:07.000Z"
    assert len(answer["detail"]) == 200
