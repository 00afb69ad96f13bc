"""A source of a module in a library that minions share: what is known of it for all, and for each of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import CodeType, ModuleType, TracebackType

from saltern_agent.loader.bound import bound, carried, unasked
from saltern_agent.loader.module import Module
from saltern_agent.loader.slot import Slot, Waiting
from saltern_agent.loader.source import Source


class State:
    """What one minion has of a source; ``began``: whether its ``__init__`` was called for that one."""

    __slots__ = ("began", "error", "fault", "hung", "lock", "module", "owners", "parts", "python")

    def __init__(self) -> None:
        self.python: ModuleType | None = None
        self.parts: dict[str, ModuleType] | None = None
        self.module: Module | None = None
        self.error: str | None = None
        self.fault = ""
        self.hung = False
        self.began = False
        self.lock: threading.RLock | None = None
        self.owners: list[int] | None = None


_NOTHING = State()


class SharedSlot(Slot):
    """One source. ``own``: whether its file is run for each minion; ``None`` before it is known.

    What isn't run for any minion is known apart: while a shared file is run, what it imports is.
    """

    __slots__ = ("_codes", "_last", "_ours", "broken", "broken_at", "own")

    def __init__(self, source: Source, waiting: Waiting) -> None:
        self._ours = State()
        self._codes: dict[str, tuple[CodeType, str]] = {}
        self._last: Module | None = None
        self.own: bool | None = None
        self.broken: BaseException | None = None
        """What running its file raised, which is the same for all, and where."""
        self.broken_at: TracebackType | None = None
        super().__init__(source, waiting)

    def state(self) -> State:
        """Return what is known of it for whose call is running, to be changed."""
        me = unasked()
        if me is None:
            return self._ours
        return me.states.get(self) or me.states.setdefault(self, State())

    def _known(self) -> State:
        me = unasked()
        return self._ours if me is None else me.states.get(self, _NOTHING)

    @property
    def python(self) -> ModuleType | None:
        """The Python module: one for all, or one a minion."""
        if self.own is False or (unasked() if self.own is None else bound()) is None:
            return self._ours.python
        return self._known().python  # None while it isn't known whether there is one for all

    @python.setter
    def python(self, python: ModuleType | None) -> None:
        self.state().python = python

    @property
    def parts(self) -> dict[str, ModuleType]:
        """The Python modules that came of it, by full name."""
        state = self.state() if self.own else self._ours
        if state.parts is None:
            state.parts = {}
        return state.parts

    @parts.setter
    def parts(self, parts: dict[str, ModuleType]) -> None:
        (self.state() if self.own else self._ours).parts = parts

    @property
    def module(self) -> Module | None:
        """What it is to the callers of one minion."""
        return self._known().module

    @module.setter
    def module(self, module: Module | None) -> None:
        if module is not None and module != self._last:  # else minions share that too
            self._last = module
        self.state().module = self._last if module is not None else None

    @property
    def error(self) -> str | None:
        """Why it isn't there, for one minion."""
        return self._known().error

    @error.setter
    def error(self, error: str | None) -> None:
        self.state().error = error

    @property
    def fault(self) -> str:
        """The bare text of that."""
        return self._known().fault

    @fault.setter
    def fault(self, fault: str) -> None:
        self.state().fault = fault

    @property
    def hung(self) -> bool:
        """Whether another thread of the same minion is loading it for longer than one waits."""
        return self._known().hung

    @hung.setter
    def hung(self, hung: bool) -> None:
        if hung or self._known().hung:
            self.state().hung = hung

    @property
    def _lock(self) -> threading.RLock:
        state = self.state()
        if state.lock is None:
            with self._making:
                state.lock = state.lock or threading.RLock()
        return state.lock

    @_lock.setter
    def _lock(self, lock: object) -> None:
        """Each minion's is made when it is first held."""

    @property
    def _owners(self) -> list[int]:
        state = self.state()
        if state.owners is None:
            with self._making:
                state.owners = state.owners or []
        return state.owners

    @_owners.setter
    def _owners(self, owners: list[int]) -> None:
        """Likewise."""

    _making = threading.Lock()

    @property
    def holds(self) -> int:
        """How often this thread holds it for this minion."""
        return (self._known().owners or []).count(threading.get_ident())

    def code(self, path: str) -> tuple[CodeType, str]:
        """Return what a file is to Python: what it was when it was first run, for it is one for all minions."""
        found = self._codes.get(path)
        if found is None:
            found = self._codes[path] = super().code(path)
        return found

    def apart(self, load: Callable[[Slot], object]) -> None:
        """Call *load* with this in a thread of its own, for the same minion, and wait as long as for another job."""
        super().apart(carried(load))
