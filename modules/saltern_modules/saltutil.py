"""Modules, grains and pillar refreshed; what was fetched is deleted; others are asked by way of the master."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import NotAuthorised
from saltern_modules import _agent, _asking, _keywords

__opts__: Mapping[str, Any]


REFETCHED = ("files", "extrn_files", "localfiles")
"""Folders below ``cachedir`` that hold only what can be fetched again."""
DEFAULT_TIMEOUT_S = 5.0

__proxyenabled__ = ["*"]

__powers__ = {
    "refresh_modules": "writes",
    "refresh_grains": "writes",
    "refresh_pillar": "writes",
    "refresh_beacons": "writes",
    "refresh_matchers": "writes",
    "clear_cache": "writes",
    "cmd": "indirect",
    "cmd_iter": "indirect",
    "runner": "indirect",
    "wheel": "indirect",
}


def refresh_modules(**kwargs: Any) -> bool:
    """Load every module anew when it is next called.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_modules
    """
    return _agent.connected(__opts__, "saltutil.refresh_modules").refresh_modules()


def refresh_grains(**kwargs: Any) -> bool:
    """Collect the grains again.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_grains
    """
    return _agent.connected(__opts__, "saltutil.refresh_grains").refresh_grains()


def refresh_pillar(wait: bool = False, timeout: float = 30, clean_cache: bool = True) -> bool:
    """Fetch the pillar again; it is there when this returns. The parameters are Salt's, and change nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_pillar
    """
    return _agent.connected(__opts__, "saltutil.refresh_pillar").refresh_pillar()


def refresh_beacons() -> bool:
    """Return ``True``: an agent has no beacons.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_beacons
    """
    return True


def refresh_matchers() -> bool:
    """Return ``True``: the master alone resolves targets.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.refresh_matchers
    """
    return True


def clear_cache() -> bool:
    """Delete what was fetched from the master and can be fetched again; return ``True``.

    Returns that the master doesn't have yet, the schedule and the modules stay.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.clear_cache
    """
    import os
    import shutil

    for name in REFETCHED:
        shutil.rmtree(os.path.join(str(__opts__["cachedir"]), name), ignore_errors=True)
    return True


def cmd(
    tgt: str | list[str],
    fun: str,
    arg: Any = (),
    timeout: float | None = None,
    tgt_type: str = "glob",
    ret: str = "",
    kwarg: dict[str, Any] | None = None,
    ssh: bool = False,
    **kwargs: Any,
) -> dict[str, dict[str, Any]]:
    """Run *fun* on other minions, as the master's option ``peer`` allows it; return ``{id: {'ret': value}}``.

    Raises ``NotAuthorised`` when it doesn't. *ret* and *ssh* are Salt's, and say nothing here.

    CLI Example:

    .. code-block:: bash

        saltern web1 saltutil.cmd 'db*' test.ping
    """
    positional, keywords = _asking.arguments(list(arg) if isinstance(arg, (list, tuple)) else arg)
    try:
        return _asking.publish(
            __opts__,
            "saltutil.cmd",
            tgt,
            fun,
            positional,
            {**keywords, **_keywords.own(kwargs), **(kwarg or {})},
            tgt_type=tgt_type,
            timeout=float(timeout or DEFAULT_TIMEOUT_S),
        )
    except NotAuthorised as error:
        raise NotAuthorised(f"{error}: the master's option peer says what a minion may run on others") from None


def cmd_iter(
    tgt: str | list[str],
    fun: str,
    arg: Any = (),
    timeout: float | None = None,
    tgt_type: str = "glob",
    ret: str = "",
    kwarg: dict[str, Any] | None = None,
    ssh: bool = False,
    **kwargs: Any,
) -> list[dict[str, dict[str, Any]]]:
    """Run *fun* as ``saltutil.cmd`` does; return a list with ``{id: {'ret': value}}`` for each minion.

    CLI Example:

    .. code-block:: bash

        saltern web1 saltutil.cmd_iter 'db*' test.ping
    """
    rows = cmd(tgt, fun, arg, timeout, tgt_type, ret, kwarg, ssh, **kwargs)
    return [{minion: row} for minion, row in rows.items()]


def runner(name: str, arg: Any = None, kwarg: dict[str, Any] | None = None, **more: Any) -> Any:
    """Run the function *name* of ``saltern-run``, as the master's option ``peer_run`` allows it; return its result.

    Raises ``NotAuthorised`` when it doesn't.

    CLI Example:

    .. code-block:: bash

        saltern web1 saltutil.runner manage.up
    """
    positional, keywords = _asking.arguments(arg)
    try:
        return _asking.runner(__opts__, "saltutil.runner", name, positional, {**keywords, **(kwarg or {})})
    except NotAuthorised as error:
        raise NotAuthorised(f"{error}: the master's option peer_run says what a minion may run there") from None


def wheel(name: str, *args: Any, **kwargs: Any) -> None:
    """Raise ``NotAuthorised``: no minion manages the master's keys; ``saltern-key`` does, on the master.

    CLI Example:

    .. code-block:: bash

        saltern web1 saltutil.wheel key.list_all
    """
    raise NotAuthorised(f"{name}: no minion may manage the master: use saltern-key there")
