"""``state.*`` of the runner: nothing is orchestrated here, and consoles that ask are told so."""

from __future__ import annotations

import socket
from typing import Any

from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command

Mods = str | list  # type: ignore[type-arg]  # members are shown, and nothing else is done with them
_MAX_NAMED = 20


@command("runner.state.orchestrate_show_sls", Need.RUNNER)
def show(
    context: Context,
    mods: Mods,
    saltenv: str = "base",
    test: bool | None = None,
    queue: bool = False,
    pillar: dict[Any, Any] | None = None,
    pillarenv: str | None = None,
    pillar_enc: str | None = None,
) -> dict[str, Any]:
    """Show what orchestrations there are, which is none: ``saltern-run state.orchestrate_show_sls '*'``

    ``{"<host>_master": {}}``; of *mods* that are no globs, a list of lines that they aren't there. All else that it
    takes is Salt's, and says nothing here.
    """
    wanted = mods.split(",") if isinstance(mods, str) else [str(one) for one in mods]
    named = [one for one in wanted if not any(mark in one for mark in "*?[")][:_MAX_NAMED]
    missing = [f"No matching sls found for '{one:.80}' in env '{saltenv:.80}'" for one in named]
    return {f"{socket.gethostname()}_master": missing or {}}
