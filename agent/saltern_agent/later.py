"""Modules that others import for functions that hardly any agent calls: imported when one is called, if ever.

Only the names that those others hold are put off: whoever else imports such a module gets it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class Later(ModuleType):
    """A module that is imported when something of it is first asked for."""

    DEFAULT_PROTOCOL = 4
    """Of pickle, which pyzmq asks for when it is imported."""

    @staticmethod
    def python_implementation() -> str:
        """Return what platform does, which pyzmq asks for when it is imported."""
        return {"cpython": "CPython", "pypy": "PyPy"}.get(sys.implementation.name, sys.implementation.name)

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:  # whoever imports it meanwhile gets the module itself
            del sys.modules[self.__name__]
        return getattr(__import__(self.__name__), name)


@contextmanager
def put_off(*names: str) -> Iterator[None]:
    """Give whoever imports *names* meanwhile a stand-in for each that isn't imported yet."""
    stand_ins = {name: Later(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
