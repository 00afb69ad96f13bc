"""Fetching what a user of the master's host sends (``saltern-cp``): a listing, then the files in it.

::

    [{"path": "conf", "mode": 493},                                      a folder
     {"path": "conf/app.yaml", "mode": 420, "size": 12, "hsum": "…"}]    a file; their contents follow in this order

A file is written beside its destination as ``.saltern-<digest>.part``, and moved into place when it is whole and has
its digest. A part that a broken transfer left is continued by the next one (a second one at the same time, of another
minion on this host, writes a part of its own); parts that nobody continues are deleted by whoever receives into that
folder a day later.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from typing import Any

from saltern.errors import ChannelError, CommandError, os_errors
from saltern.files import make_folder, open_folder
from saltern.named import NamedTuple
from saltern_modules._agent import Agent

MAX_LISTING_BYTES = 4 * 1024 * 1024
MAX_ENTRIES = 20_000
PATIENCE_S = 120.0
"""How long the master may be away before a transfer is given up."""
AGAIN_S = 0.5
MAX_WAIT_S = 60.0
PART_KEPT_S = 86_400.0
READ_BYTES = 1 << 18
FOLDER_MODE = 0o755
_HSUM = re.compile("[0-9a-f]{64}")


class Entry(NamedTuple):
    """A folder, or with *hsum* a file of *size* bytes, at the relative *path*."""

    path: str
    mode: int
    size: int
    hsum: str


class Upload:
    """What is fetched: *at* is where the next byte is."""

    def __init__(self, agent: Agent, upload_id: str) -> None:
        self._agent = agent
        self._id = upload_id

    def chunk(self, at: int) -> bytes:
        """Return the bytes from *at* on, some of them. Raises ``CommandError`` when there is nothing to come."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self._agent.request("upload_chunk", upload=self._id, offset=at)
            except ChannelError as error:
                if time.monotonic() > until:
                    raise CommandError(f"the master went away: {error}: send it again, it goes on from here") from None
                time.sleep(AGAIN_S)
                continue
            if wait := answer.get("wait"):  # somebody bounded how fast it goes
                time.sleep(min(max(float(wait), 0.0), MAX_WAIT_S))
                until = time.monotonic() + PATIENCE_S
                continue
            data = answer.get("data")
            if not isinstance(data, bytes) or not data:
                raise CommandError("the master has no more of this: who sent it has given up, or took too long")
            return data

    def pieces(self, at: int, size: int) -> Iterator[bytes]:
        """Yield *size* bytes from *at* on."""
        end = at + size
        while at < end:
            data = self.chunk(at)[: end - at]
            at += len(data)
            yield data

    def listing(self, size: int, hsum: str) -> list[Entry]:
        """Return what is sent. Raises ``CommandError`` when it isn't what was announced."""
        if not 0 < size <= MAX_LISTING_BYTES:
            raise CommandError(f"a listing has up to {MAX_LISTING_BYTES:,} bytes, not {size:,}")
        packed = b"".join(self.pieces(0, size))
        if _digest(packed) != hsum:
            raise CommandError("the listing was damaged on its way: send it again")
        try:
            return [_entry(item) for item in json.loads(packed)[: MAX_ENTRIES + 1]]
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise CommandError(f"the listing is none: {type(error).__name__}: {error}") from None


