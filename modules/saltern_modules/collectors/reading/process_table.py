"""The processes of one ``/proc`` as cheaply as they can be told apart: not a collector, but a source of one.

Opening a file costs as much as the kernel takes to write it, listing the folder more than ten of them, and both are
cold each time that a sample is taken. So

- the folder is listed only when the kernel has begun or ended a task since (``forks`` and ``tasks`` of ``look``);
- kernel threads, most of the processes of an idle host, are recognised once and then only counted;
- the ``stat`` files of the first ``KEPT`` programs stay open. Each holds a page of the kernel's while it does. The
  file of a process that has ended says so (``ESRCH``), whatever has its number now.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from saltern.named import NamedTuple
from saltern_modules.collectors.numbers import integer
from saltern_modules.collectors.source import read_once

PF_KTHREAD = 0x00200000
"""The flag of a kernel thread (include/linux/sched.h)."""

STAT_BYTES = 192
"""Enough to reach the flags: a name has at most 64 characters, the seven numbers 20 each at the worst."""

KEPT = 64
"""Files that stay open: 1024 are all that most programs may have."""

LIST_EVERY = 4
"""Looks. The folder is listed at least so often: not every ``/proc`` is the kernel's own."""

RECOGNISE_EVERY = 40
"""Looks. A number that once was a kernel thread's may be a program's by now, or the other way round."""

_NOT_KEPT = -1


class Process(NamedTuple):
    """The beginning of ``/proc/<pid>/stat``."""

    state: str
    kernel: bool


def parse_process(data: bytes) -> Process | None:
    """Return the state and the kind of a process, or None when *data* is something else.

    After the name, which may contain blanks and brackets, come the state, five numbers and the flags
    (proc_pid_stat(5)).
    """
    fields = data[data.rfind(b")") + 1 :].split(None, 7)
    flags = integer(fields[6]) if len(fields) > 6 else None
    if flags is None:
        return None
    return Process(fields[0].decode("ascii", "replace"), bool(flags & PF_KTHREAD))


def hides_others(root: str) -> bool:
    """Return whether *root* shows this user's own processes alone.

    So it is where ``/proc`` is mounted with ``hidepid`` (proc(5)) and this user neither is root nor in the group that
    ``gid`` names: the first process is not there, or may not be read. A folder that is no ``/proc`` hides nothing.
    """
    return not os.access(f"{root}/1/stat", os.R_OK) and os.path.islink(f"{root}/self")


class ProcessTable:
    """The processes below *root*, remembered from one look to the next."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._pids: set[str] = set()
        self._kernel: set[str] = set()
        self._programs: dict[str, int] = {}
        """The descriptor of each one's ``stat``, ``_NOT_KEPT`` where it isn't kept open."""

        self._unknown: set[str] = set()
        """Those that are neither yet."""

        self._kept = 0
        self._looks = 0
        self._listed_at: tuple[int, int] | None = None

    @property
    def kernel(self) -> int:
        """How many are kernel threads, as far as ``states`` has looked."""
        return len(self._kernel)

    def look(self, forks: int | None, tasks: int | None) -> int:
        """Return how many processes there are.

        *forks* is how many tasks the kernel has begun since boot, *tasks* how many there are, both read just before;
        ``None`` where that isn't known. Where neither has changed, none has come and none has gone. Raises ``OSError``.
        """
        now = (forks, tasks) if forks and tasks else None
        if now is None or now != self._listed_at or self._looks % LIST_EVERY == 0:
            self._list()
        self._listed_at = now
        self._looks += 1
        return len(self._pids)

    def states(self) -> bytes:
        """Return the letter of each program's state; what isn't known yet is recognised."""
        letters = bytearray()
        ended = set()
        for pid, descriptor in self._programs.items():
            try:
                if descriptor == _NOT_KEPT:
                    data = read_once(f"{self._root}/{pid}/stat", STAT_BYTES)
                else:
                    data = os.pread(descriptor, STAT_BYTES, 0)
            except OSError:
                ended.add(pid)
                continue
            at = data.rfind(b")") + 2
            if 2 <= at < len(data):
                letters.append(data[at])
        for pid in ended:
            self._drop(pid)
        for pid in ended | self._unknown:  # another process may have the number of one that ended
            process = self._recognise(pid)
            if process is not None and not process.kernel:
                letters += process.state.encode("ascii", "replace")[:1]
        self._unknown -= self._kernel | self._programs.keys()
        return bytes(letters)

    def forget(self) -> None:
        """Forget who is who, and close every file."""
        self._kernel.clear()
        for pid in list(self._programs):
            self._drop(pid)
        self._unknown = set(self._pids)

    def __del__(self, at_the_end: Callable[[], bool] = sys.is_finalizing) -> None:
        if not at_the_end():  # then this module's own names may be gone, and every file is closed anyway
            self.forget()

    def _list(self) -> None:
        self._pids = {entry for entry in os.listdir(self._root) if entry.isdigit()}
        if self._looks % RECOGNISE_EVERY == 0:
            self.forget()
        self._kernel &= self._pids
        for pid in self._programs.keys() - self._pids:
            self._drop(pid)
        self._unknown = self._pids - self._kernel - self._programs.keys()

    def _recognise(self, pid: str) -> Process | None:
        """Find out what *pid* is and remember it; None when it has ended, or can't be read."""
        process = None
        try:
            descriptor = os.open(f"{self._root}/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            process = parse_process(os.pread(descriptor, STAT_BYTES, 0))
            if process is not None and process.kernel:
                self._kernel.add(pid)
            elif process is not None:
                keep = self._kept < KEPT
                self._programs[pid] = descriptor if keep else _NOT_KEPT
                self._kept += keep
        except OSError:
            pass
        if self._programs.get(pid) != descriptor:
            os.close(descriptor)
        return process

    def _drop(self, pid: str) -> None:
        descriptor = self._programs.pop(pid)
        if descriptor != _NOT_KEPT:
            self._kept -= 1
            os.close(descriptor)
