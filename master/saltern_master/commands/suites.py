"""``suite.*``: what the test suites of the fleet came to."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import Annotated, Any

from saltern.errors import ArgumentError, CommandError
from saltern.ids import check_jid
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.jobs import STORED_WITHIN_S
from saltern_master.commands.registry import Reach, command
from saltern_master.commands.returns import stored
from saltern_master.suites.forms import as_data, as_junit, as_page, as_text
from saltern_master.suites.report import HISTORY_RUNS, Report, report_of
from saltern_master.suites.run import FUNCTION

FORMS: dict[str, Callable[[Report], Any]] = {
    "table": as_text,
    "data": as_data,
    "json": as_data,
    "junit": as_junit,
    "html": as_page,
}
MAX_TESTS = 200_000
"""Of all hosts together, in one report."""
MAX_LISTED = 1000
MAX_LOOKED_AT = 20_000
"""Of the latest runs, for who sees some minions alone."""


def check_form(form: str) -> str:
    """Return *form* when there is such a one. Raises ``ArgumentError``."""
    if form in FORMS:
        return form
    raise ArgumentError(f"form: there are {', '.join(FORMS)}, not {form!r:.40}")


@command("runner.suite.report", Need.RUNNER, reach=Reach.VISIBLE)
def report(
    context: Context,
    jid: Annotated[str, check_jid],
    form: Annotated[str, check_form] = "table",
    minions: str = "*",
    every: bool = False,
) -> Any:
    """Show what the tests of a job came to on each host: ``saltern-run suite.report 20260131120000123456``

    The matrix of hosts and tests, what differs between hosts, what is new since the run before, what comes and goes,
    and what is slowest. *form*: ``table``, ``data`` (for ``--out json``), ``junit`` or ``html`` (with ``--out-file``).
    *minions*: a glob. *every*: in a table also the tests that passed everywhere. Hosts whose run isn't over have no
    answer yet.
    """
    store = context.services.suites.store
    context.services.keeper.catch_up(STORED_WITHIN_S)
    context.services.suites.catch_up(STORED_WITHIN_S)
    job = context.services.job_store.job(jid)
    asked = context.visible(job.load.get("minions") or ()) if job is not None else []
    count = store.size(jid)
    if count > MAX_TESTS:
        raise CommandError(f"job {jid} has {count:,} tests on all hosts: a report is of {MAX_TESTS:,} at most")
    runs = [
        run for run in store.runs(jid) if fnmatch.fnmatchcase(run.minion_id, minions) and context.sees(run.minion_id)
    ]
    if not runs and (job is None or job.load.get("fun") != FUNCTION or (context.limited and not asked)):
        raise CommandError(f"job {jid} ran no {FUNCTION}: saltern-run suite.list shows those that did")
    asked = [minion for minion in asked if fnmatch.fnmatchcase(minion, minions)]
    history = max(1, min(HISTORY_RUNS - 1, MAX_TESTS // max(count, 1)))  # so that what is read stays bounded
    made = report_of(jid, asked, runs, lambda run: store.earlier(run, history))
    return as_text(made, every=every) if form == "table" else FORMS[form](made)


@command("runner.suite.list", Need.RUNNER, reach=Reach.VISIBLE)
def listed(context: Context, suite: Annotated[str | None, stored] = None, limit: int = 50) -> list[dict[str, Any]]:
    """List the latest runs, newest first: ``saltern-run suite.list suite=web limit=10``

    Each with its job, minion, suite, when it came (``received``, epoch seconds), how long its tests took, and how many
    passed, failed, broke and were skipped.
    """
    if not 0 < limit <= MAX_LISTED:
        raise ArgumentError(f"limit must be between 1 and {MAX_LISTED:,}, not {limit}")
    context.services.suites.catch_up(STORED_WITHIN_S)
    found = context.services.suites.store.summaries(suite, MAX_LOOKED_AT if context.limited else limit)
    found = [one for one in found if context.sees(one.minion_id)][:limit]
    return [
        {**{name: value for name, value in one._asdict().items() if name != "minion_id"}, "minion": one.minion_id}
        | {"seconds": round(one.seconds, 3)}
        for one in found
    ]
