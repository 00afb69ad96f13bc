"""Messages of SNMP as the library pysnmp makes and reads them: PDUs of RFC 3416, and version 2c around them.

This module loads the library; nothing else does but ``_snmp_engine``, and neither before the first device comes.
"""

from __future__ import annotations

import contextlib
import struct
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ
from pysnmp.proto.api import v2c

from saltern_modules._snmp_pdu import Asked, Bound, Pdu, Unreadable

_FLOATS = {b"\x9f\x78\x04": ">f", b"\x9f\x79\x08": ">d"}
"""Inside an Opaque, of net-snmp's: what such a number begins with, and its form."""


def asking(asked: Asked, number: int) -> Any:
    """Return the library's PDU that asks so."""
    pdu: Any
    if asked.repetitions:
        pdu = v2c.GetBulkRequestPDU()
        v2c.apiBulkPDU.set_defaults(pdu)
        v2c.apiBulkPDU.set_non_repeaters(pdu, 0)
        v2c.apiBulkPDU.set_max_repetitions(pdu, asked.repetitions)
    else:
        pdu = v2c.GetRequestPDU()
        v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, number)
    v2c.apiPDU.set_varbinds(pdu, [(oid, v2c.null) for oid in asked.oids])
    return pdu


def told(pdu: Any) -> Pdu:
    """Return what a ResponsePDU of the library's says. Raises ``Unreadable``."""
    try:
        status = v2c.apiPDU.get_error_status(pdu)
        name = str(status.prettyPrint())
        return Pdu(
            int(v2c.apiPDU.get_request_id(pdu)),
            "" if not int(status) else name if name.isalpha() else f"error {int(status)}",
            int(pdu[2]),  # get_error_index raises an exception for one that is out of the list
            [Bound(tuple(oid), type(value).__name__, _plain(value)) for oid, value in v2c.apiPDU.get_varbinds(pdu)],
        )
    except Exception as error:  # of any kind: it reads what strangers send
        raise Unreadable(f"{type(error).__name__} of the library pysnmp") from None


def _plain(value: Any) -> Any:
    if isinstance(value, univ.Integer):
        return int(value)
    if isinstance(value, univ.ObjectIdentifier):
        return tuple(value)
    if isinstance(value, v2c.IpAddress):
        return str(value.prettyPrint())
    if isinstance(value, v2c.Opaque):
        return _opaque(bytes(value))
    return None if isinstance(value, univ.Null) else bytes(value)


def _opaque(body: bytes) -> float | bytes:
    form = _FLOATS.get(body[:3], "")
    return float(struct.unpack(form, body[3:])[0]) if form and len(body) == 3 + struct.calcsize(form) else body


_UNSIGNED = {0x41: 4, 0x42: 4, 0x43: 4, 0x46: 8, 0x47: 4}
"""Tags of Counter32, Gauge32, TimeTicks, Counter64 and Unsigned32, and how many bytes their numbers have."""
_HOLDERS = frozenset((0x30, *range(0xA0, 0xA9)))
_MAX_LEVELS = 8


def _decoded(data: bytes) -> Any:
    """Return the library's message; what some devices write as if it were below 0 is what it means."""
    try:
        return decoder.decode(data, asn1Spec=v2c.Message())[0]
    except Exception:
        mended = b""
        with contextlib.suppress(ValueError):
            mended = unsigned(data)
        if mended in (b"", data):
            raise
        return decoder.decode(mended, asn1Spec=v2c.Message())[0]


def unsigned(data: bytes, level: int = 0) -> bytes:
    """Return BER with a zero byte before numbers that can't be below 0 and begin with a bit that says they are.

    Devices that count to 2^32 in four bytes send them so. Raises ``ValueError`` for what is no BER.
    """
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        tag, size, start = data[at], data[at + 1] if at + 1 < len(data) else 0x80, at + 2
        if size & 0x80:
            start += size & 0x7F
            size = int.from_bytes(data[at + 2 : start], "big")
        body = data[start : start + size]
        if len(body) != size or start > at + 5:
            raise ValueError("no BER")
        if tag in _HOLDERS and level < _MAX_LEVELS:
            body = unsigned(body, level + 1)
        elif len(body) == _UNSIGNED.get(tag) and body[0] & 0x80:
            body = b"\0" + body
        length = len(body).to_bytes(3, "big").lstrip(b"\0")
        head = bytes((len(body),)) if len(body) < 0x80 else bytes((0x80 | len(length),)) + length
        parts += (bytes((tag,)), head, body)
        at = start + size
    return b"".join(parts)


class Community:
    """Version 2c: who knows the community may ask. Nothing proves who answers, but its address and the number."""

    def __init__(self, community: str) -> None:
        self._community = community.encode()

    def request(self, asked: Asked, number: int) -> bytes:
        """Return the message that asks so, whose request-id is *number*."""
        message = v2c.Message()
        v2c.apiMessage.set_defaults(message)
        v2c.apiMessage.set_community(message, self._community)
        v2c.apiMessage.set_pdu(message, asking(asked, number))
        return bytes(encoder.encode(message))

    def answer(self, data: bytes, number: int) -> Pdu | None:
        """Return the answer to the request *number*, ``None`` for another's. Raises ``Unreadable``."""
        try:
            message = _decoded(data)
            pdu = v2c.apiMessage.get_pdu(message)
            version = int(v2c.apiMessage.get_version(message))
        except Exception as error:  # of any kind: it reads what strangers send
            raise Unreadable(f"{type(error).__name__} of the library pyasn1") from None
        found = told(pdu) if version == 1 and isinstance(pdu, v2c.ResponsePDU) else None
        return found if found is not None and found.number == number else None

    def forget(self, number: int) -> None:
        """Nothing is kept of a request."""
