"""Bytes a second from the journal into the job store, against the same bytes written to a file on the same disk.

Returns of one megabyte from four minions lie in a journal, as after a burst; the keeper of the real master reads them,
and is timed until its position says that all are stored and synced. Of four kinds: one text, lines of a command's
output, a table of numbers as a module returns it, and many small returns. Its other side: the journal's bytes appended
to a file by plain writes of a megabyte, and synced at the end.

The loop of the keeper is the master's own, which measures how long it kept anyone waiting.

    make bench NAME=job_store [ARGS="--quick"] [ARGS="--megabytes 1000"]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from saltern_master.deadletters import DeadLetters
from saltern_master.jobs.keeper import READER, JobKeeper
from saltern_master.jobs.stores.sqlite import SqliteJobStore
from saltern_master.journal import Journal
from saltern_master.record import FOR_JOBS, write_record
from saltern_master.timed_loop import TimedLoop
from support import report
from support.programs import folder
from support.report import Figure, say

MEGABYTES, QUICK_MEGABYTES = 500, 40
MINIONS = 4
MB = 1_000_000
BOUND = 1 << 40
WRITE_BYTES = 1 << 20
POLL_S = 0.01
MS = 1000


def _text(number: int) -> tuple[Any, int]:
    return f"{number:08}" + "x" * (MB - 8), 1


def _lines(number: int) -> tuple[Any, int]:
    line = f"{number:08} -rw-r--r-- 1 root root 4096 Jan 31 12:00 some file\n"
    return line * (MB // len(line)), 1


def _numbers(number: int) -> tuple[Any, int]:
    return [{"pid": row, "cpu": row / 7, "rss": number * row, "name": f"worker-{row}"} for row in range(20_000)], 1


def _small(number: int) -> tuple[Any, int]:
    return {"retcode": 0, "stdout": f"{number} packages can be upgraded", "changed": False}, 5_000


KINDS: dict[str, tuple[Callable[[int], tuple[Any, int]], int]] = {
    "one text": (_text, 1),
    "lines of text": (_lines, 1),
    "a table of numbers": (_numbers, 5),
    "small returns": (_small, 20),
}
"""What makes each, and the part of the megabytes that there is of it: those that cost the processor take long."""


def bench(options: argparse.Namespace) -> list[Figure]:
    """Time each kind on both sides."""
    megabytes = options.megabytes or (QUICK_MEGABYTES if options.quick else MEGABYTES)
    figures = []
    for kind, (make, part) in KINDS.items():
        with folder("jobs") as root:
            journal = Journal(str(root / "journal"), BOUND, 10**9)
            journal.open()
            size = 0
            for payload in _records(make, megabytes / part):
                journal.append(payload)
                journal.flush()
                size += len(payload)
            say(f"{kind}: {size / MB:.0f} MB in the journal")
            os.sync()
            theirs = size / MB / _plain_writes(root)
            with asyncio.Runner(loop_factory=TimedLoop) as runner:
                seconds, stall = runner.run(_kept(journal, root))
            ours = size / MB / seconds
            say(f"{kind}: ours {ours:.0f} MB/s, plain writes {theirs:.0f} MB/s; the longest stall {stall * MS:.0f} ms")
            what = f"job results into the job store: {kind}"
            figures.append(Figure("job_store", what, ours, theirs, "plain writes", "MB/s", more_is_better=True))
    return figures


def _records(make: Callable[[int], tuple[Any, int]], megabytes: float) -> Iterator[bytes]:
    number, written = 0, 0
    while written < megabytes * MB:
        value, times = make(number)
        for _ in range(times):
            jid, minion = f"{20260101000000000000 + number // MINIONS}", f"web{number % MINIONS}"
            body = {"jid": jid, "fun": "test.echo", "fun_args": [], "return": value, "retcode": 0, "success": True}
            payload = write_record(FOR_JOBS, minion, 1.8e9, body)
            written += len(payload)
            number += 1
            yield payload


def _plain_writes(root: Path) -> float:
    """Return the seconds that the journal's bytes take into a file, from memory."""
    began = time.perf_counter()
    fd = os.open(root / "plain", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC)
    for path in sorted((root / "journal").glob("*.log")):
        with path.open("rb") as stream:
            while block := stream.read(WRITE_BYTES):
                os.write(fd, block)
    os.fsync(fd)
    os.close(fd)
    os.unlink(root / "plain")
    return time.perf_counter() - began


async def _kept(journal: Journal, root: Path) -> tuple[float, float]:
    """Return the seconds that the keeper takes for all of the journal, and the loop's longest stall in that time."""
    store = SqliteJobStore(str(root / "jobs.db"), BOUND)
    reader = journal.reader(READER, FOR_JOBS)
    keeper = JobKeeper(store, reader, DeadLetters(str(root / "dead")), 1e9, metric_returns=False)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, TimedLoop)
    loop.longest_stall_s()
    began = time.perf_counter()
    work = asyncio.create_task(keeper.run())
    while reader.behind():
        await asyncio.sleep(POLL_S)
    stall = loop.longest_stall_s()
    work.cancel()
    await asyncio.wait([work])
    store.close()
    os.sync()
    return time.perf_counter() - began, stall


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, help=f"of text (default {MEGABYTES}), less of the others")
    sys.exit(report.run(parser, bench))
