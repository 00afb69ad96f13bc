"""How long points wait for their files: the longer, the more files there are and the longer each takes.

An update of a file costs nearly the same for one point and for forty, and each makes the disk write a block or two
for every archive. So files are written as rarely as can be borne: at most a tenth of the time goes into it, points
wait :data:`~saltern_graphite.process.options.FLUSH_AT_MOST_S` at the most, and less where memory or the log fill up.
"""

from __future__ import annotations

from collections.abc import Iterable

SHARE = 0.1
"""Of the time, for writing files."""
FIRST_FILE_S = 50e-6
"""What a file is taken to cost before one was written."""
LEAST_FILE_S = 40e-6
"""What a file is taken to cost at least: when the call returns, the disk has its blocks still to write."""
WEIGHT = 0.1
"""Of the newest measurement in what a file is taken to cost."""
EASY, HARD = 0.5, 0.9
"""Between these loads of memory or log, points wait less and less; above, not at all."""


class Pace:
    """Says which shelves are to be written when. For one thread.

    Points wait *least_s*, more as there are more of them, but *most_s* at the most; with 0 for *least_s* never.
    """

    def __init__(self, least_s: float, most_s: float) -> None:
        self.least_s = least_s
        self.most_s = max(least_s, most_s)
        self._file_s = FIRST_FILE_S
        self._credit = 0.0  # metrics that may be written

    @property
    def file_s(self) -> float:
        """What it takes to write a file, as it was of late."""
        return max(self._file_s, LEAST_FILE_S)

    def wrote(self, files: int, seconds: float) -> None:
        """Learn that *files* took so long."""
        if files:
            weight = WEIGHT * min(1.0, files / 1000)
            self._file_s += weight * (seconds / files - self._file_s)

    def wait_s(self, metrics: int, load: float) -> float:
        """Return how long points should wait while so many *metrics* do, at a *load* of memory and log (1: full)."""
        return self._within(max(self.least_s, metrics * self.file_s / SHARE), load)

    def new_wait_s(self, metrics: int, load: float) -> float:
        """Return how long so many *metrics* should wait whose files are to be made: few of them hardly at all."""
        return self._within(metrics * self.file_s / SHARE, load)

    def _within(self, calm_s: float, load: float) -> float:
        if not self.least_s:
            return 0.0
        return min(calm_s, self.most_s) * min(1.0, max(0.0, (HARD - load) / (HARD - EASY)))

    def due(self, waiting: Iterable[tuple[float, int, int]], now: float, passed_s: float) -> list[int]:
        """Return the numbers of the shelves to write now, *passed_s* after the last time.

        *waiting* are shelves: until when their points may wait, how many metrics, the shelf's number. They are not
        written all at once when their time comes: there is a rate at which none comes late.
        """
        due: list[int] = []
        rate = before = 0.0
        later = []
        for until, metrics, number in sorted(waiting):
            if until - now <= passed_s:
                due.append(number)
                continue
            before += metrics
            rate = max(rate, before / (until - now))
            later.append((metrics, number))
        self._credit = self._credit + rate * passed_s if later else 0.0
        for metrics, number in later:
            if self._credit < metrics:
                break
            self._credit -= metrics
            due.append(number)
        return due
