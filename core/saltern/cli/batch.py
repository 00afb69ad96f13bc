"""Running a job on some minions at a time (``saltern -b``)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from saltern.client import LocalClient, batch_size
from saltern.local import LocalConnection


def run_in_batches(
    client: LocalClient,
    target: str,
    kind: str,
    function: str | list[str],
    args: list[Any],
    kwargs: dict[str, Any],
    options: argparse.Namespace,
) -> Iterator[dict[str, dict[str, Any]]]:
    """Yield answers as ``LocalClient.follow`` does; a new batch starts when the one before it has answered.

    The minions are those that answer a ping now, as Salt does it; the others are yielded as those that don't return.
    """
    present = []
    for answer in client.cmd_iter(target, "test.ping", timeout=options.timeout, tgt_type=kind):
        present += [minion_id for minion_id, data in answer.items() if "failed" not in data]
        if silent := {minion_id: data for minion_id, data in answer.items() if "failed" in data}:
            yield silent
    present.sort()
    size = batch_size(options.batch, len(present))
    for start in range(0, len(present), size):
        batch = present[start : start + size]
        if options.out != "quiet":
            print(f"\nExecuting run on {batch}\n", file=sys.stderr)
        with LocalConnection(client.opts["sock_dir"]) as connection:
            job = client.open_job(connection, batch, function, args, "list", kwargs, options.isolate, options.timeout)
            try:
                yield from client.follow(connection, job)
            except KeyboardInterrupt:
                left = len(present) - start - len(batch)
                print(
                    f"\nsaltern: job {job.jid} goes on: saltern-run jobs.lookup_jid {job.jid}; it was not started on "
                    f"{left} minions",
                    file=sys.stderr,
                )
                raise
