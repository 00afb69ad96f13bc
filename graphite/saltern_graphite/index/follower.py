"""Following the tree: who else makes, renames or deletes files in it is seen within a minute.

Where the system tells of changes (:mod:`saltern_graphite.index.watches`), the folders it names are looked at within a
second or two. Beside that all folders are looked at in turn, over and over: for other systems, for what is on another
host's disk, and for folders beyond the bound on watches.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading
import time

from saltern_graphite.index.folders import ROOT
from saltern_graphite.index.mirror import Memory, Mirror
from saltern_graphite.index.tree import Index
from saltern_graphite.index.watches import Watches, open_watches

ROUND_S = 25.0
"""A look at the whole tree begins so long after the last one began, or later if that took long."""
PAUSE_S = 5.0
"""It rests so long after the last one at least."""
GATHER_S = 0.5
"""What the system tells gathers for so long: a folder that is being filled is read once."""
FOLDERS_PER_S = 25_000
BATCH = 200
"""Folders at a time: about a millisecond's work."""
REST = 9
"""So many times as long as a batch took nothing is done after it: a tenth of one processor at most."""
LONGEST_REST_S = 3.0
NICE = 5

log = logging.getLogger(__name__)


class Follower:
    """Keeps *index* equal to the tree at *whisper_dir* in a thread, from :meth:`start` to :meth:`stop`.

    *memory* knows the metrics that have no file yet. At most *most_watches* folders are watched, by default what the
    system allows; with 0 none. *round_s* is the time from one look at the whole tree to the next, in seconds.
    """

    def __init__(
        self,
        index: Index,
        whisper_dir: str,
        memory: Memory,
        *,
        most_watches: int | None = None,
        round_s: float = ROUND_S,
    ) -> None:
        self._index = index
        self._watches: Watches | None = None
        self._most_watches = most_watches
        self._round_s = round_s
        self._stopping = threading.Event()
        self._mirror = Mirror(index, whisper_dir, memory, rest=lambda: self._stopping.wait(0.001))
        self._due: dict[int, None] = {}
        self._due_at = 0.0
        self._next = -1  # the folder whose turn it is; -1 between two looks at the whole tree
        self._all = False  # the system could not tell all: a look at the whole tree is due, after the one under way
        self._began = 0.0
        self._round_at = 0.0
        self._after: threading.Thread | None = None
        self._wake_read, self._wake = -1, -1
        self._thread = threading.Thread(target=self._run, name="index-follow", daemon=True)

    def start(self, after: threading.Thread | None = None) -> None:
        """Begin, when the thread *after*, which fills the index, has ended."""
        self._after = after
        self._wake_read, self._wake = os.pipe()
        self._thread.start()

    def stop(self, wait_s: float = 1.0) -> None:
        """End, started or not; it is waited for so many seconds at most."""
        self._stopping.set()
        if self._thread.ident is None or self._wake < 0:
            return
        os.write(self._wake, b"x")
        self._thread.join(wait_s)
        if not self._thread.is_alive():
            for end in (self._wake_read, self._wake):
                os.close(end)
            self._wake = -1

    def _run(self) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        if self._after is not None:
            self._after.join()
        self._watches = self._mirror.watches = open_watches(self._most_watches)
        while not self._stopping.is_set():
            try:
                self._turn()
            except Exception as error:  # a fault of ours: nobody else follows the tree
                log.warning("index: a look at the tree failed: %s: %s", type(error).__name__, error)
                self._next, self._round_at = -1, time.monotonic() + PAUSE_S
                self._stopping.wait(PAUSE_S)
        if self._watches is not None:
            self._watches.close()

    def _turn(self) -> None:
        """Do some work and rest, or wait for some."""
        began = time.monotonic()
        self._listen()
        work = self._work(began)
        self._tell()
        now = time.monotonic()
        if work:
            self._stopping.wait(min(LONGEST_REST_S, max(work / FOLDERS_PER_S, REST * (now - began))))
            return
        until = min(self._round_at, self._due_at) if self._due else self._round_at
        self._sleep(max(0.0, until - now))

    def _listen(self) -> None:
        """Take in what the system tells."""
        if self._watches is None:
            return
        told = self._watches.read()
        if told.changed and not self._due:
            self._due_at = time.monotonic() + GATHER_S
        self._due.update(dict.fromkeys(told.changed))
        for number, names in told.came.items():
            self._due.update(dict.fromkeys(self._mirror.named(number, names)))
        if told.overflow:
            self._index.followed.overflows += 1
            self._all = True

    def _work(self, now: float) -> int:
        """Look at the folders whose turn it is, some of them; return how much work that was."""
        work = 0
        if self._next < 0 and (now >= self._round_at or self._all):
            self._next, self._began, self._all = ROOT, now, False
            if self._watches is not None:
                self._watches.try_again()
        while work < BATCH and not self._stopping.is_set():
            if self._mirror.new:
                work += self._mirror.look(self._mirror.new.pop())
            elif self._due and now >= self._due_at:
                number = next(iter(self._due))
                del self._due[number]
                work += self._mirror.look(number)
            elif self._next >= 0:
                work += self._mirror.look(self._next)
                self._next += 1
                if self._next >= self._mirror.folders.end and not self._mirror.new:
                    self._end_round()
            else:
                break
        return work

    def _end_round(self) -> None:
        now = time.monotonic()
        self._next = -1
        self._round_at = max(self._began + self._round_s, now + min(PAUSE_S, self._round_s))
        followed = self._index.followed
        followed.seconds, followed.looked = now - self._began, time.time()

    def _tell(self) -> None:
        followed = self._index.followed
        followed.folders, followed.unread = len(self._mirror.folders), self._mirror.unread
        followed.watches = len(self._watches) if self._watches is not None else 0

    def _sleep(self, seconds: float) -> None:
        """Wait for *seconds*, or until the system has something to tell, or :meth:`stop`."""
        listen = [self._wake_read]
        if self._watches is not None and not self._due:
            listen.append(self._watches.fd)
        poll = select.poll()  # descriptors may be any number
        for fd in listen:
            poll.register(fd, select.POLLIN)
        poll.poll(seconds * 1000)
