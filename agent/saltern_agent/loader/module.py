"""Loading one module by Salt's contract.

A module is a Python file or package. Its public functions are callable from outside: those defined in it, or in a file
of the package and imported into it, or named by ``__load__`` if there is one, not starting with ``_``, under their own
name or the one that ``__func_alias__`` gives (``{"list_": "list"}``). ``__virtual__`` may
say ``False``, or ``(False, reason)``: the module does not apply here; ``True``: it does; a text: it does, under that
name. ``__virtualname__`` is the name that ``True`` stands for, ``__virtual_aliases__`` are names beside it.
``__init__(opts)`` is called once, before ``__virtual__``.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from saltern.errors import ModuleError
from saltern.named import NamedTuple

log = logging.getLogger(__name__)

MAX_REASON_CHARACTERS = 300
_NAME = re.compile(r"\w+(-\w+)*")
"""Of a module. Salt's own are Python's names; a file's may have a hyphen, or begin with a digit."""


class NotHere(ModuleError):
    """The module itself says that it does not apply to this host, for the reason *why*, when it gives one."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why or "__virtual__ said that it does not apply here")
        self.why = why


class Deadly(ImportError):
    """What is at *path* ended the agent whenever it was loaded, and is not loaded any more."""

    def __init__(self, path: str) -> None:
        super().__init__("it ended the agent when it was loaded", path=path)


class Module(NamedTuple):
    """A loaded module: its name to callers, its functions by name, the Python module, and the other names it has."""

    name: str
    functions: dict[str, Callable[..., Any]]
    python: ModuleType
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names that callers have for it."""
        return (self.name, *self.aliases)


def module_of(stem: str, python: ModuleType) -> Module:
    """Return the module that *python*, made of the file *stem*, is to callers.

    Raises ``NotHere`` when it does not apply to this host, and whatever its ``__virtual__`` raises.
    """
    name = _virtual_name(stem, python)
    aliases = tuple(_checked(str(alias)) for alias in getattr(python, "__virtual_aliases__", ()))
    return Module(name, _functions(python), python, aliases)


def initialise(python: ModuleType, opts: dict[str, Any]) -> None:
    """Call the ``__init__`` of a module that was just run, if it has one. Raises ``ModuleError`` when that fails.

    One that takes no options is left alone, as in Salt.
    """
    function = vars(python).get("__init__")
    if not isinstance(function, FunctionType):
        return
    try:
        function(opts)
    except TypeError as error:
        log.warning("%s: __init__ was not called rightly: %s", python.__name__, error)
    except Exception as error:
        raise ModuleError(f"__init__ failed: {type(error).__name__}: {error}") from error


def reason(error: BaseException, path: str) -> str:
    """Return one line that says what went wrong and on which line of *path*."""
    text = str(error).split("\n")[0]
    if isinstance(error, Deadly):
        return text if str(error.path).startswith(path) else f"{os.path.basename(str(error.path))}: {text}"
    line = None
    if isinstance(error, SyntaxError):
        text, line = error.msg, error.lineno
    else:
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == path:
                line = trace.tb_lineno
            trace = trace.tb_next
    where = f"line {line}: " if line else ""
    said = f"{where}{type(error).__name__}: {text}" if text else f"{where}{type(error).__name__}"
    return said[:MAX_REASON_CHARACTERS]


def fault(error: BaseException) -> str:
    """Return what went wrong in the bare words of *error*, on one line."""
    said = error.why if isinstance(error, NotHere) else "; ".join(getattr(error, "__notes__", ())) or str(error)
    return said.split("\n")[0][:MAX_REASON_CHARACTERS]


def _virtual_name(stem: str, python: ModuleType) -> str:
    own_name = str(getattr(python, "__virtualname__", stem))
    virtual = getattr(python, "__virtual__", None)
    if not callable(virtual):
        return _checked(own_name)
    try:
        answer = virtual()
    except Exception as error:
        said = f"Exception raised when processing __virtual__ function for {stem}. Module will not be loaded: {error}"
        error.add_note(said)
        raise
    why = ""
    if isinstance(answer, tuple) and answer:
        answer, why = answer[0], str(answer[1]) if len(answer) > 1 else ""
    if answer is True:
        return _checked(own_name)
    if isinstance(answer, str) and answer:  # another name than the file's: what it names itself counts, as in Salt
        return _checked(answer if answer == stem else str(getattr(python, "__virtualname__", answer)))
    raise NotHere(why.split("\n")[0][:MAX_REASON_CHARACTERS])


def _checked(name: str) -> str:
    """Return *name* if a function can be called by it. Raises ``ModuleError``."""
    if not _NAME.fullmatch(name):
        raise ModuleError(f"it goes by the name {name!r}: one is made of letters, digits and _")
    return name


def _functions(python: ModuleType) -> dict[str, Callable[..., Any]]:
    aliases = getattr(python, "__func_alias__", {})
    only = getattr(python, "__load__", getattr(python, "__all__", None))
    found = {
        name: function
        for name, function in vars(python).items()
        if not name.startswith("_")
        and isinstance(function, FunctionType)
        and (_is_own(python, function) if only is None else name in only)
    }
    for name, is_met, fallback in getattr(python, "__depends__", ()):  # by the decorator ``depends``
        if name in found and not is_met():
            if fallback is None:
                del found[name]
            else:
                found[name] = fallback
    return {aliases.get(name, name): function for name, function in found.items()}


def _is_own(python: ModuleType, function: FunctionType) -> bool:
    """Return whether *function* was defined in the module, or in a file below it if it is a package."""
    return f"{function.__module__}.".startswith(f"{python.__name__}.")
