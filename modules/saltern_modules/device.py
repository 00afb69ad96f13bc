"""The connection to the device that this minion stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent

__opts__: Mapping[str, Any]

__proxyenabled__ = ["*"]

__powers__ = {"state": "reads", "reconnect": "writes"}


def state() -> dict[str, Any]:
    """Return how it is with the device: ``{'up': True, 'since': 1770000000, 'error': '', 'host': 'gateway1', …}``.

    ``since`` when it is so, in seconds since the epoch; ``error`` why it is down, in one line; ``host`` which minion
    speaks for it. And ``state`` (``new``, ``opening``, ``up``, ``down``, ``closed``), ``proxytype``; ``hung``: whether
    a call to it was given up and hasn't ended; ``latency_ms`` how long the last one took, ``calls`` and ``failures``
    how many there were since the agent began to serve it, ``events_refused`` how many events of its functions were too
    many. It asks nothing of the device.
    Raises ``CommandError`` for a minion that is a host.

    CLI Example:

    .. code-block:: bash

        saltern device device.state
    """
    found = _agent.connected(__opts__, "device.state").device_state()
    if found is None:
        raise CommandError("device.state: this minion stands for no device: it is a host")
    return found


def reconnect() -> bool:
    """Disconnect the device, if it is connected, and connect it at once; return ``True``: it was begun.

    Whether that works shows in :func:`state` and in the event ``device/up`` or ``device/down``. Raises ``CommandError``
    for a minion that is a host.

    CLI Example:

    .. code-block:: bash

        saltern device device.reconnect
    """
    agent = _agent.connected(__opts__, "device.reconnect")
    if agent.device_state() is None:
        raise CommandError("device.reconnect: this minion stands for no device: it is a host")
    return agent.device_reconnect()
