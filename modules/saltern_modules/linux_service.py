"""Services of a Linux whose kind of services isn't known otherwise: System V's scripts, called by themselves.

Functions return whether it went well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules import _systemd, _sysv

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "service"
__func_alias__ = {"reload_": "reload"}

__powers__ = {
    "run": "runs",
    "start": "writes",
    "stop": "writes",
    "restart": "writes",
    "reload": "writes",
    "status": "reads",
    "available": "reads",
    "missing": "reads",
    "get_all": "reads",
}

OTHERWISE = frozenset(
    (
        "ALT",
        "Amazon",
        "CentOS",
        "CloudLinux",
        "Debian",
        "Devuan",
        "Fedora",
        "Gentoo",
        "Linaro",
        "McAfee  OS Server",
        "OEL",
        "Raspbian",
        "RedHat",
        "SUSE",
        "ScientificLinux",
        "Slackware",
        "Ubuntu",
        "elementary OS",
    )
)
"""Systems that other drivers know."""

FOLDERS = {"Arch": "/etc/rc.d", "Arch ARM": "/etc/rc.d"}


def __virtual__() -> str | tuple[bool, str]:
    """What no other driver is for."""
    if __grains__.get("os") in OTHERWISE:
        return (False, "Your OS is on the disabled list")
    if __grains__.get("kernel", "Linux") != "Linux":
        return (False, "Non Linux OSes are not supported")
    init = __grains__.get("init")
    if init not in (None, "sysvinit", "unknown"):
        return (False, f"Minion is running {init}")
    return (False, "Minion is running systemd") if _systemd.booted() else __virtualname__


def _folder() -> str:
    return FOLDERS.get(str(__grains__.get("os")), _sysv.SCRIPTS)


def run(name: str, action: str) -> bool:
    """Call a service's script with the words of *action*.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.run postgresql initdb
    """
    if not _sysv.is_name(name):
        return False
    return _sysv.went_well(__salt__, [os.path.join(_folder(), name), *str(action).split()])


def start(name: str) -> bool:
    """Start a service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.start sshd
    """
    return run(name, "start")


def stop(name: str) -> bool:
    """Stop a service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.stop sshd
    """
    return run(name, "stop")


def restart(name: str) -> bool:
    """Stop a service and start it again.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.restart sshd
    """
    return run(name, "restart")


def reload_(name: str) -> bool:
    """Have a service read its configuration anew.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.reload sshd
    """
    return run(name, "reload")


def status(name: str, sig: str | None = None) -> str | dict[str, str]:
    """Return the process ids of a service as ``status.pid`` does, empty when it doesn't run; by name for a glob.

    *sig*: a pattern that its processes' command lines match, in the name's place.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.status sshd
    """
    found: str | dict[str, str] = (
        __salt__["status.pid"](sig) if sig else _sysv.each(name, get_all, lambda one: str(__salt__["status.pid"](one)))
    )
    return found


def available(name: str) -> bool:
    """Return whether there is such a service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.available sshd
    """
    return name in get_all()


def missing(name: str) -> bool:
    """Return whether there is no such service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.missing sshd
    """
    return name not in get_all()


def get_all() -> list[str]:
    """Return all services, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_all
    """
    return _sysv.scripts(_folder())
