"""All execution modules of this minion, each loaded when it is first called; the ``_utils`` they share; returners."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from saltern.errors import FunctionNotFound
from saltern.secret import revealed, secret_texts
from saltern_agent.jobs import Current
from saltern_agent.loader.context import Context
from saltern_agent.loader.functions import Functions
from saltern_agent.loader.library import Library
from saltern_agent.loader.marks import Marks
from saltern_agent.loader.shelf import Shelf
from saltern_agent.loader.source import GRAINS, MODULES, RETURNERS, UTILS
from saltern_agent.strikeout import Strikeout

if TYPE_CHECKING:
    from saltern_agent.coroutines import Coroutines

OPTS = "__opts__"
SALTS_OPTIONS: Mapping[str, Any] = {
    "__role": "minion",
    "file_client": "remote",
    "hash_type": "sha256",
    "pillarenv": None,
    "saltenv": None,
    "test": False,
}
"""What modules written for Salt expect among ``__opts__`` and no option of ours is called; a user's own key wins."""

_ALWAYS = nullcontext()


class Loader:
    """Finds functions by ``module.function``; safe for several threads.

    *folders* come after the bundled modules and override them, the last one first; those of *utils* hold what
    ``__utils__`` and ``import`` offer to modules, and nobody else may call; those of *returners* hold returners, and
    override the bundled ones; those of *grains* hold functions that add grains; *others* are the folders of
    kinds that a master's host has. *opts* becomes ``__opts__``, its secrets revealed.
    A module that can't be loaded hurts no other: ``load_errors`` has its reason. ``refused`` holds reasons for
    modules that never came to disk. *marks* has what is loaded from folders, and refuses what ended the agent before.
    """

    def __init__(
        self,
        opts: dict[str, Any],
        folders: Iterable[str],
        current: Current,
        utils: Iterable[str] = (),
        marks: Marks | None = None,
        returners: Iterable[str] = (),
        grains: Iterable[str] = (),
        others: Mapping[str, Iterable[str]] = MappingProxyType({}),
    ) -> None:
        self.refused: dict[str, str] = {}
        self._opts_secrets = secret_texts(opts)
        self._opts = {**SALTS_OPTIONS, **(revealed(opts) if self._opts_secrets else opts)}
        self._current = current
        self._grains: dict[str, Any] = {}
        self._pillar: dict[str, Any] = {}
        self._pillar_secrets: frozenset[str] = frozenset()
        self._strikeout = Strikeout(self._opts_secrets)
        self._context = Context(current)
        self._library = Library(
            {MODULES: folders, UTILS: utils, RETURNERS: returners, GRAINS: grains, **others},
            Marks() if marks is None else marks,
            self._globals,
            self._of_salt,
        )
        shelves = self._library.shelves
        self._modules = shelves[MODULES]
        coroutines = self._library.coroutines
        self._salt = Functions(self._modules, None, coroutines)
        self._utils = Functions(shelves[UTILS], lambda name: self._library.importing().salts_util(name), coroutines)
        self._returners = Functions(shelves[RETURNERS], None, coroutines)
        self.forget()

    def bound(self) -> AbstractContextManager[object]:
        """Return what is entered while functions of these modules run: they are nobody else's here."""
        return _ALWAYS

    def set_grains(self, grains: dict[str, Any]) -> None:
        """Make *grains* every module's ``__grains__``."""
        self._grains = grains
        self._inject("__grains__", grains)

    def set_pillar(self, pillar: dict[str, Any]) -> None:
        """Make *pillar*, its secrets revealed, every module's ``__pillar__``."""
        secrets = secret_texts(pillar)
        if secrets != self._pillar_secrets:
            # Those of the pillar before are still known to jobs that run now.
            self._strikeout = Strikeout(secrets | self._pillar_secrets | self._opts_secrets)
            self._pillar_secrets = secrets
        self._pillar = revealed(pillar) if secrets else pillar
        self._inject("__pillar__", self._pillar)

    def strikeout(self) -> Strikeout:
        """Return what strikes out the secrets that the calling thread knows: the pillar's and its job's arguments'."""
        job = self._current.job
        return self._strikeout.also(job.secrets) if job is not None and job.secrets else self._strikeout

    def forget(self, changed: Iterable[str] | None = None) -> None:
        """Look for modules anew; those that were loaded are loaded again, or only those of *changed* files.

        *changed* are names of files without ``.py``; what imported them is loaded again too.
        """
        if changed is None:
            self._context = Context(self._current)
        self._library.forget(changed)

    def function(self, name: str) -> Callable[..., Any]:
        """Return the function *name*, ``module.function``. Raises ``FunctionNotFound`` that says why it isn't there."""
        return self._function(self._modules, name, self.refused)

    def returner(self, name: str) -> Callable[..., Any]:
        """Return the function that stores a return by the returner *name*. Raises ``FunctionNotFound``."""
        return self._returner(f"{name}.returner")

    def blacked_out(self, name: str) -> bool:
        """Return whether pillar or grains say ``minion_blackout``, and their whitelists don't name the function."""
        if name == "saltutil.refresh_pillar" or not (
            self._pillar.get("minion_blackout") or self._grains.get("minion_blackout")
        ):
            return False
        return any(
            source.get("minion_blackout") and name not in (source.get("minion_blackout_whitelist") or ())
            for source in (self._pillar, self._grains)
        )

    def why_missing(self, name: str) -> str:
        """Return, in Salt's words, that there is no function *name*, or why its module isn't there."""
        module = name.partition(".")[0]
        why = self.refused.get(module) or self._modules.fault(module)
        if why is None:
            return f"'{name}' is not available."
        return f"'{module}' __virtual__ returned False{f': {why}' if why else ''}"

    def docs(self, prefix: str) -> dict[str, str | None]:
        """Return the documentation of the functions whose names begin with *prefix*."""
        from saltern_modules._docs import plain_doc  # for those who mistyped

        found = self._modules.beginning(prefix)
        return {name: plain_doc(function.__doc__) for name, function in found.items()}

    def file_of(self, function: str) -> str | None:
        """Return the name of the file, without ``.py``, that *function* is from.

        It is empty when that isn't a synced one, and ``None`` while it isn't loaded.
        """
        name, _, attribute = function.partition(".")
        sources = [
            slot.source
            for slot in self._modules.meant(name)
            if slot.module is not None and name in slot.module.names and attribute in slot.module.functions
        ]
        if not sources:
            return None
        source = max(sources, key=lambda source: source.layer)
        return "" if source.bundled else source.stem

    def functions(self, modules: Iterable[str] | None = None) -> dict[str, Callable[..., Any]]:
        """Return the functions of *modules* by name; of all by default, for which every module is loaded, to stay."""
        if modules is not None:
            return self._modules.of(modules)
        return {name: function for name, (_, _, function) in self._modules.all().items()}

    def returners(self) -> dict[str, Callable[..., Any]]:
        """Return all functions of returners by name; loads every one."""
        return {name: function for name, (_, _, function) in self._library.shelves[RETURNERS].all().items()}

    @property
    def adds_grains(self) -> bool:
        """Whether there are files that add grains; none is loaded."""
        return any(not slot.source.private for slots in self._library.shelves[GRAINS].slots.values() for slot in slots)

    @property
    def adds_foreign_grains(self) -> bool:
        """Whether there are such files in folders; none is loaded."""
        slots = (slot for slots in self._library.shelves[GRAINS].slots.values() for slot in slots)
        return any(not slot.source.private and not slot.source.bundled for slot in slots)

    def grain_functions(self) -> dict[str, Callable[..., Any]]:
        """Return the functions that add grains, by ``file.function``; loads every one."""
        return {name: function for name, (_, _, function) in self._library.shelves[GRAINS].all().items()}

    def of_kind(self, kind: str) -> Functions:
        """Return the functions of a *kind*, loaded when they are looked up."""
        return Functions(self._library.shelves[kind])

    def find(self, kind: str, name: str) -> Callable[..., Any]:
        """Return the function *name* of a *kind*. Raises ``FunctionNotFound`` that says why it isn't there."""
        return self._function(self._library.shelves[kind], name, {})

    def give(self, kind: str, named: Mapping[str, Any]) -> None:
        """Put what is *named* among the globals of every module of a *kind*, loaded or not."""
        self._library.give(kind, named)

    @property
    def context(self) -> Context:
        """What all modules from folders have as ``__context__``."""
        return self._context

    @property
    def coroutines(self) -> Coroutines:
        """What runs the coroutines of these modules."""
        return self._library.coroutines()

    @property
    def salt(self) -> Functions:
        """Every function by name, loaded when it is looked up: what modules have as ``__salt__``."""
        return self._salt

    def load_errors(self) -> dict[str, str]:
        """Return why modules are not there, by file name: those that somebody asked for, or that were refused."""
        others = {
            f"_{kind}/{stem}": error
            for kind in self._library.shelves
            if kind != MODULES
            for stem, error in self._library.shelves[kind].errors().items()
        }
        return {**others, **self._modules.errors(), **self.refused}

    def passed_over(self) -> dict[str, str]:
        """Load what takes the place of a weaker module; return by file name why that stays, where it does."""
        return self._modules.check()

    def take(self, changed: list[str], refused: dict[str, str]) -> dict[str, str]:
        """Load anew what *changed* on disk, know why others were *refused*, and return what is passed over."""
        self.refused = refused
        if changed:
            self.forget(changed)
        return self.passed_over()

    def close(self) -> None:
        """Heed that the process ends by its own will: what is loaded now isn't to blame."""
        self._library.marks.close()

    def _returner(self, name: str) -> Callable[..., Any]:
        return self._function(self._library.shelves[RETURNERS], name, {})

    def _function(self, shelf: Shelf, name: str, refused: dict[str, str]) -> Callable[..., Any]:
        module, _, function = name.partition(".")
        found = shelf.function(module, function) if function else None
        if found is None:
            from saltern_agent.loader.hints import hint  # only for those who mistyped

            raise FunctionNotFound(f"'{name}' is not available.{hint(shelf, name, refused)}")
        return found[1]

    def _globals(self, kind: str, stem: str) -> dict[str, Any]:
        return {
            "__salt__": self._salt,
            "__utils__": self._utils,
            "__returners__": self._returners,
            "__opts__": self._opts,
            "__grains__": self._grains,
            "__pillar__": self._pillar,
            "__context__": Context(self._current),
        }

    def _of_salt(self, kind: str, stem: str) -> dict[str, Any]:
        """Return what a module from a folder has among its globals: what those for Salt expect, too.

        Options are a copy for each, to which grains and pillar belong; ``__context__`` is one for all of them.
        """
        from saltern_agent.loader.salt_globals import salt_globals

        more = salt_globals(self._opts, self._grains, self._pillar)
        return {**self._globals(kind, stem), "__context__": self._context, **more}

    def _inject(self, name: str, value: Any) -> None:
        for slot, python in self._library.loaded():
            setattr(python, name, value)
            if not slot.source.bundled:
                vars(python)[OPTS][name.strip("_")] = value
