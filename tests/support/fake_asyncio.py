"""``asyncio`` for one module under test: nothing sleeps longer than a turn of the loop, and it says how long."""

from __future__ import annotations

import asyncio
from typing import Any


class FakeAsyncio:
    """``monkeypatch.setattr(module, "asyncio", FakeAsyncio())``; ``slept`` are the seconds asked for, in order."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, delay_s: float) -> None:
        self.slept.append(delay_s)
        await asyncio.sleep(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)
