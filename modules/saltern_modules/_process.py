"""Runs one program for a function: in its own process group, for a bounded time, keeping bounded output."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import IO, Any

from saltern.errors import CommandError
from saltern.named import NamedTuple
from saltern.process_group import end_group

TICK_S = 0.1
"""How often a program that has closed nothing is asked whether it has ended."""

TERM_GRACE_S = 2.0
"""Between SIGTERM and SIGKILL for a program, and what it started, that overstays its timeout."""

DRAIN_S = 0.2
"""How long output is waited for after the program's end: a daemon that it left may hold the pipe for ever."""

CHUNK_BYTES = 1 << 16
SHELL_SIGNS = frozenset("|&;<>$`*")
SHELL_WORDS = frozenset((".", "cd", "export", "set", "source", "ulimit", "umask"))


class Finished(NamedTuple):
    """How a program ended. ``stderr`` is empty when it was merged into ``stdout``."""

    pid: int
    retcode: int
    stdout: bytes
    stderr: bytes
    cut: int
    """Bytes of output beyond the limit, which were read and thrown away."""
    timed_out: bool


class _Output:
    """What one pipe brought, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.kept = bytearray()
        self.cut = 0
        self._limit = limit

    def add(self, data: bytes) -> None:
        """Keep *data* as far as there is room, and count what isn't kept."""
        room = self._limit - len(self.kept)
        self.kept += data[:room]
        self.cut += max(len(data) - room, 0)


class _Conversation:
    """Feeds a program its input and takes its output, both at once, until it ends or its time is up."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, limit: int) -> None:
        self.process = process
        self.in_time = False
        """Whether it has ended, or closed its output, before its time was up."""
        self.outputs: dict[str, _Output] = {"stdout": _Output(limit), "stderr": _Output(limit)}
        self._stdin = memoryview(stdin)
        self._selector = selectors.DefaultSelector()
        for name in ("stdout", "stderr"):
            if pipe := getattr(process, name):
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ, self.outputs[name])
        if process.stdin:
            os.set_blocking(process.stdin.fileno(), False)
            self._selector.register(process.stdin, selectors.EVENT_WRITE)

    def steps(self, timeout: float | None) -> Iterator[None]:
        """Yield each time that something may have been printed, until it ends or *timeout* seconds have passed."""
        end = None if timeout is None else time.monotonic() + timeout
        ended_at: float | None = None
        while self._selector.get_map():
            now = time.monotonic()
            if end is not None and now >= end:
                return
            if ended_at is not None and now >= ended_at + DRAIN_S:
                self.in_time = True
                return
            for key, _ in self._selector.select(TICK_S if end is None else min(TICK_S, end - now)):
                self._move(key)
            yield
            if ended_at is None and self.process.poll() is not None:
                ended_at = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(None if end is None else max(end - time.monotonic(), 0))
            self.in_time = True

    def _move(self, key: selectors.SelectorKey) -> None:
        try:
            if key.data is None:
                written = os.write(key.fd, self._stdin[:CHUNK_BYTES])
                self._stdin = self._stdin[written:]
                finished = not self._stdin
            else:
                data = os.read(key.fd, CHUNK_BYTES)
                key.data.add(data)
                finished = not data
        except BlockingIOError:
            return
        except OSError:  # the program closed its end
            finished = True
        if finished:
            self._selector.unregister(key.fileobj)
            pipe: IO[bytes] = key.fileobj  # type: ignore[assignment]  # only pipes were registered
            pipe.close()

    def end(self) -> None:
        """Close whatever is still open; a program that hasn't ended in time is ended with all that it started."""
        if not self.in_time:
            end_group(self.process, TERM_GRACE_S)
        self._selector.close()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def finished(self) -> Finished:
        """Return how it ended."""
        output, errors = self.outputs["stdout"], self.outputs["stderr"]
        kept, cut = (bytes(output.kept), bytes(errors.kept)), output.cut + errors.cut
        return Finished(self.process.pid, self.process.returncode, *kept, cut, not self.in_time)


def run(
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    credentials: Mapping[str, Any] | None = None,
    umask: int = -1,
    stdin: bytes | None = None,
    timeout: float | None = None,
    limit: int,
    merge: bool = False,
    started: Callable[[int], None] = lambda pid: None,
    ended: Callable[[int], None] = lambda pid: None,
) -> Finished:
    """Run *argv* and return how it ended.

    It leads a session and process group of its own, and *timeout* seconds later that whole group is ended.
    *limit* bytes are kept of each of its outputs; *merge* sends its errors where its output goes. *credentials* hold
    ``subprocess.Popen``'s ``user``, ``group`` and ``extra_groups``; *umask* -1 is ours. *started* and *ended* are
    told its pid. Raises ``CommandError`` when it can't be started.
    """
    conversation = _started(
        argv,
        stdin or b"",
        limit,
        cwd=cwd,
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stderr=subprocess.STDOUT if merge else subprocess.PIPE,
        umask=umask,
        **(credentials or {}),
    )
    try:
        started(conversation.process.pid)
        for _ in conversation.steps(timeout):
            pass
    finally:  # also on the exception that ends a killed job: its program must not outlive it
        conversation.end()
        ended(conversation.process.pid)
    return conversation.finished()


def lines(
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    credentials: Mapping[str, Any] | None = None,
    timeout: float | None = None,
    limit: int,
    started: Callable[[int], None] = lambda pid: None,
    ended: Callable[[int], None] = lambda pid: None,
) -> Generator[bytes, None, Finished]:
    """Run *argv* as ``run`` does, its errors among its output, and yield each line as it is printed, without its end.

    Beyond *limit* bytes nothing more is yielded. Raises ``CommandError`` when it can't be started.
    """
    kept = None if env is None else dict(env)
    streams = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    conversation = _started(argv, b"", limit, cwd=cwd, env=kept, **streams, **(credentials or {}))
    output, at = conversation.outputs["stdout"], 0
    try:
        started(conversation.process.pid)
        for _ in conversation.steps(timeout):
            while (end := output.kept.find(b"\n", at)) >= 0:
                yield bytes(output.kept[at:end])
                at = end + 1
        if output.kept[at:]:
            yield bytes(output.kept[at:])
    finally:
        conversation.end()
        ended(conversation.process.pid)
    return conversation.finished()


def _started(argv: Sequence[str], data: bytes, limit: int, *, cwd: str | None, **options: Any) -> _Conversation:
    """Start *argv* in a session of its own. Raises ``CommandError`` when that can't be."""
    try:
        process = subprocess.Popen(list(argv), cwd=cwd, stdout=subprocess.PIPE, start_new_session=True, **options)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise CommandError(_why_not(argv, cwd, error)) from error
    return _Conversation(process, data, limit)


def _why_not(argv: Sequence[str], cwd: str | None, error: Exception) -> str:
    """Return one line that says why *argv* could not be started."""
    if isinstance(error, OSError) and cwd is not None and error.filename == cwd:
        return f"can't run {argv[0]!r} in {cwd!r}: {error.strerror}"
    if isinstance(error, FileNotFoundError):
        hint = "; a shell's syntax needs python_shell=True" if _for_a_shell(argv) else ""
        return f"can't run {argv[0]!r}: there is no such program{hint}"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"can't run {argv[0]!r}: {reason}"


def _for_a_shell(argv: Sequence[str]) -> bool:
    """Whether *argv* seems to have been meant for a shell."""
    return argv[0] in SHELL_WORDS or "=" in argv[0] or any(not SHELL_SIGNS.isdisjoint(word) for word in argv)
