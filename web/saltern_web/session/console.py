"""What the whole console shares: its options, the connections to the API, and what is remembered of each login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast

import httpx
from django.http import HttpRequest

from saltern_web.api.client import Api, http_client
from saltern_web.changes import Told, ask_changes
from saltern_web.devices import Devices, ask_devices
from saltern_web.fleet import Fleet, ask_fleet
from saltern_web.health import ask_health
from saltern_web.parts import if_granted
from saltern_web.plugins.book import Book, places_of
from saltern_web.problems import Alerts, ask_alerts
from saltern_web.program.settings import WebOptions, is_secure
from saltern_web.session.counters import Counters
from saltern_web.session.who import KNOWN_S, Remembered, Who, ask_who

T = TypeVar("T")

FLEET_S = 2.0
MOST_FLEETS = 50
"""One of ten thousand hosts takes some megabytes."""
ALERTS_S, HEALTH_S, CHANGES_S, DEVICES_S = 2.0, 3.0, 5.0, 2.0
SCOPE = "saltern"
"""Where the server puts the console into a request."""


class Console:
    """One console; for one event loop."""

    def __init__(self, options: WebOptions, http: httpx.AsyncClient | None = None) -> None:
        self.options = options
        self.http = http or http_client(options["api"], options["api_ca"], options["max_streams"])
        self.who: Remembered[Who] = Remembered(ask_who, KNOWN_S)
        self.fleet: Remembered[Fleet] = Remembered(ask_fleet, FLEET_S, MOST_FLEETS, self._may_everything)
        self.alerts: Remembered[Alerts] = Remembered(self._granted("runner.alerts.list", ask_alerts), ALERTS_S)
        self.health: Remembered[Mapping[str, Any]] = Remembered(
            self._granted("runner.manage.health", ask_health), HEALTH_S
        )
        self.changes: Remembered[Told] = Remembered(self._changes, CHANGES_S)
        self.devices: Remembered[Devices] = Remembered(ask_devices, DEVICES_S, MOST_FLEETS, self._may_everything)
        self.streams: dict[str, int] = {}
        """How many streams of events each login has open."""
        self.counters = Counters()
        self.counters.gauge("streams", "Streams of events that are open.", lambda: sum(self.streams.values()))
        self.plugins = Book(places_of(options))
        self._held: dict[str, Any] = {}

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by TLS: its own, or a proxy's before it."""
        return is_secure(self.options)

    def _granted(self, name: str, ask: Callable[[Api], Awaitable[T]]) -> Callable[[Api], Awaitable[T]]:
        """Return *ask* for those whom the function *name* is granted to."""

        async def asked(api: Api) -> T:
            return await if_granted((await self.who.get(api)).may(name), lambda: ask(api))

        return asked

    async def _changes(self, api: Api) -> Told:
        return await ask_changes(api, (await self.who.get(api)).may)

    async def _may_everything(self, api: Api) -> bool:
        return (await self.who.get(api)).everything

    def held(self, name: str, make: Callable[[], T]) -> T:
        """Return what a page keeps under *name* while the console runs, made when it is first asked for."""
        if name not in self._held:
            self._held[name] = make()
        return cast(T, self._held[name])

    def api(self, token: str, address: str = "") -> Api:
        """Return the API for the holder of *token*."""
        return Api(self.http, token, address)

    async def close(self) -> None:
        """Let go of the API."""
        await self.http.aclose()


class Asked(HttpRequest):
    """A request as pages get it: somebody is logged in."""

    api: Api
    who: Who
    console: Console
    address: str


def console_of(request: HttpRequest) -> Console:
    """Return the console that *request* came to."""
    return cast(Console, cast(Any, request).scope[SCOPE])


def address_of(request: HttpRequest) -> str:
    """Return where *request* comes from."""
    return str(request.META.get("REMOTE_ADDR", ""))
