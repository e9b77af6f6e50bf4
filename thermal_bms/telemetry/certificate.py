"""When a certificate ends: enough of DER (ITU-T X.690) and X.509 (RFC 5280, section 4.1) to read that."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

from thermal_bms.errors import ConfigError

_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0
_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"
SECONDS_PER_DAY = 86400.0


def expiry(path: Path) -> datetime:
    """Return the last instant at which the first certificate in a PEM file is valid.

    Raises
    ------
    ConfigError
        if the file cannot be read or holds no certificate.
    """
    try:
        text = path.read_text(encoding="ascii")
        start = text.index(_BEGIN)
        der = ssl.PEM_cert_to_DER_cert(text[start : text.index(_END, start) + len(_END)])
        return not_after(der)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, IndexError):
        raise ConfigError(f"{path}: holds no X.509 certificate; expected a PEM file") from None


def not_after(der: bytes) -> datetime:
    """Return the end of validity of a certificate in DER.

    ``Certificate { tbsCertificate { [0] version, serial, algorithm, issuer, validity { notBefore, notAfter }``
    """
    _, tbs, _ = _element(der, 0)
    _, content, _ = _element(tbs, 0)
    tag, _, place = _element(content, 0)
    for _ in range(
        3 if tag == _VERSION else 2
    ):  # serial, algorithm, issuer; the first may have been the serial
        _, _, place = _element(content, place)
    tag, validity, _ = _element(content, place)
    if tag != _SEQUENCE:
        raise ValueError("no validity")
    _, _, place = _element(validity, 0)
    tag, text, _ = _element(validity, place)
    if tag not in (_UTC_TIME, _GENERALIZED_TIME):
        raise ValueError("no time")
    return _time(text.decode("ascii"), two_digits=tag == _UTC_TIME)


def days_left(path: Path, wall_s: float) -> float:
    """Return how long the certificate in a file is still valid [days]; negative when it has ended."""
    return (expiry(path).timestamp() - wall_s) / SECONDS_PER_DAY


def _time(text: str, *, two_digits: bool) -> datetime:
    """Read ``YYMMDDHHMMSSZ`` (years 1950 to 2049) or the same with a year of four digits."""
    if two_digits:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _element(data: bytes, place: int) -> tuple[int, bytes, int]:
    """Return tag, content and end of the element that begins at ``place``."""
    tag, length, place = data[place], data[place + 1], place + 2
    if length & 0x80:
        width = length & 0x7F
        length, place = int.from_bytes(data[place : place + width], "big"), place + width
    end = place + length
    if end > len(data):
        raise ValueError("cut off")
    return tag, data[place:end], end
