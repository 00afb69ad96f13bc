"""What minions send to be kept here (``cp.push``), each below a folder of its own.

::

    <folder>/<minion>/files/<path>       whole files alone, moved here when all is written and has its digest
    <folder>/<minion>/parts/<digest>     what came so far of one; the digest is of path, size and SHA-256

A name is only ever looked up in the folder that was opened before it, and no link is followed, so what a minion sends
is below its own folder whatever the path says. Bounded for each minion in bytes, files and folders, and unfinished
parts; what is over is refused and counted. A part that nobody goes on with is deleted a day later.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, FileServerError, NotAuthorised, os_errors
from saltern.files import make_private_folder
from saltern_master.fileserver.room import check_room

MAX_ENTRIES = 10_000
"""Files and folders of one minion."""
MAX_PARTS = 16
MAX_DEPTH = 64
MAX_NAME_BYTES = 255
PART_KEPT_S = 86_400.0
READ_BYTES = 1 << 20
MIB = 1 << 20
FILES, PARTS = "files", "parts"
_HSUM = re.compile(r"[0-9a-f]{64}")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class Usage:
    """What one minion has here, parts included."""

    size: int = 0
    entries: int = 0


class Pushed:
    """What minions sent. All methods may touch the disk, and be called from any thread."""

    def __init__(self, options: MasterOptions, clock: Callable[[], float] = time.time) -> None:
        self._folder = os.path.join(options["cachedir"], "minions")
        self._taken = options["file_recv"]
        self._most = options["file_recv_max_size"] * MIB
        self._share = options["file_recv_max_total"] * MIB
        self._clock = clock
        self._locks = [threading.Lock() for _ in range(64)]
        self._usage: dict[str, Usage] = {}
        self._counts = dict.fromkeys(("pushed_files", "pushed_bytes", "pushes_refused", "pushes_failed"), 0)

    def metrics(self) -> dict[str, float]:
        """Return counters: whole files, bytes, and what was refused or couldn't be written."""
        return {**self._counts}

    def begin(self, minion: str, path: str, hsum: str, size: int) -> dict[str, Any]:
        """Return how many bytes of a file are here, ``have``; ``done`` when that is all; or why it is ``refused``.

        Raises ``ArgumentError``, ``FileServerError``, over the minion's share too.
        """
        if not self._taken:
            return self._refused("the master takes no files of minions: its option file_recv is false")
        if size > self._most:
            return self._refused(f"{size:,} bytes are over {self._most:,}: file_recv_max_size on the master")
        names = _checked(path, hsum, size)
        with self._lock(minion), self._counted(path):
            self._tidy(minion)
            self._check_share(minion, names, size)
            check_room(self._folder, size, "pushed files")
            with self._part(minion, path, hsum, size) as (fd, part):
                have = os.fstat(fd).st_size
                if have >= size:
                    return self._finish(minion, names, hsum, fd, part)
        return {"have": have}

    def write(self, minion: str, path: str, hsum: str, size: int, offset: int, data: bytes) -> dict[str, Any]:
        """Add *data* at *offset*, where what is here ends; return how many are here, ``have``, and ``done`` at the end.

        Raises ``NotAuthorised``, ``ArgumentError``, ``FileServerError``.
        """
        if not self._taken or size > self._most:
            raise NotAuthorised("this isn't taken")
        names = _checked(path, hsum, size)
        with self._lock(minion), self._counted(path):
            usage = self._usage_of(minion)
            if usage.size + len(data) > self._share + self._most:
                raise FileServerError(
                    f"{path}: what this minion has on the master takes its share of {self._share:,} bytes"
                )
            check_room(self._folder, len(data), "pushed files")
            with self._part(minion, path, hsum, size) as (fd, part):
                have = os.fstat(fd).st_size
                if offset != have or not data or offset + len(data) > size:
                    raise ArgumentError(f"{path}: {have:,} of {size:,} bytes are here: {len(data):,} don't fit there")
                _write_all(fd, data, offset)
                usage.size += len(data)
                self._counts["pushed_bytes"] += len(data)
                if offset + len(data) == size:
                    return self._finish(minion, names, hsum, fd, part)
        return {"have": offset + len(data)}

    def _finish(self, minion: str, names: list[str], hsum: str, fd: int, part: str) -> dict[str, Any]:
        """Move a part that is whole into place. Raises ``ArgumentError`` when it has another digest."""
        digest, at = hashlib.sha256(), 0
        while data := os.pread(fd, READ_BYTES, at):
            digest.update(data)
            at += len(data)
        with self._opened(minion, PARTS) as parts:
            if digest.hexdigest() != hsum:
                os.unlink(part, dir_fd=parts)
                self._usage.pop(minion, None)
                raise ArgumentError(f"{'/'.join(names)} changed while it was sent, or was damaged: send it again")
            os.fsync(fd)
            with self._opened(minion, FILES, *names[:-1]) as folder:
                os.rename(part, names[-1], src_dir_fd=parts, dst_dir_fd=folder)
        self._usage.pop(minion, None)  # what was there before is gone
        self._counts["pushed_files"] += 1
        return {"have": at, "done": True}

    @contextlib.contextmanager
    def _part(self, minion: str, path: str, hsum: str, size: int) -> Iterator[tuple[int, str]]:
        """Give a descriptor of a file's part, and its name."""
        part = hashlib.sha256(f"{path}\0{hsum}\0{size}".encode()).hexdigest()
        with self._opened(minion, PARTS) as parts:
            fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=parts)
        try:
            yield fd, part
        finally:
            os.close(fd)

    @contextlib.contextmanager
    def _opened(self, minion: str, *names: str) -> Iterator[int]:
        """Give a descriptor of a folder of the minion's, made where it isn't there. Raises ``OSError``."""
        make_private_folder(self._folder)
        at = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in (minion, *names):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=at)
                below = os.open(name, _FOLDER, dir_fd=at)
                os.close(at)
                at = below
            yield at
        finally:
            os.close(at)

    def _check_share(self, minion: str, names: list[str], size: int) -> None:
        """Raise ``FileServerError`` when a file of *size* bytes more is over the minion's share of bytes or entries."""
        for fresh in (False, True):  # somebody may have deleted some meanwhile
            usage = self._usage_of(minion, fresh=fresh)
            if usage.size + size <= self._share and usage.entries + len(names) <= MAX_ENTRIES:
                return
        self._counts["pushes_refused"] += 1
        raise FileServerError(
            f"{'/'.join(names)}: this minion has {usage.size:,} bytes in {usage.entries:,} files and folders on the "
            f"master, and may have {self._share:,} (file_recv_max_total) in {MAX_ENTRIES:,}"
        )

    def _usage_of(self, minion: str, *, fresh: bool = False) -> Usage:
        if fresh or minion not in self._usage:
            found = Usage()
            for folder, folders, files in os.walk(os.path.join(self._folder, minion)):
                found.entries += len(folders) + len(files)
                for name in files:
                    with contextlib.suppress(OSError):
                        found.size += os.lstat(os.path.join(folder, name)).st_size
            self._usage[minion] = found
        return self._usage[minion]

    def _tidy(self, minion: str) -> None:
        """Delete parts that nobody goes on with, and the oldest beyond ``MAX_PARTS``."""
        with self._opened(minion, PARTS) as parts:
            found = sorted((os.lstat(f"/proc/self/fd/{parts}/{name}").st_mtime, name) for name in os.listdir(parts))
            old = self._clock() - PART_KEPT_S
            for number, (touched, name) in enumerate(found):
                if touched < old or number <= len(found) - MAX_PARTS:
                    os.unlink(name, dir_fd=parts)
                    self._usage.pop(minion, None)

    @contextlib.contextmanager
    def _counted(self, path: str) -> Iterator[None]:
        """Count what fails within, and say it as a ``FileServerError``."""
        try:
            with os_errors(FileServerError, path, "can't be kept on the master"):
                yield
        except FileServerError:
            self._counts["pushes_failed"] += 1
            raise

    def _refused(self, why: str) -> dict[str, Any]:
        self._counts["pushes_refused"] += 1
        return {"refused": why}

    def _lock(self, minion: str) -> threading.Lock:
        return self._locks[hash(minion) % len(self._locks)]


def _checked(path: str, hsum: str, size: int) -> list[str]:
    """Return the names in *path*, which is relative and has no dots. Raises ``ArgumentError``."""
    if not isinstance(hsum, str) or not _HSUM.fullmatch(hsum) or size < 0:
        raise ArgumentError("a file that is sent has a SHA-256 and a size")
    names = path.split("/")
    if len(names) > MAX_DEPTH or any(len(name.encode()) > MAX_NAME_BYTES for name in names):
        raise ArgumentError(f"{path[:80]!r}: up to {MAX_DEPTH} names of up to {MAX_NAME_BYTES} bytes are taken")
    if any(name in ("", ".", "..") or "\0" in name for name in names):
        raise ArgumentError(f"{path[:80]!r} is no relative path")
    return names


def _write_all(fd: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(fd, data, offset)
        offset += written
        data = data[written:]
