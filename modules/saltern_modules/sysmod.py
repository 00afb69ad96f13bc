"""What this minion can do: its modules, functions, and their documentation."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules import _agent

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]

__virtualname__ = "sys"

__powers__ = {
    "doc": "reads",
    "list_functions": "reads",
    "list_modules": "reads",
    "argspec": "reads",
    "load_errors": "reads",
    "versions": "reads",
}


def __virtual__() -> str:
    """This file can't be called ``sys``: it would hide the interpreter's own."""
    return __virtualname__


def _functions(patterns: tuple[str, ...]) -> dict[str, Callable[..., Any]]:
    """Return the functions that match one of *patterns*, or all of them, sorted by name.

    A pattern is a glob of a function (``test.p*``), or of a module (``test``, ``te*``).
    """
    agent = _agent.present(__opts__)
    functions = agent.functions() if agent else dict(__salt__)

    def wanted(name: str) -> bool:
        module = name.partition(".")[0]
        return not patterns or any(
            fnmatch.fnmatchcase(name if "." in pattern else module, pattern.removesuffix(".")) for pattern in patterns
        )

    return {name: functions[name] for name in sorted(functions) if wanted(name)}


def doc(*args: str) -> dict[str, str]:
    """Return the documentation of the functions that match *args*, as ``{function: text}``.

    Each of *args* is a module, a function, or a glob of either; without any, everything is told.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.doc
        saltern '*' sys.doc test.ping 'cmd.*'
    """
    import inspect  # only documentation needs it

    return {name: inspect.getdoc(function) or "" for name, function in _functions(args).items()}


def list_functions(*args: str) -> list[str]:
    """Return the names of the functions that match *args* (as in ``sys.doc``), sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.list_functions test
    """
    return list(_functions(args))


def list_modules(*args: str) -> list[str]:
    """Return the names of the modules that match the globs *args*, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.list_modules 's*'
    """
    return sorted({name.partition(".")[0] for name in _functions(args)})


def argspec(*args: str) -> dict[str, dict[str, Any]]:
    """Return the parameters of the functions that match *args* (as in ``sys.doc``).

    ``{function: {'args': [names], 'defaults': [of the last of them] or None, 'varargs': True or None,
    'kwargs': True or None}}``. Parameters that can only be given by name are among ``args``, after the others.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.argspec cmd.run
    """
    return {name: _argspec(function) for name, function in _functions(args).items()}


def _argspec(function: Callable[..., Any]) -> dict[str, Any]:
    import inspect  # only documentation needs it

    spec = inspect.getfullargspec(function)
    defaults = [*(spec.defaults or ()), *(spec.kwonlydefaults or {}).values()]
    return {
        "args": [*spec.args, *spec.kwonlyargs],
        "defaults": defaults or None,
        "varargs": True if spec.varargs else None,
        "kwargs": True if spec.varkw else None,
    }


def load_errors() -> dict[str, str]:
    """Return the modules that could not be loaded, each with its reason.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.load_errors
    """
    return _agent.connected(__opts__, "sys.load_errors").load_errors()


def versions() -> dict[str, dict[str, str | None]]:
    """Return the synced modules: ``{name: {'digest': SHA-256 in hex, 'commit': git commit or None}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.versions
    """
    return _agent.connected(__opts__, "sys.versions").module_versions()
