"""Loading one module by Salt's contract.

A module is a Python file. Its public functions are callable from outside: those defined in it, not starting with
``_``, under their own name or the one that ``__func_alias__`` gives (``{"list_": "list"}``). ``__virtual__`` may say
``False``, or ``(False, reason)``: the module does not apply here; ``True``: it does; a text: it does, under that
name. ``__virtualname__`` is the name that ``True`` stands for.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from saltern.errors import ModuleError
from saltern_agent.jobs import Killed
from saltern_agent.loader.source import Source

log = logging.getLogger(__name__)

NAMESPACE = "saltern_ext.modules"


class NotHere(ModuleError):
    """The module itself says that it does not apply to this host."""


class Module(NamedTuple):
    """A loaded module: its name to callers, its functions by name, and the Python module."""

    name: str
    functions: dict[str, Callable[..., Any]]
    python: ModuleType


def load(source: Source, injected: Mapping[str, Any]) -> Module:
    """Return the module of *source*, with *injected* (``__salt__`` and the rest) among its globals.

    Raises ``ModuleError`` with a one-line reason, whatever the module does.
    """
    try:
        python = _import_bundled(source, injected) if source.bundled else _execute(source, injected)
        name = _virtual_name(source, python)
    except (Killed, ModuleError):
        raise
    except BaseException as error:  # a module may call sys.exit, or worse
        log.debug("%s could not be loaded", source.path, exc_info=True)
        raise ModuleError(reason(error, source.path)) from None
    return Module(name, _functions(python), python)


def reason(error: BaseException, path: str) -> str:
    """Return one line that says what went wrong and on which line of *path*."""
    text = str(error).split("\n")[0]
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
    return f"{where}{type(error).__name__}: {text}" if text else f"{where}{type(error).__name__}"


def _import_bundled(source: Source, injected: Mapping[str, Any]) -> ModuleType:
    name = f"saltern_modules.{source.stem}"
    sys.modules.pop(name, None)  # a fresh one, with none of the state of the last
    python = importlib.import_module(name)
    python.__dict__.update(injected)
    return python


def _execute(source: Source, injected: Mapping[str, Any]) -> ModuleType:
    """Run a module's file. No byte code is kept: its staleness is judged by whole seconds, a sync is quicker."""
    name = f"{NAMESPACE}.{source.stem}"
    python = ModuleType(name)
    python.__file__ = source.path
    python.__dict__.update(injected)
    with open(source.path, "rb") as stream:
        code = compile(stream.read(), source.path, "exec", dont_inherit=True)
    sys.modules[name] = python  # dataclasses and pickle look a class's module up there
    exec(code, python.__dict__)  # noqa: S102  # running the operator's own modules is what this program is for
    return python


def _virtual_name(source: Source, python: ModuleType) -> str:
    own_name = str(getattr(python, "__virtualname__", source.stem))
    virtual = getattr(python, "__virtual__", None)
    if not callable(virtual):
        return own_name
    answer = virtual()
    why = ""
    if isinstance(answer, tuple) and answer:
        answer, why = answer[0], str(answer[1]) if len(answer) > 1 else ""
    if answer is True:
        return own_name
    if isinstance(answer, str) and answer:
        return answer
    raise NotHere((why or "__virtual__ said that it does not apply here").split("\n")[0])


def _functions(python: ModuleType) -> dict[str, Callable[..., Any]]:
    aliases = getattr(python, "__func_alias__", {})
    only = getattr(python, "__load__", None)
    return {
        aliases.get(name, name): function
        for name, function in vars(python).items()
        if not name.startswith("_")
        and isinstance(function, FunctionType)
        and function.__module__ == python.__name__
        and (only is None or name in only)
    }
