"""How answers show what programs count in, and jobs as Salt shows them."""

from __future__ import annotations

import time
from calendar import month_abbr
from collections.abc import Mapping
from typing import Any

from saltern.look import LOOK
from saltern_master.auth.caller import Kind
from saltern_master.commands.context import Context
from saltern_master.jobs.request import arguments
from saltern_master.jobs.search import metadata_of
from saltern_master.jobs.store import holder_of

NO_SUCH_JOB = "Cannot contact returner or no job with this jid"
HIDDEN = "***"


def local_time(seconds: float) -> str:
    """Return a time in epoch *seconds* as this host's clock shows it, ``2026-01-31 12:00:00``."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def start_time(jid: str) -> str:
    """Return when the job *jid* was started, UTC: ``2026, Nov 28 19:44:31.123456``."""
    month = month_abbr[int(jid[4:6])] if jid[4:6] <= "12" else "?"
    return f"{jid[:4]}, {month} {jid[6:8]} {jid[8:10]}:{jid[10:12]}:{jid[12:14]}.{jid[14:20]}"


def concerns(context: Context, load: Mapping[str, Any]) -> bool:
    """Return whether a job is the caller's, or was for any minion that he may see."""
    if not context.limited or context.services.policy.owns(context.caller, holder_of(load)):
        return True
    return "client" not in load and any(context.sees(minion) for minion in load.get("minions") or ())


def job_shown(context: Context, jid: str, load: Mapping[str, Any] | None, *, minions: bool = True) -> dict[str, Any]:
    """Return a job that concerns the caller as ``jobs.*`` shows it; what it was given only where it is his own.

    So is a target of who sees some minions alone: it may name others. *minions*: whom it was for, too. *load* is
    ``None`` for a job that isn't there.
    """
    if load is None:
        return {"Error": NO_SUCH_JOB, "StartTime": start_time(jid)}
    own = context.services.policy.owns(context.caller, holder_of(load))
    shown: dict[str, Any] = {
        "Function": load.get("fun", "unknown-function"),
        "Arguments": arguments(load.get("arg"), load.get("kwarg")) if own else HIDDEN,
        "Target": load.get("tgt", "unknown-target") if own or not context.limited else HIDDEN,
        "Target-type": load.get("tgt_type", "list"),
        "User": _user(context, str(load.get("user", "root"))),
    }
    metadata = metadata_of(load)
    if metadata is not None:
        shown["Metadata"] = metadata if own or metadata == LOOK else HIDDEN
    if minions and isinstance(load.get("minions"), list) and "client" not in load:
        shown["Minions"] = context.visible(load["minions"])
    return {**shown, "StartTime": start_time(jid)}


def _user(context: Context, user: str) -> str:
    """Return who started a job; a minion only to who may see it."""
    kind, _, minion = user.partition(":")
    return user if kind != Kind.MINION.value or context.sees(minion) else HIDDEN
