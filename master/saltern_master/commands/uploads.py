"""``upload.*``: files that a user of this host sends to minions, and by what they fetch them."""

from __future__ import annotations

from typing import Any

from saltern.errors import ArgumentError
from saltern.ids import check_minion_id
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command

MIN_RATE, MAX_RATE = 1024, 10**12
RECEIVER = "cp.recv"
"""The function that fetches an upload: who sends must be allowed to run it."""


@command("upload.begin", Need.JOBS, changes=True)
def begin(
    context: Context,
    tgt: str | list,  # type: ignore[type-arg]  # members are checked where they are used
    hsum: str,
    size: int = 0,
    tgt_type: str = "glob",
    delimiter: str = ":",
    fun: str = RECEIVER,
    rate: int = 0,
    source: str = "",
) -> dict[str, Any]:
    """Announce *size* bytes, whose listing has the SHA-256 *hsum*, for the minions that a target means.

    With *source*, a minion, that one sends it (``cp.send``), and *hsum* is of what it is asked for. *rate*: bytes a
    second that all together may fetch; 0 for no such bound.

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
    if not 0 <= rate <= MAX_RATE or 0 < rate < MIN_RATE:
        raise ArgumentError(f"a rate has {MIN_RATE:,} to {MAX_RATE:,} bytes a second, not {rate:,}")
    uploads, who = context.services.uploads, context.caller.principal
    if source:
        return {**answer, "upload": uploads.begin_from(who, check_minion_id(source), hsum, context.minions, rate)}
    upload, have = uploads.begin(who, hsum, size, context.minions, rate)
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
    """Return the next ``data`` of an upload that is meant for this minion; ``gone`` when there is none.

    Or ``wait``: the seconds after which to ask again, of one that has a rate.
    """
    uploads, minion = context.services.uploads, context.caller.name
    wait, most = uploads.wait(minion, upload)
    if wait:
        return {"wait": wait}
    data = uploads.read(minion, upload, offset, most)
    return {"gone": True} if data is None else {"data": data}


@command("minion.upload_announce", Need.MINION)
def announce(context: Context, upload: str, hsum: str, size: int) -> int:
    """Say that an upload, of which this minion is the source, has *size* bytes; return how many are here already."""
    return context.services.uploads.announce(context.caller.name, upload, hsum, size)


@command("minion.upload_write", Need.MINION)
def write_from(context: Context, upload: str, offset: int, data: bytes) -> int:
    """Add *data* to an upload, of which this minion is the source, at *offset*, where it ends; return its new end."""
    return context.services.uploads.write_from(context.caller.name, upload, offset, data)
