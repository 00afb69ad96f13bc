"""``salt.utils.vt``: programs that are talked to while they run, without a terminal of their own."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from types import TracebackType
from typing import Any

from saltern.errors import SalternError

READ_BYTES = 65536
POLL_S = 0.05


class TerminalException(SalternError):
    """A program can't be started or talked to."""


class Terminal:
    """A program. ``recv`` returns what it has printed since, ``exitstatus`` its code once it has ended."""

    def __init__(
        self,
        args: Any = None,
        executable: str | None = None,
        shell: bool = False,
        cwd: str | None = None,
        env: Any = None,
        preexec_fn: Any = None,
        stream_stdout: Any = None,
        stream_stderr: Any = None,
        **kwargs: Any,
    ) -> None:
        if not args and not executable:
            raise TerminalException('You need to pass at least one of "args", "executable"')
        words = args if shell or isinstance(args, (list, tuple)) else str(args).split()
        self._outs = [_stream(stream_stdout, sys.stdout), _stream(stream_stderr, sys.stderr)]
        self._process = subprocess.Popen(  # the module's own words
            words,
            executable=executable,
            shell=shell,  # as its caller asks
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdin = self._process.stdin
        self._open = [self._process.stdout, self._process.stderr]
        self._pipes = list(self._open)
        self.pid = self._process.pid

    @property
    def has_unread_data(self) -> bool:
        """Whether something more may come."""
        return bool(self._open)

    @property
    def exitstatus(self) -> int | None:
        """The code that it ended with."""
        return self._process.poll()

    @property
    def signalstatus(self) -> int | None:
        """The signal that ended it."""
        code = self._process.poll()
        return -code if code is not None and code < 0 else None

    def isalive(self) -> bool:
        """Return whether it runs, or something of it is still to be read."""
        return self._process.poll() is None

    def recv(self, maxsize: int | None = None) -> tuple[str | None, str | None]:
        """Return what came on standard output and standard error; ``None`` for nothing."""
        got: list[str | None] = [None, None]
        poll = select.poll()  # select() knows no descriptor above 1,023
        for stream in self._open:
            poll.register(stream, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(POLL_S * 1000)} if self._open else set()
        for stream in [one for one in self._open if one.fileno() in ready]:
            data = os.read(stream.fileno(), maxsize or READ_BYTES)
            number = self._pipes.index(stream)
            if not data:
                self._open.remove(stream)
                continue
            got[number] = data.decode("utf-8", "replace")
            if self._outs[number] is not None:
                self._outs[number].write(got[number])
        return got[0], got[1]

    def send(self, data: str) -> int:
        """Give it *data* to read."""
        count = self._stdin.write(data.encode())
        self._stdin.flush()
        return count

    def sendline(self, data: str, linesep: str = os.linesep) -> int:
        """Give it a line to read."""
        return self.send(f"{data}{linesep}")

    def wait(self) -> int:
        """Return the code that it ends with."""
        while self._open:
            self.recv()
        return self._process.wait()

    def terminate(self, force: bool = False) -> bool:
        """End it."""
        if self._process.poll() is None:
            (self._process.kill if force else self._process.terminate)()
        return True

    def close(self, terminate: bool = True, kill: bool = False) -> None:
        """Let go of it, ended or not."""
        if terminate or kill:
            self.terminate(force=kill)
            self._process.wait()
        for stream in (self._stdin, *self._pipes):
            stream.close()
        self._open.clear()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(terminate=True)


def _stream(asked: Any, usual: Any) -> Any:
    return usual if asked is True else asked or None
