"""Files on their way from a user of the master's host to minions (``saltern-cp``), kept while they are fetched.

::

    <folder>/<id>.data     what was sent so far: a listing, then the contents of its files one behind the other
    <folder>/<id>.json     whose it is, how large it will be, which minions may fetch it, when it was made

An id is random; a user who sends the same listing again goes on where he stopped. Bounded for each user in bytes and
number; what nobody forgets is deleted after ``KEPT_S``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from saltern.errors import ArgumentError, Busy, FileServerError, NotAuthorised, os_errors
from saltern.files import make_private_folder, write_private

log = logging.getLogger(__name__)

MAX_UPLOAD_BYTES = 16 * 1024**3
"""Of all uploads of one user."""
MAX_UPLOADS = 16
"""Of one user at a time."""
CHUNK_BYTES = 1 << 20
KEPT_S = 3600.0
PURGE_EVERY_S = 600.0
MIN_FREE_BYTES, MIN_FREE_SHARE = 1 << 30, 0.05
"""What no upload takes of the disk, the smaller of both: the journal may be on it."""
_ID = re.compile(r"[0-9a-f]{32}")
_HSUM = re.compile(r"[0-9a-f]{64}")


@dataclass
class Upload:
    """One upload: *owner* is a principal, *hsum* the SHA-256 of its listing, *size* all its bytes."""

    id: str
    owner: str
    hsum: str
    size: int
    minions: list[str]
    touched: float


class Uploads:
    """What is being sent. All methods but ``run`` may touch the disk, and be called from any thread."""

    def __init__(self, folder: str, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}
        self.received_bytes = 0
        self.sent_bytes = 0

    def load(self) -> None:
        """Know what an earlier run kept: minions may be in the middle of it. What can't be read is deleted."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self._folder):
                upload_id = name.partition(".")[0]
                if name.endswith(".json"):
                    try:
                        with open(os.path.join(self._folder, name), encoding="utf-8") as stream:
                            upload = Upload(**json.load(stream))
                        self._uploads[_checked(upload.id)] = upload
                    except (OSError, ValueError, TypeError, ArgumentError):
                        self._delete(upload_id)
            for name in os.listdir(self._folder):
                if name.partition(".")[0] not in self._uploads:
                    self._delete(name.partition(".")[0])
        self.purge()

    async def run(self) -> None:
        """Delete what is old, until cancelled."""
        while True:
            await asyncio.sleep(PURGE_EVERY_S)
            await asyncio.to_thread(self.purge)

    def metrics(self) -> dict[str, float]:
        """Return gauges and counters."""
        return {
            "uploads": len(self._uploads),
            "upload_bytes": sum(upload.size for upload in self._uploads.values()),
            "uploaded_bytes": self.received_bytes,
            "fetched_bytes": self.sent_bytes,
        }

    def begin(self, owner: str, hsum: str, size: int, minions: Iterable[str]) -> tuple[str, int]:
        """Return the id under which *minions* will fetch *size* bytes, and how many of them are here already.

        Raises ``ArgumentError``, ``Busy`` over a bound, ``FileServerError``.
        """
        if not _HSUM.fullmatch(hsum) or not 0 < size <= MAX_UPLOAD_BYTES:
            raise ArgumentError(f"an upload has a SHA-256 and 1 to {MAX_UPLOAD_BYTES:,} bytes, not {size:,}")
        self.purge()
        with self._lock:
            own = [upload for upload in self._uploads.values() if upload.owner == owner]
            for upload in own:
                if upload.hsum == hsum and upload.size == size:
                    have = self._have(upload)
                    self._check_room(size - have)
                    upload.minions = sorted({*upload.minions, *minions})
                    upload.touched = self._clock()
                    self._write(upload)
                    return upload.id, have
            if len(own) >= MAX_UPLOADS:
                raise Busy(f"{MAX_UPLOADS} of your uploads are under way: try again when one is done")
            if sum(upload.size for upload in own) + size > MAX_UPLOAD_BYTES:
                raise Busy(f"your uploads would take over {MAX_UPLOAD_BYTES:,} bytes: try again when one is done")
            self._check_room(size)
            upload = Upload(secrets.token_hex(16), owner, hsum, size, sorted(minions), self._clock())
            self._write(upload)
            self._uploads[upload.id] = upload
            return upload.id, 0

    def write(self, owner: str, upload_id: str, offset: int, data: bytes) -> int:
        """Add *data* at *offset*, which is the end of what is here; return the new end.

        Raises ``NotAuthorised`` for another's or none, ``ArgumentError``, ``FileServerError``.
        """
        path = self._data(upload_id)
        with self._lock, os_errors(FileServerError, path, "can't write an upload"):
            upload = self._own(owner, upload_id)  # nothing is written that was forgotten meanwhile
            have = self._have(upload)
            if offset != have or offset + len(data) > upload.size:
                raise ArgumentError(f"the upload has {have:,} of {upload.size:,} bytes: {len(data):,} don't fit there")
            self._check_room(len(data))
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                written = os.pwrite(fd, data, offset)
                while written < len(data):
                    written += os.pwrite(fd, data[written:], offset + written)
            finally:
                os.close(fd)
            upload.touched = self._clock()
            self.received_bytes += len(data)
        return offset + len(data)

    def read(self, minion_id: str, upload_id: str, offset: int, most: int = CHUNK_BYTES) -> bytes | None:
        """Return the next bytes for a minion, ``None`` when there is no such upload for it; none yet are ``b""``.

        Raises ``FileServerError``.
        """
        upload = self._uploads.get(upload_id)
        if upload is None or minion_id not in upload.minions or offset < 0:
            return None
        with os_errors(FileServerError, self._data(upload_id), "can't read an upload"):
            try:
                fd = os.open(self._data(upload_id), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                return b"" if upload_id in self._uploads else None  # it was forgotten meanwhile
            try:
                data = os.pread(fd, max(0, min(most, CHUNK_BYTES)), offset)
            finally:
                os.close(fd)
        upload.touched = self._clock()
        self.sent_bytes += len(data)
        return data

    def forget(self, owner: str, upload_id: str) -> None:
        """Delete an upload of *owner*'s. Raises ``NotAuthorised``."""
        with self._lock:
            upload = self._own(owner, upload_id)
            del self._uploads[upload.id]
            self._delete(upload.id)

    def purge(self) -> None:
        """Delete what nobody has touched for a while."""
        before = self._clock() - KEPT_S
        with self._lock:
            for upload in [one for one in self._uploads.values() if one.touched < before]:
                log.info("an upload of %s is deleted: nobody fetched it for %g s", upload.owner, KEPT_S)
                del self._uploads[upload.id]
                self._delete(upload.id)

    def _own(self, owner: str, upload_id: str) -> Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.owner != owner:
            raise NotAuthorised("there is no such upload of yours")
        return upload

    def _data(self, upload_id: str) -> str:
        return os.path.join(self._folder, f"{_checked(upload_id)}.data")

    def _have(self, upload: Upload) -> int:
        try:
            return os.stat(self._data(upload.id)).st_size
        except FileNotFoundError:
            return 0

    def _check_room(self, more: int) -> None:
        """Raise ``FileServerError`` when *more* bytes would leave too little of the disk."""
        with os_errors(FileServerError, self._folder, "can't keep an upload"):
            make_private_folder(self._folder)
            disk = os.statvfs(self._folder)
        free = disk.f_bavail * disk.f_frsize
        least = int(min(MIN_FREE_BYTES, MIN_FREE_SHARE * disk.f_blocks * disk.f_frsize))
        if free - more < least:
            raise FileServerError(
                f"{self._folder}: {free:,} bytes are free on the master, of which uploads leave {least:,}: "
                f"{more:,} more don't fit"
            )

    def _write(self, upload: Upload) -> None:
        path = os.path.join(self._folder, f"{upload.id}.json")
        with os_errors(FileServerError, path, "can't keep an upload"):
            make_private_folder(self._folder)
            write_private(path, json.dumps(asdict(upload)).encode())

    def _delete(self, upload_id: str) -> None:
        for suffix in (".json", ".data"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self._folder, upload_id + suffix))


def _checked(upload_id: str) -> str:
    if not isinstance(upload_id, str) or not _ID.fullmatch(upload_id):
        raise ArgumentError(f"{upload_id!r:.80} is no upload: an id has 32 hex digits")
    return upload_id
