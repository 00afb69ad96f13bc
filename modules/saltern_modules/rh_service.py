"""Services of an old Red Hat and its like, which systemd didn't start: System V's scripts, by ``chkconfig``.

Functions return whether it went well. *limit*: ``sysvinit``, the only kind here; ``upstart`` comes to nothing.
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
    "start": "writes",
    "stop": "writes",
    "restart": "writes",
    "reload": "writes",
    "delete": "writes",
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

NO_BOUND = 1 << 16
SYSTEMD_SINCE = {
    "RedHat": 7,
    "CentOS": 7,
    "ScientificLinux": 7,
    "OEL": 7,
    "CloudLinux": 7,
    "XenServer": 7,
    "XCP-ng": 7,
    "Fedora": 15,
    "SUSE": 12,
    "Amazon": NO_BOUND,
    "ALT": NO_BOUND,
    "SUSE  Enterprise Server": NO_BOUND,
    "McAfee  OS Server": NO_BOUND,
    "VirtuozzoLinux": NO_BOUND,
}
"""The first release of each system that has systemd."""

CHKCONFIG = "/sbin/chkconfig"
USUAL_RUNLEVEL = "3"


def __virtual__() -> str | tuple[bool, str]:
    """Red Hat's family of before systemd."""
    if _systemd.booted():
        return (False, "The rh_service execution module failed to load: this system was booted with systemd.")
    name = str(__grains__.get("os"))
    if name not in SYSTEMD_SINCE:
        return (False, f"Cannot load rh_service module: OS not in {set(SYSTEMD_SINCE)}")
    major = (__grains__.get("osrelease_info") or [0])[0]
    if isinstance(major, int) and major >= SYSTEMD_SINCE[name]:
        return (
            False,
            f"{name} >= {SYSTEMD_SINCE[name]} uses systemd, will not load rh_service.py as virtual 'service'",
        )
    return __virtualname__


def _levels() -> dict[str, set[str]]:
    options: dict[str, Any] = {"python_shell": False, "ignore_retcode": True, "timeout": _sysv.QUERY_TIMEOUT_S}
    found = _sysv.parse_chkconfig(__salt__["cmd.run_stdout"]([CHKCONFIG, "--list"], **options))
    return {name: levels for name, levels in found.items() if _is_script(name)}


def _is_script(name: str) -> bool:
    return _sysv.is_name(name) and os.access(os.path.join(_sysv.SCRIPTS, name), os.X_OK)


def _runlevel() -> str:
    return _sysv.runlevel(__salt__, "/sbin/runlevel", USUAL_RUNLEVEL)


def _listed(limit: str, *, started: bool) -> list[str]:
    if limit.lower() == "upstart":
        return []
    level = _runlevel()
    return sorted(name for name, levels in _levels().items() if _is_started(name, levels, level) == started)


def _is_started(name: str, levels: set[str], level: str) -> bool:
    return level in levels or name in _sysv.started((f"/etc/rc.d/rc{level}.d",))


def get_enabled(limit: str = "") -> list[str]:
    """Return the services that are started when the host starts, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_enabled
    """
    return _listed(limit, started=True)


def get_disabled(limit: str = "") -> list[str]:
    """Return the services that aren't started when the host starts, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_disabled
    """
    return _listed(limit, started=False)


def get_all(limit: str = "") -> list[str]:
    """Return all services, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.get_all
    """
    return [] if limit.lower() == "upstart" else sorted(_levels())


def available(name: str, limit: str = "") -> bool:
    """Return whether there is such a service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.available sshd
    """
    if limit == "upstart":
        return False
    return _is_script(name) or (limit != "sysvinit" and _is_known(name))


def missing(name: str, limit: str = "") -> bool:
    """Return whether there is no such service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.missing sshd
    """
    return limit == "upstart" or not _is_script(name)


def start(name: str) -> bool:
    """Start a service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.start sshd
    """
    return _act(name, "start")


def stop(name: str) -> bool:
    """Stop a service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.stop sshd
    """
    return _act(name, "stop")


def restart(name: str) -> bool:
    """Stop a service and start it again.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.restart sshd
    """
    return _act(name, "restart")


def reload_(name: str) -> bool:
    """Have a service read its configuration anew.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.reload sshd
    """
    return _act(name, "reload")


def status(name: str, sig: str | None = None) -> bool | dict[str, bool]:
    """Return whether a service runs; ``{name: bool}`` for the glob *name*.

    *sig*: a pattern that its processes' command lines match, for a script that can't tell.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.status sshd
    """
    if sig:
        return bool(__salt__["status.pid"](sig))
    found: bool | dict[str, bool] = _sysv.each(name, get_all, lambda service: _act(service, "status", asked=True))
    return found


def delete(name: str, **kwargs: Any) -> bool:
    """Have ``chkconfig`` forget a service.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.delete sshd
    """
    return _is_known(name) and _chkconfig("--del", name)


def enable(name: str, **kwargs: Any) -> bool:
    """Have a service started when the host starts.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.enable sshd
    """
    return _switch(name, "on")


def disable(name: str, **kwargs: Any) -> bool:
    """Have a service not started when the host starts.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.disable sshd
    """
    return _switch(name, "off")


def enabled(name: str, **kwargs: Any) -> bool:
    """Return whether a service is started when the host starts.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.enabled sshd
    """
    return _is_started(name, _levels().get(name, set()), _runlevel())


def disabled(name: str) -> bool:
    """Return whether a service isn't started when the host starts.

    CLI Example:

    .. code-block:: bash

        saltern '*' service.disabled sshd
    """
    return not enabled(name)


def _act(name: str, action: str, *, asked: bool = False) -> bool:
    return _sysv.is_name(name) and _sysv.went_well(__salt__, ["/sbin/service", name, action], asked=asked)


def _is_known(name: str) -> bool:
    return _sysv.is_name(name) and _sysv.went_well(__salt__, [CHKCONFIG, "--list", name], asked=True)


def _switch(name: str, to: str) -> bool:
    return _sysv.is_name(name) and (_is_known(name) or _chkconfig("--add", name)) and _chkconfig(name, to)


def _chkconfig(*words: str) -> bool:
    return _sysv.went_well(__salt__, [CHKCONFIG, *words])
