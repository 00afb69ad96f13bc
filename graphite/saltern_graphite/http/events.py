"""``/events/…``: what happened when, for annotations, as in Graphite."""

from __future__ import annotations

import time
from collections.abc import Sequence

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from saltern.errors import GraphiteError
from saltern.http.bodies import read_body
from saltern_graphite.events.event import read_event
from saltern_graphite.events.store import EventStore
from saltern_graphite.http.answers import as_json, both_slashes, error_object
from saltern_graphite.http.params import MAX_BODY_BYTES, Params, read_json
from saltern_graphite.http.restricting import restriction_of

_MAX_ID = 2**63 - 1
AN_EVENT = 'an event is a JSON object such as {"what": "deployed", "tags": ["web"]}'


class EventsApi:
    """Answers from the event store. All database work is done in worker threads."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """Where it answers."""
        both, read = ["GET", "POST"], ["GET"]
        return [
            *both_slashes("/events", self.add_or_list, both, error_object),
            *both_slashes("/events/get_data", as_json(self.find), both, error_object),
            *both_slashes("/events/{id:int}", as_json(self.event), read, error_object),
        ]

    async def add_or_list(self, request: Request) -> Response:
        """POST ``/events/``: keep the event in the body, see :func:`read_event`. GET: as :meth:`find`."""
        if request.method != "POST":
            return await as_json(self.find)(request)
        event = read_event(await _document(request), time.time())
        await anyio.to_thread.run_sync(self._store.add, event)
        return Response()

    def find(self, request: Request, params: Params) -> object:
        """``/events/get_data``: events from ``from`` (the first ever) to ``until`` (now), both included, by time.

        ``tags``: those with all of them, blanks or commas between; with ``set=union`` those with any.
        """
        zone = params.zone()
        now = params.time("now", "now", zone, int(time.time()))
        start = params.time("from", "0", zone, now) if params.text("from") else 0
        end = params.time("until", "now", zone, now) if params.text("until") else now + 1  # this second's too
        union = params.text("set") == "union"
        found = self._store.find(start, end, _tags(params), union=union, about=_about(request))
        return [event.as_json() for event in found]

    def event(self, request: Request, params: Params) -> object:
        """``/events/<id>``: one event."""
        number: int = request.path_params["id"]
        try:
            if number > _MAX_ID:
                raise LookupError(number)
            return self._store.get(number, about=_about(request)).as_detail()
        except LookupError:
            return error_object(404, f"there is no event {number}")


def _about(request: Request) -> Sequence[str] | None:
    """The minions about which *request* sees events; ``None``: it sees all."""
    restriction = restriction_of(request)
    return None if restriction is None else restriction.minions


def _tags(params: Params) -> list[str] | None:
    return params.text("tags").replace(",", " ").split() if "tags" in params else None


async def _document(request: Request) -> object:
    body = await read_body(request, MAX_BODY_BYTES)
    if not body:
        raise GraphiteError(f"the body is empty: {AN_EVENT}")
    try:
        return read_json(body)
    except GraphiteError as error:
        raise GraphiteError(f"{error}; {AN_EVENT}") from None
