"""A publisher of jobs with a real tracker, and all that it hands on."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from saltern_master.auth.caller import Caller, Kind
from saltern_master.bus import EventBus
from saltern_master.jobs.publisher import JobRequest, Publisher
from saltern_master.jobs.tracker import Tracker

FRED = Caller(Kind.LOCAL, "fred", 60000)


class Around:
    """A publisher, and what it hands on; ``db1`` is away."""

    def __init__(self) -> None:
        self.bus = EventBus(100)
        self.events: list[Any] = []
        self.frames: list[tuple[str, bytes]] = []
        self.journalled: list[dict[str, Any]] = []
        bus: Any = SimpleNamespace(publish=self._publish)
        fleet: Any = SimpleNamespace(send_many=self._send_many, link=self._link)
        inbox: Any = SimpleNamespace(put_job=self.journalled.append)
        self.tracker = Tracker(bus, self._send, 5.0, time.monotonic)
        self.publisher = Publisher(fleet, bus, inbox, self.tracker)

    def _publish(self, *args: Any, **kwargs: Any) -> Any:
        self.events.append(self.bus.publish(*args, **kwargs))

    def _link(self, minion_id: str) -> Any:
        return SimpleNamespace(key=f"key of {minion_id}", jobs=None if minion_id == "db1" else object())

    def _send_many(self, minions: list[str], frame: bytes) -> list[str]:
        return [minion_id for minion_id in minions if not self._send(minion_id, frame)]

    def _send(self, minion_id: str, frame: bytes) -> bool:
        assert self.journalled, "sent before it is recorded"
        self.frames.append((minion_id, frame))
        return minion_id != "full"


def request(**more: Any) -> JobRequest:
    return JobRequest(**{"tgt": "*", "tgt_type": "glob", "fun": "test.echo", "arg": ["x"], "kwarg": {}, **more})
