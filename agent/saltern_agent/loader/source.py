"""Where execution modules come from: the bundled package, configured folders, what was synced."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

import saltern_modules

BUNDLED = os.path.dirname(os.path.abspath(saltern_modules.__file__ or ""))


class Source(NamedTuple):
    """One module's file; ``bundled`` ones are imported as members of their package."""

    stem: str
    path: str
    bundled: bool

    def may_rename(self) -> bool:
        """Say whether the module may go by another name than its file's."""
        try:
            with open(self.path, "rb") as stream:
                return b"__virtual" in stream.read()
        except OSError:
            return False


def find(folders: Iterable[str]) -> dict[str, Source]:
    """Return the modules of the bundled package and of *folders*, by name; later folders override earlier ones.

    Files that start with ``_`` are no modules, nor are those whose name is no identifier. A folder that isn't
    there holds none.
    """
    sources: dict[str, Source] = {}
    for folder in (BUNDLED, *folders):
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            stem = name.removesuffix(".py")
            if stem != name and stem.isidentifier() and not stem.startswith("_"):
                sources[stem] = Source(stem, os.path.join(folder, name), folder == BUNDLED)
    return sources
