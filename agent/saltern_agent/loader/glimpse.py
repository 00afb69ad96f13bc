"""What a module's file shows without being run: by what name it goes, which functions it has."""

from __future__ import annotations

import re

from saltern.named import NamedTuple

_NAMED = re.compile(rb"""^__virtualname__\s*(?::[^=\n]*)?=\s*["']([\w.-]+)["']""", re.MULTILINE)
_FUNCTION = re.compile(rb"^def ([A-Za-z]\w*)\(", re.MULTILINE)


class Glimpse(NamedTuple):
    """What a file shows without being run: the name it takes for certain, whether it may take any, its functions."""

    named: str
    may_rename: bool
    functions: tuple[str, ...]


def glimpse(path: str) -> Glimpse:
    """Look at the text of the file at *path*; one that can't be read shows nothing."""
    try:
        with open(path, "rb") as stream:
            text = stream.read()
    except OSError:
        return Glimpse("", may_rename=False, functions=())
    named = _NAMED.findall(text)
    functions = tuple(name.decode() for name in _FUNCTION.findall(text))
    return Glimpse(named[-1].decode() if named else "", b"__virtual" in text, functions)
