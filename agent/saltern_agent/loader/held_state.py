"""Whether what a module's file left behind is the same for whoever calls it.

A file may keep what it likes among its globals: a connection, a cache, a counter. Minions that share it would see each
other's. So only a file is shared that has nothing there that can change: functions, constants, other modules. All that
isn't known to be so counts as if it could.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from opcode import opmap
from types import BuiltinFunctionType, CodeType, FunctionType, GenericAlias, ModuleType, UnionType
from typing import Any

NAMESPACE = "saltern_ext."

_CONSTANT = (
    str,
    bytes,
    int,
    float,
    complex,
    bool,
    type(None),
    type(...),
    range,
    re.Pattern,
    logging.Logger,
    BuiltinFunctionType,
    GenericAlias,
    UnionType,
    type(Any),
)
_CHANGES = frozenset(opmap[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL"))
_OF_CLASSES = frozenset(
    {"__dict__", "__weakref__", "__module__", "__doc__", "__annotations__", "__static_attributes__", "__firstlineno__"}
)


def holds_state(python: ModuleType, is_shared: Callable[[str], bool]) -> bool:
    """Return whether *python*, a module that was run, may be another one after a call.

    *is_shared* tells of another module from a folder, by its full name, whether that may not.
    """
    return any(
        not _constant(value, python, is_shared)
        for name, value in list(vars(python).items())
        if not (name.startswith("__") and name.endswith("__"))
    )


def _constant(value: Any, python: ModuleType, is_shared: Callable[[str], bool]) -> bool:
    if isinstance(value, (tuple, frozenset)):
        return all(_constant(one, python, is_shared) for one in value)
    if isinstance(value, ModuleType):
        return not value.__name__.startswith(NAMESPACE) or is_shared(value.__name__)
    if isinstance(value, (FunctionType, type)):
        where = str(getattr(value, "__module__", ""))
        if where == python.__name__ or getattr(value, "__globals__", None) is vars(python):
            known = _function if isinstance(value, FunctionType) else _class
            return known(value, python, is_shared)
        return not where.startswith(NAMESPACE) or is_shared(where)
    return type(value) in _CONSTANT


def _function(value: Any, python: ModuleType, is_shared: Callable[[str], bool]) -> bool:
    """Return whether a function of the module has nothing that it could remember anything by."""
    cells = [cell.cell_contents for cell in value.__closure__ or ()]
    kept = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values(), *cells]
    return (
        not vars(value)
        and not _changes_globals(value.__code__)
        and all(one is value or _constant(one, python, is_shared) for one in kept)
    )


def _class(value: Any, python: ModuleType, is_shared: Callable[[str], bool]) -> bool:
    members: Mapping[str, Any] = vars(value)
    return type(value) is type and all(
        _constant(member, python, is_shared) for name, member in members.items() if name not in _OF_CLASSES
    )


def _changes_globals(code: CodeType) -> bool:
    return (
        not _CHANGES.isdisjoint(code.co_code[::2])
        or "globals" in code.co_names
        or any(isinstance(inner, CodeType) and _changes_globals(inner) for inner in code.co_consts)
    )
