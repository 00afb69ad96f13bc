"""``/metrics/…``: Graphite's API for the scripts of pages, with the series of whoever is logged in."""

from __future__ import annotations

from django.http import Http404, HttpResponse, QueryDict

from saltern_web.api.client import body_of
from saltern_web.session.console import Asked

PATHS = {
    "render": "/render",
    "find": "/metrics/find",
    "expand": "/metrics/expand",
    "functions": "/functions",
    "tags": "/tags",
    "tags/autoComplete/tags": "/tags/autoComplete/tags",
    "tags/autoComplete/values": "/tags/autoComplete/values",
    "events": "/events/get_data",
}
MAX_PARAMETERS = 2000


async def metrics(request: Asked, what: str) -> HttpResponse:
    """Return what the store answers, as JSON. A POST is but a long GET."""
    path = PATHS.get(what)
    if path is None:
        raise Http404
    given: QueryDict = request.POST if request.method == "POST" else request.GET
    fields = [(name, value) for name, values in given.lists() for value in values][:MAX_PARAMETERS]
    data: dict[str, list[str]] = {}
    for name, value in fields:
        if name != "format":
            data.setdefault(name, []).append(value)
    if what == "render":
        data["format"] = ["json"]
    method = "POST" if what in ("render", "find", "expand") else "GET"
    sent = {"data": data} if method == "POST" else {"params": fields}
    async with request.api.stream(method, path, **sent) as answer:
        body = await body_of(answer)
    return HttpResponse(body, content_type="application/json")
