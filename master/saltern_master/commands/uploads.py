"""``upload.*``: files that a user of this host sends to minions, and by what they fetch them."""

from __future__ import annotations

from typing import Any

from saltern.errors import ArgumentError
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command

RECEIVER = "cp.recv"
"""The function that fetches an upload: who sends must be allowed to run it."""


@command("upload.begin", Need.JOBS, changes=True)
def begin(
    context: Context,
    tgt: str | list,  # type: ignore[type-arg]  # members are checked where they are used
    hsum: str,
    size: int,
    tgt_type: str = "glob",
    delimiter: str = ":",
    fun: str = RECEIVER,
) -> dict[str, Any]:
    """Announce *size* bytes, whose listing has the SHA-256 *hsum*, for the minions that a target means.

    Returns ``{"upload": id, "have": bytes that are here already, "minions", "unknown", "problem"}``, the last three
    as ``job.publish`` does; no minions, no upload.
    """
    if fun != RECEIVER:
        raise ArgumentError(f"an upload is for {RECEIVER}, not for {fun!r:.80}")
    answer: dict[str, Any] = {
        "minions": list(context.minions),
        "unknown": list(context.unknown),
        "problem": context.problem,
    }
    if not context.minions:
        return {**answer, "upload": "", "have": 0}
    upload, have = context.services.uploads.begin(context.caller.principal, hsum, size, context.minions)
    return {**answer, "upload": upload, "have": have}


@command("upload.write", Need.OWN_UPLOAD)
def write(context: Context, upload: str, offset: int, data: bytes) -> int:
    """Add *data* to one's own upload at *offset*, where it ends; return where it ends now."""
    return context.services.uploads.write(context.caller.principal, upload, offset, data)


@command("upload.forget", Need.OWN_UPLOAD)
def forget(context: Context, upload: str) -> bool:
    """Delete one's own upload."""
    context.services.uploads.forget(context.caller.principal, upload)
    return True


@command("minion.upload_chunk", Need.MINION)
def chunk(context: Context, upload: str, offset: int) -> dict[str, Any]:
    """Return the next ``data`` of an upload that is meant for this minion; ``gone`` when there is none."""
    data = context.services.uploads.read(context.caller.name, upload, offset)
    return {"gone": True} if data is None else {"data": data}
