"""Which names are let in: ``whitelist.conf`` and ``blacklist.conf``, in Carbon's own format.

::

    # a comment
    ^carbon\\.          a Python regular expression a line, searched for anywhere in the name

A name in which a pattern of the blacklist is found is refused. If the whitelist has any pattern, so is a name in which
none of them is found. Carbon looks at the files only with ``USE_WHITELIST = True``; here a file that is there counts.
Patterns are tried when a name is first met, not for each point.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from saltern_graphite.rules.conf_file import Problem, compiled, read_text

WHITELIST_FILE = "whitelist.conf"
BLACKLIST_FILE = "blacklist.conf"
BLACKLISTED, NOT_WHITELISTED = "blacklistMatches", "whitelistRejects"
CAUSES = (BLACKLISTED, NOT_WHITELISTED)
RELOAD_EVERY_S = 10.0  # as Carbon

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NameList:
    """One file: its *patterns* in order, what was wrong with it, and its text, if it could be read."""

    patterns: tuple[re.Pattern[str], ...] = ()
    problems: tuple[Problem, ...] = ()
    text: str | None = field(default=None, compare=False)

    def finds(self, name: str) -> bool:
        """Return whether a pattern is found in *name*."""
        return any(pattern.search(name) for pattern in self.patterns)


def parse_list(text: str, path: str) -> NameList:
    """Parse the *text* of the file *path*; a bad pattern is a problem, and the others count."""
    patterns: list[re.Pattern[str]] = []
    problems: list[Problem] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            patterns.append(compiled(line))
        except ValueError as error:
            problems.append(Problem(path, number, f"{line[:200]!r} is no regular expression: {error}"))
    return NameList(tuple(patterns), tuple(problems), text)


def refusal(white: NameList, black: NameList, name: str) -> str | None:
    """Return why *name* is not let in, one of :data:`CAUSES` (Carbon's counters), or ``None`` if it is."""
    if black.patterns and black.finds(name):
        return BLACKLISTED
    if white.patterns and not white.finds(name):
        return NOT_WHITELISTED
    return None


def read_list(path: str, last: NameList | None = None) -> NameList:
    """Return the list in the file *path*: *last* itself if that is what it is, an empty one where there is no file.

    If it can't be read that is its problem, and the patterns are those of *last*.
    """
    last = last or NameList()
    text = read_text(path)
    if text is None:
        return NameList()
    if isinstance(text, Problem):
        return NameList(last.patterns, (text,))
    return last if text == last.text else parse_list(text, path)


class NameLists:
    """Both lists of the folder *conf*; :meth:`reload` reads them, :meth:`refuse` asks them.

    *on_change* is called after a list changed: whoever remembers answers of :meth:`refuse` must forget them.
    """

    def __init__(self, conf: str, on_change: Callable[[], None] = lambda: None) -> None:
        self.on_change = on_change
        self._conf = conf
        self._white = NameList()
        self._black = NameList()

    @property
    def problems(self) -> list[Problem]:
        """What is wrong in the files as last read."""
        return [*self._white.problems, *self._black.problems]

    def refuse(self, name: str) -> str | None:
        """Return what :func:`refusal` says of *name*."""
        return refusal(self._white, self._black, name)

    def reload(self) -> None:
        """Read what has changed since the last time; what is wrong is logged, line by line.

        A file that is gone has no patterns. One that can't be read stays in force as it was.
        """
        before = self._white, self._black
        self._white = self._read(WHITELIST_FILE, self._white)
        self._black = self._read(BLACKLIST_FILE, self._black)
        if (self._white, self._black) != before:
            counts = len(self._white.patterns), len(self._black.patterns)
            log.info("name lists: %d patterns in %s, %d in %s", counts[0], WHITELIST_FILE, counts[1], BLACKLIST_FILE)
            self.on_change()

    def _read(self, file_name: str, last: NameList) -> NameList:
        read = read_list(os.path.join(self._conf, file_name), last)
        if read is not last and read.problems != last.problems:
            what = "the line is left out" if read.text is not None else "the last list stays in force"
            for problem in read.problems:
                log.error("%s; %s", problem, what)
        return read
