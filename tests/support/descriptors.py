"""How many descriptors this process has, and one that can open nothing more."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import resource
import warnings
from collections.abc import Iterator

MARGIN = 16


@contextlib.contextmanager
def exhausted() -> Iterator[None]:
    """Have no descriptor left within the block: whatever is opened fails with ``EMFILE``, the real one."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + MARGIN, limits[1]))
    try:
        while True:
            try:
                taken.append(os.dup(taken[0]))
            except OSError as error:
                if error.errno != errno.EMFILE:
                    raise
                break
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def open_ones() -> int:
    """Return how many descriptors this process has once what nobody holds any more is closed: none of it goes later."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it is others' who came before
        gc.collect()
    return len(os.listdir("/proc/self/fd"))
