"""Merging one tree of Whisper files into another."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from dataclasses import dataclass, replace

from saltern.errors import StoreError
from saltern_graphite.tools.attendance import Stop
from saltern_graphite.tools.contents import Contents, load_contents, read_contents
from saltern_graphite.tools.merge import clip, merge
from saltern_graphite.tools.points import Points
from saltern_graphite.tools.progress import Progress
from saltern_graphite.tools.rebuilt_file import add_new
from saltern_graphite.tools.replacement import Replacements
from saltern_graphite.tools.reshape import window
from saltern_graphite.tools.resize import FATAL
from saltern_graphite.tools.tree import Found, Selection, walk


@dataclass(frozen=True, slots=True)
class Range:
    """The epoch seconds, both included, within which slots are taken."""

    since: int = 0
    until: int = 2**32


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of one file: *outcome* is ``created``, ``filled``, ``unchanged`` or ``failed``.

    *slots* of the receiving file, of all archives, are new or changed. *fatal*: the disk would take no other file
    either.
    """

    path: str
    outcome: str
    slots: int = 0
    error: str = ""
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """How one tree is merged into another: *source* is only read.

    Where both know a slot, that of *target* stays, unless *overwrite*. With *dry_run* nothing is written.
    """

    source: str
    target: str
    span: Range = Range()
    overwrite: bool = False
    dry_run: bool = False

    def run(self, stop: Stop, progress: Progress) -> Generator[Filled, None, None]:
        """Merge, yielding what became of each file of the source. Between files *stop* is looked at."""
        unreadable: list[Filled] = []
        replacements = Replacements(_now)
        found = walk(self.source, Selection([]), lambda path, why: unreadable.append(_failed(path, why)))
        try:
            for file in found:
                result = self._guarded(file, replacements)
                yield result
                progress.step()
                if stop or result.fatal:
                    break
        finally:
            replacements.close()
        yield from unreadable
        for path, why in replacements.failures:
            yield Filled(path, "failed", error=why)

    def _guarded(self, file: Found, replacements: Replacements) -> Filled:
        try:
            return self._one(file, replacements)
        except StoreError as error:
            return Filled(file.path, "failed", error=str(error))
        except OSError as error:
            why = error.strerror or str(error)
            if error.errno in FATAL:
                return replace(_failed(file.path, f"{why}; ended here, the others are as they were"), fatal=True)
            return _failed(error.filename or file.path, why)

    def _one(self, file: Found, replacements: Replacements) -> Filled:
        now = _now()
        given = clip(load_contents(file.path, now), self.span.since, self.span.until)
        target = os.path.join(self.target, file.relative)
        try:
            fd = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            created = self._create(target, given, now)
            if created:
                return created
            fd = os.open(target, os.O_RDONLY | os.O_CLOEXEC)  # it came to be a moment ago
        return self._merge(target, fd, given, now, replacements)

    def _create(self, target: str, given: Contents, now: int) -> Filled | None:
        """Create *target* as the source's file is; ``None`` when it is there meanwhile."""
        archives = [
            window(points, archive, now) for archive, points in zip(given.layout.archives, given.archives, strict=True)
        ]
        slots = sum(map(len, archives))
        if not slots:
            return Filled(target, "unchanged")
        if not self.dry_run and not add_new(target, given.layout, archives, self.target):
            return None
        return Filled(target, "created", slots)

    def _merge(self, target: str, fd: int, given: Contents, now: int, replacements: Replacements) -> Filled:
        def derive(contents: Contents) -> list[Points]:
            return merge(contents, given, now, overwrite=self.overwrite)

        try:
            before = read_contents(fd, target, now)
            merged = derive(before)
            slots = sum(len(new.without(old)) for new, old in zip(merged, before.archives, strict=True))
        except BaseException:
            os.close(fd)
            raise
        if not slots or self.dry_run:
            os.close(fd)
        else:
            replacements.replace(target, fd, before, before.layout, merged, derive)
        return Filled(target, "filled" if slots else "unchanged", slots)


def _now() -> int:
    return int(time.time())


def _failed(path: str, why: str) -> Filled:
    return Filled(path, "failed", error=f"{path}: {why}")
