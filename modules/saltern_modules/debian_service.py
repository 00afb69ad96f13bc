"""Services of a Debian that systemd didn't start: System V's scripts, by ``service`` and ``update-rc.d``.

Functions return whether it went well; ``False`` too for a service that there isn't.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules import _accounts, _systemd, _sysv

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "service"
__func_alias__ = {"reload_": "reload"}

__powers__ = {
    "start": "writes",
    "stop": "writes",
    "restart": "writes",
    "reload": "writes",
    "force_reload": "writes",
    "enable": "writes",
    "disable": "writes",
    "status": "reads",
    "enabled": "reads",
    "disabled": "reads",
    "available": "reads",
    "missing": "reads",
    "get_all": "reads",
    "get_enabled": "reads",
    "get_disabled": "reads",
}

SYSTEMS = frozenset(("Debian", "Raspbian", "Devuan", "NILinuxRT"))
USUAL_RUNLEVEL = "2"


def __virtual__() -> str | tuple[bool, str]:
    """Debian and its like, when systemd isn't at work."""
    if __grains__.get("os") in SYSTEMS and not _systemd.booted():
        return __virtualname__
    return (False, "The debian_service module could not be loaded: unsupported OS family and/or systemd running.")


def get_enabled() -> list[str]:
    """Return the services that are started when the host starts, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_enabled
    """
    level = _sysv.runlevel(__salt__, _accounts.found_program("runlevel"), USUAL_RUNLEVEL)
    return sorted(_sysv.started((f"/etc/rc{level}.d", "/etc/rcS.d")))


def get_disabled() -> list[str]:
    """Return the services that aren't started when the host starts, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_disabled
    """
    return sorted(set(get_all()) - set(get_enabled()))


def get_all() -> list[str]:
    """Return all services, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_all
    """
    return sorted(({*_sysv.scripts()} - {"README"}) | {*get_enabled()})


def available(name: str) -> bool:
    """Return whether there is such a service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.available ssh
    """
    return name in get_all()


def missing(name: str) -> bool:
    """Return whether there is no such service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.missing ssh
    """
    return name not in get_all()


def start(name: str) -> bool:
    """Start a service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.start ssh
    """
    return _act(name, "start")


def stop(name: str) -> bool:
    """Stop a service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.stop ssh
    """
    return _act(name, "stop")


def restart(name: str) -> bool:
    """Stop a service and start it again.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.restart ssh
    """
    return _act(name, "restart")


def reload_(name: str) -> bool:
    """Have a service read its configuration anew.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.reload ssh
    """
    return _act(name, "reload")


def force_reload(name: str) -> bool:
    """Have a service read its configuration anew, or restart it when it can't.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.force_reload ssh
    """
    return _act(name, "force-reload")


def status(name: str, sig: str | None = None) -> bool | dict[str, bool]:
    """Return whether a service runs; ``{name: bool}`` for the glob *name*.

    *sig*: a pattern that its processes' command lines match, for a script that can't tell.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.status ssh
        saltern '*' service.status 'post*'
    """
    if sig:
        return bool(__salt__["status.pid"](sig))
    found: bool | dict[str, bool] = _sysv.each(name, get_all, lambda service: _act(service, "status", asked=True))
    return found


def enable(name: str, **kwargs: Any) -> bool:
    """Have a service started when the host starts.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.enable ssh
    """
    return _links(name, "defaults") and _links(name, "enable")


def disable(name: str, **kwargs: Any) -> bool:
    """Have a service not started when the host starts.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.disable ssh
    """
    return _links(name, "disable")


def enabled(name: str, **kwargs: Any) -> bool:
    """Return whether a service is started when the host starts.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.enabled ssh
    """
    return name in get_enabled()


def disabled(name: str) -> bool:
    """Return whether there is such a service and it isn't started when the host starts.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.disabled ssh
    """
    return name in get_disabled()


def _act(name: str, action: str, *, asked: bool = False) -> bool:
    if not _sysv.is_name(name):
        return False
    return _sysv.went_well(__salt__, [_accounts.program("service"), name, action], asked=asked)


def _links(name: str, action: str) -> bool:
    return _sysv.is_name(name) and _sysv.went_well(__salt__, [_accounts.program("update-rc.d"), name, action])
