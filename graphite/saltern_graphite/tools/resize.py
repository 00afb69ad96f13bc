"""Applying the rules in force to files that exist already."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Generator
from dataclasses import dataclass

from saltern.errors import StoreError
from saltern_graphite.tools.attendance import Stop
from saltern_graphite.tools.contents import Contents, read_contents
from saltern_graphite.tools.places import Rules, describe
from saltern_graphite.tools.points import Points
from saltern_graphite.tools.progress import Progress
from saltern_graphite.tools.replacement import Replacements
from saltern_graphite.tools.reshape import Source, reshape, spread, windows
from saltern_graphite.tools.tree import Found, Selection, walk
from saltern_graphite.whisper_file import Layout, read_layout

FATAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Errors that every other file would meet too."""


@dataclass(frozen=True, slots=True)
class Resized:
    """What became of one file: *outcome* is ``resized``, ``unchanged``, ``tagged`` or ``failed``.

    ``tagged``: the rule can't be known, since the path doesn't tell the name. *kept* and *outside* count slots of the
    new archives, and of those that are too old for all of them; *impossible* slots held a time that can't be.
    *fatal*: the disk would take no other file either.
    """

    path: str
    metric: str
    outcome: str
    before: str = ""
    after: str = ""
    kept: int = 0
    outside: int = 0
    impossible: int = 0
    error: str = ""
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """How files are resized. *spreading*: see :func:`spread`. *dry_run*: nothing is written."""

    dry_run: bool = False
    spreading: bool = False


def resize(
    root: str, selection: Selection, rules: Rules, stop: Stop, progress: Progress, manner: Manner = Manner()
) -> Generator[Resized, None, None]:
    """Give the selected files below *root* the layout that *rules* say, yielding what became of each.

    Each is replaced at once, whole, with every point that fits; a server may go on writing to them. Between
    files *stop* is looked at.
    """
    unreadable: list[Resized] = []
    replacements = Replacements(_now)
    found = walk(root, selection, lambda path, why: unreadable.append(Resized(path, "", "failed", error=why)))
    try:
        for file in found:
            result = _guarded(file, rules, replacements, manner)
            yield result
            progress.step()
            if stop or result.fatal:
                break
    finally:
        replacements.close()
    yield from unreadable
    for path, why in replacements.failures:
        yield Resized(path, "", "failed", error=why)


def _now() -> int:
    return int(time.time())


def _guarded(file: Found, rules: Rules, replacements: Replacements, manner: Manner) -> Resized:
    if not file.metric:
        return Resized(file.path, "", "tagged")
    try:
        return _one(file, rules.layout(file.metric), replacements, manner)
    except StoreError as error:
        return Resized(file.path, file.metric, "failed", error=str(error))
    except OSError as error:
        fatal = error.errno in FATAL
        ended = "; ended here, the others are as they were" if fatal else ""
        return Resized(file.path, file.metric, "failed", error=f"{file.path}: {error.strerror}{ended}", fatal=fatal)


def _one(file: Found, wanted: Layout, replacements: Replacements, manner: Manner) -> Resized:
    now = _now()
    fd = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        present = read_layout(fd, file.path)
        if present == wanted:
            os.close(fd)
            return Resized(file.path, file.metric, "unchanged", describe(present), describe(wanted))
        before = read_contents(fd, file.path, now)
    except BaseException:
        os.close(fd)
        raise

    def shaped(contents: Contents) -> list[Source]:
        sources = reshape(contents, wanted, now)
        return spread(sources, wanted, now) if manner.spreading else sources

    sources = shaped(before)
    kept = windows(sources, wanted, now)
    outside = len(sources[-1].points) - len(kept[-1])

    def derive(contents: Contents) -> list[Points]:
        return windows(shaped(contents), wanted, now)

    if manner.dry_run:
        os.close(fd)
    else:
        replacements.replace(file.path, fd, before, wanted, kept, derive)
    return Resized(
        file.path,
        file.metric,
        "resized",
        describe(present),
        describe(wanted),
        kept=sum(map(len, kept)),
        outside=outside,
        impossible=before.impossible,
    )
