"""Whether someone who logs in is who he says: his name and password, asked of the driver that he names.

Whatever is wrong, he is told the same words, after the same time: ``ANSWER_EVERY_S`` or a multiple of it. Work is
done in a few threads, for so many logins of an address at a time, and one of an account; what fails makes the next
try of either wait (``throttle.py``). A login that nobody waits for any more is ended all the same, and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from saltern.errors import Busy, NotAuthorised, SalternError
from saltern.visible import shown, visible
from saltern_master.auth.eauth.configured import configured_drivers
from saltern_master.auth.eauth.driver import Driver, Identity
from saltern_master.auth.throttle import Throttle, account_of
from saltern_master.complaints import Complaints
from saltern_master.network import network_of

log = logging.getLogger(__name__)

THREADS = 4
LOGINS_OF_AN_ADDRESS = 8
"""Under way at a time, those whose refusal is held back too."""
LOGINS_AT_WORK = 64
"""In a thread or waiting for one: a hash takes some tenths of a second."""
KEPT_FOR_KNOWN = 16
"""Of these, for who logged in before from where he does now."""
MAX_LOGINS = 4096
ANSWER_EVERY_S = 0.75
MAX_ADDRESS, MAX_USERNAME, MAX_PASSWORD = 64, 256, 1024
"""Characters."""

REFUSED = "Could not authenticate using provided credentials"
_NO_PASSWORD = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

Drivers = Callable[[Mapping[str, Any]], Mapping[str, Driver]]


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock
    wanted: int = 0


class Authenticator:
    """Asks the drivers that the master's *options* name. Raises ``ConfigError``."""

    def __init__(
        self,
        options: Mapping[str, Any],
        *,
        drivers: Drivers = configured_drivers,
        clock: Callable[[], float] = time.monotonic,
        grants: Callable[[str, Identity], bool] = lambda source, who: True,
    ) -> None:
        """*grants*: whether someone whom a driver, by its name, knows is granted anything; nobody else gets in."""
        self._make = drivers
        self._drivers = drivers(options)
        self._clock = clock
        self._grants = grants
        self._throttle = Throttle(clock)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="login")
        self._under_way: dict[str, int] = {}
        self._turns: dict[str, _Turn] = {}
        self._tasks: set[asyncio.Task[Identity | SalternError]] = set()
        self._at_work = 0
        self._complaints = Complaints("logins")
        self._counts = {"succeeded": 0, "failed": 0, "throttled": 0, "busy": 0, "unavailable": 0}

    def checked(self, options: Mapping[str, Any]) -> Callable[[], None]:
        """Return what has the drivers that *options* name asked from then on. Raises ``ConfigError``."""
        made = self._make(options)

        def put() -> None:
            self._drivers = made

        return put

    def reread(self, options: Mapping[str, Any]) -> None:
        """Ask the drivers that *options* name from now on. Raises ``ConfigError``; the old ones then stay."""
        self.checked(options)()

    @property
    def sources(self) -> list[str]:
        """The drivers that somebody may log in by."""
        return sorted(self._drivers)

    def metrics(self) -> dict[str, float]:
        """Return how logins ended, and how many are under way."""
        return {**self._counts, "running": len(self._tasks)}

    def close(self) -> None:
        """Begin nothing more; what a thread does is not waited for."""
        for task in self._tasks:
            task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def authenticate(self, source: str, username: str, password: str, address: str) -> Identity:
        """Return who logs in by *source* from *address*: one of IP, or whatever else tells callers apart.

        Raises ``NotAuthorised``, in the same words whatever is wrong, and ``Busy`` for who tried too often.
        """
        network = network_of(address) or visible(address[:MAX_ADDRESS])
        running = self._under_way.get(network, 0)
        if running >= LOGINS_OF_AN_ADDRESS:
            raise self._busy(f"{running} logins from {network or 'there'}")
        if len(self._tasks) >= MAX_LOGINS:
            raise self._busy(f"{MAX_LOGINS:,} logins")
        self._under_way[network] = running + 1
        task = asyncio.get_running_loop().create_task(self._ended(source, username, password, network))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._release(done, network))
        result = await asyncio.shield(task)  # whoever goes away meanwhile isn't spared the failure
        if isinstance(result, SalternError):
            raise result
        return result

    def _release(self, task: asyncio.Task[Identity | SalternError], network: str) -> None:
        self._tasks.discard(task)
        left = self._under_way.pop(network) - 1
        if left:
            self._under_way[network] = left

    async def _ended(self, source: str, username: str, password: str, network: str) -> Identity | SalternError:
        """Return who logs in, or the error; a refusal not before its time."""
        began = self._clock()
        try:
            found = await self._asked(source, username, password, network)
        except Busy as error:
            return error
        if found is not None:
            return found
        took = self._clock() - began
        await asyncio.sleep(ANSWER_EVERY_S * max(1, math.ceil(took / ANSWER_EVERY_S)) - took)
        return NotAuthorised(REFUSED)

    async def _asked(self, source: str, username: str, password: str, network: str) -> Identity | None:
        """Return who logs in; ``None`` for who may not. Raises ``Busy``."""
        driver = self._drivers.get(source) if isinstance(source, str) else None
        if driver is None or not _can_be(username, password):
            source, username = (shown(one, 80) for one in (source, username))
            account = account_of(source, username)
            self._admit(account, network)
            self._failed(account, network, source, username)
            return None
        account = account_of(source, username)
        async with self._turn(account):
            self._admit(account, network)
            try:
                kept = 0 if self._throttle.knows(account, network) else KEPT_FOR_KNOWN
                identity = await self._in_a_thread(driver, username, password, LOGINS_AT_WORK - kept)
            except Busy:
                raise
            except Exception as error:
                self._unavailable(source, error)
                return None
            if identity is None or not self._grants(source, identity):
                self._failed(account, network, source, username)
                return None
            self._throttle.succeeded(account, network)
            self._counts["succeeded"] += 1
            return identity

    @contextlib.asynccontextmanager
    async def _turn(self, account: str) -> AsyncIterator[None]:
        """Wait until nobody else is logging in as *account*: each try knows how the one before it ended."""
        turn = self._turns.setdefault(account, _Turn(asyncio.Lock()))
        turn.wanted += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.wanted -= 1
            if not turn.wanted:
                del self._turns[account]

    def _admit(self, account: str, network: str) -> None:
        wait_s = self._throttle.wait_s(account, network)
        if wait_s:
            self._counts["throttled"] += 1
            raise Busy(f"too many failed logins of this account or from {network or 'there'}: wait {wait_s} s")

    async def _in_a_thread(self, driver: Driver, username: str, password: str, most: int) -> Identity | None:
        if self._at_work >= most:
            raise self._busy(f"{self._at_work} logins")
        self._at_work += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, driver.authenticate, username, password)
        finally:
            self._at_work -= 1

    def _busy(self, what: str) -> Busy:
        self._counts["busy"] += 1
        return Busy(f"{what} are under way: try again")

    def _failed(self, account: str, network: str, source: str, username: str) -> None:
        self._throttle.failed(account, network)
        self._counts["failed"] += 1
        self._complaints.say(network or "an unknown address", "login", f"a login of {source}:{username:.80} failed")

    def _unavailable(self, source: str, error: Exception) -> None:
        """Tell the log that a driver can't find out who someone is: nobody's password was wrong."""
        self._counts["unavailable"] += 1
        ours = isinstance(error, SalternError)
        why = str(error) if ours else f"the driver failed ({type(error).__name__}): {error}"
        self._complaints.say(f"logins by {source}", source, shown(why, 500))


def _can_be(username: object, password: object) -> bool:
    """Return whether these can be a name and a password at all; more is not done with what can't."""
    return (
        isinstance(username, str)
        and 0 < len(username) <= MAX_USERNAME
        and username.isprintable()
        and username == username.strip()
        and can_be_password(password)
    )


def can_be_password(password: object) -> bool:
    """Return whether *password* can be one: not empty, not too long, no control character."""
    return isinstance(password, str) and 0 < len(password) <= MAX_PASSWORD and _NO_PASSWORD.search(password) is None
