"""``WheelClient`` for programs of asyncio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.asynchronous.threaded import Threaded, awaited
from saltern.wheel import WheelClient


class AsyncWheelClient(Threaded[WheelClient]):
    """``WheelClient`` for programs of asyncio: each call in a thread of its own, up to *most* at once."""

    def __init__(self, opts: Mapping[str, Any], most: int = 16) -> None:
        self.opts = opts
        super().__init__(lambda: WheelClient(opts), most)

    cmd = awaited(WheelClient.cmd)
    call = awaited(WheelClient.call)
    call_func = awaited(WheelClient.call_func)
    low = awaited(WheelClient.low)
    asynchronous = awaited(WheelClient.asynchronous)
    cmd_async = awaited(WheelClient.cmd_async)
    cmd_sync = awaited(WheelClient.cmd_sync)
