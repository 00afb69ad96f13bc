"""All there is about tags in one server: the index, what enters series into it, and the scan of the tree."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from saltern.complaints import Complaints, Trouble
from saltern.errors import StoreError
from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.neighbour import Neighbour
from saltern_graphite.tags.presence import Presence
from saltern_graphite.tags.registrar import RETRY_S, Registrar
from saltern_graphite.tags.scan import scan
from saltern_graphite.telemetry.counters import Counters

FILE = os.path.join("db", "tags.sqlite")
"""Where the index is, under the server's root."""
CROWDED_S = 1.0
"""Between looks of the scan at whether more names may wait."""
AGAIN_S = 25.0
"""After a look at the tree it is looked at again, for files that others made or took since."""

log = logging.getLogger(__name__)


class Registry:
    """The tag index of the server under *root*, kept up to date from :meth:`start` to :meth:`stop`.

    *read_only*: a copy in memory of what is there, and of what a server beside enters; series can still be entered,
    until it stops. *known* tells every
    metric that this process has met, with tags or without. Every *again_s* seconds the tree is looked at for series
    that others brought or took; *waits* and *forget* are for the latter, see :class:`Presence`. *counters* get
    ``tagIndexFailures`` and the gauges ``tags.series`` and ``tags.waiting``.
    """

    def __init__(
        self,
        root: str,
        whisper_dir: str,
        *,
        read_only: bool = False,
        known: Callable[[], Iterable[str]] = tuple,
        waits: Callable[[str], bool] = lambda name: True,
        forget: Callable[[Sequence[str]], int] = len,
        counters: Counters | None = None,
        again_s: float = AGAIN_S,
    ) -> None:
        counters = Counters() if counters is None else counters
        path = os.path.join(root, FILE)
        self.index = TagIndex.open(path, read_only=read_only)
        self._neighbour = Neighbour(path, self.index.last) if read_only else None
        self.registrar = Registrar(self.index, RETRY_S, known=lambda: _tagged(known()), count=counters.add)
        self.registrar.on_begun_anew = self._scan_again
        self._whisper_dir = whisper_dir
        self._again_s = again_s
        self._stop = threading.Event()
        self._due = threading.Event()
        self._presence = Presence(self.index, whisper_dir, waits, forget, self._due.wait)
        self._hollow: set[str] = set()
        self._complaints = Complaints(log, logging.WARNING)
        self._trouble = Trouble(log)
        self._scan = threading.Thread(target=self._run_scans, name="tag-scan", daemon=True)
        for name in ("tagIndexFailures", "tagIndexBegunAnew"):
            counters.add(name, 0)  # so that it is seen before the first
        counters.gauge("tags.series", self.index.count)
        counters.gauge("tags.waiting", lambda: self.registrar.waiting)

    def start(self) -> None:
        """Start entering series, and looking for those in the tree."""
        self.index.filling = True
        self._due.set()
        self.registrar.start()
        self._scan.start()

    def met(self, name: str) -> None:
        """Take note of the metric *name*, from any thread; one without tags is none of ours."""
        if ";" in name:
            self.registrar.add(name)

    def settle(self) -> None:
        """Enter what waits, now: the log that would bring the names back after a crash is about to be freed."""
        if self.registrar.waiting:
            self.registrar.flush()

    def health(self) -> dict[str, object]:
        """What ``/health`` tells of it: series in the index, those that wait to be in its file, and why in one line.

        And how it follows the tree: when all were looked at last, how long that took, how many *gone* and came back.
        """
        error, files = " ".join((self.registrar.last_error or self.index.file.fault).split()), self._presence
        return {
            "series": self.index.count(),
            "waiting": self.registrar.waiting,
            "error": error,
            "last_look": round(files.looked),
            "look_seconds": round(files.seconds, 3),
            "gone": files.gone,
            "back": files.found,
        }

    def stop(self) -> None:
        """Enter what waits, within a second, and close; started or not."""
        self._stop.set()
        self._due.set()
        self.registrar.stop()
        if self._scan.is_alive():
            self._scan.join(1.0)
        self.index.close()

    def _scan_again(self) -> None:
        self._due.set()

    def _run_scans(self) -> None:
        since = 0.0
        while not self._stop.is_set():
            self._due.clear()
            began, until = time.time(), time.monotonic() + self._again_s
            try:
                scan(self._whisper_dir, self._add_found, self._stop, since, self._hollow, self._complaints)
                self.registrar.flush()
            finally:
                self.index.filling = False
            try:
                self._look()
            except StoreError as error:
                self._trouble.met(f"tagged series whose files are gone stay for now: {error}")
            else:
                self._trouble.over("tagged series whose files are gone leave the tag index again")
            since = 0.0 if self._due.wait(max(until - time.monotonic(), self._again_s / 5)) else began

    def _look(self) -> None:
        """Hear what a server beside has entered, and see which series have a file still."""
        for some in self._neighbour.series() if self._neighbour else ():
            present = {name for name in some if self.index.has_file(name)}
            self.index.add(sorted(present))
            self.index.lose([name for name in some if name not in present])  # those come with their files
        self._presence.look()

    def _add_found(self, name: str) -> None:
        """Have *name* entered. A scan has time: names that points come for go before it."""
        while self.registrar.crowded and not self._stop.wait(CROWDED_S):
            pass
        self.registrar.add(name)


def _tagged(names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if ";" in name)
