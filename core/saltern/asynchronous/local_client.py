"""``LocalClient`` for programs of asyncio: the same calls, none of which blocks the loop."""

from __future__ import annotations

import os
from typing import Any

from saltern.asynchronous.threaded import Threaded, awaited, iterated
from saltern.client.local_client import LocalClient


class AsyncLocalClient(Threaded[LocalClient]):
    """``LocalClient`` with coroutines, and asynchronous generators where that has generators.

    Each call runs in a thread of its own, up to *most* at once; a call that is cancelled ends at once, the job goes
    on. *c_path*, *mopts*: as for ``LocalClient``.
    """

    def __init__(self, c_path: str | os.PathLike[str] | None = None, mopts: Any = None, most: int = 16) -> None:
        self.opts: Any = LocalClient(c_path, mopts).opts
        super().__init__(lambda: LocalClient(mopts=self.opts), most)

    cmd = awaited(LocalClient.cmd)
    cmd_async = awaited(LocalClient.cmd_async)
    cmd_full_return = awaited(LocalClient.cmd_full_return)
    run_job = awaited(LocalClient.run_job)
    pub = awaited(LocalClient.pub)
    gather_minions = awaited(LocalClient.gather_minions)
    get_cache_returns = awaited(LocalClient.get_cache_returns)
    get_full_returns = awaited(LocalClient.get_full_returns)
    get_returns = awaited(LocalClient.get_returns)
    cmd_subset = awaited(LocalClient.cmd_subset)

    cmd_iter = iterated(LocalClient.cmd_iter)
    cmd_cli = iterated(LocalClient.cmd_cli)
    cmd_batch = iterated(LocalClient.cmd_batch)
    get_iter_returns = iterated(LocalClient.get_iter_returns)
    get_event_iter_returns = iterated(LocalClient.get_event_iter_returns)
    get_cli_returns = iterated(LocalClient.get_cli_returns)
    get_cli_event_returns = iterated(LocalClient.get_cli_event_returns)
