"""Ends programs as a crash would; one that does not end is told of, and never waited for without a limit."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

END_WITHIN_S = 60.0
"""A program that is killed is gone at once, but for what the kernel does for it: a busy disk is waited for."""


def kill(processes: Iterable[subprocess.Popen[Any]]) -> None:
    """Kill all of them, then wait for each. Raises ``AssertionError`` that tells what those do that stay."""
    all_ = list(processes)
    for process in all_:
        process.kill()
    stay = []
    for process in all_:
        try:
            process.wait(0 if stay else END_WITHIN_S)
        except subprocess.TimeoutExpired:
            stay.append(f"{process.args} is killed and stays:\n{threads_of(process.pid)}")
    assert not stay, "\n".join(stay)


def threads_of(pid: int) -> str:
    """Return the state of each thread of a process, and where in the kernel it is."""
    said = []
    for task in sorted(Path(f"/proc/{pid}/task").glob("*")):
        try:
            state = (task / "stat").read_text().rpartition(")")[2].split()[0]
            said.append(f"{task.name} {state} {(task / 'wchan').read_text()}\n{(task / 'stack').read_text()}")
        except OSError as error:
            said.append(f"{task.name}: {error}")
    return "\n".join(said)
