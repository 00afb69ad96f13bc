"""Applying the rules in force to files that exist already."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, replace

from saltern_graphite.tools.attendance import Stop
from saltern_graphite.tools.contents import Contents, opened, read_contents
from saltern_graphite.tools.places import Rules, describe
from saltern_graphite.tools.points import Points
from saltern_graphite.tools.progress import Progress
from saltern_graphite.tools.replacement import Replacements
from saltern_graphite.tools.reshape import Source, reshape, spread, windows
from saltern_graphite.tools.rewriting import Rewritten, rewrite
from saltern_graphite.tools.tree import Found, Selection
from saltern_graphite.whisper.file import read_layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Resized(Rewritten):
    """What became of one file, perhaps ``resized`` or ``tagged``: the rule isn't known, nor the name from the path.

    *kept* and *outside* count slots of the new archives, and of those that are too old for all of them; *impossible*
    slots held a time that can't be.
    """

    before: str = ""
    after: str = ""
    kept: int = 0
    outside: int = 0
    impossible: int = 0


@dataclass(frozen=True, slots=True)
class Resize:
    """How files are given the layout that *rules* say. *spreading*: see :func:`spread`. *dry_run*: nothing is written.

    Each is replaced at once, whole, with every point that fits; a server may go on writing to them.
    """

    rules: Rules
    dry_run: bool = False
    spreading: bool = False

    def run(self, root: str, selection: Selection, stop: Stop, progress: Progress) -> Generator[Resized, None, None]:
        """Resize the selected files below *root*, yielding what became of each. Between files *stop* is looked at."""
        return rewrite(root, selection, stop, progress, Resized, self._one)

    def _one(self, file: Found, replacements: Replacements) -> Resized:
        if not file.metric:
            return Resized(path=file.path, outcome="tagged")
        now, wanted = int(time.time()), self.rules.layout(file.metric)

        def shaped(contents: Contents) -> list[Source]:
            sources = reshape(contents, wanted, now)
            return spread(sources, wanted, now) if self.spreading else sources

        def derive(contents: Contents) -> list[Points]:
            return windows(shaped(contents), wanted, now)

        with opened(file.path) as fd:
            present = read_layout(fd, file.path)
            result = Resized(
                path=file.path,
                metric=file.metric,
                outcome="unchanged",
                before=describe(present),
                after=describe(wanted),
            )
            if present == wanted:
                return result
            before = read_contents(fd, file.path, now)
            sources = shaped(before)
            kept = windows(sources, wanted, now)
            if not self.dry_run:
                replacements.replace(file.path, fd, before, wanted, kept, derive)
        return replace(
            result,
            outcome="resized",
            kept=sum(map(len, kept)),
            outside=len(sources[-1].points) - len(kept[-1]),
            impossible=before.impossible,
        )
