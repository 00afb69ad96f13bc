"""What ``import salt`` gives on a host without Salt: the package ``saltern_compat``, by Salt's names.

A finder of Python's answers for ``salt`` and all below it once modules from folders are loaded, so that every way to
import works: in the middle of a function, by ``importlib.import_module``, in a library that such a module uses. The
agent itself imports nothing of it, and a host that has Salt installed gives its modules Salt's own.

What isn't here says so in one line that names it, as ``ModuleNotFoundError``, ``ImportError`` or ``AttributeError``:
what a module written for several versions of Salt expects.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

SALT, OURS = "salt", "saltern_compat"
SIX = "six"
"""A library that came with Salt for ten years, and that modules import by its own name, too."""
SERVERS = (f"{SALT}.modules.", f"{SALT}.ext.six.moves.")
"""Packages that make their modules when they are asked for, by a function ``served(name)``."""


class SaltNames:
    """Finds ``salt`` and what is below it (PEP 451), where Salt itself isn't installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what loads the module *fullname*; ``None`` for all that isn't for this. Raises what importing does."""
        if fullname != SALT and not fullname.startswith(f"{SALT}."):
            return None
        if fullname == SALT:
            real = PathFinder.find_spec(SALT)
            if real is not None and real.origin is not None:
                return None
        elif getattr(sys.modules.get(SALT), "__name__", "") != OURS:
            return None
        return ModuleSpec(fullname, _Named(named(fullname)))

    def invalidate_caches(self) -> None:
        """Forget nothing: nothing is kept."""


class _Named(Loader):
    """Puts a module that is there already under another name (PEP 451's loader)."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave that to Python: what it makes is replaced at once."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module in the place of the empty one, as Python lets a module do with itself."""
        sys.modules[module.__name__] = self._module


def install() -> None:
    """Have ``import salt`` find what is here; once for the process."""
    if not any(type(finder) is SaltNames for finder in sys.meta_path):
        sys.meta_path.insert(0, SaltNames())  # before the one that would find salt.utils in our folder, a second time


def named(fullname: str) -> ModuleType:
    """Return the module that Salt's name *fullname* stands for. Raises ``ModuleNotFoundError``."""
    own = f"{OURS}{fullname.removeprefix(SALT)}"
    server = next((prefix for prefix in SERVERS if fullname.startswith(prefix)), "")
    try:
        if server:
            package = importlib.import_module(f"{OURS}{server.removeprefix(SALT)[:-1]}")
            python: ModuleType = package.served(fullname.removeprefix(server))
        else:
            python = importlib.import_module(own)
    except ModuleNotFoundError as error:
        if not f"{own}.".startswith(f"{error.name}."):
            raise  # a library that it needs isn't installed
        raise ModuleNotFoundError(_not_here(fullname), name=fullname) from None
    if type(python) is ModuleType:
        vars(python).setdefault("__getattr__", _Missing(fullname, python))
    return python


class _Missing:
    """A module's ``__getattr__`` (PEP 562): the modules in it, imported when asked for; the rest isn't here."""

    def __init__(self, fullname: str, python: ModuleType) -> None:
        self._name = fullname
        self._package = hasattr(python, "__path__")

    def __call__(self, attribute: str) -> ModuleType:
        if self._package and not attribute.startswith("__"):
            try:
                return importlib.import_module(f"{self._name}.{attribute}")
            except ModuleNotFoundError as error:
                if error.name != f"{self._name}.{attribute}":
                    raise
        raise AttributeError(_not_here(f"{self._name}.{attribute}"))


def six(name: str, fromlist: Sequence[str] | None) -> ModuleType | None:
    """Return what ``import name`` of six, where it isn't installed, gives: Salt's copy of it, where that is there."""
    try:
        last = importlib.import_module(f"{SALT}.ext.{name}")
    except ModuleNotFoundError:
        return None
    return last if fromlist else importlib.import_module(f"{SALT}.ext.{SIX}")


def check(name: str, python: ModuleType, members: Sequence[str]) -> None:
    """Raise ``ImportError`` that says which of *members* isn't in Salt's module *name*."""
    for member in members:
        if member != "*" and not hasattr(python, member):
            raise ImportError(_not_here(f"{name}.{member}"), name=name)


def is_ours(python: ModuleType) -> bool:
    """Return whether *python* is a part of what stands for Salt."""
    return f"{python.__name__}.".startswith(f"{OURS}.")


def _not_here(name: str) -> str:
    return f"{name} isn't here: of Salt's own code Saltern has only what docs/salt-compatibility.md names"
