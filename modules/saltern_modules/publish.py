"""Functions run on other minions, or on the master, as far as its options ``peer`` and ``peer_run`` allow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import NotAuthorised
from saltern_modules import _asking

__opts__: Mapping[str, Any]

__proxyenabled__ = ["*"]

__powers__ = {"publish": "indirect", "full_data": "indirect", "runner": "indirect"}


def publish(
    tgt: str | list[str],
    fun: str,
    arg: Any = None,
    tgt_type: str = "glob",
    returner: str = "",
    timeout: float = 5,
    via_master: str | None = None,
) -> dict[str, Any]:
    """Run *fun* on other minions and return ``{id: value}`` of those that answer within *timeout* seconds.

    *arg* is one argument or a list of them; a text ``name=value`` is a keyword. The result is empty when the master
    does not allow it, or *tgt* means nobody. *returner* and *via_master* are Salt's, and say nothing here.

    CLI Example:

    .. code-block:: bash

        saltern web1 publish.publish 'db*' test.ping
    """
    return {minion: row["ret"] for minion, row in full_data(tgt, fun, arg, tgt_type, returner, timeout).items()}


def full_data(
    tgt: str | list[str], fun: str, arg: Any = None, tgt_type: str = "glob", returner: str = "", timeout: float = 5
) -> dict[str, dict[str, Any]]:
    """Run *fun* as ``publish.publish`` does; return ``{id: {'ret': value, 'out': outputter, if there is one}}``.

    CLI Example:

    .. code-block:: bash

        saltern web1 publish.full_data 'db*' test.ping
    """
    args, kwargs = _asking.arguments(arg)
    try:
        return _asking.publish(
            __opts__, "publish.publish", tgt, fun, args, kwargs, tgt_type=tgt_type, timeout=float(timeout)
        )
    except NotAuthorised:
        return {}


def runner(fun: str, arg: Any = None, timeout: float = 5) -> Any:
    """Run the function *fun* of ``saltern-run`` on the master and return its result; ``{}`` when that isn't allowed.

    CLI Example:

    .. code-block:: bash

        saltern web1 publish.runner manage.up
    """
    args, kwargs = _asking.arguments(arg)
    try:
        return _asking.runner(__opts__, "publish.runner", fun, args, kwargs)
    except NotAuthorised:
        return {}
