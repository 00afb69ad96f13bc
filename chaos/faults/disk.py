"""Full, read-only and vanishing disks."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Iterator

from chaos.faults.kind import everybody, kind
from chaos.stack import Stack


@kind("full", on="disk", targets=everybody, seconds=(2.0, 12.0))
def full(stack: Stack, target: str, _choice: random.Random) -> Iterator[None]:
    """No byte is free."""
    stack.disks[target].fill()
    yield
    stack.disks[target].make_room()


@kind("read-only", on="disk process", targets=everybody, seconds=(2.0, 8.0))
def read_only(stack: Stack, target: str, _choice: random.Random) -> Iterator[None]:
    """The program is killed and comes back to a disk that it can't write to."""
    stack.programs[target].kill()
    stack.disks[target].remount("ro")
    stack.programs[target].start()
    yield
    if not stack.disks[target].remount("rw"):  # never seen: nothing there is open for writing
        raise RuntimeError(f"{stack.disks[target].path} can't be made writable again")


@kind("away", on="disk", targets=everybody, seconds=(1.0, 8.0))
def away(stack: Stack, target: str, _choice: random.Random) -> Iterator[None]:
    """The folder of what waits is moved away; it comes back unless the program made a new one."""
    queue = stack.queue(target)
    aside = queue.with_name(f"{queue.name}.away")
    shutil.rmtree(aside, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        queue.rename(aside)
    yield
    if not queue.exists():
        with contextlib.suppress(FileNotFoundError):
            aside.rename(queue)


@kind("deleted", on="disk", targets=everybody, seconds=(0.0, 0.0))
def deleted(stack: Stack, target: str, _choice: random.Random) -> Iterator[None]:
    """The folder of what waits is deleted."""
    shutil.rmtree(stack.queue(target), ignore_errors=True)
    yield
