"""A tree of Whisper files: made beforehand, watched as a program writes into it, checked afterwards.

When a file was written the file system says (its ctime), so both sides are measured by the same clock and neither by
its own account of itself. A rename sets it too.
"""

from __future__ import annotations

import itertools
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import whisper

from support.metrics import STEP_S, names, value

ARCHIVES = [(15, 5_760), (60, 10_080), (900, 35_040)]
"""``support.metrics.LAYOUT`` as the library wants it."""
PROBES = 50
POLL_S = 0.02
QUIET_S = 1.6
"""carbon-cache's writer sleeps for a second between two passes: what is still to come shows within this time."""
IDLE_S = 0.25
CHECKED = 200
NS = 1_000_000_000


class Written(NamedTuple):
    """A round of writes: epoch seconds of the first and the last file, and the seconds between without the pauses."""

    first: float
    last: float
    busy_s: float


class WhisperTree:
    """The files of the first *metrics* metrics below *root*."""

    def __init__(self, root: Path, metrics: int) -> None:
        self.root = root
        self._names = names(metrics)
        self._paths = [f"{root}/{name.replace('.', '/')}.wsp" for name in self._names]

    def make(self) -> None:
        """Create all files, empty and sparse, as the library does: from one of its making. Nothing is left to write."""
        self.root.mkdir(parents=True, exist_ok=True)
        sample = self.root / "sample.wsp"
        whisper.create(str(sample), ARCHIVES, sparse=True)
        size, header = sample.stat().st_size, sample.read_bytes()[: 16 + 12 * len(ARCHIVES)]
        sample.unlink()
        for folder in dict.fromkeys(os.path.dirname(path) for path in self._paths):
            os.makedirs(folder, exist_ok=True)
        for path in self._paths:
            with open(path, "wb", buffering=0) as file:
                file.write(header)
                file.truncate(size)
        os.sync()

    def await_round(self, since: float, timeout_s: float) -> Written:
        """Wait until every file was written after *since* (epoch seconds) and nothing more comes; return when.

        Raises ``TimeoutError`` that says how many were.
        """
        deadline = time.monotonic() + timeout_s
        waiting = self._paths[:: max(1, len(self._paths) // PROBES)]
        while waiting := _unwritten(waiting, since) or _unwritten(self._paths, since):
            if time.monotonic() > deadline:
                missing = len(_unwritten(self._paths, since))
                raise TimeoutError(f"{missing} of {len(self._paths)} files not written within {timeout_s:g} s")
            time.sleep(POLL_S)
        at = self._changed_at()
        while True:
            time.sleep(QUIET_S)
            before, at = at, self._changed_at()
            if before == at:
                return _written(at)

    def verify(self, stamps: Sequence[int]) -> int:
        """Read every so many files with the whisper library; return how many. Raises ``ValueError`` at a wrong one."""
        every = max(1, len(self._paths) // CHECKED)
        for number in range(0, len(self._paths), every):
            path = self._paths[number]
            told = whisper.info(path)
            if [(archive["secondsPerPoint"], archive["points"]) for archive in told["archives"]] != ARCHIVES:
                raise ValueError(f"{path}: not the layout that was configured: {told['archives']}")
            (start, _, step), points = whisper.fetch(path, min(stamps) - STEP_S, max(stamps), archiveToSelect=STEP_S)
            for stamp in stamps:
                held, meant = points[(stamp - start) // step], value(number, stamp)
                if held is None or not math.isclose(held, meant):
                    raise ValueError(f"{path}: {held} at {stamp} where {meant} was sent")
        return len(range(0, len(self._paths), every))

    def _changed_at(self) -> list[int]:
        return [os.stat(path).st_ctime_ns for path in self._paths]


def _unwritten(paths: list[str], since: float) -> list[str]:
    """Return those of *paths* that are missing, empty, or older than *since*."""
    since_ns = int(since * NS)
    late = []
    for path in paths:
        try:
            told = os.stat(path)
        except FileNotFoundError:
            late.append(path)
        else:
            if told.st_ctime_ns < since_ns or not told.st_size:
                late.append(path)
    return late


def _written(at: list[int]) -> Written:
    """Return the round of writes that changed files *at* these nanoseconds."""
    ordered = sorted(at)
    steps = [(after - before) / NS for before, after in itertools.pairwise(ordered)]
    return Written(ordered[0] / NS, ordered[-1] / NS, sum(step for step in steps if step < IDLE_S))
