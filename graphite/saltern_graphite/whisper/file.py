"""Whisper files: the header.

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
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from saltern.errors import StoreError
from saltern_graphite.rules.metric_name import MAX_FILE_NAME_BYTES
from saltern_graphite.rules.rollup import METHODS
from saltern_graphite.rules.schemas import Retention

SLOT = np.dtype([("time", ">u4"), ("value", ">f8")])
"""A slot of an archive."""
_HEAD = struct.Struct("!2LfL")
_ARCHIVE = struct.Struct("!3L")
_MAX_ARCHIVES = 256  # a header that claims more is damage, not a schema
_FIRST_READ_BYTES = _HEAD.size + 8 * _ARCHIVE.size  # most files have fewer archives: one read is enough

_COMPRESSED = b"whisper_compressed"
"""How a file begins that go-carbon wrote with ``compressed = true``: another format under the same name."""


class CorruptFile(StoreError):
    """A file that is no Whisper file, or not a whole one."""


class CompressedFile(CorruptFile):
    """A file in go-carbon's compressed format: whole for go-carbon, so that it must stay as it is."""


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

    def enough(self, shares: Any) -> Any:
        """Return whether *shares* of known slots, one or a column, are enough to be rolled up."""
        return (shares > 0) & (shares >= self.x_files_factor)

    @property
    def end(self) -> int:
        """The bytes that a file of this layout has."""
        last = self.archives[-1]
        return last.offset + last.points * SLOT.itemsize


def read_layout(fd: int, path: str) -> Layout:
    """Return the layout of the open file *fd*; *path* is for the message.

    Raises :class:`CorruptFile` when the header makes no sense or the file is shorter than it says, and
    :class:`CompressedFile` for one of go-carbon's.
    """
    data = os.pread(fd, _FIRST_READ_BYTES, 0)
    if data.startswith(_COMPRESSED):
        raise CompressedFile(f"{path}: compressed by go-carbon, a format that is not read here")
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


def header_bytes(archives: int) -> int:
    """Return how many bytes the header of a file with so many archives has."""
    return _HEAD.size + archives * _ARCHIVE.size


def header_size(data: bytes) -> int:
    """Return how many bytes the header has that *data* begins with. Raises :class:`CorruptFile`."""
    if len(data) < _HEAD.size:
        raise CorruptFile(f"{len(data)} bytes are too few for a header")
    count: int = _HEAD.unpack_from(data)[3]
    if not 1 <= count <= _MAX_ARCHIVES:
        raise CorruptFile(f"the header claims {count} archives")
    return header_bytes(count)


@lru_cache(maxsize=256)  # a tree has few distinct headers: one for each schema and method
def parse_header(data: bytes) -> Layout:
    """Return the layout that the header *data*, all of it, tells of. Raises :class:`CorruptFile`."""
    method, _, factor, count = _HEAD.unpack_from(data)
    if not 1 <= method <= len(METHODS) or not 0 <= factor <= 1:
        raise CorruptFile(f"the header has method {method} and xFilesFactor {factor}")
    end = header_bytes(count)
    if len(data) < end:
        raise CorruptFile("the header is cut short")
    archives = tuple(Archive(*found) for found in _ARCHIVE.iter_unpack(data[_HEAD.size :]))
    for archive in archives:
        if archive.step < 1 or archive.points < 1 or archive.offset < end:
            raise CorruptFile("an archive in the header makes no sense")
        end = archive.offset + archive.points * SLOT.itemsize
    return Layout(METHODS[method - 1], factor, archives)


def layout_of(retentions: tuple[Retention, ...], method: str, x_files_factor: float) -> Layout:
    """Return the layout of a file with archives of *retentions*, finest first."""
    return parse_header(header_of(retentions, method, x_files_factor)[0])


@lru_cache(maxsize=256)  # see above
def header_of(retentions: tuple[Retention, ...], method: str, x_files_factor: float) -> tuple[bytes, int]:
    """Return the header of a file with archives of *retentions*, finest first, and the size of the whole file."""
    offset = header_bytes(len(retentions))
    longest = max(retention.seconds for retention in retentions)
    header = [_HEAD.pack(METHODS.index(method) + 1, longest, x_files_factor, len(retentions))]
    for retention in retentions:
        header.append(_ARCHIVE.pack(offset, retention.step, retention.points))
        offset += retention.points * SLOT.itemsize
    return b"".join(header), offset


def set_aside(path: str) -> str:
    """Rename a damaged file to ``<name>.wsp.corrupt-<epoch seconds>`` in its folder and return the new path."""
    folder, name = os.path.split(path)
    suffix = f".corrupt-{int(time.time())}"
    kept = name.encode()[: MAX_FILE_NAME_BYTES - len(suffix)].decode(errors="ignore")
    target = os.path.join(folder, kept + suffix)
    os.rename(path, target)
    return target
