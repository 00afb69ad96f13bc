"""Services of a device of the proxytype ``rest_sample``."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

__proxy__: Mapping[str, Callable[..., Any]]

__virtualname__ = "service"
__proxyenabled__ = ["rest_sample"]

__powers__ = {
    "get_all": "reads",
    "list": "reads",
    "available": "reads",
    "missing": "reads",
    "status": "reads",
    "running": "reads",
    "enabled": "reads",
    "start": "writes",
    "stop": "writes",
    "restart": "writes",
}
__func_alias__ = {"list_": "list"}

ENABLED = "redbull"
"""What alone starts with the device, which can't be asked."""


def get_all() -> dict[str, Any]:
    """Return the services, each with ``running`` or ``stopped``.

    CLI Example:

    .. code-block:: bash

        saltern device service.get_all
    """
    found: dict[str, Any] = __proxy__["rest_sample.service_list"]()
    return found


def list_() -> dict[str, Any]:
    """Return what :func:`get_all` returns.

    CLI Example:

    .. code-block:: bash

        saltern device service.list
    """
    return get_all()


def available(name: str) -> bool:
    """Return whether there is a service *name*.

    CLI Example:

    .. code-block:: bash

        saltern device service.available redbull
    """
    return str(name) in get_all()


def missing(name: str) -> bool:
    """Return whether there is no service *name*.

    CLI Example:

    .. code-block:: bash

        saltern device service.missing redbull
    """
    return not available(name)


def start(name: str, sig: Any = None) -> Any:
    """Start the service *name*; return what the device says: ``{'comment': 'running', 'ret': True}``.

    *sig* is Salt's, and says nothing here.

    CLI Example:

    .. code-block:: bash

        saltern device service.start apache
    """
    return __proxy__["rest_sample.service_start"](str(name))


def stop(name: str, sig: Any = None) -> Any:
    """Stop the service *name*; return what the device says.

    CLI Example:

    .. code-block:: bash

        saltern device service.stop apache
    """
    return __proxy__["rest_sample.service_stop"](str(name))


def restart(name: str, sig: Any = None) -> Any:
    """Restart the service *name*; return what the device says.

    CLI Example:

    .. code-block:: bash

        saltern device service.restart apache
    """
    return __proxy__["rest_sample.service_restart"](str(name))


def status(name: str, sig: Any = None) -> bool | dict[str, bool]:
    """Return whether the service *name* runs; of a glob for each that it matches: ``{'apache': False}``.

    CLI Example:

    .. code-block:: bash

        saltern device service.status apache
        saltern device service.status '*'
    """
    name = str(name)
    if any(sign in name for sign in "*?["):
        matching = fnmatch.filter(sorted(get_all()), name)
        return {one: _runs(one) for one in matching}
    return _runs(name)


def running(name: str, sig: Any = None) -> bool | dict[str, bool]:
    """Return what :func:`status` returns.

    CLI Example:

    .. code-block:: bash

        saltern device service.running apache
    """
    return status(name)


def enabled(name: str, sig: Any = None) -> bool:
    """Return whether the service *name* starts with the device: ``redbull`` alone does.

    CLI Example:

    .. code-block:: bash

        saltern device service.enabled redbull
    """
    return name == ENABLED


def _runs(name: str) -> bool:
    answer = __proxy__["rest_sample.service_status"](name)
    return isinstance(answer, Mapping) and answer.get("comment") == "running"
