"""``returns.*``: what minions returned, found by minion, function, time, success or job."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Annotated, Any

from saltern.errors import ArgumentError, Busy
from saltern.ids import check_jid, check_minion_id
from saltern.visible import shown
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.jobs import hidden
from saltern_master.commands.registry import Reach, command
from saltern_master.commands.revealing import result_shown
from saltern_master.commands.runs import about_bytes
from saltern_master.commands.shown import HIDDEN
from saltern_master.jobs.query import Found, Page, Wanted

LAST = float(2**33)
"""Seconds: what is later is as good as never."""
MAX_LIMIT, MAX_OFFSET = 1000, 1_000_000
MAX_SEARCH_S = 20.0
"""Of a search for what someone sees among what he doesn't."""
_AGO = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
ON_THE_MASTER = ("runner.", "wheel.")
_TIMES = "seconds since 1970, as 2026-01-31T12:00, or as 90m, 2h, 7d for so long ago"


def stored(text: str) -> str:
    """Return *text* when a database may hold it. Raises ``ArgumentError``."""
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ArgumentError(f"{shown(text, 60)} is the name of nothing: it has signs that no name has")
    return text


@command("runner.returns.query", Need.RUNNER, reach=Reach.VISIBLE)
def query(
    context: Context,
    minion: Annotated[str | None, check_minion_id] = None,
    function: Annotated[str | None, stored] = None,
    jid: str | None = None,
    success: bool | None = None,
    since: str | float | None = None,
    until: str | float | None = None,
    limit: int = 100,
    offset: int = 0,
    after: str | None = None,
    returner: str | None = None,
) -> dict[str, Any]:
    """Show what minions returned, the latest jobs' first: ``saltern-run returns.query minion=web1 since=2h``

    *minion*, *function*, *jid*: exactly these. *success*: true or false. *since*, *until*: when it came, in seconds
    since 1970, as 2026-01-31T12:00 (this host's zone), or as 90m, 2h, 7d ago. At most *limit* (up to 1,000) come, and
    4 MiB; where there are more, the answer has an ``after``: give it as *after* for the next ones; *offset* passes over
    some. From the job store, or from what the *returner* of that name stored.
    """
    if not 0 < limit <= MAX_LIMIT:
        raise ArgumentError(f"limit must be between 1 and {MAX_LIMIT:,}, not {limit}")
    if not 0 <= offset <= MAX_OFFSET:
        raise ArgumentError(f"offset must be between 0 and {MAX_OFFSET:,}, not {offset}: use after")
    now = time.time()
    wanted = Wanted(
        minion=minion,
        fun=function,
        jid=None if jid is None else check_jid(jid),
        success=success,
        since=time_of("since", since, now),
        until=time_of("until", until, now),
        after=_place(after),
        offset=offset,
        limit=limit,
    )
    source = _source(context, returner)
    page = _visible_page(context, source, wanted) if context.limited else source.query(wanted)
    answer: dict[str, Any] = {"returns": [_shown(one) for one in _asked(context, page.found)]}
    if page.more:
        last = page.found[-1]
        answer["after"] = f"{last.jid}/{last.minion_id}"
    return answer


def _source(context: Context, name: str | None) -> Any:
    if name is None:
        return context.services.job_store
    returners = context.services.returners
    if name not in returners.names:
        there = f"there are {', '.join(returners.names)}" if returners.names else "the option returners names none"
        raise ArgumentError(f"returner: there is none called {shown(name, 40)}: {there}")
    return returners[name]


def _visible_page(context: Context, source: Any, wanted: Wanted) -> Page:
    """Return what is wanted of the minions that the caller sees: where a page ends tells of no other.

    Raises ``Busy`` when that takes too long to find.
    """
    until = time.monotonic() + MAX_SEARCH_S
    found: list[Found] = []
    passed, left_bytes, after = 0, wanted.max_bytes, wanted.after
    while True:
        page = source.query(wanted._replace(after=after, offset=0, limit=MAX_LIMIT))
        for one in page.found:
            if not context.sees(one.minion_id):
                continue
            if passed < wanted.offset:
                passed += 1
                continue
            left_bytes -= about_bytes(one.result, left_bytes)
            if len(found) == wanted.limit or (found and left_bytes < 0):
                return Page(found, True)
            found.append(one)
        if not page.more:
            return Page(found, False)
        after = (page.found[-1].jid, page.found[-1].minion_id)
        if time.monotonic() > until:
            raise Busy(f"{MAX_SEARCH_S:g} s of search weren't enough: give minion=, jid=, or since= and until=")


def _asked(context: Context, found: list[Found]) -> list[Found]:
    """Return those of *found* whose minions their jobs were for: a scheduled run chooses its jid itself.

    What another's function on the master returned is left out, and ``***`` stands for what reveals.
    """
    minions: dict[str, frozenset[str] | None] = {}
    own: set[str] = set()
    policy, caller = context.services.policy, context.caller
    sees_all = policy.sees_all(caller)
    for jid in {one.jid for one in found}:
        job = context.services.job_store.job(jid)
        if policy.owns(caller, None if job is None else job.holder):
            own.add(jid)
        if job is not None and hidden(context, job.load):
            minions[jid] = frozenset()
        else:
            minions[jid] = None if job is None else frozenset(job.load.get("minions") or ())
    # A returner keeps what came back for longer than the store keeps whose it was.
    kept = [one for one in found if sees_all or minions[one.jid] is not None or not one.fun.startswith(ON_THE_MASTER)]
    asked = [one for one in kept if (those := minions[one.jid]) is None or one.minion_id in those]
    return [
        one if one.jid in own or result_shown(policy, caller, one.fun, one.minion_id) else one._replace(result=HIDDEN)
        for one in asked
    ]


def _shown(one: Found) -> dict[str, Any]:
    stamp = datetime.fromtimestamp(one.received, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    result = {"jid": one.jid, "id": one.minion_id, "fun": one.fun, "success": one.success}
    return {**result, "time": stamp, "return": one.result}


def time_of(name: str, given: str | float | None, now: float) -> float | None:
    """Return the instant that *given*, the argument *name*, means. Raises ``ArgumentError``."""
    if given is None:
        return None
    try:
        if isinstance(given, float | int):
            at = float(given)
        elif ago := _AGO.fullmatch(given.strip()):
            at = now - float(ago[1]) * _SECONDS[ago[2]]
        else:
            at = datetime.fromisoformat(given.strip()).timestamp()
        return min(max(at, 0.0), LAST)
    except (ValueError, OverflowError, OSError):
        raise ArgumentError(f"{name}: {shown(given, 40)} is no time: write {_TIMES}") from None


def _place(after: str | None) -> tuple[str, str] | None:
    if after is None:
        return None
    jid, slash, minion_id = after.partition("/")
    if not slash:
        raise ArgumentError(f"after: {shown(after, 60)} is none: it is what the answer before said")
    return check_jid(jid), check_minion_id(minion_id)
