"""Going through a tree of Whisper files, one after the other, to put others in their place: fill and resize."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from saltern.errors import StoreError
from saltern_graphite.tools.attendance import Stop
from saltern_graphite.tools.progress import Progress
from saltern_graphite.tools.replacement import Replacements
from saltern_graphite.tools.tree import Found, Selection, walk

_FATAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""Errors that every other file would meet too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """What became of one file; its *outcome* is ``unchanged``, ``failed`` (*error* says why) or what else a tool does.

    *metric* is its name, ``""`` when that isn't known. *fatal*: the disk would take no other file either.
    """

    path: str
    metric: str = ""
    outcome: str
    error: str = ""
    fatal: bool = False


Result = TypeVar("Result", bound=Rewritten)


def rewrite(
    root: str,
    selection: Selection,
    stop: Stop,
    progress: Progress,
    kind: type[Result],
    one: Callable[[Found, Replacements], Result],
) -> Generator[Result, None, None]:
    """Do *one* to each of the selected files below *root*, yielding what became of it, a result of *kind*.

    What it raises (``StoreError``, ``OSError``) is the end of that file alone, unless it is fatal. Between files *stop*
    is looked at.
    """

    def failed(path: str, error: str, metric: str = "", *, fatal: bool = False) -> Result:
        return kind(path=path, metric=metric, outcome="failed", error=error, fatal=fatal)

    def guarded(file: Found) -> Result:
        try:
            return one(file, replacements)
        except StoreError as error:
            return failed(file.path, str(error), file.metric)
        except OSError as error:
            why = error.strerror or str(error)
            if error.errno in _FATAL:
                ended = f"{file.path}: {why}; ended here, the others are as they were"
                return failed(file.path, ended, file.metric, fatal=True)
            return failed(file.path, f"{error.filename or file.path}: {why}", file.metric)

    unreadable: list[Result] = []
    replacements = Replacements(lambda: int(time.time()))
    try:
        for file in walk(root, selection, lambda path, why: unreadable.append(failed(path, f"{path}: {why}"))):
            if stop:
                break
            result = guarded(file)
            yield result
            progress.step()
            if result.fatal:
                break
    finally:
        replacements.close()
    yield from unreadable
    for path, why in replacements.failures:
        yield failed(path, why)
