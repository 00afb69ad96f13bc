"""All there is about tags in one server: the index, what enters series into it, and the scan at the start."""

from __future__ import annotations

import os
import threading

from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.registrar import Registrar
from saltern_graphite.tags.scan import scan

FILE = os.path.join("db", "tags.sqlite")
"""Where the index is, under the server's root."""


class Registry:
    """The tag index of the server under *root*, kept up to date from :meth:`start` to :meth:`stop`.

    *read_only*: a copy in memory of what is there; series can still be entered, until it stops.
    """

    def __init__(self, root: str, whisper_dir: str, *, read_only: bool = False) -> None:
        self.index = TagIndex.open(os.path.join(root, FILE), read_only=read_only)
        self.registrar = Registrar(self.index)
        self._whisper_dir = whisper_dir
        self._stop = threading.Event()
        self._scan = threading.Thread(target=self._run_scan, name="tag-scan", daemon=True)

    def start(self) -> None:
        """Start entering series, and looking for those in the tree."""
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

    def stop(self) -> None:
        """Enter what waits, within a second, and close; started or not."""
        self._stop.set()
        self.registrar.stop()
        if self._scan.is_alive():
            self._scan.join(1.0)
        self.index.close()

    def _run_scan(self) -> None:
        scan(self._whisper_dir, self.registrar.add, self._stop)
