"""What of Graphite's API is passed on: what Grafana asks. What would change anything is not there, but for events."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from starlette.requests import Request

READ, BOTH = ("GET",), ("GET", "POST")
PATHS: Mapping[str, tuple[str, ...]] = {
    "/render": BOTH,
    "/metrics/find": BOTH,
    "/metrics/expand": BOTH,
    "/metrics/index.json": BOTH,
    "/tags": READ,
    "/tags/findSeries": BOTH,
    "/tags/autoComplete/tags": BOTH,
    "/tags/autoComplete/values": BOTH,
    "/tags/{tag}": READ,
    "/events/get_data": BOTH,
    "/events/{id}": READ,
    "/functions": READ,
    "/functions/{name}": READ,
    "/version": READ,
}
"""Where a request is but a question, with its methods. A POST is a long GET there."""
EVENTS = "/events/"
"""Where an event is kept."""


def path_of(route: str, request: Request) -> bytes:
    """Return the path at the store of a *request* that came by *route*."""
    path = route
    for name, value in request.path_params.items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    return path.encode("ascii")
