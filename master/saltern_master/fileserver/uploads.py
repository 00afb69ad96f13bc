"""Files on their way from a user of the master's host, or a minion, to minions (``saltern-cp``), kept while fetched.

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
from saltern_master.fileserver.pace import Pace
from saltern_master.fileserver.room import check_room

log = logging.getLogger(__name__)

MAX_UPLOAD_BYTES = 16 * 1024**3
"""Of all uploads of one user."""
MAX_UPLOADS = 16
"""Of one user at a time."""
CHUNK_BYTES = 1 << 20
KEPT_S = 3600.0
PURGE_EVERY_S = 600.0
_ID = re.compile(r"[0-9a-f]{32}")
_HSUM = re.compile(r"[0-9a-f]{64}")


@dataclass
class Upload:
    """One upload: *owner* is a principal, *hsum* the SHA-256 of its listing, *size* all its bytes.

    *rate*: bytes a second that are handed out at most, 0 for all that there are. *source*: the minion that sends it,
    where that isn't its owner, and *wanted* the SHA-256 of what that was asked for; *hsum* and *size* are known then
    once it has begun.
    """

    id: str
    owner: str
    hsum: str
    size: int
    minions: list[str]
    touched: float
    rate: int = 0
    source: str = ""
    wanted: str = ""


class Uploads:
    """What is being sent. All methods but ``run`` may touch the disk, and be called from any thread."""

    def __init__(self, folder: str, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}
        self._paces: dict[str, Pace] = {}
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

    def begin(self, owner: str, hsum: str, size: int, minions: Iterable[str], rate: int = 0) -> tuple[str, int]:
        """Return the id under which *minions* will fetch *size* bytes, and how many of them are here already.

        Raises ``ArgumentError``, ``Busy`` over a bound, ``FileServerError``.
        """
        _check_size(hsum, size)
        self.purge()
        with self._lock:
            for upload in self._of(owner):
                if upload.hsum == hsum and upload.size == size and not upload.source:
                    have = self._have(upload)
                    self._check_room(size - have)
                    self._go_on(upload, minions, rate)
                    return upload.id, have
            self._check_share(owner, size)
            self._check_room(size)
            return self._new(owner, hsum, size, minions, rate).id, 0

    def begin_from(self, owner: str, source: str, wanted: str, minions: Iterable[str], rate: int = 0) -> str:
        """Return the id under which *source*, a minion, will send something, and *minions* will fetch it.

        *wanted*: the SHA-256 of what it is asked for. Raises ``ArgumentError``, ``Busy``, ``FileServerError``.
        """
        _check_size(wanted, 1)
        self.purge()
        with self._lock:
            for upload in self._of(owner):
                if upload.source == source and upload.wanted == wanted:
                    self._go_on(upload, minions, rate)
                    return upload.id
            self._check_share(owner, 0)
            self._check_room(0)
            return self._new(owner, "", 0, minions, rate, source, wanted).id

    def announce(self, minion_id: str, upload_id: str, hsum: str, size: int) -> int:
        """Have an upload be of *size* bytes, as its source says; return how many of them are here already.

        Raises ``NotAuthorised``, ``ArgumentError``, ``Busy``, ``FileServerError``.
        """
        _check_size(hsum, size)
        with self._lock:
            upload = self._sent_by(minion_id, upload_id)
            have = self._have(upload)
            if (upload.hsum, upload.size) != (hsum, size):
                have = 0
                self._check_share(upload.owner, size, but=upload)
                path = self._data(upload.id)
                with os_errors(FileServerError, path, "can't write it"), contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
                upload.hsum, upload.size = hsum, size
            self._check_room(size - have)
            upload.touched = self._clock()
            self._write(upload)
            return have

    def write_from(self, minion_id: str, upload_id: str, offset: int, data: bytes) -> int:
        """Do what ``write`` does, for the minion that sends it."""
        return self._add(lambda: self._sent_by(minion_id, upload_id), upload_id, offset, data)

    def wait(self, minion_id: str, upload_id: str) -> tuple[float, int]:
        """Return the seconds until a minion may fetch a chunk, and how many bytes of it."""
        upload = self._uploads.get(upload_id)
        if upload is None or not upload.rate or minion_id not in upload.minions:
            return 0.0, CHUNK_BYTES
        upload.touched = self._clock()
        with self._lock:
            pace = self._paces.setdefault(upload_id, Pace(upload.rate))
        return pace.wait(minion_id), pace.chunk

    def write(self, owner: str, upload_id: str, offset: int, data: bytes) -> int:
        """Add *data* at *offset*, which is the end of what is here; return the new end.

        Raises ``NotAuthorised`` for another's or none, ``ArgumentError``, ``FileServerError``.
        """
        return self._add(lambda: self._own(owner, upload_id), upload_id, offset, data)

    def _add(self, find: Callable[[], Upload], upload_id: str, offset: int, data: bytes) -> int:
        path = self._data(upload_id)
        with self._lock, os_errors(FileServerError, path, "can't write an upload"):
            upload = find()  # nothing is written that was forgotten meanwhile
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

    def _of(self, owner: str) -> list[Upload]:
        return [upload for upload in self._uploads.values() if upload.owner == owner]

    def _check_share(self, owner: str, size: int, *, but: Upload | None = None) -> None:
        """Raise ``Busy`` when *size* bytes more are over a user's share; *but* is the upload that they are of."""
        own = [upload for upload in self._of(owner) if upload is not but]
        if len(own) >= MAX_UPLOADS:
            raise Busy(f"{MAX_UPLOADS} of your uploads are under way: try again when one is done")
        if sum(upload.size for upload in own) + size > MAX_UPLOAD_BYTES:
            raise Busy(f"your uploads would take over {MAX_UPLOAD_BYTES:,} bytes: try again when one is done")

    def _new(
        self,
        owner: str,
        hsum: str,
        size: int,
        minions: Iterable[str],
        rate: int,
        source: str = "",
        wanted: str = "",
    ) -> Upload:
        now = self._clock()
        upload = Upload(secrets.token_hex(16), owner, hsum, size, sorted(minions), now, rate, source, wanted)
        self._write(upload)
        self._uploads[upload.id] = upload
        return upload

    def _go_on(self, upload: Upload, minions: Iterable[str], rate: int) -> None:
        upload.minions = sorted({*upload.minions, *minions})
        upload.touched = self._clock()
        upload.rate = rate
        self._paces.pop(upload.id, None)
        self._write(upload)

    def _sent_by(self, minion_id: str, upload_id: str) -> Upload:
        upload = self._uploads.get(_checked(upload_id))
        if upload is None or upload.source != minion_id:
            raise NotAuthorised("there is no such upload of yours")
        return upload

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
        check_room(self._folder, more, "uploads")

    def _write(self, upload: Upload) -> None:
        path = os.path.join(self._folder, f"{upload.id}.json")
        with os_errors(FileServerError, path, "can't keep an upload"):
            make_private_folder(self._folder)
            write_private(path, json.dumps(asdict(upload)).encode())

    def _delete(self, upload_id: str) -> None:
        self._paces.pop(upload_id, None)
        for suffix in (".json", ".data"):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self._folder, upload_id + suffix))


def _check_size(hsum: str, size: int) -> None:
    if not isinstance(hsum, str) or not _HSUM.fullmatch(hsum) or not 0 < size <= MAX_UPLOAD_BYTES:
        raise ArgumentError(f"an upload has a SHA-256 and 1 to {MAX_UPLOAD_BYTES:,} bytes, not {size:,}")


def _checked(upload_id: str) -> str:
    if not isinstance(upload_id, str) or not _ID.fullmatch(upload_id):
        raise ArgumentError(f"{upload_id!r:.80} is no upload: an id has 32 hex digits")
    return upload_id
