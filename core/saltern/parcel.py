"""What ``saltern-cp`` sends: files and folders of this host, listed with their digests.

A minion's agent sends so as root, for somebody else: *safely*, it reads what a link leads to only where no stranger
could have turned that to what isn't his (``saltern.files.open_file``).
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

from saltern.digest import Hash, sha256
from saltern.errors import UsageError
from saltern.files import open_file

MAX_ENTRIES = 20_000
MAX_LISTING_BYTES = 4 * 1024 * 1024
READ_BYTES = 1 << 20


class Source(NamedTuple):
    """A file to be sent: where it is here, and how many bytes of it."""

    path: str
    size: int


class Parcel:
    """Files, one behind the other, after the listing that says what they are (``saltern_modules._receive``)."""

    def __init__(self, sources: Sequence[str], *, safely: bool = False) -> None:
        """Look at *sources* and read every file once. Raises ``UsageError`` for what can't be sent."""
        self._safely = safely
        self.files: list[Source] = []
        self.skipped: list[str] = []
        self._entries: list[dict[str, Any]] = []
        tops: dict[str, str] = {}
        for source in sources:
            name = os.path.basename(os.path.abspath(source))
            if name in tops or not name:
                raise UsageError(f"{source}: {tops.get(name, 'this')} has the same name: send them one after the other")
            tops[name] = source
            self._add(source, name, asked=True)
        self.listing = json.dumps(self._entries, ensure_ascii=True, separators=(",", ":")).encode()
        if len(self.listing) > MAX_LISTING_BYTES:
            raise UsageError(f"names of {len(self.listing):,} bytes are too many: send the folders one by one")
        self.hsum = sha256(self.listing).hexdigest()
        self.size = len(self.listing) + sum(file.size for file in self.files)

    def chunks(self, start: int) -> Iterator[bytes]:
        """Yield all bytes from *start* on. Raises ``UsageError`` for a file that changed meanwhile."""
        if start < len(self.listing):
            yield self.listing[start:]
        at = len(self.listing)
        for file in self.files:
            end = at + file.size
            if end > start:
                yield from self._contents(file, max(start - at, 0))
            at = end

    def _contents(self, file: Source, start: int) -> Iterator[bytes]:
        left = file.size - start
        try:
            with self._opened(file.path) as stream:
                stream.seek(start)
                while left:
                    data = stream.read(min(READ_BYTES, left))
                    if not data:
                        raise UsageError(f"{file.path} became shorter while it was sent: send it again")
                    left -= len(data)
                    yield data
        except OSError as error:
            raise UsageError(f"{file.path}: can't be read: {error.strerror}") from None

    def _add(self, path: str, name: str, *, asked: bool = False) -> None:
        if len(self._entries) >= MAX_ENTRIES:
            raise UsageError(f"over {MAX_ENTRIES:,} files and folders: send the folders one by one")
        try:
            status = os.stat(path)
            mode = stat.S_IMODE(status.st_mode) & 0o777
            name.encode()  # a name that is no UTF-8 can't be sent as text
            if stat.S_ISDIR(status.st_mode) and (asked or not os.path.islink(path)):
                self._entries.append({"path": name, "mode": mode})
                for below in sorted(os.listdir(path)):
                    self._add(os.path.join(path, below), f"{name}/{below}")
            elif stat.S_ISREG(status.st_mode):
                size, hsum = self._digest(path)
                self._entries.append({"path": name, "mode": mode, "size": size, "hsum": hsum})
                self.files.append(Source(path, size))
            elif asked:
                raise UsageError(f"{path}: is neither a file nor a folder")
            else:
                self.skipped.append(path)
        except UnicodeEncodeError:
            raise UsageError(f"{os.fsencode(path)!r}: its name is no UTF-8: rename it") from None
        except OSError as error:
            gone = isinstance(error, FileNotFoundError)  # a dangling link, or it went meanwhile
            theirs = self._safely and isinstance(error, PermissionError)  # a stranger's link
            if not asked and (gone or theirs):
                self.skipped.append(path)
                return
            raise UsageError(f"{path}: can't be read: {error.strerror}") from None

    def _digest(self, path: str) -> tuple[int, str]:
        size, digest = 0, _hash(fast=not self._safely)
        with self._opened(path) as stream:
            while data := stream.read(READ_BYTES):
                size += len(data)
                digest.update(data)
        return size, digest.hexdigest()

    def _opened(self, path: str) -> IO[bytes]:
        return open(open_file(path) if self._safely else path, "rb", buffering=0)


def _hash(*, fast: bool) -> Hash:
    """Return a SHA-256; a *fast* one has OpenSSL loaded, which an agent does without."""
    if fast:
        with contextlib.suppress(ImportError):
            import hashlib

            return hashlib.sha256()
    return sha256()
