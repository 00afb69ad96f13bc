"""A confirmed call is made: exactly on the hosts that were shown."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from saltern_web.api.client import Api
from saltern_web.api.errors import ApiAway, Refused
from saltern_web.pages.run.call import Call
from saltern_web.pages.run.known import MASTER
from saltern_web.session.console import Console

log = logging.getLogger(__name__)

MARK = "console"
"""In a job's metadata: the confirmation that it came of."""
FOUND_WITHIN_S = 5.0
LOOKS_S = 0.1
MAX_BATCHES = 50
"""Of all users together, at a time."""
ROOM = "run.batches"


async def begin(console: Console, api: Api, call: Call) -> str:
    """Make *call* and return its jid. Raises what the API does."""
    if call.on_master:
        fun = call.fun.removeprefix(MASTER)
        chunk = {"client": "runner_async", "fun": fun, "arg": call.arg, "kwarg": call.kwarg}
        return await _jid(api, chunk)
    if not call.minions:
        raise Refused("no host is meant")
    if call.batch:
        return await _in_batches(console, api, call)
    return (await api.begin(list(call.minions), call.fun, call.arg, call.kwarg)).jid


async def _jid(api: Api, chunk: dict[str, Any]) -> str:
    told = await api.json("POST", "/", json=[chunk])
    try:
        return str(told["return"][0]["jid"])
    except (KeyError, IndexError, TypeError):
        raise ApiAway("the API's answer can't be understood: is another program at its address?") from None


async def _in_batches(console: Console, api: Api, call: Call) -> str:
    """Begin a job that goes to some hosts at a time, for as long as the console runs."""
    tasks = console.held(ROOM, set[asyncio.Task[None]])
    if len(tasks) >= MAX_BATCHES:
        raise Refused(f"{MAX_BATCHES} jobs run in batches already: wait for one of them, or run this one at once")
    task = asyncio.ensure_future(_follow(api, call))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    task.add_done_callback(_looked_at)
    end = time.monotonic() + FOUND_WITHIN_S
    while time.monotonic() < end:
        found = await api.runner("jobs.list_jobs", search_metadata={MARK: call.number}, limit=1)
        if isinstance(found, dict) and found:
            return str(next(iter(found)))
        if task.done():
            task.result()
            raise Refused("no host answered: none of them is there")
        await asyncio.wait((task,), timeout=LOOKS_S)
    raise Refused("it was begun, and the master doesn't tell of it yet: look among the jobs")


async def _follow(api: Api, call: Call) -> None:
    chunk = {
        "client": "local_batch",
        "tgt": list(call.minions),
        "tgt_type": "list",
        "fun": call.fun,
        "arg": call.arg,
        "kwarg": call.kwarg,
        "batch": call.batch,
        "metadata": {MARK: call.number},
        **({"timeout": call.wait_s} if call.wait_s else {}),
    }
    async with api.stream("POST", "/", endless=True, json=[chunk]) as answer:
        async for _ in answer.aiter_bytes():
            pass


def _looked_at(task: asyncio.Task[None]) -> None:
    """Say what ended a batch early; its job's page shows who has answered."""
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.warning("a job in batches is no longer followed: %s", error)
