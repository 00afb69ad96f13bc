"""Values of SNMP as people and metrics take them."""

from __future__ import annotations

import math
from typing import Any

from saltern_modules._snmp_oid import text_of
from saltern_modules._snmp_pdu import COUNTERS, Bound, Oid

MAX_NUMBER_CHARACTERS = 40


def plain(bound: Bound) -> Any:
    """Return a value as a return carries it: numbers, texts, ``None`` for what isn't there.

    Bytes that are no text are ``0x`` and their hexadecimal digits.
    """
    value = bound.value
    if isinstance(value, bytes):
        return text(value) if _is_text(value) else f"0x{value.hex()}"
    if isinstance(value, tuple):
        return text_of(value)
    return value if not isinstance(value, float) or math.isfinite(value) else None


def text(value: Any, most: int = 1000) -> str:
    """Return an OCTET STRING as text, without what some devices put at its end; empty for anything else.

    It is UTF-8, of which the last letter may be cut, or else Latin-1.
    """
    if not isinstance(value, bytes):
        return ""
    try:
        read = value.decode()
    except UnicodeDecodeError as error:
        is_cut = error.end == len(value) and not value[: error.start].isascii()
        read = value.decode("utf-8", "ignore") if is_cut else value.decode("latin-1")
    return read.strip("\0 \r\n\t")[:most]


def number(bound: Bound | None) -> int | float | None:
    """Return a value as a number, also one that is written as a text; ``None`` when it is none."""
    value = bound.value if bound is not None else None
    if isinstance(value, bytes) and len(value) <= MAX_NUMBER_CHARACTERS:
        try:
            value = float(value.decode("ascii").strip("\0 \r\n\t%"))
        except ValueError:
            return None
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return None


def bits(bound: Bound) -> int:
    """Return how many bits a counter has; 0 for what is no counter."""
    return COUNTERS.get(bound.type, 0)


def mac(value: Any) -> str:
    """Return a hardware address as text."""
    return ":".join(f"{byte:02x}" for byte in value) if isinstance(value, bytes) and 0 < len(value) <= 20 else ""


def index_text(index: Oid) -> str:
    """Return a row's index as text: that of a text (its length first) as the text it is, where that can be read."""
    if len(index) > 1 and index[0] == len(index) - 1 and all(32 < arc < 127 for arc in index[1:]):
        return "".join(map(chr, index[1:]))
    return text_of(index)


def _is_text(value: bytes) -> bool:
    try:
        read = value.decode("utf-8").rstrip("\0")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\r\n\t" for letter in read)
