"""``test`` about the agent itself: its version and what it stands on, its options, and which modules it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern import __version__
from saltern_modules import _agent
from saltern_modules._agent import AGENT_KEY
from saltern_modules._served_as import SERVED_AS

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]
__grains__: Mapping[str, Any]

__virtualname__ = "test"

__proxyenabled__ = ["*"]

__powers__ = {
    "version": "reads",
    "versions_information": "reads",
    "versions_report": "reads",
    "versions": "reads",
    "conf_test": "reads",
    "get_opts": "reads",
    "opts_pkg": "reads",
    "module_report": "reads",
    "provider": "reads",
    "providers": "reads",
    "not_loaded": "reads",
}

NOT_INSTALLED = "Not Installed"

SALT_FILES = {"cmd": "cmdmod", "log": "logmod"}
"""What Salt calls a file that has another name here: scripts ask for it."""


def version() -> str:
    """Return the agent's version.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.version
    """
    return __version__


def versions_information() -> dict[str, dict[str, str]]:
    """Return the versions of Saltern, of what it stands on, and of the system.

    ``{'Saltern Version': {…}, 'Python Version': {…}, 'Dependency Versions': {…}, 'System Versions': {…}}``, all text.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.versions_information
    """
    import platform  # seldom asked for, and costs memory
    from importlib import metadata

    dependencies = {}
    for package in ("pyzmq", "msgpack", "PyYAML", "psutil"):
        try:
            dependencies[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            dependencies[package] = NOT_INSTALLED
    return {
        "Saltern Version": {"Saltern": __version__},
        "Python Version": {"Python": platform.python_version()},
        "Dependency Versions": dependencies,
        "System Versions": {
            "machine": platform.machine(),
            "release": platform.release(),
            "system": platform.system(),
            "os": str(__grains__.get("osfinger", __grains__.get("os", ""))),
        },
    }


def versions_report() -> str:
    """Return what ``test.versions_information`` does as a text of lines.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.versions_report
    """
    found = versions_information()
    width = max(len(name) for name in (NOT_INSTALLED, *found["Dependency Versions"], *found["System Versions"])) + 1
    lines = []
    for title, versions in found.items():
        rows = [f"{name:>{width}}: {versions[name]}" for name in sorted(versions, key=str.lower)]
        lines += [f"{title}:", *rows, " "]
    return "\n".join(lines)


def versions() -> str:
    """Return the same as ``test.versions_report``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.versions
    """
    return versions_report()


def conf_test() -> Any:
    """Return ``test.foo`` of the minion's configuration, or ``unconfigured``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.conf_test
    """
    return __opts__.get("test.foo", "unconfigured")


def get_opts() -> dict[str, Any]:
    """Return the options of this minion.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.get_opts
    """
    return {name: value for name, value in __opts__.items() if name != AGENT_KEY}


def opts_pkg() -> dict[str, Any]:
    """Return the options of this minion, and its grains under ``grains``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.opts_pkg
    """
    return {**get_opts(), "grains": dict(__grains__)}


def module_report() -> dict[str, list[str]]:
    """Return all modules and functions, and by which references they can be reached.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.module_report
    """
    functions = sorted(__salt__)
    modules = sorted({name.partition(".")[0] for name in functions})
    return {
        "functions": functions,
        "function_attrs": functions,
        "function_subs": functions,
        "modules": modules,
        "module_attrs": modules,
        "missing_attrs": [],
        "missing_subs": [],
    }


def provider(module: str) -> str:
    """Return the name of the file, without ``.py``, that serves *module*; empty when none does.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.provider cmd
    """
    return next((_file_of(__salt__[name]) for name in __salt__ if name.startswith(f"{module}.")), "")


def providers() -> dict[str, str]:
    """Return the modules that are there, by the files that serve them: ``{'sysmod': 'sys', …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.providers
    """
    return {_file_of(__salt__[name]): name.partition(".")[0] for name in __salt__}


def not_loaded() -> list[str]:
    """Return the names of the files whose modules are not there, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.not_loaded
    """
    agent = _agent.present(__opts__)
    return sorted(agent.load_errors()) if agent is not None else []


def _file_of(function: Callable[..., Any]) -> str:
    """Return the name of the file of *function*; of a module in several files, that of the whole."""
    code = getattr(function, "__code__", None)
    name = str(code.co_filename).rpartition("/")[2].removesuffix(".py") if code is not None else ""
    served_as = SERVED_AS.get(name)
    while served_as and (whole := name.rpartition("_")[0]) and served_as in (whole, SERVED_AS.get(whole)):
        name = whole
    return SALT_FILES.get(name, name)
