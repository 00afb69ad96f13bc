"""``audit.*``: who changed what, and whether the record of it is whole."""

from __future__ import annotations

import time
from typing import Annotated, Any

from saltern.errors import ArgumentError
from saltern.visible import shown
from saltern_master.audit.record import RESULTS
from saltern_master.audit.store import Asked
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.registry import command
from saltern_master.commands.returns import time_of

MAX_LIMIT = 10_000
MAX_GLOB_CHARS, MAX_STARS = 200, 6


def check_glob(text: str) -> str:
    """Return a glob that can be held against many rows at a bounded cost. Raises ``ArgumentError``."""
    if len(text) > MAX_GLOB_CHARS or text.count("*") > MAX_STARS:
        limits = f"at most {MAX_GLOB_CHARS} characters and {MAX_STARS} stars"
        raise ArgumentError(f"{shown(text, 60)} is too much of a glob: {limits}")
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ArgumentError(f"{shown(text, 60)} has signs that no name has")
    return text


def check_result(result: str) -> str:
    """Return *result* when there is such a one. Raises ``ArgumentError``."""
    if result in RESULTS:
        return result
    raise ArgumentError(f"result: there are {', '.join(RESULTS)}, not {shown(result, 40)}")


@command("runner.audit.query", Need.OWNER, private=True)
def query(
    context: Context,
    since: str | float | None = None,
    until: str | float | None = None,
    user: Annotated[str | None, check_glob] = None,
    command: Annotated[str | None, check_glob] = None,
    result: Annotated[str | None, check_result] = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Show who changed what, newest first, to who may do everything: ``saltern-run audit.query user='ldap:*' since=2h``

    *since*, *until*: in seconds since 1970, as 2026-01-31T12:00 (this host's zone), or as 90m, 2h, 7d ago. *user*: a
    glob of principals (``local:fred``, ``token:ci``, ``minion:web1``). *command*: a glob of commands (``job.publish``,
    ``wheel.key.*``), and of the functions that jobs ran (``cmd.*``). *result*: ok, failed, refused or lost. *limit*: up
    to 10,000. Of arguments there is a digest (``docs/audit.md``).
    """
    if not 0 < limit <= MAX_LIMIT:
        raise ArgumentError(f"limit must be between 1 and {MAX_LIMIT:,}, not {limit}")
    now = time.time()
    asked = Asked(time_of("since", since, now), time_of("until", until, now), user, command, result, limit)
    return context.services.audit_book.query(asked)


@command("runner.audit.verify", Need.OWNER, private=True)
def verify(context: Context) -> dict[str, Any]:
    """Tell whether the audit's file is whole, to who may do everything: ``saltern-run audit.verify``

    ``ok``; how many ``lines``; the ``first`` and ``last`` number; how many are ``torn`` by a kill or a full disk; and
    the ``fault``: the first line that isn't what was written, or stands where another was.
    """
    return context.services.audit_book.verify()
