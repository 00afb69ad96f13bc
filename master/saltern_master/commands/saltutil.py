"""``saltutil.*``: the operator's own runners and outputters are taken from the file server."""

from __future__ import annotations

from typing import Any

from saltern.ids import check_env
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.params import params_of
from saltern_master.commands.registry import Command, command
from saltern_master.custom.places import KINDS, MODULES, OUTPUT, RUNNERS, UTILS
from saltern_master.custom.sync import choice_of

Names = str | list[str] | dict[str, Any] | None
EMPTY = (
    "clouds",
    "modules",
    "states",
    "grains",
    "renderers",
    "returners",
    "output",
    "proxymodules",
    "runners",
    "wheel",
    "engines",
    "thorium",
    "queues",
    "pillar",
    "utils",
    "sdb",
    "cache",
    "fileserver",
    "tops",
    "tokens",
    "serializers",
    "executors",
    "wrapper",
    "roster",
)
"""What ``sync_all`` answers with, by Salt's names; of kinds that aren't here nothing is ever taken."""
SHOWN = {
    RUNNERS: "functions of the master",
    OUTPUT: "forms for --out",
    UTILS: "what runners share",
    MODULES: "execution modules for salt.cmd in runners",
}


@command("runner.saltutil.sync_all", Need.RUNNER, changes=True)
async def sync_all(
    context: Context, saltenv: str = "base", extmod_whitelist: Names = None, extmod_blacklist: Names = None
) -> dict[str, list[str]]:
    """Take runners, outputters, and what they use, from the file server: ``saltern-run saltutil.sync_all``

    Returns what changed, by kind, as ``runners.mymod``; the other kinds of Salt's are empty. What doesn't compile is
    refused, and named with the reason. *saltenv*: environments, with commas between them. *extmod_whitelist*,
    *extmod_blacklist*: names by kind, ``{"runners": ["mymod"]}``.
    """
    taken = await _taken(context, KINDS, saltenv, extmod_whitelist, extmod_blacklist)
    return {kind: taken.get(kind, []) for kind in EMPTY}


def sync_commands() -> tuple[Command, ...]:
    """Return ``saltutil.sync_runners`` and the like."""
    return tuple(_declared(kind, what) for kind, what in SHOWN.items())


def _declared(kind: str, what: str) -> Command:
    async def call(
        context: Context, saltenv: str = "base", extmod_whitelist: Names = None, extmod_blacklist: Names = None
    ) -> list[str]:
        return (await _taken(context, (kind,), saltenv, extmod_whitelist, extmod_blacklist))[kind]

    call.__doc__ = (
        f"Take {what} from the file server's _{kind}: ``saltern-run saltutil.sync_{kind}``\n\n"
        f"Returns what changed, as ``{kind}.mymod``, and one line for each file that is refused."
    )
    return Command(f"runner.saltutil.sync_{kind}", Need.RUNNER, params_of(call), call, True, True)


async def _taken(context: Context, kinds: tuple[str, ...], saltenv: str, only: Any, never: Any) -> dict[str, list[str]]:
    envs = [check_env(env) for env in saltenv.split(",")]
    choice = choice_of(kinds, only, never)
    return await context.services.own_sync.take(kinds, envs, context.caller.principal, choice)
