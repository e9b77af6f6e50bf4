"""What every document that comes in carries: who it is, when it was issued, until when it holds.

Judged with the time as an argument; whatever comes in, the answer is a reason, never an exception.
"""

from enum import StrEnum
from typing import NamedTuple, TypeVar

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from thermal_bms.parameters import Parameters
from thermal_bms.telemetry.record import Kind, json_bytes
from thermal_bms.telemetry.stamp import Stamp, iso_time
from thermal_bms.telemetry.store import Waiting

Document = TypeVar("Document", bound="Envelope")

AHEAD_MAX_S = 60.0
_ID = r"^[A-Za-z0-9._:-]{1,64}$"
_DETAIL_MAX = 200


class Reason(StrEnum):
    """Why a document was taken or refused."""

    ACCEPTED = "ACCEPTED"
    MALFORMED = "MALFORMED"
    TOO_LONG = "TOO_LONG"
    UNKNOWN_SIGNAL = "UNKNOWN_SIGNAL"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    VALID_TOO_LONG = "VALID_TOO_LONG"
    REPLAYED = "REPLAYED"
    NOT_ALLOWED = "NOT_ALLOWED"


class Verdict(NamedTuple):
    """A reason, a text for a person, and the document's id as far as it is known."""

    reason: Reason
    detail: str = ""
    id: str = ""

    @property
    def accepted(self) -> bool:
        """Return whether the document was taken."""
        return self.reason is Reason.ACCEPTED

    def acknowledgement(self, what: str, now: Stamp) -> Waiting:
        """Return what is sent back: id, whether accepted, reason, detail, time of decision."""
        answer = {
            "id": self.id,
            "what": what,
            "accepted": self.accepted,
            "reason": self.reason.value,
            "detail": self.detail[:_DETAIL_MAX],
            "decided": iso_time(now.wall_s),
        }
        return Waiting(Kind.ACKNOWLEDGEMENT, now.monotonic_s, json_bytes(answer))


class Envelope(Parameters):
    """Id, time of issue and end of validity. Times are ISO 8601 with an offset from UTC."""

    id: str = Field(pattern=_ID)
    issued: AwareDatetime
    expires: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> "Envelope":
        if self.expires <= self.issued:
            raise ValueError("expires must be later than issued")
        return self

    @property
    def issued_s(self) -> float:
        """Return the time of issue, as wall time [s]."""
        return self.issued.timestamp()

    @property
    def expires_s(self) -> float:
        """Return the end of validity, as wall time [s]."""
        return self.expires.timestamp()


def opened(model: type[Document], payload: bytes, *, bytes_max: int) -> Document | Verdict:
    """Return the document in a payload, or why it is none."""
    if len(payload) > bytes_max:
        return Verdict(Reason.TOO_LONG, f"{len(payload)} bytes, at most {bytes_max}")
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return Verdict(Reason.MALFORMED, f"{where}: {first['msg']}".lstrip(": "), _id_in(payload))
    except (ValueError, OverflowError) as error:
        return Verdict(Reason.MALFORMED, str(error), _id_in(payload))


class _Named(Parameters, extra="ignore"):
    id: str = Field(pattern=_ID)


def _id_in(payload: bytes) -> str:
    """Return the id of a document that is otherwise malformed, so that its sender knows which one."""
    try:
        return _Named.model_validate_json(payload).id
    except ValueError:
        return ""


def timely(document: Envelope, now: Stamp, *, validity_max_s: float) -> Verdict | None:
    """Return why a document is out of its time, or None when it is in time."""
    if document.expires_s - document.issued_s > validity_max_s:
        hours = validity_max_s / 3600.0
        return Verdict(Reason.VALID_TOO_LONG, f"expires must be within {hours:g} h of issued", document.id)
    if document.issued_s > now.wall_s + AHEAD_MAX_S:
        detail = f"issued {document.issued_s - now.wall_s:.0f} s ahead of the truck's clock"
        return Verdict(Reason.NOT_YET_VALID, detail, document.id)
    if document.expires_s <= now.wall_s:
        return Verdict(Reason.EXPIRED, f"expired {now.wall_s - document.expires_s:.0f} s ago", document.id)
    return None


class Term(NamedTuple):
    """Until when something accepted holds, on both clocks: whichever ends first.

    The monotonic end makes that a clock set back does not prolong it.
    """

    wall_s: float
    monotonic_s: float

    @classmethod
    def of(cls, document: Envelope, now: Stamp) -> "Term":
        """Return the term of a document that is accepted now."""
        return cls(document.expires_s, now.monotonic_s + document.expires_s - now.wall_s)

    def over(self, now: Stamp) -> bool:
        """Return whether it has ended."""
        return now.wall_s >= self.wall_s or now.monotonic_s >= self.monotonic_s
