"""A form sent as ``multipart/form-data`` (RFC 7578), as ``curl -F`` sends it and graphite-web reads it."""

from __future__ import annotations

import re

from saltern.errors import GraphiteError

KIND = "multipart/form-data"

_BOUNDARY = re.compile(r';\s*boundary="?([^";]{1,70})"?', re.IGNORECASE)
_NAME = re.compile(rb'^content-disposition:[^\r\n]*;\s*name="([^"\r\n]*)"', re.IGNORECASE | re.MULTILINE)


def multipart_pairs(content_type: str, body: bytes | bytearray, most: int) -> list[tuple[str, str]]:
    """The fields of *body*, at most *most* of them; ``GraphiteError`` if they can't be read."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise GraphiteError(f"the body is {KIND}, but its Content-Type names no boundary")
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode(errors="replace"), most + 1)
    if not parts or not parts[-1].startswith(b"--"):
        what = f"has over {most} parts" if len(parts) > most else "ends before its last boundary"
        raise GraphiteError(f"the body is {KIND} and {what}")
    pairs = []
    for part in parts[:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is None:
            raise GraphiteError(f"the body is {KIND}: a part of it has no name")
        pairs.append((name[1].decode(errors="replace"), value.decode(errors="replace")))
    return pairs
