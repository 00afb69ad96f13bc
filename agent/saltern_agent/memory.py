"""Giving memory back that a huge return, or a function with a lot of data, has left behind.

The C library keeps what was freed for the next that needs it, and once a piece of many megabytes was freed it does so
with all up to that size, for each thread: an agent that once returned 15 MB would have 60 MB more for ever. To tell it
otherwise takes ``ctypes``, which is a third of a megabyte: it is told when that is worth it, not by every agent.
"""

from __future__ import annotations

import gc
import logging
import os
import time
from collections.abc import Callable

from saltern.complaints import Complaint

log = logging.getLogger(__name__)

MUCH_BYTES = 4 * 1024 * 1024
"""What the process may grow by before it is looked for what can be given back."""

MMAP_BYTES = 256 * 1024  # pieces from this size on are the system's again as soon as they are freed
TRIM_BYTES = 128 * 1024  # of free memory at a heap's end, likewise
FIRST_WAIT_S, MAX_WAIT_S = 2.0, 3600.0
NUDGE_BYTES = 200_000  # over the 64 KiB from which on freeing looks at the heap's end, below MMAP_BYTES

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc


class Memory:
    """Looks how much the process has, and gives back what it doesn't need. May be used from any thread."""

    def __init__(self, statm: str = "/proc/self/statm", clock: Callable[[], float] = time.monotonic) -> None:
        self._statm = statm
        self._file = -1  # stays open: opening it is most of the cost of a look
        self._clock = clock
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._least = self.resident()
        self._not_given_back = Complaint(log)
        self._wait_s = FIRST_WAIT_S
        self._not_before = clock()

    def look(self) -> None:
        """Give back what is free, if the process has grown by much; to be called in the thread that did the work.

        Each thread may have a heap of its own, and only freeing something there gives back its end. What is in use now
        may be free later: it is tried again, ever more rarely. Raises nothing; why it can't is said once.
        """
        try:
            self._look()
        except Exception as error:  # no ctypes, no memory: the work goes on all the same
            self._not_given_back.say(f"memory can't be given back: {error or type(error).__name__}")

    def _look(self) -> None:
        now = self.resident()
        if now - self._least < MUCH_BYTES:
            self._least = min(self._least, now)
            self._wait_s = FIRST_WAIT_S
        elif self._clock() >= self._not_before:
            self._not_before = self._clock() + self._wait_s
            self._wait_s *= 2
            if self._wait_s > MAX_WAIT_S:  # it is in use, and will be
                self._least = now
            give_back()

    def resident(self) -> int:
        """Return the bytes of memory that the process has, 0 where that can't be told."""
        try:
            if self._file < 0:
                self._file = os.open(self._statm, os.O_RDONLY | os.O_CLOEXEC)
            return int(os.pread(self._file, 200, 0).split()[1]) * self._page_bytes
        except (OSError, ValueError, IndexError):
            return 0


def give_back() -> None:
    """Give back what is free now, and large pieces at once from now on, where the C library is glibc."""
    import ctypes  # not small, see above

    gc.collect()
    library = ctypes.CDLL(None)
    mallopt, malloc_trim = (getattr(library, name, None) for name in ("mallopt", "malloc_trim"))
    if mallopt is not None and malloc_trim is not None:
        mallopt(_M_MMAP_THRESHOLD, MMAP_BYTES)
        mallopt(_M_TRIM_THRESHOLD, TRIM_BYTES)
        malloc_trim(0)
        bytearray(NUDGE_BYTES)
