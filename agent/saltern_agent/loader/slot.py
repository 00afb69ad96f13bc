"""What is known of one source of a module, and the lock that keeps two threads from loading it at once.

Modules import each other while they are loaded, in several threads. Two that import each other in two threads would
wait for each other for ever: who is about to wait follows the chain of those who wait, and goes on with the module as
far as it has come when the chain ends at himself, as Python does.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from saltern.digest import sha256
from saltern_agent.loader.module import Module
from saltern_agent.loader.source import Source
from saltern_modules._served_as import SERVED_AS

if TYPE_CHECKING:
    from saltern_agent.loader.glimpse import Glimpse

log = logging.getLogger(__name__)

LOCK_TIMEOUT_S = 5.0  # another job's import that takes longer counts as hung


Waiting = dict[int, list[int]]
"""By thread that waits: the threads that hold what it waits for."""


class Slot:
    """One source: the module, or why it isn't there. *waiting* is shared by all slots.

    ``python`` is there from the beginning of the file's run; ``parts`` are the Python modules that came of it by
    full name, those inside a package too; ``digest`` is of all that their files hold.
    """

    __slots__ = (
        "_glimpse",
        "_lock",
        "_owners",
        "_waiting",
        "digest",
        "error",
        "fault",
        "hung",
        "module",
        "parts",
        "python",
        "source",
    )

    def __init__(self, source: Source, waiting: Waiting) -> None:
        self.source = source
        self.python: ModuleType | None = None
        self.parts: dict[str, ModuleType] = {}
        self.digest = ""
        self.module: Module | None = None
        self.error: str | None = None
        self.fault = ""
        """The bare text of what it raised, or said of itself; empty when it said nothing."""
        self.hung = False
        """Whether another thread is loading it for longer than one waits."""
        self._lock = threading.RLock()
        self._owners: list[int] = []
        self._waiting = waiting
        self._glimpse: Glimpse | None = None

    @property
    def named(self) -> str:
        """By what name it goes for certain, without being run; a bundled one isn't even read."""
        return SERVED_AS.get(self.source.stem, "") if self.source.bundled else self._text().named

    @property
    def may_rename(self) -> bool:
        """Whether it may take any name when it is run."""
        return not self.source.bundled and self._text().may_rename

    def _text(self) -> Glimpse:
        if self._glimpse is None:
            from saltern_agent.loader.glimpse import glimpse  # for hosts with modules of their own

            self._glimpse = glimpse(self.source.path)
        return self._glimpse

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold it for this thread; gives ``False`` when another one has it and can't be waited for."""
        held = self._acquire()
        try:
            yield held
        finally:
            if held:
                self.hung = False
                self._owners.pop()
                self._lock.release()

    @property
    def holds(self) -> int:
        """How often this thread holds it: more than once when it came back by way of another module."""
        return self._owners.count(threading.get_ident())

    def code(self, path: str) -> tuple[CodeType, str]:
        """Return what the file at *path*, its own or one of its package, is to Python, and the digest of its text.

        Raises ``OSError``, ``SyntaxError``, ``ValueError``.
        """
        with open(path, "rb") as stream:
            text = stream.read()
        return compile(text, path, "exec", dont_inherit=True), sha256(text).hexdigest()

    def drop(self) -> None:
        """Forget its Python modules; who runs in them goes on."""
        for name, python in list(self.parts.items()):
            if not self.source.bundled and sys.modules.get(name) is python:
                del sys.modules[name]

    def apart(self, load: Callable[[Slot], object]) -> None:
        """Call *load* with this in a thread of its own, and wait for it as long as for another job."""
        thread = threading.Thread(target=load, args=(self,), name=f"load {self.source.stem}", daemon=True)
        thread.start()
        thread.join(LOCK_TIMEOUT_S)
        if thread.is_alive():  # else it may still be hung: that one only waited for another
            self.hung = True

    def _acquire(self) -> bool:
        if not self._lock.acquire(blocking=False) and not self._wait():
            return False
        self._owners.append(threading.get_ident())
        return True

    def _wait(self) -> bool:
        me = threading.get_ident()
        self._waiting[me] = self._owners
        try:
            if self.hung or self._waits_for(me):
                return False
            if self._lock.acquire(timeout=LOCK_TIMEOUT_S):
                return True
        finally:
            del self._waiting[me]
        self.hung = True
        log.warning("module %s is still being loaded by another job, for over %g s", self.source.stem, LOCK_TIMEOUT_S)
        return False

    def _waits_for(self, me: int) -> bool:
        """Return whether who holds this waits, by way of others, for what the thread *me* holds."""
        owners: list[int] | None = self._owners
        seen: set[int] = set()
        while owners:
            owner = owners[-1]
            if owner == me:
                return True
            if owner in seen:
                return False
            seen.add(owner)
            owners = self._waiting.get(owner)
        return False
