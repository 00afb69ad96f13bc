"""A job in batches: ``--batch``, and ``--static``, which is a batch of all of them that prints once at the end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from saltern.batch import Answered, Away, Batch, Lost, Started, Step, retcode_of
from saltern.cli.command import EX_GENERIC, EX_OK
from saltern.cli.salt.docs import print_docs
from saltern.cli.salt.shown import EX_NOTHING, NOBODY, NOTHING_CAME, Shown, explain
from saltern.cli.salt.stopped import Stopped
from saltern.cli.salt.wanted import DOC
from saltern.errors import UsageError
from saltern.local import Access
from saltern.order import Order
from saltern.visible import visible

NO_MATCH = "No minions matched the target."
MAX_EXIT = 255

BLOCK = ("retcode", "jid")
"""What is printed of an answer beside its value, in this order."""


def run_waves(options: argparse.Namespace, order: Order, access: Access, shown: Shown, stopped: Stopped) -> int:
    """Run the job in batches, print who is started and each answer, and return the highest retcode."""
    batch = _batch(options, order, access)
    if batch is None:
        return EX_GENERIC
    if options.async_:
        return _run_in_background(batch)
    highest = 0
    for step in _steps(batch, stopped):
        if isinstance(step, Away):
            if not batch.matched:
                print(f"{NOBODY}\n{NO_MATCH}")
            _say_away(batch, step)
        elif isinstance(step, Started):
            print(f"\nExecuting run on {visible(repr(sorted(step.minions)))}\n", flush=True)
        elif isinstance(step, Answered):
            highest = max(highest, retcode_of(step.data))
            block = {name: step.data[name] for name in BLOCK if name in step.data}
            shown.value({**block, step.minion_id: step.data["ret"]}, step.data.get("out"))
    if not batch.jid:
        sys.stdout.flush()
        print(NOTHING_CAME, file=sys.stderr)
        return EX_NOTHING
    return min(highest, MAX_EXIT)


def run_static(options: argparse.Namespace, order: Order, access: Access, shown: Shown, stopped: Stopped) -> int:
    """Run the job, print all answers as one document, and return the exit code, 0 whatever the functions did."""
    batch = _batch(options, order, access)
    if batch is None:
        return EX_GENERIC
    answers: dict[str, Any] = {}
    for step in _steps(batch, stopped):
        if isinstance(step, Away):
            if not batch.matched:
                print(NOBODY)
            explain(batch.problem, step.unknown)
        elif isinstance(step, Answered):
            answers[step.minion_id] = step.data["ret"]
        elif isinstance(step, Lost):
            answers[step.minion_id] = {}
    if order.fun == DOC:
        return print_docs(answers, shown)
    if not answers:
        return shown.nothing()
    shown.value(answers)
    return EX_OK


def _run_in_background(batch: Batch) -> int:
    """Start the first ones, leave the others to a process of its own, say which job it is, and return Salt's code."""
    from saltern.cli.salt.background import go_on

    steps = batch.run()
    away = next(steps)
    if not batch.matched:
        print(NOBODY)
    if not batch.present:
        print(NO_MATCH)
    if isinstance(away, Away):
        _say_away(batch, away)
    if batch.present:
        next(steps)
        go_on(steps)
        print(f"Executed batch command with job ID: {batch.jid}")
    return EX_OK


def _say_away(batch: Batch, away: Away) -> None:
    explain(batch.problem, away.unknown)
    for minion_id in away.minions:
        line = f"Minion {visible(minion_id)} did not respond. No job will be sent."
        print(line, file=sys.stdout if batch.present else sys.stderr)


def _batch(options: argparse.Namespace, order: Order, access: Access) -> Batch | None:
    size = options.batch or "100%"
    try:
        return Batch(access, order, size, wait_s=options.batch_wait, failhard=options.failhard)
    except UsageError as error:
        print(f"saltern: {error}", file=sys.stderr)
        return None


def _steps(batch: Batch, stopped: Stopped) -> Iterator[Step]:
    """Yield what happens, and keep *stopped* informed; say at the end what ``--failhard`` left out."""
    for step in batch.run():
        stopped.jid, stopped.pending = batch.jid, len(batch.pending)
        yield step
    if batch.stopped:
        sys.stdout.flush()
        print("[ERROR   ] Batch run stopped due to failhard", file=sys.stderr)
        if batch.pending or batch.active:
            left = f"it was not started on {len(batch.pending):,} minions; {len(batch.active):,} still work on it"
            print(f"saltern: {left}", file=sys.stderr)
