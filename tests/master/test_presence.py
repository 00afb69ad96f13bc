"""Who is there, told again and again to those who asked for it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from saltern_master import presence
from saltern_master.bus import EventBus


def test_who_is_there_is_told_though_nothing_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "PRESENT_EVERY_S", 0.0)

    async def scenario() -> None:
        bus = EventBus(100)
        heard = bus.subscribe("salt/presence/present")
        fleet: Any = SimpleNamespace(present=lambda: ["db1", "web1"])
        task = asyncio.create_task(presence.Present(fleet, bus).run())
        events: list[Any] = []
        while len(events) < 3:
            events += await heard.batch()
        task.cancel()
        assert [event.data["present"] for event in events[:3]] == [["db1", "web1"]] * 3

    asyncio.run(scenario())
