"""``manage.modules``: which modules the file server has for minions, and which of them each minion has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Reach, command
from saltern_master.commands.shown import HIDDEN
from saltern_master.fileserver.backend import BASE


@command("runner.manage.modules", Need.RUNNER, reach=Reach.VISIBLE)
def modules(context: Context) -> dict[str, Any]:
    """Show which modules minions should have, and which have them: ``saltern-run manage.modules``

    ``wanted``: the ``digest`` of all, and of each of the ``modules`` its ``name``, ``kind``, ``digest`` and ``from``:
    ``backend``, and of git ``remote`` and ``commit``; ``left_out``: what is there and can't be one, and why.
    ``minions``: of each that you see the ``digest`` of what it has, ``state`` (synced, behind or unknown), and
    ``errors``: what it can't take or use, by module. ``None`` is what it hasn't told since the master started.
    """
    services = context.services
    found = services.files.modules(BASE)
    states, delegations = services.module_states, services.keyring.delegations
    return {
        "wanted": {
            "digest": found["digest"],
            "modules": _modules(context, {**found["files"], **found["others"]}),
            "left_out": found["left_out"],
        },
        "minions": {
            minion: states.shown(minion, found["digest"])
            for minion in context.visible(services.keyring.minions())
            if not delegations.hosts(minion)  # a device has its host's
        },
    }


def _modules(context: Context, files: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the modules that *files* make: those of a package are one."""
    units: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for path, facts in files.items():
        kind, name = path.split("/", 2)[:2]
        units.setdefault((kind.removeprefix("_"), name.removesuffix(".py")), {})[path] = facts
    return [
        {"name": name, "kind": kind, "digest": _digest(of_it), "from": _origin(context, next(iter(of_it)))}
        for (kind, name), of_it in sorted(units.items())
    ]


def _digest(files: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a file's SHA-256; of a package that of the paths and digests of its files."""
    if len(files) == 1:
        (only,) = files.values()
        return str(only["hsum"])
    return hashlib.sha256("".join(f"{path}\0{files[path]['hsum']}\0" for path in sorted(files)).encode()).hexdigest()


def _origin(context: Context, path: str) -> dict[str, Any] | None:
    origin = context.services.files.origin(BASE, path)
    if origin is not None and context.limited and "remote" in origin:
        return {**origin, "remote": HIDDEN}
    return origin
