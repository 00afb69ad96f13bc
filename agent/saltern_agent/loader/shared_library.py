"""Modules of many minions in one process: each file is run once for all of them, unless it keeps something.

What modules have as ``__grains__``, ``__opts__`` and so on are views of the minion whose call is running: ``views.py``.
A file is first run for no minion. When it asks for a minion's value meanwhile, or something among its globals can
change (``held_state.py``), it is run again for each minion that uses it, and so are those that import it.
``__virtual__`` is asked, and ``__init__`` called, for each minion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from sys import intern
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from saltern.secret import revealed, secret_texts
from saltern_agent.jobs import Killed
from saltern_agent.loader.bound import BOUND, Binding, Nobody, tenant, unasked
from saltern_agent.loader.functions import Functions
from saltern_agent.loader.held_state import holds_state
from saltern_agent.loader.library import Library
from saltern_agent.loader.loader import SALTS_OPTIONS
from saltern_agent.loader.marks import Marks
from saltern_agent.loader.module import Module, NotHere, module_of
from saltern_agent.loader.proxy_enabled import admit, admit_bundled
from saltern_agent.loader.proxyconn import is_of_2014, with_functions
from saltern_agent.loader.salt_globals import salt_globals
from saltern_agent.loader.shared_slot import SharedSlot
from saltern_agent.loader.shelf import Shelf
from saltern_agent.loader.slot import Slot
from saltern_agent.loader.source import BUNDLED_GRAINS, BUNDLED_PROXY, GRAINS, MODULES, PROXY, RETURNERS, UTILS
from saltern_agent.loader.views import Grains, Options, Pillar, Remembered
from saltern_modules._served_as import SERVED_AS

OTHERS_GRAINS = "it is for devices of the proxytype that its file is called by"

if TYPE_CHECKING:
    from saltern_agent.loader.tenant import Tenant


class OnceMarks(Marks):
    """Marks what is loaded by *marks*, each thing until it has been loaded once: the next minions' loads are alike."""

    def __init__(self, marks: Marks) -> None:
        super().__init__()
        self._marks = marks
        self._good: set[tuple[str, str]] = set()

    @contextmanager
    def loading(self, name: str, digest: str) -> Iterator[None]:
        """Mark *name* while the block runs, unless that was done. Raises ``Deadly``."""
        if (name, digest) in self._good:
            yield
            return
        with self._marks.loading(name, digest):
            yield
        self._good.add((name, digest))

    def times(self, name: str) -> int:
        """Return how often the agent ended with *name*."""
        return self._marks.times(name)

    def refuses(self, path: str) -> bool:
        """Return whether the file at *path* is refused."""
        return self._marks.refuses(path)

    def close(self) -> None:
        """Take away the marks."""
        self._marks.close()


INSIDE = ("cmd", "cp", "http")
"""Modules that act on the host, and that a device's own have all the same, as ``__salt__["cmd.run"]``."""


class SharedFunctions(Functions):
    """Functions of the minion whose call is running."""

    def __iter__(self) -> Iterator[str]:
        tenant()
        return super().__iter__()

    def __len__(self) -> int:
        tenant()
        return super().__len__()


Found = tuple[Slot, Callable[..., Any]]
"""A function, and where it is from."""


class SharedShelf(Shelf):
    """The modules of one kind, of which each minion may use others."""

    slot: ClassVar[type[Slot]] = SharedSlot

    def function(self, name: str, function: str) -> tuple[Slot, Callable[..., Any]] | None:
        """Return the *function* of the module that callers know as *name*, with where it is from.

        What is the strongest there can be is remembered, for as long as no module is looked for anew.
        """
        found, key = tenant().found, f"{self._kind}/{name}.{function}"
        remembered = self.remembered(found.get(key))
        if remembered is not None:
            return remembered
        table, looked_up = self._table, super().function(name, function)
        if looked_up is not None and looked_up[0] is next(iter(self._rank(name)), None):
            found[intern(key)] = table, looked_up
        return looked_up

    def remembered(self, known: tuple[object, Found] | None) -> Found | None:
        """Return what a minion remembers of a function, if it is still so."""
        return known[1] if known is not None and known[0] is self._table else None

    def _admit(self, slot: Slot) -> None:
        if slot.source.bundled and self._kind == MODULES:
            admit_bundled(tenant().proxytype, slot.source.stem)
        if slot.source.bundled and self._kind == GRAINS and slot.source.stem != tenant().proxytype:
            raise NotHere(OTHERS_GRAINS)

    def _module_of(self, slot: Slot, python: ModuleType) -> Module:
        me = tenant()
        if me.proxytype and not (slot.source.bundled and self._kind == MODULES):
            admit(me.proxytype, self._kind, python, bundled=slot.source.bundled)
        module = super()._module_of(slot, python)
        return with_functions(module) if self._kind == PROXY and is_of_2014(python) else module


