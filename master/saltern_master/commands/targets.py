"""``target.*``: whom a target means, without running anything."""

from __future__ import annotations

from typing import Any

from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import Reach, command


@command("target.preview", Need.TARGET)
async def preview(
    context: Context,
    tgt: str | list,  # type: ignore[type-arg]  # members are checked where they are used
    tgt_type: str = "glob",
    delimiter: str = ":",
) -> dict[str, Any]:
    """Return the ids of the ``minions`` that a target means, sorted, of those that the caller may do anything on.

    ``problem``: a line on what in the target can't mean anybody, or nothing.
    """
    return {"minions": list(context.minions), "problem": context.problem}


@command("runner.manage.resolve", Need.TARGET, private=True, reach=Reach.VISIBLE)
async def resolve(
    context: Context,
    tgt: str | list,  # type: ignore[type-arg]
    tgt_type: str = "glob",
    delimiter: str = ":",
) -> dict[str, Any]:
    """Show whom a target means, and run nothing: ``saltern-run manage.resolve 'web*'``

    Returns ``minions``, sorted, of those on which anything is granted to you; ``unknown``: names that the target lists,
    and none of these has; ``problem``: a line on what in the target can't mean anybody, or nothing.
    """
    return {"minions": list(context.minions), "unknown": list(context.unknown), "problem": context.problem}
