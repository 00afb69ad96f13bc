"""The clients of ``saltern.client``, ``saltern.runner``, ``saltern.wheel`` and ``saltern.event`` for asyncio::

    async with AsyncLocalClient() as client:
        await client.cmd("*", "test.ping")
        async for row in client.cmd_iter("*", "cmd.run", ["uptime"]):
            ...

Each call runs in a thread, so that none blocks the loop; one that is cancelled ends at once (a job goes on).
"""

from __future__ import annotations

from saltern.asynchronous.event import AsyncMasterEvent
from saltern.asynchronous.local_client import AsyncLocalClient
from saltern.asynchronous.runner import AsyncRunnerClient
from saltern.asynchronous.wheel import AsyncWheelClient

__all__ = ["AsyncLocalClient", "AsyncMasterEvent", "AsyncRunnerClient", "AsyncWheelClient"]
