"""Merging one tree of Whisper files into another."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from dataclasses import dataclass

from saltern_graphite.tools.attendance import Stop
from saltern_graphite.tools.contents import Contents, load_contents, opened, read_contents
from saltern_graphite.tools.merge import clip, merge
from saltern_graphite.tools.points import Points
from saltern_graphite.tools.progress import Progress
from saltern_graphite.tools.rebuilt_file import add_new
from saltern_graphite.tools.replacement import Replacements
from saltern_graphite.tools.reshape import window
from saltern_graphite.tools.rewriting import Rewritten, rewrite
from saltern_graphite.tools.tree import Found, Selection


@dataclass(frozen=True, slots=True)
class Range:
    """The epoch seconds, both included, within which slots are taken."""

    since: int = 0
    until: int = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled(Rewritten):
    """What became of one file, perhaps ``created`` or ``filled``; *slots* of all its archives are new or changed."""

    slots: int = 0


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
        return rewrite(self.source, Selection([]), stop, progress, Filled, self._one)

    def _one(self, file: Found, replacements: Replacements) -> Filled:
        now = int(time.time())
        given = clip(load_contents(file.path, now), self.span.since, self.span.until)
        target = os.path.join(self.target, file.relative)
        if not os.path.exists(target):
            created = self._create(target, file.metric, given, now)
            if created:
                return created
        return self._merge(target, file.metric, given, now, replacements)

    def _create(self, target: str, metric: str, given: Contents, now: int) -> Filled | None:
        """Create *target* as the source's file is; ``None`` when it is there meanwhile."""
        archives = [
            window(points, archive, now) for archive, points in zip(given.layout.archives, given.archives, strict=True)
        ]
        slots = sum(map(len, archives))
        if slots and not self.dry_run and not add_new(target, given.layout, archives, self.target):
            return None
        return Filled(path=target, metric=metric, outcome="created" if slots else "unchanged", slots=slots)

    def _merge(self, target: str, metric: str, given: Contents, now: int, replacements: Replacements) -> Filled:
        def derive(contents: Contents) -> list[Points]:
            return merge(contents, given, now, overwrite=self.overwrite)

        with opened(target) as fd:
            before = read_contents(fd, target, now)
            merged = derive(before)
            slots = sum(len(new.without(old)) for new, old in zip(merged, before.archives, strict=True))
            if slots and not self.dry_run:
                replacements.replace(target, fd, before, before.layout, merged, derive)
        return Filled(path=target, metric=metric, outcome="filled" if slots else "unchanged", slots=slots)
