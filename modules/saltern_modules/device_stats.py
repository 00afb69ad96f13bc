"""A device in numbers: how it is with its connection, and what its proxymodule's ``stats`` returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent

__opts__: Mapping[str, Any]
__context__: dict[str, Any]
__proxy__: Mapping[str, Callable[..., Any]]

__virtualname__ = "stats"
__proxyenabled__ = ["*"]

__powers__ = {"collect": "reads"}

DEVICE = "device"
UNKNOWN = "unknown"
OF_STATE = ("latency_ms", "calls", "failures", "hung", "events_refused")


def __virtual__() -> str | tuple[bool, str]:
    """Say whether this minion is a device."""
    return __virtualname__ if _agent.proxytype(__opts__) else (False, "it is for devices, and this is a host")


def collect() -> Any:
    """Return one sample: a nested dict whose leaves are numbers.

    ``device``: ``up`` (1, or 0), ``type`` with the same by its proxytype, ``latency_ms`` of
    the last call to it, whether it is ``hung``, and since the agent began to serve it ``calls``, ``failures`` and how
    many events of its functions were refused (``events_refused``).
    Beside it what the proxymodule's ``stats`` returns, if it has that function and the device is up and doesn't hang;
    ``device.success`` is 0 when that failed, and the return code 1.

    CLI Example:

    .. code-block:: bash

        saltern device stats.collect
    """
    agent = _agent.present(__opts__)
    state = (agent.device_state() if agent is not None else None) or {"up": True}
    proxytype = _agent.proxytype(__opts__)
    up = int(bool(state.get("up")))
    found: dict[str, Any] = {DEVICE: {"up": up, "type": {proxytype if proxytype.isidentifier() else UNKNOWN: up}}}
    counted = {name: state[name] for name in OF_STATE if isinstance(state.get(name), (int, float))}
    found[DEVICE].update({name: int(one) if isinstance(one, bool) else one for name, one in counted.items()})
    name = f"{proxytype}.stats"
    if not up or state.get("hung") or name not in __proxy__:
        return found
    try:
        told = _agent.begun(__proxy__[name])
    except CommandError as error:
        return _failed(found, error)
    return _awaited(found, told) if hasattr(told, "__await__") else _with(found, told)


async def _awaited(found: dict[str, Any], told: Awaitable[Any]) -> dict[str, Any]:
    try:
        return _with(found, await told)
    except CommandError as error:
        return _failed(found, error)


def _with(found: dict[str, Any], told: Any) -> dict[str, Any]:
    if not isinstance(told, Mapping):
        return _failed(found, CommandError(f"it returned {type(told).__name__}, no mapping of names to numbers"))
    found[DEVICE]["success"] = 1
    return {**told, **found}


def _failed(found: dict[str, Any], error: CommandError) -> dict[str, Any]:
    """Return what there is all the same: that the device is up is a number too."""
    __context__["retcode"] = 1
    found[DEVICE]["success"] = 0
    found["error"] = str(error).split("\n")[0]
    return found
