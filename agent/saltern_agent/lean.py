"""pyzmq, without what it imports for ``send_pyobj`` and ``send_json`` alone: 0.4 MiB that no agent has a use for.

Only the names that pyzmq itself holds are put off: whoever else imports those modules gets them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

PUT_OFF = ("pickle", "json")


class Later(ModuleType):
    """A module that is imported when something of it is first asked for."""

    DEFAULT_PROTOCOL = 4  # pickle's, which pyzmq asks for when it is imported

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def put_off(names: tuple[str, ...]) -> Iterator[None]:
    """Give whoever imports *names* meanwhile a stand-in for each that isn't imported yet."""
    stand_ins = {name: Later(name) for name in names if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


with put_off(PUT_OFF):
    import zmq as zmq
