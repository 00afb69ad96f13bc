"""Devices of the proxytype ``ssh``: the commands that their pillar declares, and any other.

How commands are declared is said in ``proxy/ssh.py``, by example. The module ``ssh`` is about a host's own keys, and
isn't there on a device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules._keywords import own

__proxy__: Mapping[str, Callable[..., Any]]

__proxyenabled__ = ["ssh"]

__powers__ = {"call": "writes", "run": "runs", "commands": "reads", "ping": "reads"}


async def call(name: str, /, *args: Any, **kwargs: Any) -> Any:
    """Run the command that the pillar declares as *name*, with arguments by place or by name; return its answer.

    Raises ``ArgumentError`` for an argument too many or too few, or one that can't be one word; ``CommandError`` when
    the command fails, says too much, takes too long, or its answer isn't of the form that is declared.

    CLI Example:

    .. code-block:: bash

        saltern device ssh_device.call version
        saltern device ssh_device.call restart name=apache
    """
    return await __proxy__["ssh.call"](name, *args, **own(kwargs))


async def run(command: str, timeout: float = 0) -> dict[str, Any]:
    """Run *command* on the device as it is given: ``{'stdout': …, 'stderr': …, 'retcode': 0}``.

    *timeout* in seconds, 0 for the device's ``command_timeout``. Of a device with a shell alone (``interactive``)
    everything is in ``stdout``, and ``retcode`` is ``None``. Raises ``CommandError`` when it can't be run, says too
    much or takes too long.

    CLI Example:

    .. code-block:: bash

        saltern device ssh_device.run 'show interfaces'
    """
    return dict(await __proxy__["ssh.run"](command, timeout))


def commands() -> dict[str, dict[str, Any]]:
    """Return what :func:`call` can run: ``{name: {'run', 'arguments', 'defaults'}}``.

    CLI Example:

    .. code-block:: bash

        saltern device ssh_device.commands
    """
    return dict(__proxy__["ssh.commands"]())


async def ping() -> bool:
    """Return whether the device answers, or can be connected.

    CLI Example:

    .. code-block:: bash

        saltern device ssh_device.ping
    """
    return bool(await __proxy__["ssh.ping"]())
