"""What this minion can do: its modules, functions, and their documentation."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern_modules import _agent
from saltern_modules._docs import plain_doc

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]

__virtualname__ = "sys"

__proxyenabled__ = ["*"]

__powers__ = {
    "doc": "reads",
    "list_functions": "reads",
    "list_modules": "reads",
    "argspec": "reads",
    "reload_modules": "writes",
    "returner_doc": "reads",
    "returner_argspec": "reads",
    "list_returners": "reads",
    "list_returner_functions": "reads",
    "load_errors": "reads",
    "versions": "reads",
}


def __virtual__() -> str:
    """This file can't be called ``sys``: it would hide the interpreter's own."""
    return __virtualname__


def _functions(args: Sequence[str] = ()) -> dict[str, Callable[..., Any]]:
    """Return all functions that *args* can mean, sorted by name.

    No module is loaded but those that are named, if all are: what is loaded stays, and all of them take 9 MiB.
    """
    modules = {arg.partition(".")[0] for arg in args if isinstance(arg, str)}
    every = len(modules) == 0 or any(set(module) & set("*?[") for module in modules)
    agent = _agent.present(__opts__)
    functions = agent.functions(None if every else modules) if agent else dict(__salt__)
    return {name: functions[name] for name in sorted(functions)}


def doc(*args: str) -> dict[str, str | None]:
    """Return the documentation of the functions that match *args*, as ``{function: text or None}``.

    Each of *args* is a module, a function, or a pattern of functions with ``*``; without any, everything is told.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.doc
        saltern '*' sys.doc test.ping 'cmd.*'
    """

    return _docs(_functions(args), args)


def returner_doc(*args: str) -> dict[str, str | None]:
    """Return the documentation of the returners' functions that match *args*, as ``sys.doc`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.returner_doc 'sql*'
    """
    return _docs(_returners(), args)


def list_functions(*args: str, **kwargs: Any) -> list[str]:
    """Return the names of the functions of the modules *args*, or that match those with ``*`` or ``.``, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.list_functions test 'cmd.r*'
    """
    return [name for name in _functions(args) if not args or any(_is_of(name, arg) for arg in args)]


def list_returner_functions(*args: str, **kwargs: Any) -> list[str]:
    """Return the names of the returners' functions, chosen as ``sys.list_functions`` does, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.list_returner_functions local
    """
    return [name for name in _returners() if not args or any(_is_of(name, arg) for arg in args)]


def list_modules(*args: str) -> list[str]:
    """Return the names of the modules, sorted: of all, of those named, or that have functions matching ``te*``.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.list_modules 's*'
    """

    return _modules(_functions(args), args)


def list_returners(*args: str) -> list[str]:
    """Return the names of the returners, chosen as ``sys.list_modules`` does, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.list_returners
    """
    return _modules(_returners(), args)


def reload_modules() -> None:
    """Load every module anew when it is next called.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.reload_modules
    """
    agent = _agent.present(__opts__)
    if agent is not None:
        agent.refresh_modules()


def argspec(module: str = "") -> dict[str, dict[str, Any]]:
    """Return the parameters of the functions of *module*, or that match it when it has a ``*`` or ``.``.

    ``{function: {'args': [names] or None, 'defaults': [of the last of them] or None, 'varargs': True or None,
    'kwargs': True or None}}``. Parameters that can only be given by name are among ``args``, after the others; where
    they stand behind ``*args``, ``'placed'`` says how many stand before it.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.argspec cmd.run
    """
    return _argspecs(_functions([module] if module else ()), module)


def returner_argspec(module: str = "") -> dict[str, dict[str, Any]]:
    """Return the parameters of the returners' functions, as ``sys.argspec`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' sys.returner_argspec local
    """
    return _argspecs(_returners(), module)


def _returners() -> dict[str, Callable[..., Any]]:
    """Return all functions of returners, sorted by name."""
    found = _agent.connected(__opts__, "sys.list_returners").returners()
    return {name: found[name] for name in sorted(found)}


def _docs(functions: Mapping[str, Callable[..., Any]], args: tuple[str, ...]) -> dict[str, str | None]:
    def wanted(name: str) -> bool:
        return not args or any(
            fnmatch.fnmatchcase(name, arg) if "*" in arg else name == arg or name.startswith(arg.rstrip(".") + ".")
            for arg in args
        )

    return {name: plain_doc(function.__doc__) for name, function in functions.items() if wanted(name)}


def _modules(functions: Mapping[str, Callable[..., Any]], args: tuple[str, ...]) -> list[str]:
    def wanted(name: str) -> bool:
        module = name.partition(".")[0]
        return not args or any(fnmatch.fnmatchcase(name, arg) if "*" in arg else module == arg for arg in args)

    return sorted({name.partition(".")[0] for name in functions if wanted(name)})


def _argspecs(functions: Mapping[str, Callable[..., Any]], module: str) -> dict[str, dict[str, Any]]:
    return {name: _argspec(function) for name, function in functions.items() if not module or _is_of(name, module)}


def _is_of(name: str, wanted: str) -> bool:
    """Return whether a function is *wanted*: a module's name, or a pattern with ``*`` or ``.``."""
    if "*" in wanted or "." in wanted:
        return fnmatch.fnmatchcase(name, wanted)
    return name.partition(".")[0] == wanted


def _argspec(function: Callable[..., Any]) -> dict[str, Any]:
    import inspect  # only documentation needs it

    spec = inspect.getfullargspec(inspect.unwrap(function))
    defaults = [*(spec.defaults or ())]
    for name in spec.kwonlyargs:
        if name in (spec.kwonlydefaults or {}) or defaults:  # one that must be given has none, and those before it do
            defaults.append((spec.kwonlydefaults or {}).get(name))
    return {
        "args": [*spec.args, *spec.kwonlyargs] or None,
        "defaults": defaults or None,
        "varargs": True if spec.varargs else None,
        "kwargs": True if spec.varkw else None,
        **({"placed": len(spec.args)} if spec.varargs and spec.kwonlyargs else {}),
    }


def load_errors() -> dict[str, str]:
    """Return the modules that could not be loaded, each with its reason in one line: ``{name: reason}``.

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
