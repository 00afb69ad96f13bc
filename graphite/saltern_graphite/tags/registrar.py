"""Entering the tagged series that the store meets: in batches, in a thread of its own; receiving never waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from itertools import islice

from saltern.errors import StoreError
from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.mend import mend

log = logging.getLogger(__name__)

BATCH = 500
GATHER_S = 0.05
"""How long names gather before they are entered: one commit for many."""
RETRY_S = 5.0
MAX_WAITING = 100_000
"""Names that may wait, about 10 MB; those beyond are taken from what is *known* when these are entered."""


class Registrar:
    """Enters names into *index*, which it mends when that is ill. What could not be entered is tried again.

    *known* tells every tagged series of this process: what didn't fit among those that wait, and what a damaged
    index had. *count* is told of faults, as ``tagIndexFailures``, and of an index that was begun anew, as
    ``tagIndexBegunAnew``. :meth:`start` it, then :meth:`stop` it.
    """

    def __init__(
        self,
        index: TagIndex,
        retry_s: float = RETRY_S,
        known: Callable[[], Iterable[str]] = tuple,
        count: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.entered = 0
        """How many series were new to the index."""
        self.last_error = index.file.fault
        """Why the last batch failed; empty once one was entered."""
        self.on_begun_anew: Callable[[], None] = lambda: None
        """Called, in its thread, when the index was begun anew; what is known is entered then anyway."""
        self._index = index
        self._retry_s = retry_s
        self._known = known
        self._count = count
        self._waiting: dict[str, None] = {}
        self._entering: list[str] = []  # what is taken out of those that wait, until it is in the index
        self._put_off = 0  # names that were not let wait
        self._all_again = False
        self._lock = threading.Lock()  # of what waits
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._batch = threading.Lock()  # one at a time, so that a failed one can be put back in its place
        self._thread = threading.Thread(target=self._run, name="tags", daemon=True)
        index.file.on_fault = self._wake.set
        index.coming, index.withdraw, index.enter = self.coming, self.withdraw, self.enter_few

    @property
    def waiting(self) -> int:
        """How many names are not in the index, or not in its file, yet."""
        return len(self._waiting) + self._put_off + len(self._index.file.left)

    def coming(self) -> list[str]:
        """Return the names that are not in the index yet, but for those that were not let wait."""
        with self._lock:
            return [*self._entering, *self._waiting]

    def enter_few(self) -> None:
        """Enter what waits, now, in this thread, if it is no more than goes into one batch."""
        if self._index.file.ill or len(self._waiting) > BATCH or not self.coming():
            return
        self._enter()

    def withdraw(self, names: list[str]) -> int:
        """Don't enter *names*; return how many of them were waiting."""
        with self._batch, self._lock:  # what is being entered is in the index then
            waiting = [name for name in names if name in self._waiting]
            for name in waiting:
                del self._waiting[name]
        return len(waiting)

    @property
    def crowded(self) -> bool:
        """Whether no more names may wait."""
        return len(self._waiting) >= MAX_WAITING

    def start(self) -> None:
        """Start entering."""
        if self._index.file.ill:
            self._wake.set()
        self._thread.start()

    def add(self, name: str) -> None:
        """Have the canonical *name* entered soon; from any thread, at once."""
        with self._lock:
            if len(self._waiting) < MAX_WAITING:
                self._waiting[name] = None
            elif name not in self._waiting:
                self._put_off += 1
        self._wake.set()

    def flush(self) -> bool:
        """Enter all that waits, now, in this thread; return whether that worked."""
        while self._waiting:
            if not self._enter():
                return False
        return True

    def stop(self, wait_s: float = 1.0) -> None:
        """Enter what waits and end, started or not; what fails now is met again when its next point comes."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(wait_s)
        if self.waiting:
            log.warning("%d tagged series are not in the tag index yet: %s", self.waiting, self.last_error)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._stopping.wait(GATHER_S)
            self._wake.clear()
            if not self._turn():
                self._stopping.wait(self._retry_s)
                self._wake.set()
        self.flush()

    def _turn(self) -> bool:
        """Enter all there is, the index mended if it is ill; return whether that worked."""
        try:
            if self._index.file.ill:
                mend(self._index)
        except StoreError as error:
            self._failed(error)
            self._forgot_some()
            self.flush()  # memory may stand in
            return False
        self._forgot_some()
        worked = self.flush() and (not (self._all_again or self._put_off) or self._enter_known())
        if worked:
            self._worked()
        return worked

    def _forgot_some(self) -> None:
        """If the index was begun anew, see to it that it learns again what is known."""
        if self._index.file.begun_anew:
            self._index.file.begun_anew = False
            self._count("tagIndexBegunAnew")
            self._all_again = True
            self.on_begun_anew()

    def _enter(self) -> bool:
        with self._batch:
            with self._lock:
                names = self._entering = list(islice(self._waiting, BATCH))
                for name in names:  # at once: one that comes again meanwhile is to be entered again
                    del self._waiting[name]
            try:
                self.entered += self._index.add(names)
            except StoreError as error:
                with self._lock:
                    self._waiting = {**dict.fromkeys(names), **self._waiting}
                self._failed(error)
                return False
            finally:
                with self._lock:
                    self._entering = []
            self._worked()
            return True

    def _enter_known(self) -> bool:
        put_off, self._put_off, self._all_again = self._put_off, 0, False
        names = iter(self._known())
        try:
            while some := list(islice(names, BATCH)):
                self.entered += self._index.add(some)
        except StoreError as error:
            self._put_off += put_off
            self._all_again = True
            self._failed(error)
            return False
        return True

    def _worked(self) -> None:
        if self.last_error and not self._index.file.fault:
            log.info("tagged series are entered again")
        self.last_error = self._index.file.fault

    def _failed(self, error: StoreError) -> None:
        self._count("tagIndexFailures")
        if not self.last_error:
            log.error("tagged series can't be entered, it is tried again every %g s: %s", self._retry_s, error)
        self.last_error = str(error)
