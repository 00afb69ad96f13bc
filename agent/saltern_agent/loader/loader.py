"""All execution modules of this minion, each loaded when it is first called."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from saltern.errors import FunctionNotFound, ModuleError
from saltern.secret import revealed, secret_texts
from saltern_agent.jobs import Current
from saltern_agent.loader import source as sources
from saltern_agent.loader.context import Context
from saltern_agent.loader.module import Module, NotHere, load
from saltern_agent.strikeout import Strikeout

log = logging.getLogger(__name__)

LOCK_TIMEOUT_S = 5.0  # another job's import that takes longer counts as hung


class Slot:
    """What is known of one file: the module, or why it isn't there. ``lock`` is held while it is being loaded."""

    __slots__ = ("error", "lock", "module", "source")

    def __init__(self, source: sources.Source) -> None:
        self.source = source
        self.lock = threading.RLock()
        self.module: Module | None = None
        self.error: str | None = None


class Loader:
    """Finds functions by ``module.function``; safe for several threads.

    *folders* come after the bundled modules and override them, the last one first. *opts* becomes ``__opts__``.
    A module that can't be loaded hurts no other: ``load_errors`` has its reason. ``refused`` holds reasons for
    modules that never came to disk.
    """

    def __init__(self, opts: dict[str, Any], folders: Iterable[str], current: Current) -> None:
        self.refused: dict[str, str] = {}
        self._opts = opts
        self._folders = list(folders)
        self._current = current
        self._grains: dict[str, Any] = {}
        self._pillar: dict[str, Any] = {}
        self._pillar_secrets: frozenset[str] = frozenset()
        self._strikeout = Strikeout()
        self._salt = Functions(self)
        self._slots: dict[str, Slot] = {}
        self.forget()

    def set_grains(self, grains: dict[str, Any]) -> None:
        """Make *grains* every module's ``__grains__``."""
        self._grains = grains
        self._inject("__grains__", grains)

    def set_pillar(self, pillar: dict[str, Any]) -> None:
        """Make *pillar*, its secrets revealed, every module's ``__pillar__``."""
        secrets = secret_texts(pillar)
        if secrets != self._pillar_secrets:
            # Those of the pillar before are still known to jobs that run now.
            self._strikeout = Strikeout(secrets | self._pillar_secrets)
            self._pillar_secrets = secrets
        self._pillar = revealed(pillar) if secrets else pillar
        self._inject("__pillar__", self._pillar)

    def strikeout(self) -> Strikeout:
        """Return what strikes out the secrets that the calling thread knows: the pillar's and its job's arguments'."""
        job = self._current.job
        return self._strikeout.also(job.secrets) if job is not None and job.secrets else self._strikeout

    def forget(self, changed: Iterable[str] | None = None) -> None:
        """Look for modules anew; those that were loaded are loaded again, or only those of *changed* files."""
        found = sources.find(self._folders)
        changed = found.keys() if changed is None else set(changed)
        old = self._slots
        self._slots = {
            stem: old[stem]
            if stem in old and stem not in changed and old[stem].source == source and not old[stem].error
            else Slot(source)
            for stem, source in found.items()
        }

    def function(self, name: str) -> Callable[..., Any]:
        """Return the function *name*, ``module.function``. Raises ``FunctionNotFound`` that says why it isn't there."""
        module_name, dot, function_name = name.partition(".")
        module = self._module(module_name) if dot else None
        if module is not None and function_name in module.functions:
            return module.functions[function_name]
        raise FunctionNotFound(f"'{name}' is not available.{self._hint(name, module_name, module)}")

    def file_of(self, function: str) -> str:
        """Return the name of the file, without ``.py``, that *function* is from, or an empty text."""
        name = function.partition(".")[0]
        for stem, slot in self._slots.items():
            if slot.module is not None and slot.module.name == name:
                return stem
        return ""

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Return all functions by name; loads every module."""
        found: dict[str, Callable[..., Any]] = {}
        for stem in list(self._slots):
            module = self._load(stem)
            if module is not None:
                for name, function in module.functions.items():
                    found.setdefault(f"{module.name}.{name}", function)
        return dict(sorted(found.items()))

    def load_errors(self) -> dict[str, str]:
        """Return why modules are not there, by file name: those that somebody asked for, or that were refused."""
        errors = {stem: slot.error for stem, slot in self._slots.items() if slot.error}
        return {**errors, **self.refused}

    def _module(self, name: str) -> Module | None:
        """Return the module that goes by *name*: the file of that name, or one that takes the name."""
        module = self._load(name) if name in self._slots else None
        if module is not None and module.name == name:
            return module
        for stem, slot in list(self._slots.items()):
            known = slot.module or (self._load(stem) if not slot.error and slot.source.may_rename() else None)
            if known is not None and known.name == name:
                return known
        return None

    def _load(self, stem: str) -> Module | None:
        slot = self._slots.get(stem)
        if slot is None or slot.module is not None or slot.error is not None:
            return slot.module if slot else None
        if not slot.lock.acquire(timeout=LOCK_TIMEOUT_S):
            log.warning("module %s is still being loaded by another job, for over %g s", stem, LOCK_TIMEOUT_S)
            return None
        try:
            if slot.module is None and slot.error is None:
                self._load_now(slot)
        finally:
            slot.lock.release()
        return slot.module

    def _load_now(self, slot: Slot) -> None:
        try:
            slot.module = load(slot.source, self._globals())
        except ModuleError as error:
            slot.error = str(error)
            level = logging.DEBUG if isinstance(error, NotHere) else logging.WARNING
            log.log(level, "module %s is not loaded: %s", slot.source.stem, error)

    def _globals(self) -> dict[str, Any]:
        return {
            "__salt__": self._salt,
            "__opts__": self._opts,
            "__grains__": self._grains,
            "__pillar__": self._pillar,
            "__context__": Context(self._current),
        }

    def _inject(self, name: str, value: Any) -> None:
        for slot in list(self._slots.values()):
            if slot.module is not None:
                setattr(slot.module.python, name, value)

    def _hint(self, name: str, module_name: str, module: Module | None) -> str:
        import difflib  # only for those who mistyped

        if module is None and (error := self.load_errors().get(module_name)):
            return f" The module {module_name} is not loaded: {error}"
        if module is None and module_name in self._slots:
            return f" The module {module_name} is still being loaded, or goes by another name."
        if module is None:
            close = difflib.get_close_matches(module_name, list(self._slots), 1)
            return f" There is no module {module_name}{f': did you mean {close[0]}?' if close else '.'}"
        known = [f"{module_name}.{function}" for function in module.functions]
        close = difflib.get_close_matches(name, known, 1)
        return f" Did you mean '{close[0]}'?" if close else ""


class Functions(Mapping[str, Callable[..., Any]]):
    """``__salt__``: every function by ``module.function``, loaded when it is looked up."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getitem__(self, name: str) -> Callable[..., Any]:
        try:
            return self._loader.function(name)
        except FunctionNotFound as error:
            raise KeyError(str(error)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._loader.functions())

    def __len__(self) -> int:
        return len(self._loader.functions())
