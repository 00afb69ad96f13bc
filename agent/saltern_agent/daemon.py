"""Going on in the background: the caller is let go once the work has begun, or told that it could not."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Self

EX_FAILED = 1


class Daemon:
    """This process's child, which goes on; the parent waits for ``begun``, or exits as the child does.

    For a process of one thread, before it makes sockets or locks.
    """

    def __enter__(self) -> Self:
        sys.stdout.flush()
        sys.stderr.flush()
        read, self._write = os.pipe()
        child = os.fork()
        if child:
            os.close(self._write)
            _wait(read, child)
        os.close(read)
        os.setsid()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the parent to learn from how this process ends."""

    def begun(self, line: str) -> None:
        """Have the parent print *line* and exit with 0; nothing is written to the caller's terminal from here on."""
        nothing = os.open(os.devnull, os.O_RDWR)
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        os.close(nothing)
        os.write(self._write, line.encode())
        os.close(self._write)


def _wait(read: int, child: int) -> None:
    """Exit once the child has begun, or ended."""
    with open(read, encoding="utf-8", errors="replace") as stream:
        line = stream.read()
    if line:
        print(line, flush=True)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code > 0 else EX_FAILED)
