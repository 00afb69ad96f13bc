"""What is never served, whatever backend has it: a checkout's own records, and the option ``file_ignore_glob``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

HIDDEN = frozenset({".git", ".hg", ".svn", "__pycache__"})
"""Folders that are never served: a checkout's own records (they may hold credentials), and compiled files."""


class Ignored:
    """Says of a path whether it is hidden. *globs* are held against the whole path, as in Salt, and each name in it."""

    def __init__(self, globs: Iterable[str] = ()) -> None:
        patterns = [fnmatch.translate(glob) for glob in globs]
        self._pattern = re.compile("|".join(patterns)) if patterns else None

    def __call__(self, path: str) -> bool:
        """Return whether *path*, or a folder that it is in, is hidden."""
        names = path.split("/")
        if not HIDDEN.isdisjoint(names):
            return True
        pattern = self._pattern
        return pattern is not None and (bool(pattern.match(path)) or any(pattern.match(name) for name in names))


NOTHING_MORE = Ignored()
"""Hides what is always hidden alone."""
