"""Who is logged in, and what he may: asked of the master, remembered for moments."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Generic, NamedTuple, TypeVar

from saltern.errors import NotAuthorised
from saltern_web.api.client import Api
from saltern_web.api.errors import ApiAway, LoggedOut

ASKED = (
    "runner.manage.overview",
    "runner.manage.health",
    "runner.manage.groups",
    "runner.manage.group_add",
    "runner.manage.modules",
    "runner.jobs.list_jobs",
    "runner.alerts.list",
    "runner.alerts.history",
    "runner.alerts.acknowledge",
    "runner.alerts.silence",
    "runner.alerts.rule_set",
    "runner.audit.query",
    "runner.auth.roles",
    "runner.auth.passwd",
    "runner.auth.token_create",
    "wheel.key.list_all",
    "wheel.key.accept",
    "wheel.key.invite",
    "test.ping",
    "cmd.run",
    "grains.items",
    "pillar.ls",
    "service.get_all",
    "pkg.list_pkgs",
    "ps.top",
    "schedule.add",
)
"""What menus and buttons depend on; the master decides again when they are used."""
ASK_S = 12.0
"""How long the API has for it: it is what every page asks first, so one that hangs is told of soon."""
KNOWN_S = 5.0
MOST = 2000
AHEAD = 0.6
"""After this share of its time an answer that is asked for is asked for anew, while it is good: nobody has to wait."""
KEPT_S = 60.0
"""What nobody asked for in this time is let go."""
EVERYBODY = b"everybody"
"""Where the answer is that is the same for all who are alike."""

T = TypeVar("T")


@dataclass(frozen=True)
class Who:
    """One login: ``principal`` is ``file:anna``."""

    principal: str
    user: str
    eauth: str
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    everything: bool = False
    rights: dict[str, bool] = field(default_factory=dict)

    def may(self, name: str) -> bool:
        """Return whether a function, as :data:`ASKED` names it, is granted somewhere at least."""
        return self.everything or self.rights.get(name, False)


async def ask_who(api: Api) -> Who:
    """Return whose token *api* has. Raises ``LoggedOut``, ``ApiAway``."""
    try:
        async with asyncio.timeout(ASK_S):
            told: dict[str, Any] = await api.runner("auth.about", functions=list(ASKED))
    except TimeoutError:
        raise ApiAway(f"the API has not answered for {ASK_S:.0f} s") from None
    if told.get("scoped"):  # it is good for a part of what its owner may; what he keeps here isn't in it
        raise LoggedOut("a token with a scope opens no console")
    return Who(
        str(told["principal"]),
        str(told["user"]),
        str(told["eauth"]),
        tuple(told.get("groups", ())),
        tuple(told.get("roles", ())),
        bool(told.get("everything")),
        {str(name): bool(may) for name, may in told.get("may", {}).items()},
    )


class _Answer(NamedTuple, Generic[T]):
    """What is under way or there: since when, and who asked for it (a login's digest)."""

    at: float
    task: asyncio.Task[T]
    asker: bytes


class Remembered(Generic[T]):
    """What *ask* returns for each login, for *seconds*; many who ask at once wait for one answer.

    *alike*: whether a login is one of those who are all answered the same, as who may everything.
    """

    def __init__(
        self,
        ask: Callable[[Api], Awaitable[T]],
        seconds: float,
        most: int = MOST,
        alike: Callable[[Api], Awaitable[bool]] | None = None,
    ) -> None:
        self._ask = ask
        self._seconds = seconds
        self._most = most
        self._alike = alike
        self._known: OrderedDict[bytes, _Answer[T]] = OrderedDict()
        """By login, the oldest answer first."""
        self._ahead: dict[bytes, _Answer[T]] = {}
        """What is asked for while there is a good one."""

    async def get(self, api: Api) -> T:
        """Return it for the login of *api*. Raises what *ask* does."""
        own = key = _digest(api)
        if self._alike is not None and await self._alike(api):
            key = EVERYBODY
        while True:
            now = time.monotonic()
            found = self._known.get(key)
            if found is None or found.at + self._seconds < now or _failed(found.task):
                found = self._ahead.pop(key, None) or self._begun(now, api, own)
                self._put(key, found)
            elif found.at + AHEAD * self._seconds < now and found.task.done() and key not in self._ahead:
                self._look_ahead(key, found, self._begun(now, api, own))
            try:
                return await asyncio.shield(found.task)
            except NotAuthorised:
                if found.asker == own:
                    raise
                # It was asked for by another login, which has ended or may no more: this one asks for itself.

    def _begun(self, now: float, api: Api, asker: bytes) -> _Answer[T]:
        task = asyncio.ensure_future(self._ask(api))
        task.add_done_callback(_failed)  # whoever waits for it may have left: that is no fault of ours
        return _Answer(now, task, asker)

    def _put(self, key: bytes, answer: _Answer[T]) -> None:
        old = self._known.get(key)
        if old is not None:

            def arrived(task: asyncio.Task[T]) -> None:
                if _failed(task) and self._known.get(key) is answer:
                    self._known[key] = old  # it is too old to be told, and is there for who peeks

            answer.task.add_done_callback(arrived)
        self._known[key] = answer
        self._known.move_to_end(key)
        self._tidy(answer.at)

    def _look_ahead(self, key: bytes, old: _Answer[T], new: _Answer[T]) -> None:
        """Have *new* instead of *old* once it is there, unless that was forgotten meanwhile."""
        self._ahead[key] = new

        def arrived(task: asyncio.Task[T]) -> None:
            if self._ahead.get(key) is new:
                del self._ahead[key]
                if not _failed(task) and self._known.get(key) is old:
                    self._put(key, new)

        new.task.add_done_callback(arrived)

    def peek(self, api: Api) -> T | None:
        """Return what is known for the login of *api*, however old, and ask nothing; ``None``: nothing is."""
        for key in (_digest(api), EVERYBODY) if self._alike is not None else (_digest(api),):
            found = self._known.get(key)
            if found is not None and found.task.done() and not _failed(found.task):
                return found.task.result()
        return None

    def _tidy(self, now: float) -> None:
        while len(self._known) > self._most or next(iter(self._known.values())).at + KEPT_S < now:
            self._known.popitem(last=False)

    def forget(self, api: Api) -> None:
        """Ask anew the next time."""
        for key in (_digest(api), EVERYBODY):
            self._known.pop(key, None)
            self._ahead.pop(key, None)


def _digest(api: Api) -> bytes:
    return sha256(api.token.encode()).digest()


def _failed(task: asyncio.Future[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
