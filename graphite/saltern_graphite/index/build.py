"""Filling the index from the tree of files: by a scan right here, or by a process beside."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgpack

from saltern.own_python import python_module
from saltern_graphite.index.branch import Frozen, Shelf
from saltern_graphite.index.progress import Progress
from saltern_graphite.index.scan import Message, Scan

if TYPE_CHECKING:
    from saltern_graphite.index.tree import Index

HERE_S = 0.1
"""A scan that takes longer is started over in a process beside: a small tree is through before one would be up."""
READ_BYTES = 1 << 15
"""So much of a process's messages is taken in at a time: a millisecond's work."""
TELL_EVERY_S = 5.0

log = logging.getLogger(__name__)


class _Builder:
    """Takes the messages of one scan into *index*."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._nodes: list[Frozen | None] = [None]  # by number; 0 is a leaf
        self._shelf = Shelf()
        self._began = self._told = time.monotonic()
        self.done = False

    def take(self, message: Sequence[Any]) -> None:
        kind = message[0]
        if kind == "node":
            self._nodes.append(self._shelf.freeze(self._children(*message[1:])))
        elif kind == "graft":
            self._index.graft(message[1], self._children(*message[2:]))
        elif kind == "progress":
            self._progress(*message[1:])
        elif kind == "passed over":
            log.warning("index: %s can't be read: %s", message[1], message[2])
        elif kind == "end":
            self.done = True
            if message[1]:
                log.warning("index: %d files or folders are left out: no metric can have their names", message[1])

    def _children(self, names: list[str], numbers: list[int]) -> dict[str, Frozen | None]:
        nodes = self._nodes
        return {sys.intern(name): nodes[number] for name, number in zip(names, numbers, strict=True)}

    def _progress(self, metrics: int, folders: int) -> None:
        now = time.monotonic()
        progress = self._index.progress
        progress.metrics, progress.folders, progress.seconds = metrics, folders, now - self._began
        if now - self._told > TELL_EVERY_S:
            self._told = now
            log.info("index: %d metrics in %d folders so far", metrics, folders)


def build(index: Index, whisper_dir: str, stop: threading.Event) -> None:
    """Scan *whisper_dir* in this thread."""
    index.progress = Progress(running=True)
    _finish(index, _take(index, Scan(whisper_dir).messages(), stop))


def build_beside(index: Index, whisper_dir: str, stop: threading.Event) -> None:
    """Scan *whisper_dir* in this thread for :data:`HERE_S`, and if that was not enough in another process.

    Should the process fail, the scan is done here after all.
    """
    index.progress = Progress(running=True)
    try:
        _build_beside(index, whisper_dir, stop)
    finally:
        index.progress.running = False  # whatever happened: requests wait for it


def _build_beside(index: Index, whisper_dir: str, stop: threading.Event) -> None:
    if (done := _take(index, Scan(whisper_dir, stop).messages(), stop, HERE_S)) or stop.is_set():
        _finish(index, done)
        return
    try:
        done = _take(index, _messages_from_beside(whisper_dir), stop)
        why = "it ended too soon"
    except (OSError, ValueError, msgpack.UnpackException) as error:
        done, why = False, str(error)
    if not done and not stop.is_set():
        log.warning("index: the process that reads %s failed (%s); reading it here", whisper_dir, why)
        done = _take(index, Scan(whisper_dir, stop).messages(), stop)
    _finish(index, done)


def _take(index: Index, messages: Iterator[Message], stop: threading.Event, limit_s: float = float("inf")) -> bool:
    """Take *messages* in; return whether that was all of them before *stop* was set and *limit_s* were over."""
    builder = _Builder(index)
    until = time.monotonic() + limit_s
    for message in messages:
        builder.take(message)
        if stop.is_set() or time.monotonic() > until:
            break
    return builder.done


def _finish(index: Index, done: bool) -> None:
    progress = index.progress
    index.tidy()
    progress.complete = done
    progress.running = False
    log.info("index: %d metrics in %.1f s", progress.metrics, progress.seconds)


def _messages_from_beside(whisper_dir: str) -> Iterator[Message]:
    command = python_module("saltern_graphite.index.scan_program", whisper_dir)
    unpacker = msgpack.Unpacker(use_list=False, max_buffer_size=0)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        try:
            while data := process.stdout.read(READ_BYTES):
                unpacker.feed(data)
                yield from unpacker
        finally:
            process.terminate()
