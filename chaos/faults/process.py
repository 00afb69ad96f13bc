"""Kills, stops and restarts."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator

from chaos.faults.kind import everybody, kind
from chaos.stack import Stack


@kind("kill", on="process", targets=everybody, seconds=(0.0, 5.0))
def kill(stack: Stack, target: str, _choice: random.Random) -> Iterator[None]:
    """``kill -9``, and a start later."""
    stack.programs[target].kill()
    yield
    stack.programs[target].start()


@kind("restart", on="process", targets=everybody, seconds=(0.0, 1.0))
def restart(stack: Stack, target: str, _choice: random.Random) -> Iterator[None]:
    """An end by SIGTERM, and a start later."""
    stack.programs[target].terminate()
    yield
    stack.programs[target].start()


@kind("stop", on="process", targets=everybody, seconds=(1.0, 8.0))
def stop(stack: Stack, target: str, _choice: random.Random) -> Iterator[None]:
    """A program that stands still, as in a debugger or a machine that is suspended."""
    stack.programs[target].send(signal.SIGSTOP)
    yield
    stack.programs[target].send(signal.SIGCONT)
