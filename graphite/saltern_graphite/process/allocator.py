"""How the C library's allocator treats memory that blocks of points leave behind."""

from __future__ import annotations

import ctypes

KEPT_BYTES = 16 * 1024 * 1024
LARGE_BYTES = 4 * 1024 * 1024

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc


def keep_freed_memory() -> None:
    """Have up to :data:`KEPT_BYTES` of freed memory kept for the next block, where the C library is glibc.

    Parsing a block takes a megabyte or two in pieces that glibc gives back to the system each time: 250 page
    faults later, a quarter of the time has gone. Pieces over :data:`LARGE_BYTES` still go back at once.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)


def give_back_freed_memory() -> None:
    """Give freed memory back to the system, but for the :data:`KEPT_BYTES`, where the C library is glibc.

    Sorting and packing points leaves it in pieces between blocks of packed points, of which glibc gives back none by
    itself: a third of what the points take. It takes some ten milliseconds where there are 100 MB.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(KEPT_BYTES))
