"""How programs of ours are started."""

from __future__ import annotations

import sys


def python_module(name: str, *arguments: str) -> list[str]:
    """Return the argv that runs the module *name* by this interpreter.

    ``-P`` keeps the current folder out of the import path: whoever may write there would run code as us.
    """
    return [sys.executable, "-P", "-m", name, *arguments]
