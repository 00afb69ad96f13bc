"""``RunnerClient`` for programs of asyncio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.asynchronous.threaded import Threaded, awaited
from saltern.runner import RunnerClient


class AsyncRunnerClient(Threaded[RunnerClient]):
    """``RunnerClient`` for programs of asyncio: each call in a thread of its own, up to *most* at once."""

    def __init__(self, opts: Mapping[str, Any], most: int = 16) -> None:
        self.opts = opts
        super().__init__(lambda: RunnerClient(opts), most)

    cmd = awaited(RunnerClient.cmd)
    call = awaited(RunnerClient.call)
    low = awaited(RunnerClient.low)
    asynchronous = awaited(RunnerClient.asynchronous)
    cmd_async = awaited(RunnerClient.cmd_async)
    cmd_sync = awaited(RunnerClient.cmd_sync)
