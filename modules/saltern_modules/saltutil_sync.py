"""``saltutil.sync_*``: modules and their kin, fetched from the master."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _agent

__opts__: Mapping[str, Any]
__context__: dict[str, Any]

__virtualname__ = "saltutil"

__proxyenabled__ = ["*"]

__powers__ = {
    "sync_modules": "writes",
    "sync_utils": "writes",
    "sync_returners": "writes",
    "sync_all": "writes",
    "sync_grains": "writes",
    "sync_states": "writes",
    "sync_renderers": "writes",
    "sync_beacons": "writes",
    "sync_engines": "writes",
    "sync_matchers": "writes",
    "sync_output": "writes",
    "sync_sdb": "writes",
    "sync_proxymodules": "writes",
    "sync_log_handlers": "writes",
    "sync_clouds": "writes",
    "sync_serializers": "writes",
    "sync_executors": "writes",
    "sync_thorium": "writes",
    "sync_resources": "writes",
    "sync_outputters": "writes",
    "sync_pillar": "writes",
    "sync_tops": "writes",
    "sync_wrapper": "writes",
    "list_extmods": "reads",
}

BASE = "base"
"""The environment that modules are synced from; what they can do is known for it alone."""
LOADED = ("modules", "utils", "returners", "grains", "proxy")
"""The kinds of files that an agent uses; of the others it fetches nothing."""
OTHERS = (
    "clouds",
    "beacons",
    "states",
    "sdb",
    "renderers",
    "output",
    "log_handlers",
    "executors",
    "engines",
    "thorium",
    "serializers",
    "matchers",
    "resources",
)
SALTS_NAMES = {"proxy": "proxymodules"}
"""Kinds that ``sync_all`` calls otherwise than by their folder."""
MASTERLESS = {"pillar": "Pillar", "tops": "Master top", "wrapper": "Wrapper"}
"""Kinds that only minions without a master sync, as messages name them."""


def sync_modules(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> list[str]:
    """Fetch the master's modules; return those that changed: ``['modules.mypkg']``.

    What can't be a module, or is not used because it takes the place of another one and can't be loaded, is named with
    the reason. A file that does not compile is refused, and the one that was there stays: the return code is 1 then,
    and for a file that can't be a module by its name. *saltenv* is taken as Salt has it, and is ``base``; modules that
    changed are loaded anew whatever *refresh* says. All are fetched, so that the two lists must be empty.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_modules
    """
    return _sync("saltutil.sync_modules", saltenv, extmod_whitelist or extmod_blacklist, "modules")["modules"]


def sync_utils(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> list[str]:
    """Fetch what modules share, from ``_utils``; return what changed: ``['utils.mylib']``.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_utils
    """
    return _sync("saltutil.sync_utils", saltenv, extmod_whitelist or extmod_blacklist, "utils")["utils"]


def sync_returners(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> list[str]:
    """Fetch what stores returns, from ``_returners``; return what changed: ``['returners.mydb']``.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_returners
    """
    return _sync("saltutil.sync_returners", saltenv, extmod_whitelist or extmod_blacklist, "returners")["returners"]


def sync_grains(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> list[str]:
    """Fetch what adds grains, from ``_grains``; return what changed: ``['grains.rack']``. They are collected then.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_grains
    """
    return _sync("saltutil.sync_grains", saltenv, extmod_whitelist or extmod_blacklist, "grains")["grains"]


def sync_proxymodules(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> list[str]:
    """Fetch what speaks with devices, from ``_proxy``; return what changed: ``['proxy.mydevice']``.

    A device whose proxymodule changed speaks by the new one when it is next connected.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_proxymodules
    """
    return _sync("saltutil.sync_proxymodules", saltenv, extmod_whitelist or extmod_blacklist, "proxy")["proxy"]


def sync_all(
    saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
) -> dict[str, list[str]]:
    """Fetch all that the master keeps for its minions; return what changed by kind: ``{'modules': ['modules.mypkg']}``.

    Kinds that an agent doesn't use are there, empty.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_all
    """
    changed = _sync("saltutil.sync_all", saltenv, extmod_whitelist or extmod_blacklist, *LOADED)
    return {**{kind: [] for kind in OTHERS}, **{SALTS_NAMES.get(kind, kind): told for kind, told in changed.items()}}


def _without_use(kind: str) -> Callable[..., list[str]]:
    """Return the function that syncs a *kind* of files that an agent doesn't use."""

    def sync(
        saltenv: Any = None, refresh: bool = True, extmod_whitelist: Any = None, extmod_blacklist: Any = None
    ) -> list[str]:
        if kind in MASTERLESS:
            raise CommandError(f"{MASTERLESS[kind]} modules can only be synced to masterless minions")
        return []

    sync.__name__ = sync.__qualname__ = f"sync_{kind}"
    does = "Raise ``CommandError``" if kind in MASTERLESS else "Fetch nothing and return ``[]``"
    sync.__doc__ = f"""{does}: an agent uses no files of the kind {kind}.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.sync_{kind}
    """
    return sync


globals().update({f"sync_{kind}": _without_use(kind) for kind in (*OTHERS, "outputters", *MASTERLESS)})


def list_extmods() -> dict[str, list[str]]:
    """Return the modules that were synced from the master, by kind: ``{'modules': ['mypkg']}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' saltutil.list_extmods
    """
    return {"modules": sorted(_agent.connected(__opts__, "saltutil.list_extmods").module_versions())}


def _sync(function: str, saltenv: Any, chosen: Any, *kinds: str) -> dict[str, list[str]]:
    """Sync *kinds* and return what there is to tell of each; the return code says whether something is wrong."""
    if saltenv not in (None, "", BASE, [BASE]):
        raise CommandError(f"{function}: modules come from the environment {BASE} alone, not from {saltenv!r:.80}")
    if chosen:
        raise CommandError(f"{function}: all that the master has is synced: leave out the two lists")
    synced = _agent.connected(__opts__, function).sync_modules(kinds)
    if synced.failed:
        __context__["retcode"] = 1
    lines = [*synced.changed, *synced.told]
    first = kinds[0]
    told = {kind: [line for line in lines if line.startswith((f"{kind}.", f"_{kind}/"))] for kind in kinds}
    told[first] += [line for line in lines if not any(line in of_kind for of_kind in told.values())]
    return told
