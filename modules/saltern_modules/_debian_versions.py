"""The order of Debian's package versions, as dpkg has it (deb-version(7))."""

from __future__ import annotations

import re
from itertools import zip_longest

_VERSION = re.compile(r"(?:(\d+):)?(\d[A-Za-z0-9.+~:-]*?)(?:-([A-Za-z0-9.+~]+))?", re.ASCII)
_PARTS = re.compile(r"(\D*)(\d*)", re.ASCII)
_END = 0
"""What stands behind a text in its order: after ``~``, before all else."""


def compare(first: str, second: str) -> int | None:
    """Return -1, 0 or 1, or None when one is no version by the book: dpkg has warnings and rules for those."""
    left, right = _VERSION.fullmatch(first), _VERSION.fullmatch(second)
    if not left or not right or ":" in left[2] + right[2] or "-" in (left[2][-1], right[2][-1]):
        return None
    epochs = int(left[1] or 0), int(right[1] or 0)
    if max(epochs) > 0x7FFFFFFF:
        return None
    if epochs[0] != epochs[1]:
        return -1 if epochs[0] < epochs[1] else 1
    return _order(left[2], right[2]) or _order(left[3] or "", right[3] or "")


def _order(first: str, second: str) -> int:
    """Compare by turns what isn't digits, by its letters, and the number behind it."""
    for (text, number), (other, another) in zip_longest(
        _PARTS.findall(first), _PARTS.findall(second), fillvalue=("", "")
    ):
        if text != other:
            for one, two in zip_longest(text, other):
                if _weight(one) != _weight(two):
                    return -1 if _weight(one) < _weight(two) else 1
        if int(number or 0) != int(another or 0):
            return -1 if int(number or 0) < int(another or 0) else 1
    return 0


def _weight(letter: str | None) -> int:
    """Return where *letter* stands: ``~``, then the end, then letters, then the others."""
    if letter is None:
        return _END
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256
