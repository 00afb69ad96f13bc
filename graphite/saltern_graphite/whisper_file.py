"""Whisper files: the header, and how one is created.

::

    header   = method:u32  longest_retention:u32  xFilesFactor:f32  archive_count:u32     all big-endian
    archive  = offset:u32  seconds_per_point:u32  points:u32                              archive_count of them
    slots    = (timestamp:u32  value:f64) * points                                        for each archive

An archive's slots are a ring. A slot's place in it is ``(timestamp - base) / step mod points``, base being the
timestamp in slot 0 (0: never written). A slot counts only when the timestamp in it is the one expected there, which
is how old rounds of the ring are told from new. The format is the whisper library's; tests hold the two
against each other.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from saltern.errors import StoreError
from saltern_graphite.durability import sync_folder, write_all
from saltern_graphite.metric_name import MAX_FILE_NAME_BYTES
from saltern_graphite.rollup import METHODS
from saltern_graphite.schemas import Retention

POINT = struct.Struct("!Ld")
_HEAD = struct.Struct("!2LfL")
_ARCHIVE = struct.Struct("!3L")
_MAX_ARCHIVES = 256  # a header that claims more is damage, not a schema
_FIRST_READ_BYTES = _HEAD.size + 8 * _ARCHIVE.size  # most files have fewer archives: one read is enough

_UNFINISHED = ".new"
"""The name a file has in its folder until it is whole; there is one writer, so one name does."""


class CorruptFile(StoreError):
    """A file that is no Whisper file, or not a whole one."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One ring of *points* slots from byte *offset* on, a slot every *step* seconds."""

    offset: int
    step: int
    points: int

    @property
    def retention(self) -> int:
        """How far back it reaches, in seconds."""
        return self.step * self.points


@dataclass(frozen=True, slots=True)
class Layout:
    """What a header says: the roll-up *method*, the *x_files_factor* and the archives, finest first."""

    method: str
    x_files_factor: float
    archives: tuple[Archive, ...]

    @property
    def end(self) -> int:
        """The bytes that a file of this layout has."""
        last = self.archives[-1]
        return last.offset + last.points * POINT.size


def read_layout(fd: int, path: str) -> Layout:
    """Return the layout of the open file *fd*; *path* is for the message.

    Raises :class:`CorruptFile` when the header makes no sense or the file is shorter than it says.
    """
    data = os.pread(fd, _FIRST_READ_BYTES, 0)
    try:
        size = header_size(data)
        if size > len(data):
            data = os.pread(fd, size, 0)
        layout = parse_header(data[:size])
    except CorruptFile as error:
        raise CorruptFile(f"{path}: {error}") from None
    if os.fstat(fd).st_size < layout.end:
        raise CorruptFile(f"{path}: shorter than its header says")
    return layout


def header_size(data: bytes) -> int:
    """Return how many bytes the header has that *data* begins with. Raises :class:`CorruptFile`."""
    if len(data) < _HEAD.size:
        raise CorruptFile(f"{len(data)} bytes are too few for a header")
    count: int = _HEAD.unpack_from(data)[3]
    if not 1 <= count <= _MAX_ARCHIVES:
        raise CorruptFile(f"the header claims {count} archives")
    return _HEAD.size + count * _ARCHIVE.size


@lru_cache(maxsize=256)  # a tree has few distinct headers: one for each schema and method
def parse_header(data: bytes) -> Layout:
    """Return the layout that the header *data*, all of it, tells of. Raises :class:`CorruptFile`."""
    method, _, factor, count = _HEAD.unpack_from(data)
    if not 1 <= method <= len(METHODS) or not 0 <= factor <= 1:
        raise CorruptFile(f"the header has method {method} and xFilesFactor {factor}")
    end = _HEAD.size + count * _ARCHIVE.size
    if len(data) < end:
        raise CorruptFile("the header is cut short")
    archives = tuple(Archive(*found) for found in _ARCHIVE.iter_unpack(data[_HEAD.size :]))
    for archive in archives:
        if archive.step < 1 or archive.points < 1 or archive.offset < end:
            raise CorruptFile("an archive in the header makes no sense")
        end = archive.offset + archive.points * POINT.size
    return Layout(METHODS[method - 1], factor, archives)


@lru_cache(maxsize=256)  # see above
def header_of(retentions: tuple[Retention, ...], method: str, x_files_factor: float) -> tuple[bytes, int]:
    """Return the header of a file with archives of *retentions*, finest first, and the size of the whole file."""
    offset = _HEAD.size + _ARCHIVE.size * len(retentions)
    longest = max(retention.seconds for retention in retentions)
    header = [_HEAD.pack(METHODS.index(method) + 1, longest, x_files_factor, len(retentions))]
    for retention in retentions:
        header.append(_ARCHIVE.pack(offset, retention.step, retention.points))
        offset += retention.points * POINT.size
    return b"".join(header), offset


def create(
    path: str, retentions: Sequence[Retention], method: str, x_files_factor: float, *, sync: bool = False
) -> None:
    """Create the empty file *path* and the folders above it; it appears whole or not at all.

    Slots are left as a hole, so that a new file costs one block whatever its retentions. With *sync* it survives a
    power cut. Raises ``OSError``; a file already there is replaced.
    """
    header, size = header_of(tuple(retentions), method, x_files_factor)
    folder = os.path.dirname(path)
    unfinished = os.path.join(folder, _UNFINISHED)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        fd = os.open(unfinished, flags, 0o644)
    except FileNotFoundError:
        os.makedirs(folder, exist_ok=True)
        fd = os.open(unfinished, flags, 0o644)
    try:
        try:
            write_all(fd, header)
            os.ftruncate(fd, size)
            if sync:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(unfinished, path)
    except OSError:
        os.unlink(unfinished)
        raise
    if sync:
        sync_folder(folder)


def set_aside(path: str) -> str:
    """Rename a damaged file to ``<name>.wsp.corrupt-<epoch seconds>`` in its folder and return the new path."""
    folder, name = os.path.split(path)
    suffix = f".corrupt-{int(time.time())}"
    kept = name.encode()[: MAX_FILE_NAME_BYTES - len(suffix)].decode(errors="ignore")
    target = os.path.join(folder, kept + suffix)
    os.rename(path, target)
    return target
