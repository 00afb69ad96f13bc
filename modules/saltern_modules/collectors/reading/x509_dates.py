"""Until when a certificate is good: the one date out of its bytes, without a library.

A certificate is DER (ITU-T X.690) of RFC 5280's form; PEM (RFC 7468) is the same in base64 between two lines::

    Certificate ::= SEQUENCE { tbs SEQUENCE { [0] version, serial, algorithm, issuer,
                                              SEQUENCE { notBefore, notAfter }, … }, … }
"""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime

SEQUENCE, INTEGER, UTC_TIME, GENERALIZED_TIME, VERSION = 0x30, 0x02, 0x17, 0x18, 0xA0
MAX_CERTIFICATES = 1000
_PEM = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END")


def earliest_end(data: bytes) -> float:
    """Return when the first of the certificates in a file ends, in seconds since 1970.

    Raises ``ValueError`` when there is none, or one that isn't of this form.
    """
    bodies = _PEM.findall(data)
    if not bodies and data[:1] != bytes([SEQUENCE]):
        raise ValueError("it holds no certificate")
    certificates = [binascii.a2b_base64(body) for body in bodies[:MAX_CERTIFICATES]] or [data]
    return min(not_after(certificate) for certificate in certificates)


def not_after(der: bytes) -> float:
    """Return when a certificate ends, in seconds since 1970. Raises ``ValueError`` for another form."""
    _, whole, _ = _element(der, 0, SEQUENCE)
    _, tbs, _ = _element(whole, 0, SEQUENCE)
    tag, _, at = _element(tbs, 0)
    if tag == VERSION:
        _, _, at = _element(tbs, at, INTEGER)
    for _ in ("algorithm", "issuer"):
        _, _, at = _element(tbs, at, SEQUENCE)
    _, validity, _ = _element(tbs, at, SEQUENCE)
    _, _, at = _element(validity, 0)
    tag, text, _ = _element(validity, at)
    return _seconds(tag, text)


def _element(data: bytes, at: int, wanted: int | None = None) -> tuple[int, bytes, int]:
    """Return the tag, the content and the end of the element at *at*. Raises ``ValueError``."""
    if at + 2 > len(data):
        raise ValueError("the certificate is cut off")
    tag, length = data[at], data[at + 1]
    start = at + 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4:
            raise ValueError("the certificate has a length of another form")
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if start + length > len(data) or (wanted is not None and tag != wanted):
        raise ValueError("the certificate is cut off or of another form")
    return tag, data[start : start + length], start + length


def _seconds(tag: int, text: bytes) -> float:
    """Return a date of RFC 5280: two digits of a year mean 1950 to 2049."""
    digits = text.removesuffix(b"Z")
    if tag == UTC_TIME and len(digits) == 12:
        digits = (b"19" if digits >= b"50" else b"20") + digits
    elif tag != GENERALIZED_TIME:
        raise ValueError("the certificate's end is no date")
    if len(digits) != 14 or not digits.isdigit():
        raise ValueError("the certificate's end is no date")
    # strptime() would bring half a megabyte of tables with it.
    year, month, day, hour, minute, second = (
        int(digits[at:end]) for at, end in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
    )
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
