"""The HTTP application over a store that is a folder, called without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import whisper

from saltern.http.access_log import AccessLog
from saltern_graphite.http.app import HttpSettings, create_app
from saltern_graphite.http.credentials import Credentials
from saltern_graphite.index import Index
from saltern_graphite.telemetry.counters import Counters
from support.asgi_client import AsgiClient

NOW = 1_718_020_800
FORM = {"content-type": "application/x-www-form-urlencoded"}


class FolderCache:
    """Points that are not in files yet."""

    size = 0
    queues = 0

    def __init__(self) -> None:
        self.waiting: dict[str, list[tuple[int, float]]] = {}

    def points(self, name: str) -> list[tuple[int, float]]:
        return self.waiting.get(name, [])

    def oldest_age(self) -> float:
        return 0.0


class FolderLog:
    bytes = 8


class PlainStore:
    """A store of nothing but an index, points that wait, and a *folder* for files."""

    def __init__(self, folder: Path | str = "/nonexistent") -> None:
        self.whisper_dir = str(folder)
        self.cache = FolderCache()
        self.index = Index()
        self.told: dict[str, object] = {"ok": True}

    def retentions(self, name: str) -> list[tuple[int, int]]:
        return [(60, 1440)]

    def roll_up(self, name: str) -> tuple[str, float]:
        return "average", 0.0

    def health(self) -> Mapping[str, object]:
        return self.told


class FolderStore(PlainStore):
    """Whisper files in *folder*: ``servers.web1.load`` and ``servers.web2.load``, a point a minute."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.wal = FolderLog()
        self.counters = Counters()
        for host, factor in (("web1", 1.0), ("web2", 10.0)):
            path = folder / "servers" / host / "load.wsp"
            path.parent.mkdir(parents=True)
            whisper.create(str(path), [(60, 60), (300, 48)], xFilesFactor=0.0)
            times = range(NOW - 3000, NOW + 60, 60)
            whisper.update_many(str(path), [(time, factor * (time - NOW + 300) / 60) for time in times], now=NOW)
        self.index.build(str(folder))


class FolderApi:
    """Requests to the application over *store*."""

    def __init__(
        self,
        store: FolderStore,
        settings: HttpSettings | None = None,
        credentials: Credentials | None = None,
        access_log: AccessLog | None = None,
    ) -> None:
        self.store = store
        self.app = create_app(store, settings, credentials, access_log)

    async def ask(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        return await AsgiClient(self.app).ask(method, url, **kwargs)

    def send(self, method: str, url: str, **kwargs: Any) -> httpx.Response:
        return asyncio.run(self.ask(method, url, **kwargs))

    def get(self, url: str, **params: str | list[str]) -> httpx.Response:
        return self.send("GET", url, params=params or None)

    def post(self, url: str, body: str, **headers: str) -> httpx.Response:
        """A form whose *body* is sent as it stands, encoded or not."""
        return self.send("POST", url, content=body.encode(), headers={**FORM, **headers})

    def totals(self) -> dict[str, float]:
        return self.store.counters.totals()


def window(seconds: int = 300) -> dict[str, str]:
    """The parameters of a fixed window of *seconds*, as JSON."""
    return {"from": str(NOW - seconds), "until": str(NOW), "now": str(NOW), "format": "json"}


def strict_json(text: str) -> Any:
    """Parse *text*; NaN and Infinity, which are no JSON, fail."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} in JSON")

    return json.loads(text, parse_constant=refuse)