class SharedLibrary(Library):
    """What minions with mostly the same options, *opts*, load modules from; *marks* are the process's."""

    shelf: ClassVar[type[Shelf]] = SharedShelf
    bundled_of: ClassVar[Mapping[str, str]] = {**Library.bundled_of, GRAINS: BUNDLED_GRAINS, PROXY: BUNDLED_PROXY}

    def __init__(self, opts: Mapping[str, Any], folders: Mapping[str, Iterable[str]], marks: Marks) -> None:
        self.secrets = secret_texts(dict(opts))
        self.on_secrets: Callable[[Tenant, frozenset[str]], None] = lambda whose, texts: None
        """Told of the secrets that one of the minions has, and the others may not have."""
        self.options: dict[str, Any] = {**SALTS_OPTIONS, **revealed(dict(opts))}
        self._for_salt = salt_globals(self.options, {}, {})
        self.salts_options: dict[str, Any] = self._for_salt["__opts__"]
        super().__init__({PROXY: (), **folders}, OnceMarks(marks), self._of_bundled, self._of_foreign)
        self.salt = SharedFunctions(self.shelves[MODULES], None, self.coroutines)
        self._salt_inside = SharedFunctions(self.shelves[MODULES], self._inside, self.coroutines)
        self.utils = SharedFunctions(
            self.shelves[UTILS], lambda name: self.importing().salts_util(name), self.coroutines
        )
        self.returners = SharedFunctions(self.shelves[RETURNERS], None, self.coroutines)
        self.proxy = SharedFunctions(self.shelves[PROXY], None, self.coroutines)
        self._grains, self._pillar = Grains(), Pillar()
        self._shared: dict[str, bool] = {}
        self.forget()

    def forget(self, changed: Iterable[str] | None = None) -> None:
        """Look for modules anew; see ``Library.forget``. What minions know of others goes on."""
        with Binding(Nobody()):
            super().forget(changed)

    def remembered(self, whose: Tenant, function: str) -> Found | None:
        """Return the *function* of an execution module that *whose* has called, if that is known."""
        shelf = self.shelves[MODULES]
        assert isinstance(shelf, SharedShelf)
        return shelf.remembered(whose.found.get(f"{MODULES}/{function}"))

    def slots(self) -> Iterator[SharedSlot]:
        """Yield all that is on the shelves."""
        for shelf in self.shelves.values():
            for slots in list(shelf.slots.values()):
                yield from (slot for slot in slots if isinstance(slot, SharedSlot))

    def run(self, slot: Slot, kind: str) -> ModuleType:
        """Return the Python module of a slot, for whose call is running; run now unless it was."""
        assert isinstance(slot, SharedSlot)
        python = self._run_for_all(slot, kind)
        if slot.own:
            outside = BOUND.get()
            if isinstance(outside, Nobody):
                outside.asked = True
            return python if unasked() is None else super().run(slot, kind)
        if unasked() is not None and not slot.source.bundled:
            self._begin(slot, python)
        return python

    def _begin(self, slot: SharedSlot, python: ModuleType) -> None:
        """Call the ``__init__`` of a module that all share, for one minion, after those of what it imports."""
        state = slot.state()
        if state.began:
            return
        state.began = True
        imports = self.importing()
        for name in imports.wanted.get(slot.source.stem, ()):
            for kind in self.shelves:
                for other in self._slots(kind, name):
                    if isinstance(other, SharedSlot) and other.own is False and other.python is not None:
                        self._begin(other, other.python)
        imports.begin(slot, python)

    def _run_for_all(self, slot: SharedSlot, kind: str) -> ModuleType:
        """Run a file for no minion, once, and find out whether that will do. Raises whatever it raises."""
        nobody = Nobody()
        with Binding(nobody), slot.held() as held:
            if slot.own is None and not held:
                raise ImportError(f"{slot.source.stem} is still being loaded by another job")
            if slot.broken is not None:
                raise slot.broken.with_traceback(slot.broken_at)
            if slot.own is None and slot.python is None:
                self._run_first(slot, kind, nobody)
            python = slot.python
        assert python is not None or slot.own
        return python if python is not None else ModuleType(slot.source.stem)

    def _run_first(self, slot: SharedSlot, kind: str, nobody: Nobody) -> None:
        if slot.source.bundled:
            super().run(slot, kind)
            slot.own = False
            return
        try:
            python = self.importing().execute(slot, kind)
        except Killed:
            raise
        except BaseException as error:
            if not nobody.asked:
                slot.broken, slot.broken_at, slot.error = error, error.__traceback__, str(error)
                raise
            slot.own = True
            return
        slot.own = bool(nobody.asked or slot.source.package) or holds_state(python, self._is_shared)
        self._shared[python.__name__] = not slot.own

    def _whose(self, context: Context | None) -> Any:
        found = BOUND.get() if context is None else context.get(BOUND)
        return None if isinstance(found, Nobody) else found

    def _is_shared(self, name: str) -> bool:
        return self._shared.get(name, False)

    def _inside(self, name: str) -> Callable[..., Any] | None:
        """Return a function that the modules of a device's owner may use, and nobody may call on the device.

        Whoever put them into the file server runs code on the host by them anyway: so it is in Salt.
        """
        module, _, function = name.partition(".")
        if module not in INSIDE or not tenant().proxytype:
            return None
        for slots in list(self.shelves[MODULES].slots.values()):
            for slot in slots:
                if slot.source.bundled and module in (slot.source.stem, slot.named):
                    found = module_of(slot.source.stem, self.run(slot, MODULES)).functions.get(function)
                    if found is not None:
                        return found
        return None

    def _of_bundled(self, kind: str, stem: str) -> dict[str, Any]:
        inside = kind == MODULES and SERVED_AS.get(stem, stem) in INSIDE
        return {
            "__salt__": self._salt_inside if inside else self.salt,
            "__utils__": self.utils,
            "__returners__": self.returners,
            "__proxy__": self.proxy,
            "__opts__": Options("", foreign=False),
            "__grains__": self._grains,
            "__pillar__": self._pillar,
            "__context__": Remembered(f"{kind}.{stem}"),
        }

    def _of_foreign(self, kind: str, stem: str) -> dict[str, Any]:
        return {
            **self._for_salt,
            **self._of_bundled(kind, stem),
            "__salt__": self._salt_inside,
            "__opts__": Options(f"{kind}.{stem}", foreign=True),
            "__context__": Remembered(PROXY if kind == PROXY else ""),
        }