def receive(
    upload: Upload, entries: list[Entry], at: int, dest: str, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Put *entries*, whose contents begin at *at* of *upload*, to *dest*; return ``{path: True}``, or why it isn't.

    One file goes to *dest* itself unless that is a folder or ends in ``/``; what is several goes into it. What is
    returned names each source, not what is in a folder. *names*: of the sources, where another minion made the list:
    nothing of another name is taken. Raises ``CommandError`` for the first that failed.
    """
    if not os.path.isabs(dest):
        raise CommandError(f"cp.recv: the destination must be an absolute path, not {dest!r:.200}")
    if len(entries) > MAX_ENTRIES:
        raise CommandError(f"cp.recv: at most {MAX_ENTRIES:,} files and folders at once")
    if names is not None:
        for entry in entries:
            if entry.path.partition("/")[0] not in names:
                raise CommandError(f"cp.recv: {entry.path!r:.200} isn't what was asked for: nothing is taken")
    tops = [entry for entry in entries if "/" not in entry.path]
    inside = len(tops) > 1 or dest.endswith("/") or os.path.isdir(dest) or not tops or not tops[0].hsum
    done: dict[str, Any] = {}
    for entry in entries:
        place = os.path.join(dest, entry.path) if inside else dest
        with os_errors(CommandError, place, f"can't write {place}", called="cp.recv"):
            if not entry.hsum:
                make_folder(place, entry.mode)
            else:
                make_folder(os.path.dirname(place.rstrip("/")) or "/", FOLDER_MODE)
                _put(upload, entry, at, place)
                at += entry.size
        if entry in tops:
            done[place] = True
    return done


def _put(upload: Upload, entry: Entry, at: int, place: str) -> None:
    """Write one file, unless it is there already."""
    folder, name = os.path.split(place)
    part = f".saltern-{entry.hsum[:32]}.part"
    folder_fd = open_folder(folder or "/")
    try:
        _tidy(folder_fd, part)
        if _is_there(folder_fd, name, entry):
            return
        fd, part = _open_part(folder_fd, part)
        try:
            try:
                _fill(upload, entry, at, fd, place)
            except (OSError, _Damaged):
                os.unlink(part, dir_fd=folder_fd)  # its space, or its content, is what is wrong
                raise
            os.fchmod(fd, entry.mode)
            os.replace(part, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        finally:
            os.close(fd)
    finally:
        os.close(folder_fd)


class _Damaged(CommandError):
    pass


def _open_part(folder_fd: int, part: str) -> tuple[int, str]:
    """Return a descriptor of *part*, locked, and its name: another one where somebody writes to that."""
    while True:
        fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder_fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(fd), os.stat(part, dir_fd=folder_fd, follow_symlinks=False)):
                return fd, part
        except (BlockingIOError, FileNotFoundError):
            part = f"{part[:40]}-{os.urandom(8).hex()}.part"
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _fill(upload: Upload, entry: Entry, at: int, fd: int, place: str) -> None:
    """Have *fd* hold the whole file, going on where an earlier transfer ended."""
    from saltern.digest import sha256  # loaded when the first file is fetched

    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_nlink != 1:
        raise CommandError(f"cp.recv: {place}: something else is in the way of its part")
    if status.st_size > entry.size:
        os.ftruncate(fd, 0)
    digest, have = sha256(), 0
    while data := os.pread(fd, READ_BYTES, have):
        digest.update(data)
        have += len(data)
    for data in upload.pieces(at + have, entry.size - have):
        digest.update(data)
        while data:
            written = os.pwrite(fd, data, have)
            have += written
            data = data[written:]
    if digest.hexdigest() != entry.hsum:
        raise _Damaged(f"cp.recv: {place} was damaged on its way: send it again")


def _is_there(folder_fd: int, name: str, entry: Entry) -> bool:
    """Return whether the file is there with this content already; its permissions are set then."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder_fd)
    except OSError:
        return False
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size or status.st_nlink != 1:
            return False
        from saltern.digest import sha256

        digest = sha256()
        while data := os.read(fd, READ_BYTES):
            digest.update(data)
        if digest.hexdigest() != entry.hsum:
            return False
        os.fchmod(fd, entry.mode)
        return True
    finally:
        os.close(fd)


def _tidy(folder_fd: int, own: str) -> None:
    """Delete parts that nobody goes on with."""
    before = time.time() - PART_KEPT_S
    with contextlib.suppress(OSError):
        for name in os.listdir(folder_fd):
            if name.startswith(".saltern-") and name.endswith(".part") and name != own:
                status = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
                if status.st_mtime < before and status.st_uid == os.geteuid():
                    os.unlink(name, dir_fd=folder_fd)


def _digest(data: bytes) -> str:
    from saltern.digest import sha256

    return sha256(data).hexdigest()


def _entry(item: Any) -> Entry:
    """Return one line of a listing. Raises what a wrong shape raises, ``CommandError`` for a path that leads away."""
    path, hsum, size = item["path"], item.get("hsum", ""), item.get("size", 0)
    parts = path.split("/")
    if "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise CommandError(f"cp.recv: {path!r:.200} isn't a path below the destination")
    if not isinstance(hsum, str) or not isinstance(size, int) or size < 0 or (hsum and not _HSUM.fullmatch(hsum)):
        raise ValueError(f"{item!r:.200}")
    return Entry(path, int(item["mode"]) & 0o777, size, hsum)
