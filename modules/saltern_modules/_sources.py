"""Lists of files as archive functions take and return them."""

from __future__ import annotations

import glob
from typing import Any

MAX_SHOWN = 100


def expanded(sources: Any) -> list[str]:
    """Return *sources* as a list, globs as the files that they match."""
    found: list[str] = []
    for source in listed(sources):
        found += sorted(glob.glob(source)) if glob.has_magic(source) else [source]
    return found


def listed(given: Any) -> list[str]:
    """Return a text with commas, a number, or a list as a list of texts."""
    if given is None:
        return []
    if isinstance(given, str):
        return [one.strip() for one in given.split(",")]
    return [str(given)] if isinstance(given, int | float) else [str(one) for one in given]


def trimmed(files: list[str], trim_output: bool | int) -> list[str]:
    """Return *files*, the first 100 or as many as are wanted, and a line that says so."""
    count = MAX_SHOWN if isinstance(trim_output, bool) else int(trim_output)
    if trim_output is False or len(files) <= count:
        return files
    return [*files[:count], f"List trimmed after {count} files."]
