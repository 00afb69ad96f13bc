"""``salt.utils.process``: processes."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from typing import Any

MultiprocessingProcess = Process = SignalHandlingProcess = multiprocessing.Process
SignalHandlingMultiprocessingProcess = multiprocessing.Process


def os_is_running(pid: int) -> bool:
    """Return whether there is a process *pid*."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def set_pidfile(pidfile: str, user: str | None = None) -> None:
    """Write this process's number to a file. Raises ``OSError``."""
    folder = os.path.dirname(pidfile)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(pidfile, "w", encoding="utf-8") as stream:
        stream.write(str(os.getpid()))


def check_pidfile(pidfile: str) -> bool:
    """Return whether there is such a file."""
    return os.path.isfile(pidfile)


def get_pidfile(pidfile: str) -> int | None:
    """Return the number in a file, or ``None``."""
    try:
        with open(pidfile, encoding="utf-8") as stream:
            return int(stream.read())
    except (OSError, ValueError):
        return None


def clean_proc(proc: Any, wait_for_kill: int = 10) -> None:
    """End a process."""
    if proc is not None and proc.is_alive():
        proc.terminate()
        proc.join(wait_for_kill)
        if proc.is_alive():
            with contextlib.suppress(OSError):
                os.kill(proc.pid, signal.SIGKILL)


def appendproctitle(name: str) -> None:
    """Do nothing: who a process is, its threads' names tell."""


@contextlib.contextmanager
def default_signals(*signals: Any) -> Iterator[None]:
    """Run the block; handlers of signals are the agent's."""
    yield


def daemonize_if(opts: Any) -> None:
    """Do nothing: jobs run in threads of the agent."""


def get_process_info(pid: int | None = None) -> dict[str, Any] | None:
    """Return ``pid``, ``name`` and ``start_time`` of a process, by default this one; ``None`` when it is gone."""
    import psutil

    try:
        found = psutil.Process(pid)
        return {"pid": found.pid, "name": found.name(), "start_time": found.create_time()}
    except psutil.Error:
        return None
