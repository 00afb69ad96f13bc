"""How programs of ours are started."""

from __future__ import annotations

import sys


def python_module(name: str, *arguments: str) -> list[str]:
    """Return the argv that runs the module *name* by this interpreter.

    ``-P`` keeps the current folder out of the import path: whoever may write there would run code as us.
    """
    return [sys.executable, "-P", "-m", name, *arguments]


WITHOUT_FOLDER = (
    "import sys; sys.path = [one for one in sys.path if one]; import runpy; "
    "runpy.run_module({!r}, run_name='__main__', alter_sys=True)"
)


def module_of(python: str, name: str, *arguments: str) -> list[str]:
    """Return the argv that runs the module *name* by another *python*, which may be too old for ``-P``.

    The current folder is taken out of the import path all the same.
    """
    return [python, "-c", WITHOUT_FOLDER.format(name), *arguments]
