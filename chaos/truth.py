"""What minions returned, as they wrote it down themselves (``modules/ground.py``)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

INTERVAL_S = 1
"""Of the schedule: one sample a second on each minion."""

LEAVES: dict[str, Callable[[int], int]] = {
    "value": lambda n: n,
    "total": lambda n: n % 7,
    "peak": lambda n: n * 31 % 101,
    "low": lambda n: n * 17 % 103,
    "latest": lambda n: n,
}
"""What each number of a sample is for the sample's own number: the same as in the module, worked out apart."""

AGGREGATION = {"value": "average", "total": "sum", "peak": "max", "low": "min", "latest": "last"}


class Sample(NamedTuple):
    """One scheduled run: its *number* on its minion, its *slot* (epoch s), and when it *really* ran (epoch s)."""

    number: int
    slot: int
    really: float


class Done(NamedTuple):
    """One run of a job on a minion: its jid, the *number* that it was given, and when it *really* ran (epoch s)."""

    jid: str
    number: int
    really: float


class Truth:
    """The files in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._monotonic_epoch = time.time() - time.monotonic()

    def samples(self, minion: str) -> list[Sample]:
        """Return what a minion sampled, in order."""
        found = []
        for number, jid, monotonic in self._lines(f"{minion}.samples", 3):
            at = datetime.strptime(jid, "%Y%m%d%H%M%S%f").replace(tzinfo=UTC).timestamp()
            slot = int(at // INTERVAL_S * INTERVAL_S)
            found.append(Sample(int(number), slot, float(monotonic) + self._monotonic_epoch))
        return found

    def jobs(self, minion: str) -> list[Done]:
        """Return the jobs that a minion did, in order."""
        return [
            Done(jid, int(number), float(monotonic) + self._monotonic_epoch)
            for jid, number, monotonic in self._lines(f"{minion}.jobs", 3)
        ]

    def _lines(self, name: str, words: int) -> list[list[str]]:
        try:
            text = (self.folder / name).read_text(encoding="ascii")
        except FileNotFoundError:
            return []
        # A process that was killed in its write leaves a part of a line at the very end.
        whole = text[: text.rfind("\n") + 1].splitlines()
        return [found for line in whole if len(found := line.split()) == words]
