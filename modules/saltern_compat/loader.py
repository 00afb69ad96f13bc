"""``salt.loader``: what a module asks for to call others; it is what its own loader has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_compat._caller import dunder


def minion_mods(opts: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return the execution functions of the calling module's minion. Raises ``CommandError`` outside of one."""
    return _own("__salt__", "execution functions")


def raw_mod(opts: Any, name: str, functions: Any, mod: str = "modules") -> dict[str, Any]:
    """Return the functions of the module *name*, whatever its ``__virtual__`` says."""
    every = _own("__salt__", "execution functions")
    return {fun: every[fun] for fun in every if fun.partition(".")[0] == name}


def utils(opts: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return what the calling module has as ``__utils__``."""
    return _own("__utils__", "utilities")


def grains(opts: Any = None, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return the grains of the calling module's minion."""
    return dict(_own("__grains__", "grains"))


def returners(opts: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Return the functions of returners."""
    return _own("__returners__", "returners")


def render(opts: Any = None, functions: Any = None, *args: Any, **kwargs: Any) -> Mapping[str, Callable[..., Any]]:
    """Return the renderers by name: ``jinja``, ``yaml``, ``json``, ``text``."""
    from saltern_compat.renderers import RENDERERS

    return RENDERERS


def states(*args: Any, **kwargs: Any) -> Any:
    """Raise ``CommandError``: there are no states."""
    raise CommandError("salt.loader.states: Saltern has no states")


def runner(opts: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Raise ``CommandError``: runners are the master's."""
    raise CommandError("salt.loader.runner: runners run on the master: use saltutil.runner, or saltern-run there")


def _own(name: str, what: str) -> Any:
    found = dunder(name)
    if found is None:
        raise CommandError(f"salt.loader gives {what} only to modules that an agent runs")
    return found
