"""Services of a device of the proxytype ``dummy``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__proxy__: Mapping[str, Callable[..., Any]]

__virtualname__ = "service"
__proxyenabled__ = ["dummy"]

__powers__ = {
    "get_all": "reads",
    "list": "reads",
    "status": "reads",
    "running": "reads",
    "enabled": "reads",
    "start": "writes",
    "stop": "writes",
    "restart": "writes",
}
__func_alias__ = {"list_": "list"}


def get_all() -> list[str]:
    """Return the names of the services.

    CLI Example:

    .. code-block:: bash

        saltern device service.get_all
    """
    found: list[str] = __proxy__["dummy.service_list"]()
    return found


def list_() -> list[str]:
    """Return what :func:`get_all` returns.

    CLI Example:

    .. code-block:: bash

        saltern device service.list
    """
    return get_all()


def start(name: str, sig: Any = None) -> Any:
    """Start the service *name*; return ``running``. *sig* is Salt's, and says nothing here.

    CLI Example:

    .. code-block:: bash

        saltern device service.start samba
    """
    return __proxy__["dummy.service_start"](name)


def stop(name: str, sig: Any = None) -> Any:
    """Stop the service *name*; return ``stopped``.

    CLI Example:

    .. code-block:: bash

        saltern device service.stop samba
    """
    return __proxy__["dummy.service_stop"](name)


def restart(name: str, sig: Any = None) -> Any:
    """Restart the service *name*; return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern device service.restart samba
    """
    return __proxy__["dummy.service_restart"](name)


def status(name: str, sig: Any = None) -> bool:
    """Return whether the service *name* runs.

    CLI Example:

    .. code-block:: bash

        saltern device service.status samba
    """
    return bool(__proxy__["dummy.service_status"](name)["comment"] == "running")


def running(name: str, sig: Any = None) -> bool:
    """Return what :func:`status` returns.

    CLI Example:

    .. code-block:: bash

        saltern device service.running samba
    """
    return status(name)


def enabled(name: str, sig: Any = None) -> bool:
    """Return whether the service *name* starts with the device: ``redbull`` alone would, as in Salt.

    CLI Example:

    .. code-block:: bash

        saltern device service.enabled redbull
    """
    return name == "redbull"
