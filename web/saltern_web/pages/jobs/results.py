"""Results grouped by equal answers: what failed first, then the most common."""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from saltern_web.api.client import Api
from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.fleet import Fleet
from saltern_web.pages.jobs.job import Job, ask_job
from saltern_web.session.console import Asked, Console

FRESH_S = 3.0
"""A job so young is taken to run wherever it isn't answered."""
ACTIVE_S = 4.0
LOOKS_EVERY_S = 0.4
LOOKS_COST = 4.0
"""A job isn't asked for more often than this many times as long as that takes."""
MOST = 64
MAX_TOGETHER_BYTES = 128 * 1024 * 1024
ROOM = "jobs.seen"
KEY_CHARS = 12


class Group(NamedTuple):
    """Hosts that answered the same. ``key`` names the answer."""

    key: str
    good: bool
    retcode: int
    value: Any
    minions: tuple[str, ...]

    @property
    def version(self) -> str:
        """Changes when a host joins it."""
        return sha256("\n".join(self.minions).encode()).hexdigest()[:8]


@dataclass
class Seen:
    """A job at a moment, its answers grouped."""

    job: Job
    groups: list[Group] = field(default_factory=list)
    running: frozenset[str] | None = None
    """The hosts that say that they work on it, ``None`` where that isn't known."""
    at: float = 0.0
    cost_s: float = 0.0
    running_at: float = -1e9
    size: int = 0

    def group(self, key: str) -> Group | None:
        """Return the group of that key."""
        return next((one for one in self.groups if one.key == key), None)

    @property
    def usual(self) -> Group | None:
        """The answer that others are compared with: the most common good one, or the most common."""
        good = [one for one in self.groups if one.good] or self.groups
        return max(good, key=lambda one: len(one.minions), default=None)


class Waiting(NamedTuple):
    """Who has not answered: who is away, who works on it still, and who neither does nor did."""

    away: list[str]
    running: list[str]
    silent: list[str]


class Jobs:
    """The jobs that were looked at last, for each login: many pages that follow one ask once."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[bytes, str], asyncio.Task[Seen]] = OrderedDict()

    async def get(self, api: Api, jid: str) -> Seen:
        """Return the job *jid* as it is now, or was a moment ago. Raises what the API does."""
        key = (sha256(api.token.encode()).digest(), jid)
        task = self._seen.get(key)
        if task is None or (task.done() and _is_old(task)):
            before = task.result() if task is not None and not _failed(task) else None
            task = self._seen[key] = asyncio.ensure_future(_look(api, jid, before))
            task.add_done_callback(_failed)  # whoever waits for it may have left
            self._seen.move_to_end(key)
            self._bound()
        return await asyncio.shield(task)

    def _bound(self) -> None:
        sizes = {key: 0 if _is_under_way(task) else task.result().size for key, task in self._seen.items()}
        together = sum(sizes.values())
        for key in list(self._seen)[:-1]:
            if together <= MAX_TOGETHER_BYTES and len(self._seen) <= MOST:
                return
            together -= sizes[key]
            del self._seen[key]


def jobs_of(console: Console) -> Jobs:
    """Return those of *console*."""
    return console.held(ROOM, Jobs)


async def seen_job(request: Asked, jid: str) -> Seen:
    """Return the job *jid* for who asks. Raises ``Http404``, ``Refused``."""
    return await jobs_of(request.console).get(request.api, jid)


def _is_under_way(task: asyncio.Task[Seen]) -> bool:
    return not task.done() or _failed(task)


def _failed(task: asyncio.Task[Seen]) -> bool:
    return task.cancelled() or task.exception() is not None


def _is_old(task: asyncio.Task[Seen]) -> bool:
    if _failed(task):
        return True
    seen = task.result()
    return time.monotonic() - seen.at > max(LOOKS_EVERY_S, LOOKS_COST * seen.cost_s)


async def _look(api: Api, jid: str, before: Seen | None) -> Seen:
    began = time.monotonic()
    job = await ask_job(api, jid)
    seen = Seen(job)
    seen.groups, seen.size = await asyncio.to_thread(grouped, job)
    seen.at = time.monotonic()
    seen.cost_s = seen.at - began
    if before is not None:
        seen.running, seen.running_at = before.running, before.running_at
    if job.waited_for and not job.on_master and seen.at - seen.running_at > ACTIVE_S and is_settled(job):
        seen.running = await ask_running(api, jid)
        seen.running_at = time.monotonic()
    return seen


def is_settled(job: Job) -> bool:
    """Return whether *job* is so old that who doesn't work on it has lost it."""
    return job.at is None or time.time() - job.at > FRESH_S


async def ask_running(api: Api, jid: str) -> frozenset[str] | None:
    """Return the hosts that work on the job *jid* now, ``None`` for who may not know."""
    try:
        told = await api.runner("jobs.active")
    except (NotAllowed, Refused):
        return None
    if not isinstance(told, Mapping):
        return None
    job = told.get(jid)
    running = job.get("Running", ()) if isinstance(job, Mapping) else ()
    return frozenset(str(minion) for one in running if isinstance(one, Mapping) for minion in one)


def grouped(job: Job) -> tuple[list[Group], int]:
    """Return the groups of a job's answers, and about how many bytes these are."""
    found: dict[tuple[bool, bytes], list[str]] = {}
    size = 0
    for minion, result in job.results.items():
        form = json.dumps([result.retcode, result.value], sort_keys=True, default=str).encode()
        size += len(form)
        found.setdefault((result.good, sha256(form).digest()), []).append(minion)
    groups = []
    for (good, digest), minions in found.items():
        minions.sort()
        first = job.results[minions[0]]
        groups.append(Group(digest.hex()[:KEY_CHARS], good, first.retcode, first.value, tuple(minions)))
    groups.sort(key=lambda one: (one.good, -len(one.minions), one.minions))
    return groups, size


def waiting(seen: Seen, fleet: Fleet) -> Waiting:
    """Return who has not answered, and why."""
    up = fleet.by_id
    left = seen.job.waited_for
    if seen.job.on_master:
        return Waiting([], left, [])
    away = [minion for minion in left if minion in up and not up[minion].up]
    there = _without(left, away)
    if seen.running is None:
        return Waiting(away, [], there) if is_settled(seen.job) else Waiting(away, there, [])
    running = [minion for minion in there if minion in seen.running]
    return Waiting(away, running, _without(there, running))


def _without(minions: Iterable[str], others: Iterable[str]) -> list[str]:
    left = frozenset(others)
    return [minion for minion in minions if minion not in left]
