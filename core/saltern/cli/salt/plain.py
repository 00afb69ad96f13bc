"""A job on all its minions at once: each answer is printed as it comes."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from saltern.batch import retcode_of
from saltern.cli.command import EX_GENERIC, EX_OK
from saltern.cli.salt.shown import FAILED, NOBODY, Shown, explain, silent
from saltern.cli.salt.stopped import Stopped
from saltern.cli.salt.summary import Tally
from saltern.cli.salt.wanted import DOC
from saltern.following import Following
from saltern.local import Access, LocalConnection
from saltern.order import Order, Ordered

FUNCTIONS = "sys.list_functions"

Row = tuple[str, dict[str, Any]]


def run_plain(options: argparse.Namespace, order: Order, access: Access, shown: Shown, stopped: Stopped) -> int:
    """Run the job and return the exit code."""
    if options.subset and order.fun != DOC:
        order = order.on(_subset(access, order, options.subset))
    with LocalConnection(access) as connection:
        ordered = order.publish(connection, follow=not options.async_)
        if options.async_:
            if not ordered.minions:
                print(NOBODY)
            explain(ordered.problem, ordered.unknown)
            return shown.started(ordered.jid or "0")
        if not ordered.minions and _is_function(options):
            # Nobody is called so: the word is a function, or a module.
            order = order._replace(tgt="*", arg=options.words)
            ordered = order.publish(connection)
        if not ordered.minions:
            return _nobody(order, ordered, shown)
        stopped.jid = ordered.jid
        explain(ordered.problem, ordered.unknown)
        rows = _rows(connection, access, ordered)
        if order.fun == DOC:
            from saltern.cli.salt.docs import print_docs  # these forms' own files only when they are asked for

            if options.show_jid:
                print(f"jid: {ordered.jid}")
            return print_docs({minion_id: data["ret"] for minion_id, data in rows}, shown)
        return _show(options, ordered, rows, shown)


def _is_function(options: argparse.Namespace) -> bool:
    """Return whether the only word after ``-d`` may be what to tell of, not whom to ask."""
    return options.doc and len(options.words) == 1 and not options.kind


def _nobody(order: Order, ordered: Ordered, shown: Shown) -> int:
    if order.fun != DOC:
        return shown.nobody(ordered.problem, ordered.unknown)
    from saltern.cli.salt.docs import print_docs

    print(NOBODY)
    explain(ordered.problem, ordered.unknown)
    return print_docs({}, shown)


def _show(options: argparse.Namespace, ordered: Ordered, rows: Iterator[Row], shown: Shown) -> int:
    if options.verbose:
        head = f"Executing job with jid {ordered.jid}"
        print(f"{head}\n{'-' * len(head)}\n", flush=True)
    elif options.show_jid:
        print(f"jid: {ordered.jid}", flush=True)
    progress = None
    if options.progress:
        from saltern.cli.salt.progress import Progress

        progress = Progress(len(ordered.minions))
    tally = Tally()
    for minion_id, data in rows:
        tally.count(minion_id, data)
        with progress.paused() if progress else contextlib.nullcontext():
            shown.value({minion_id: data["ret"]}, data.get("out"), retcode_of(data))
        if progress:
            progress.count(data)
    if progress:
        progress.end()
    if options.summary and not shown.chosen:
        tally.show(verbose=options.verbose)
    if tally.any_failed:
        sys.stdout.flush()
        print(FAILED, file=sys.stderr)
        return EX_GENERIC
    return EX_OK


def _rows(connection: LocalConnection, access: Access, ordered: Ordered) -> Iterator[Row]:
    """Yield the answers as they come, and at the end what is said of those that don't answer."""
    lost: dict[str, str] = dict.fromkeys(ordered.unknown, "Minion did not return")
    for minion_id, data in Following(access, connection, ordered.jid).answers():
        if "failed" in data:
            lost[minion_id] = str(data["failed"])
        else:
            lost.pop(minion_id, None)
            yield minion_id, data
    for minion_id in sorted(lost):
        yield minion_id, silent(lost[minion_id], ordered.jid)


def _subset(access: Access, order: Order, count: int) -> list[str]:
    """Return *count* of the minions that the order is for, by chance, of those that have its functions."""
    from random import SystemRandom  # not small, and seldom needed

    functions = [order.fun] if isinstance(order.fun, str) else order.fun
    with LocalConnection(access) as connection:
        asked = order.instead(FUNCTIONS, functions).publish(connection)
        if not asked.minions:
            print(NOBODY)
            explain(asked.problem, asked.unknown)
            return []
        answers = Following(access, connection, asked.jid).answers()
        able = sorted(minion_id for minion_id, data in answers if _has(data.get("ret"), functions))
    return sorted(SystemRandom().sample(able, min(max(count, 1), len(able))))


def _has(listed: Any, functions: list[str]) -> bool:
    return isinstance(listed, list) and all(name in listed for name in functions)
