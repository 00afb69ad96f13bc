"""The modules of one kind, by the names that callers use: each is loaded when it is first asked for.

A name may have several sources, the strongest first: a file that was synced, one of a configured folder, the bundled
one. One that can't be loaded, does not apply here, or goes by another name leaves the next one in its place; and a
function that the strongest doesn't have is the next one's. What is passed over is said once.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from types import ModuleType
from typing import Any, ClassVar

from saltern_agent.jobs import Killed
from saltern_agent.loader.marks import Marks, virtual_of
from saltern_agent.loader.module import Module, NotHere, fault, module_of, reason
from saltern_agent.loader.proxy_enabled import admit_bundled
from saltern_agent.loader.slot import Slot, Waiting
from saltern_agent.loader.source import BUNDLED, MODULES, find

log = logging.getLogger(__name__)

Slots = dict[str, list[Slot]]
"""By name, the strongest first."""


class Shelf:
    """The modules of *kind* in *folders*, later ones stronger, and of the folder *bundled* (``""``: none)."""

    slot: ClassVar[type[Slot]] = Slot

    def __init__(
        self,
        kind: str,
        folders: Iterable[str],
        run: Callable[[Slot, str], ModuleType],
        waiting: Waiting,
        marks: Marks,
        bundled: str = BUNDLED,
    ) -> None:
        """*run* returns the Python module of a slot of a kind; *waiting* and *marks* are shared by all slots."""
        self._table: tuple[Slots, Slots] = ({}, {})  # by file name; and what was found of them, by callers' names
        self._kind = kind
        self._folders = list(folders)
        self._bundled = bundled
        self._run = run
        self._waiting = waiting
        self._marks = marks
        self._said: dict[tuple[str, str], str] = {}

    @property
    def slots(self) -> dict[str, list[Slot]]:
        """All sources by file name, the strongest first."""
        return self._table[0]

    def forget(self, stale: set[str] | None) -> None:
        """Look for modules anew; those of the names in *stale* (``None``: all) and those that failed load again."""
        found = find(self._folders, self._bundled)
        kept = {
            slot.source: slot
            for stem, slots in self.slots.items()
            for slot in slots
            if stale is not None and stem not in stale and not slot.error and not slot.hung
        }
        old = self.slots
        fresh = {
            stem: [kept.get(source) or self.slot(source, self._waiting) for source in sources]
            for stem, sources in found.items()
        }
        self._table = (fresh, {})
        for slot in (slot for slots in old.values() for slot in slots if slot.source not in kept):
            slot.drop()

    def function(self, name: str, function: str) -> tuple[Slot, Callable[..., Any]] | None:
        """Return the *function* of the module that callers know as *name*, with where it is from."""
        for slot, module in self.modules(name):
            if function in module.functions:
                return slot, module.functions[function]
        return None

    def modules(self, name: str) -> Iterator[tuple[Slot, Module]]:
        """Yield the modules that go by *name*, the strongest first."""
        ranked = self._rank(name)
        for number, slot in enumerate(ranked):
            weaker = number + 1 < len(ranked) and not slot.source.bundled
            module = self._load_within(slot) if weaker else self.load(slot)
            if module is not None and name in module.names:
                if self._said:
                    self._say(name, slot, "")
                yield slot, module
            elif weaker and not slot.holds:  # while it is loaded it sees what it replaces
                self._say(name, slot, self._passed_over(slot, ranked[number + 1]))
        for slots in list(self.slots.values()):
            for slot in slots:
                if slot not in ranked and slot.may_rename and not slot.source.private:
                    module = self._load_within(slot)
                    if module is not None and name in module.names:
                        yield slot, module

    def bundled(self, name: str) -> list[ModuleType]:
        """Return the bundled modules that go by *name*, whatever hides them."""
        found = (self.load(slot) for slot in self._rank(name) if slot.source.bundled)
        return [module.python for module in found if module is not None and name in module.names]

    def all(self) -> dict[str, tuple[Slot, Module, Callable[..., Any]]]:
        """Return every function by ``module.function``; loads every module that doesn't take for ever."""
        loaded = [
            (slot, module)
            for slots in list(self.slots.values())
            for slot in slots
            if not slot.source.private and (module := self._load_within(slot)) is not None
        ]
        loaded.sort(key=lambda one: (-one[0].source.layer, one[0].source.stem != one[1].name))
        found: dict[str, tuple[Slot, Module, Callable[..., Any]]] = {}
        for slot, module in loaded:
            for own in module.names:
                for name, function in module.functions.items():
                    found.setdefault(f"{own}.{name}", (slot, module, function))
        return dict(sorted(found.items()))

    def of(self, names: Iterable[str]) -> dict[str, Callable[..., Any]]:
        """Return the functions of the modules that callers know by these *names*; loads no others."""
        found: dict[str, Callable[..., Any]] = {}
        for name in names:
            for _, module in self.modules(name):
                for function, code in module.functions.items():
                    found.setdefault(f"{name}.{function}", code)
        return found

    def errors(self) -> dict[str, str]:
        """Return why modules are not there, by name: those that somebody asked for, or that another one stands for."""
        self._refused()
        passed = {name: why for (name, _), why in list(self._said.items())}
        return passed | {
            stem: slot.error
            for stem, slots in self.slots.items()
            for slot in reversed(slots)
            if slot.error  # of several the strongest's stays
        }

    def fault(self, name: str) -> str | None:
        """Return what keeps the module *name* from being there, in its own words; ``None`` when nothing does.

        It is empty for one that says no more than that it does not apply to this host.
        """
        slots = self._rank(name) or self._named(name)
        if any(self._load_within(slot) is not None for slot in slots):
            return None
        return next((slot.fault for slot in slots if slot.error is not None), None)

    def beginning(self, prefix: str) -> dict[str, Callable[..., Any]]:
        """Return the functions whose names begin with *prefix*, by name; loads no modules but those it can mean."""
        module, dot, _ = prefix.partition(".")
        known = set(self.slots) | {slot.named for slots in list(self.slots.values()) for slot in slots}
        names = [name for name in known if name and (name == module if dot else name.startswith(module))]
        found = {
            f"{name}.{function}": loaded.functions[function]
            for name in names
            for _, loaded in reversed(list(self.modules(name)))
            for function in loaded.functions
        }
        return {name: found[name] for name in sorted(found) if name.startswith(prefix)}

    def _named(self, name: str) -> list[Slot]:
        """Return the sources that say they go by *name*."""
        return [slot for slots in list(self.slots.values()) for slot in slots if slot.named == name]

    def check(self) -> dict[str, str]:
        """Load what takes the place of something weaker, and return by file name why another one is used instead."""
        passed = {}
        for name in list(self.slots):
            ranked = self._rank(name)
            for slot, weaker in pairwise(ranked):
                if slot.source.bundled:  # all that follow are too, and none is replaced
                    break
                module = self._load_within(slot)
                if module is not None and name in module.names:
                    self._say(name, slot, "")
                    break
                why = self._passed_over(slot, weaker)
                self._say(name, slot, why)
                passed[slot.source.stem] = why
        return {**{slot.source.stem: f"not used: {slot.error}" for slot in self._refused()}, **passed}

    def _refused(self) -> list[Slot]:
        """Return what ended the agent when it was loaded, and would again."""
        found = [slot for slots in list(self.slots.values()) for slot in slots if not slot.source.bundled]
        found = [slot for slot in found if self._marks.refuses(slot.source.path)]
        return [slot for slot in found if self._load_within(slot) is None and slot.error]

    def load(self, slot: Slot) -> Module | None:
        """Return the module of *slot*, loaded now unless it was, or ``None`` when that can't be done."""
        if slot.module is not None or slot.error is not None:
            return slot.module
        with slot.held() as held:
            if held and slot.holds == 1 and slot.module is None and slot.error is None:
                self._load_now(slot)
        return slot.module

    def _load_within(self, slot: Slot) -> Module | None:
        """Return the module of *slot* like ``load``, or ``None`` after a while: its file may do what it likes.

        For what isn't there to be waited for: something weaker stands by, or others are asked too. A thread that
        holds a module goes on by itself: another one would wait for what this one holds.
        """
        if slot.module is not None or slot.error is not None:
            return slot.module
        if slot.source.bundled or any(other.holds for slots in list(self.slots.values()) for other in slots):
            return self.load(slot)
        if not slot.hung:
            slot.apart(self.load)
        return slot.module

    def _admit(self, slot: Slot) -> None:
        """Raise ``NotHere`` for what is known, without being run, not to be for this minion."""
        if slot.source.bundled and self._kind == MODULES:
            admit_bundled("", slot.source.stem)

    def _load_now(self, slot: Slot) -> None:
        path = slot.source.path
        try:
            self._admit(slot)
            slot.module = self._module_of(slot, self._run(slot, self._kind))
        except Killed:
            raise
        except BaseException as error:  # a module may call sys.exit, or worse
            said = isinstance(error, NotHere)
            slot.error = str(error) if said else reason(error, path)
            slot.fault = fault(error)
            log.debug("%s could not be loaded", path, exc_info=None if said else error)
            level = logging.DEBUG if said or len(self.slots.get(slot.source.stem, ())) > 1 else logging.WARNING
            log.log(level, "module %s is not loaded: %s", slot.source.stem, slot.error)

    def _module_of(self, slot: Slot, python: ModuleType) -> Module:
        step = virtual_of(slot.source.path)
        if slot.source.bundled or ("__virtual__" not in vars(python) and not self._marks.times(step)):
            return module_of(slot.source.stem, python)
        with self._marks.loading(step, slot.digest):
            return module_of(slot.source.stem, python)

    def meant(self, name: str) -> list[Slot]:
        """Return the sources that *name* may stand for; what else is there goes by no other name than its file's."""
        ranked = self._rank(name)
        others = [slot for slots in list(self.slots.values()) for slot in slots if slot.may_rename]
        return [*ranked, *(slot for slot in others if slot not in ranked and not slot.source.private)]

    def _rank(self, name: str) -> list[Slot]:
        """Return the sources that are sure to be meant for *name*: files of that name, or that say they take it."""
        slots, known = self._table
        ranked = known.get(name)
        if ranked is None:
            own = slots.get(name, ())
            claim = [slot for others in slots.values() for slot in others if slot.named == name]
            ranked = sorted(
                {id(slot): slot for slot in (*own, *claim) if not slot.source.private}.values(),
                key=lambda slot: (-slot.source.layer, slot.source.stem != name),
            )
            if ranked:
                known[name] = ranked
        return ranked

    def _passed_over(self, slot: Slot, weaker: Slot) -> str:
        """Return in one line why *slot* isn't what its name stands for, and what is."""
        if slot.module is not None:
            why = f"it goes by the name {slot.module.name}"
        else:
            why = slot.error or "it is still being loaded"
        stays = "the bundled one" if weaker.source.bundled else weaker.source.path
        return f"not used: {why}; {stays} stays in place"

    def _say(self, name: str, slot: Slot, why: str) -> None:
        """Log why *slot* isn't what *name* stands for, once until that changes."""
        key = (name, slot.source.path)
        if self._said.get(key, "") == why:
            return
        where = f"module {slot.source.stem} ({os.path.dirname(slot.source.path)})"
        if why:
            self._said[key] = why
            log.warning("%s: %s", where, why)
        else:
            del self._said[key]
            log.info("%s: it is used again", where)
