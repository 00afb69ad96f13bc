"""Starting programs so that they end with the benchmark, whatever ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

HOST = "127.0.0.1"
STOP_WITHIN_S = 5.0


@contextlib.contextmanager
def folder(name: str, below: Path | None = None) -> Iterator[Path]:
    """Make a temporary folder that is gone afterwards; short, as Unix sockets' paths are limited.

    *below*: where it is, if not in the system's folder for such.
    """
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-", dir=below, ignore_cleanup_errors=True) as path:
        yield Path(path)


def free_ports(count: int) -> list[int]:
    """Return loopback ports that were free just now."""
    held = [socket.socket() for _ in range(count)]
    for listener in held:
        listener.bind((HOST, 0))
    ports = [listener.getsockname()[1] for listener in held]
    for listener in held:
        listener.close()
    return ports


def start(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, its output in *log*; it is the caller's to ``stop``.

    Python keeps its bytecode whatever our own environment says: where it may not, it compiles at every start.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with log.open("ab") as output:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env=environment
        )


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """End programs that lead their own sessions, and what they started: all asked first, then killed."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + STOP_WITHIN_S
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def running(argv: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends."""
    process = start(argv, log)
    try:
        yield process
    finally:
        stop([process])


def wait_for(what: str, true: Callable[[], object], timeout_s: float, every_s: float = 0.1) -> None:
    """Wait until *true* returns something true. Raises ``TimeoutError`` that names *what* was waited for."""
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)
