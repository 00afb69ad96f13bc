"""A host and a port as users write them."""

from __future__ import annotations

import re

from saltern.named import NamedTuple
from saltern_modules.collectors.segment import segment

_ENDPOINT = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9_.-]+)?)\]|(?P<name>[^\s:/\[\]]{1,253})):(?P<port>\d{1,5})"
)
EXAMPLE = "'db1:5432' or '[::1]:22'"


class Endpoint(NamedTuple):
    """Where a program listens."""

    host: str
    port: int


def parse_endpoint(text: str) -> Endpoint:
    """Return what *text* names. Raises ``ValueError`` for another form or a port above 65535."""
    found = _ENDPOINT.fullmatch(text)
    if not found or not 0 < int(found["port"]) < 65536:
        raise ValueError(f"{text!r} is no host and port: write one such as {EXAMPLE}")
    return Endpoint(found["six"] or found["name"], int(found["port"]))


def label(text: str) -> str:
    """Return the segment of an endpoint: ``db1_5432``; of what is none, any."""
    host, _, port = text.rpartition(":")
    return f"{segment(host.strip('[]'), '.')}_{segment(port, '.')}"
