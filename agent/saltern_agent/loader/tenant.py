"""One minion of several that share a library: what is its own, and how its calls are bound to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from saltern.errors import FunctionNotFound
from saltern.secret import revealed, secret_texts
from saltern_agent.jobs import Current
from saltern_agent.loader.bound import BOUND, Binding
from saltern_agent.loader.context import Context
from saltern_agent.loader.functions import Functions
from saltern_agent.loader.loader import Loader
from saltern_agent.loader.module import Module
from saltern_agent.loader.overlay import Overlay
from saltern_agent.loader.own_folder import OwnFolder
from saltern_agent.loader.shared_library import SharedLibrary
from saltern_agent.loader.shared_slot import SharedSlot, State
from saltern_agent.loader.source import MODULES, PROXY
from saltern_agent.strikeout import Strikeout

if TYPE_CHECKING:
    from saltern_agent.loader.shared_library import Found

_NO_OPTIONS: dict[str, Any] = {}
_NOTHING = Strikeout()


class Tenant(Loader):
    """The modules of *library* as one minion has them, whose options differ from the library's by *opts*.

    A device's are ``id``, ``proxyid``, ``proxy`` with its ``proxytype``, and a ``cachedir`` of its own. Functions that
    this returns are to be called while it is ``bound``.
    """

    def __init__(self, library: SharedLibrary, opts: dict[str, Any], current: Current) -> None:
        self.refused = {}
        self.states: dict[SharedSlot, State] = {}
        """What it has of each source that it has used."""
        self._library: SharedLibrary = library
        self._current = current
        self._opts_secrets = library.secrets
        self._pillar_secrets = frozenset()
        self.proxytype = ""
        """What kind of device it is; empty for a host."""
        self._grains = {}
        self._pillar = {}
        self.found: dict[str, tuple[object, Found]] = {}
        """Functions that it has looked up, each with the table of the shelf that it is from."""
        self._views: dict[str, Overlay] = {}  # of its options, as each module has them
        self._version = 0  # of what they show
        self._contexts: dict[str, Context] = {}
        self._written: dict[str, dict[Any, Any]] = {}
        self._modules = library.shelves[MODULES]
        self._salt = library.salt
        self.configure(opts)

    def configure(self, opts: dict[str, Any]) -> None:
        """Have *opts* as options from now on, and load modules again that asked for others."""
        secrets = self._pillar_secrets | self._opts_secrets  # jobs that run now know these still
        self._opts_secrets = secret_texts(opts) | self._library.secrets
        self._opts = revealed(opts)
        self._changed()
        proxy = opts.get("proxy")
        self.proxytype = str(proxy.get("proxytype") or "") if isinstance(proxy, dict) else ""
        texts = self._opts_secrets | secrets
        self._strikeout = Strikeout(texts) if texts else _NOTHING
        self._tell_secrets()
        self.forget()

    def bound(self) -> Binding:
        """Return what is entered while functions of these modules run."""
        return Binding(self)

    # what the views show

    @property
    def grains(self) -> dict[str, Any]:
        """Its grains."""
        return self._grains

    @property
    def pillar(self) -> dict[str, Any]:
        """Its pillar."""
        return self._pillar

    def context_of(self, key: str) -> Context:
        """Return what the modules that go by *key* remember."""
        return self._contexts.get(key) or self._contexts.setdefault(key, Context(self._current))

    def options_of(self, key: str, defined: dict[str, Any], *, foreign: bool) -> MutableMapping[Any, Any]:
        """Return the options that the module *key* has, which *defined* some itself; *foreign*: it is from a folder."""
        view = self._views.get(key)
        if view is None or (foreign and view.before is not defined):  # its file was run again
            version = self._version
            top = self._written.setdefault(key, {})
            if foreign:
                live = {**self._opts, "grains": self._grains, "pillar": self._pillar}
                view = OwnFolder(top, defined, live, self._library.salts_options)
            else:
                view = Overlay(top, _NO_OPTIONS, self._opts, self._library.options)
            self._views[key] = view
            if version != self._version:  # by another thread: it shows what was before
                self._views.pop(key, None)
        return view

    def _changed(self) -> None:
        """Make the views of its options anew."""
        self._version += 1
        self._views.clear()

    @property
    def name(self) -> str:
        """The id of the minion."""
        return str(self._opts.get("id"))

    def option(self, name: str) -> Any:
        """Return one of its own options, ``None`` when there is none."""
        return self._opts.get(name)

    def give_option(self, name: str, value: Any) -> None:
        """Let its modules have an option from now on."""
        self._opts[name] = value
        self._changed()

    def take_option(self, name: str) -> Any:
        """Take one of its own options away, and return it."""
        taken = self._opts.pop(name, None)
        self._changed()
        return taken

    @property
    def proxy_functions(self) -> Functions:
        """What modules have as ``__proxy__``."""
        return self._library.proxy

    def proxymodule(self) -> Module:
        """Return what speaks with the device. Raises ``FunctionNotFound`` that says why it isn't there."""
        with self.bound():
            found = next(self._library.shelves[PROXY].modules(self.proxytype), None)
            if found is None:
                super().find(PROXY, f"{self.proxytype}.init")
                raise FunctionNotFound(f"'{self.proxytype}' is not available.")
        return found[1]

    def set_pillar(self, pillar: dict[str, Any]) -> None:
        """Make *pillar*, its secrets revealed, its ``__pillar__``."""
        super().set_pillar(pillar)
        self._changed()
        self._tell_secrets()

    def set_grains(self, grains: dict[str, Any]) -> None:
        """Make *grains* its ``__grains__``."""
        super().set_grains(grains)
        self._changed()

    def _tell_secrets(self) -> None:
        self._library.on_secrets(self, self._strikeout.texts - self._library.secrets)

    # what others ask of the modules

    def forget(self, changed: Iterable[str] | None = None) -> None:
        """Load modules again for this minion alone: their ``__virtual__`` is asked again, what they kept is gone."""
        stems = None if changed is None else set(changed)
        for slot in [slot for slot in self.states if stems is None or slot.source.stem in stems]:
            del self.states[slot]
        self.found.clear()
        if stems is None:
            self._contexts.clear()
            self._written.clear()
        self._changed()

    def settle(self) -> None:
        """Forget what the library has forgotten, and what failed; after ``SharedLibrary.forget``."""
        there = set(self._library.slots())
        self.states = {
            slot: state
            for slot, state in list(self.states.items())
            if slot in there and state.error is None and not state.hung
        }
        self.found.clear()

    def function(self, name: str) -> Callable[..., Any]:
        """Return the function *name*. Raises ``FunctionNotFound``."""
        known = self._library.remembered(self, name)
        if known is not None:
            return known[1]
        if BOUND.get() is self:
            return super().function(name)
        with self.bound():
            return super().function(name)

    def returner(self, name: str) -> Callable[..., Any]:
        """Return the function that stores a return by the returner *name*, bound. Raises ``FunctionNotFound``."""
        with self.bound():
            found = super().returner(name)

        def store(ret: Any) -> Any:
            with self.bound():
                return found(ret)

        return store

    def why_missing(self, name: str) -> str:
        """Return, in Salt's words, why there is no function *name*."""
        with self.bound():
            return super().why_missing(name)

    def docs(self, prefix: str) -> dict[str, str | None]:
        """Return the documentation of the functions whose names begin with *prefix*."""
        with self.bound():
            return super().docs(prefix)

    def file_of(self, function: str) -> str | None:
        """Return the name of the file that *function* is from."""
        known = self._library.remembered(self, function)
        if known is not None:
            source = known[0].source
            return "" if source.bundled else source.stem
        with self.bound():
            return super().file_of(function)

    def functions(self, modules: Iterable[str] | None = None) -> dict[str, Callable[..., Any]]:
        """Return the functions of *modules*, of all by default."""
        with self.bound():
            return super().functions(modules)

    def returners(self) -> dict[str, Callable[..., Any]]:
        """Return all functions of returners."""
        with self.bound():
            return super().returners()

    def grain_functions(self) -> dict[str, Callable[..., Any]]:
        """Return the functions that add grains."""
        with self.bound():
            return super().grain_functions()

    def of_kind(self, kind: str) -> Functions:
        """Raise ``NotImplementedError``: those are a master's."""
        raise NotImplementedError(kind)

    def find(self, kind: str, name: str) -> Callable[..., Any]:
        """Return the function *name* of a *kind*. Raises ``FunctionNotFound``."""
        with self.bound():
            return super().find(kind, name)

    def load_errors(self) -> dict[str, str]:
        """Return why modules are not there."""
        with self.bound():
            return super().load_errors()

    def passed_over(self) -> dict[str, str]:
        """Return by file name why a weaker module stays."""
        with self.bound():
            return super().passed_over()

    def close(self) -> None:
        """End it; the library goes on."""
        self._library.on_secrets(self, frozenset())

    @property
    def context(self) -> Context:
        """What modules from folders have as ``__context__``."""
        return self.context_of("")

    def _inject(self, name: str, value: Any) -> None:
        """Views need nothing put anywhere."""
