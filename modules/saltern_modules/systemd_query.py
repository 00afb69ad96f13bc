"""What is asked of the services of a host that systemd started; a part of the module ``service``.

Services are listed without ``.service``, other units with their type. *root*: another root folder, whose unit files
are meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules import _accounts, _systemd

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "service"

__powers__ = {
    "available": "reads",
    "missing": "reads",
    "enabled": "reads",
    "disabled": "reads",
    "masked": "reads",
    "status": "reads",
    "show": "reads",
    "execs": "reads",
    "get_all": "reads",
    "get_running": "reads",
    "get_enabled": "reads",
    "get_disabled": "reads",
    "get_static": "reads",
    "offline": "reads",
}

QUIET = ("--full", "--no-legend", "--no-pager")


def __virtual__() -> str | tuple[bool, str]:
    """Hosts that systemd started, or where its program works on unit files alone."""
    if __grains__.get("kernel", "Linux") == "Linux" and (_systemd.booted() or _accounts.found_program("systemctl")):
        return __virtualname__
    return (
        False,
        "The systemd execution module failed to load: only available on Linux systems which have been booted with "
        "systemd.",
    )


def available(name: str) -> bool:
    """Return whether there is such a unit. Raises ``CommandError`` where systemd isn't at work.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.available sshd
    """
    ctl = _systemd.Systemctl(__salt__)
    ctl.tidy(name)
    return ctl.available(name)


def missing(name: str) -> bool:
    """Return whether there is no such unit.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.missing sshd
    """
    return not available(name)


def enabled(name: str, root: str | None = None, **kwargs: Any) -> bool:
    """Return whether a service is started when the host starts.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.enabled sshd
    """
    ctl = _systemd.Systemctl(__salt__)
    done = ctl.do("is-enabled", name=name, root=root)
    if done["stdout"] == "alias":
        behind = ctl.do("show", name=name, root=root, more=("-P", "Id"))["stdout"]
        return bool(ctl.do("is-enabled", name=behind, root=root)["retcode"] == 0)
    if done["retcode"] == 0:
        return True
    if "@" in str(name):  # old versions don't tell of what comes from a template
        return any(True for _ in _systemd.links(str(name)))
    return name in _systemd.scripts(root) and ctl.script_enabled(name, root)


def disabled(name: str, root: str | None = None) -> bool:
    """Return whether a service isn't started when the host starts.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.disabled sshd
    """
    return not enabled(name, root)


def masked(name: str, runtime: bool = False, root: str | None = None) -> bool:
    """Return whether nothing can start a service; with *runtime*, until the host starts anew.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.masked sshd
        saltern '*' service.masked sshd runtime=True
    """
    return _systemd.Systemctl(__salt__).masked(name, runtime, root)


def status(name: str, sig: str | None = None) -> bool | dict[str, bool]:
    """Return whether a service runs; ``{name: bool}`` for the glob *name*. *sig* is taken, and does nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.status sshd
        saltern '*' service.status 'salt*'
    """
    ctl = _systemd.Systemctl(__salt__)
    if not re.search(r"\*|\?|\[.+\]", name):
        return _active(ctl, name)
    import fnmatch

    return {service: _active(ctl, service) for service in fnmatch.filter(get_all(), name)}


def _active(ctl: _systemd.Systemctl, name: str) -> bool:
    ctl.tidy(name)
    return bool(ctl.ask("is-active", name=name)["retcode"] == 0)


def show(name: str, root: str | None = None) -> dict[str, Any]:
    """Return the properties of a unit: texts, lists of units, and dicts for structures such as ``ExecStart``.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.show sshd
    """
    return _systemd.parse_show(_systemd.Systemctl(__salt__).ask("show", name=name, root=root)["stdout"])


def execs(root: str | None = None) -> dict[str, str]:
    """Return what each service runs: ``{service: program}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.execs
    """
    found = {name: show(name, root).get("ExecStart") for name in get_all(root)}
    return {name: run["path"] for name, run in found.items() if isinstance(run, dict) and "path" in run}


def get_all(root: str | None = None) -> list[str]:
    """Return all units that have a file, and System V's scripts, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_all
    """
    units = _systemd.unit_files(root)
    return sorted(units | set(_systemd.scripts(root, units)))


def get_running() -> list[str]:
    """Return the units that run, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_running
    """
    return _systemd.parse_running(_systemd.Systemctl(__salt__).ask(*QUIET)["stdout"])


def get_enabled(root: str | None = None) -> list[str]:
    """Return what is started when the host starts, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_enabled
    """
    return _listed("enabled", root)


def get_disabled(root: str | None = None) -> list[str]:
    """Return what isn't started when the host starts and could be, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_disabled
    """
    return _listed("disabled", root)


def get_static(root: str | None = None) -> list[str]:
    """Return what only others start, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_static
    """
    return _listed("static", root)


def _listed(state: str, root: str | None) -> list[str]:
    ctl = _systemd.Systemctl(__salt__)
    found = _systemd.parse_unit_files(ctl.ask(*QUIET, "list-unit-files", root=root)["stdout"], state)
    if state == "static":
        return found
    wanted = state == "enabled"
    return sorted({*found, *(name for name in _systemd.scripts(root) if ctl.script_enabled(name, root) == wanted)})


def offline() -> str | bool | None:
    """Return whether systemd isn't at work and its program is there, by the program's path; ``False`` when it is.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.offline
    """
    return False if _systemd.booted() else _accounts.found_program("systemctl")
