"""The files of modules of one process, by kind: each is run once, whoever calls its functions."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import Context
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from saltern_agent.loader.marks import Marks
from saltern_agent.loader.shelf import Shelf
from saltern_agent.loader.slot import Slot, Waiting
from saltern_agent.loader.source import BUNDLED, BUNDLED_RETURNERS, MODULES, RETURNERS

if TYPE_CHECKING:
    from saltern_agent.coroutines import Coroutines
    from saltern_agent.loader.imports import Imports

Given = Callable[[str, str], dict[str, Any]]
"""Returns what a module of a kind, by the name of its file, has among its globals."""


class Library:
    """A shelf for each kind, with the *folders* of it, later ones stronger. Safe for several threads.

    *bundled* and *foreign* return what modules that come with the agent, and those from folders, have among their
    globals. *marks* has what is loaded from folders, and refuses what ended the agent before.
    """

    shelf: ClassVar[type[Shelf]] = Shelf
    bundled_of: ClassVar[Mapping[str, str]] = {MODULES: BUNDLED, RETURNERS: BUNDLED_RETURNERS}
    """The folder of each kind that comes with the agent."""

    def __init__(self, folders: Mapping[str, Iterable[str]], marks: Marks, bundled: Given, foreign: Given) -> None:
        waiting: Waiting = {}
        self.marks = marks
        self.shelves = {
            kind: self.shelf(kind, of, self.run, waiting, marks, self.bundled_of.get(kind, ""))
            for kind, of in folders.items()
        }
        self._bundled = bundled
        self._foreign = foreign
        self._given: dict[str, dict[str, Any]] = {}
        self._imports: Imports | None = None
        self._coroutines: Coroutines | None = None
        self._making = threading.Lock()

    def forget(self, changed: Iterable[str] | None = None) -> None:
        """Look for modules anew; those that were loaded are loaded again, or only those of *changed* files.

        *changed* are names of files without ``.py``; what imported them is loaded again too.
        """
        stale = None if changed is None else set(changed)
        if self._imports is not None:
            stale = self._imports.after(stale)
        for shelf in self.shelves.values():
            shelf.forget(stale)

    def give(self, kind: str, named: Mapping[str, Any]) -> None:
        """Put what is *named* among the globals of every module of a *kind* from a folder, loaded or not."""
        self._given[kind] = {**self._given.get(kind, {}), **named}
        for _, python in self.loaded([kind]):
            vars(python).update(named)

    def loaded(self, kinds: Iterable[str] | None = None) -> Iterator[tuple[Slot, ModuleType]]:
        """Yield the Python modules of *kinds*, of all by default, that were run."""
        for kind in self.shelves if kinds is None else kinds:
            for slots in list(self.shelves[kind].slots.values()):
                for slot in slots:
                    for python in list(slot.parts.values()):
                        yield slot, python

    def run(self, slot: Slot, kind: str) -> ModuleType:
        """Return the Python module of a slot that is held, run now unless it was. Raises whatever it raises."""
        if slot.python is None and slot.source.bundled:
            folder = os.path.relpath(self.bundled_of[kind], os.path.dirname(BUNDLED))
            python = _fresh(f"{folder.replace(os.sep, '.')}.{slot.source.stem}", slot.source.path)
            slot.parts = {python.__name__: python}
            python.__dict__.update(self._bundled(kind, slot.source.stem))
            slot.python = python
        elif slot.python is None:
            self.importing().run(slot, kind)
        assert slot.python is not None
        return slot.python

    def importing(self) -> Imports:
        """Return what runs modules from folders; hosts without any do without it."""
        with self._making:
            if self._imports is None:
                from saltern_agent.loader.imports import Imports

                self._imports = Imports(self._of_folders, self._slots, self.run, self.marks, tuple(self.shelves))
            return self._imports

    def coroutines(self) -> Coroutines:
        """Return what runs the coroutines of modules; hosts whose modules have none do without it."""
        with self._making:
            if self._coroutines is None:
                from saltern_agent.coroutines import Coroutines

                self._coroutines = Coroutines(self._whose)
            return self._coroutines

    def _whose(self, context: Context | None) -> Any:
        """Return whose call is running in *context*, or here; ``None``: these modules are of one minion alone."""
        return None

    def _of_folders(self, kind: str, stem: str) -> dict[str, Any]:
        return {**self._foreign(kind, stem), **self._given.get(kind, {})}

    def _slots(self, kind: str, stem: str) -> list[Slot]:
        return self.shelves[kind].slots.get(stem, [])


def _fresh(name: str, path: str) -> ModuleType:
    """Return the bundled module *name*, run now: with none of the state of another, and nobody else's.

    Not by ``import``: of two libraries in one process that load it at the same time both would get the same.
    """
    loader = SourceFileLoader(name, path)
    python = ModuleType(name)
    python.__dict__.update(
        __file__=path,
        __loader__=loader,
        __package__=name.rpartition(".")[0],
        __spec__=ModuleSpec(name, loader, origin=path),
    )
    code = loader.get_code(name)
    assert code is not None
    sys.modules[name] = python
    exec(code, python.__dict__)  # noqa: S102 - it came with the agent
    return python
