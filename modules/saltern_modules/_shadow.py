"""Reads and changes ``etc/shadow`` (shadow(5)): under the lock that all programs take, and whole or not at all."""

from __future__ import annotations

import contextlib
import datetime
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from saltern.errors import CommandError
from saltern.files import replacement
from saltern.named import NamedTuple

FIELDS = 9
LOCK_WAIT_S = 15.0  # as long as lckpwdf(3) waits
LOCK_TICK_S = 0.05
_in_process = threading.Lock()  # the file's lock is the process's, and so no bar to its other threads


class Entry(NamedTuple):
    """A line; days are -1 where it has none."""

    name: str
    passwd: str
    lstchg: int
    min: int
    max: int
    warn: int
    inact: int
    expire: int


def parse(text: str) -> Iterator[Entry]:
    """Yield the entries of a shadow file; what is no number counts as none."""
    for line in text.splitlines():
        if not line.strip():
            continue
        name, passwd, *days = [*line.strip().split(":"), *[""] * FIELDS][: FIELDS - 1]
        yield Entry(name, passwd, *(_days(field) for field in days))


def _days(field: str) -> int:
    digits = field.removeprefix("-")
    return int(field) if digits.isascii() and digits.isdecimal() and len(digits) < FIELDS else -1


def with_password(text: str, name: str, passwd: str, today: int) -> str:
    """Return the file's *text* with *passwd* for the user *name*, changed *today* (days since 1970).

    Other lines stay as they are; a user that has none gets one.
    """
    lines = text.splitlines(keepends=True)
    found = False
    for index, line in enumerate(lines):
        fields = line.strip().split(":")[:FIELDS]
        if fields[0] == name:
            fields += [""] * (FIELDS - len(fields))
            fields[1:3] = [passwd, str(today)]
            lines[index] = ":".join(fields) + "\n"
            found = True
    if not found:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines.append(f"{name}:{passwd}:{today}::::::\n")
    return "".join(lines)


def set_password(path: str, name: str, passwd: str) -> None:
    """Give the user *name* the hash *passwd* in the shadow file *path*. Raises ``CommandError``."""
    path = os.path.realpath(path)
    today = (datetime.datetime.now() - datetime.datetime(1970, 1, 1)).days
    try:
        with _locked(os.path.join(os.path.dirname(path), ".pwd.lock")):
            with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
                before, status = file.read(), os.fstat(file.fileno())
                label = _label(file.fileno())
            after = with_password(before, name, passwd, today)
            with replacement(path, status.st_mode & 0o777) as stream:
                stream.write(after.encode("utf-8", "surrogateescape"))
                stream.flush()
                own = os.fstat(stream.fileno())
                if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
                    os.fchown(stream.fileno(), status.st_uid, status.st_gid)
                if label:
                    os.setxattr(stream.fileno(), "security.selinux", label)
                os.fsync(stream.fileno())
    except OSError as error:
        raise CommandError(f"can't write {path}: {error.strerror or error}") from None


def _label(descriptor: int) -> bytes:
    """Return SELinux's label of a file, none where it has none."""
    with contextlib.suppress(OSError):
        return os.getxattr(descriptor, "security.selinux")
    return b""


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    """Hold the lock of lckpwdf(3), which passwd, usermod, PAM and the like take too. Raises ``CommandError``."""
    import fcntl

    end = time.monotonic() + LOCK_WAIT_S
    if not _in_process.acquire(timeout=LOCK_WAIT_S):
        raise _in_use(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            while True:
                try:
                    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except (BlockingIOError, PermissionError):
                    if time.monotonic() > end:
                        raise _in_use(path) from None
                    time.sleep(LOCK_TICK_S)
            yield
        finally:
            os.close(descriptor)
    finally:
        _in_process.release()


def _in_use(path: str) -> CommandError:
    return CommandError(f"{path}: another program has the password files locked for over {LOCK_WAIT_S:g} seconds")


def shown(entry: Entry | None) -> dict[str, Any]:
    """Return an entry as a dict, one of empty texts for None."""
    return dict.fromkeys(Entry._fields, "") if entry is None else entry._asdict()
