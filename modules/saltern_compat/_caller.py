"""The module on whose behalf something here runs, and what the agent's loader put into it.

Salt's functions take a module's ``__salt__`` and ``__opts__`` from their own globals, for a process serves one minion.
Here the caller's are used: the first globals on the way back through the calls that have them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError


def dunder(name: str, default: Any = None) -> Any:
    """Return what the calling module has as *name* (``__opts__``), else *default*."""
    frame = sys._getframe(1)
    while frame is not None:
        found = frame.f_globals
        if "__salt__" in found and name in found:
            return found[name]
        frame = frame.f_back  # type: ignore[assignment]  # None after the last
    return default


def options() -> Mapping[str, Any]:
    """Return the options of the minion that the calling module works for; nothing outside of one."""
    found: Mapping[str, Any] = dunder("__opts__", {})
    return found


def function(name: str) -> Any:
    """Return the execution function *name* of the calling module's minion. Raises ``CommandError``."""
    functions = dunder("__salt__")
    try:
        return functions[name]
    except (KeyError, TypeError):
        raise CommandError(f"{name} is not available here") from None
