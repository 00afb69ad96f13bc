"""Commenting lines out and in, and what ``file.psed`` does."""

from __future__ import annotations

import io
import re

from saltern.named import NamedTuple
from saltern_modules._file_text import decoded, diff
from saltern_modules._rewriting import content_of, rewrite

_SPECIAL = "^.[$()|*+?{"
_FLAGS = {"I": re.I, "L": re.L, "M": re.M, "S": re.S, "U": re.U, "X": re.X}


class Mark(NamedTuple):
    """Which lines to mark with *char*, or to free from it."""

    regex: str
    char: str
    add: bool

    @property
    def pattern(self) -> re.Pattern[str]:
        """What such a line begins with. Raises ``re.error``."""
        bare = self.regex.lstrip("^").rstrip("$")
        end = "$" if self.regex.endswith("$") else ""
        begin = ("^" if self.regex.startswith("^") else "") if self.add else rf"^{self.char}\s*"
        return re.compile(f"{begin}({bare}){end}")

    def of(self, line: str) -> str:
        """Return *line*, one that is meant, as it is to be."""
        return f"{self.char}{line}" if self.add else line.lstrip(self.char)


def change_file(path: str, mark: Mark, backup: str) -> str | bool:
    """Change the file *path*; return the diff of the lines that are meant, ``False`` for none. Raises ``OSError``."""
    pattern = mark.pattern
    lines = list(io.BytesIO(content_of(path)))
    texts = [decoded(line) for line in lines]
    meant = [number for number, text in enumerate(texts) if pattern.match(text)]
    if not meant:
        return False
    new = list(lines)
    for number in meant:
        try:
            lines[number].decode()
            new[number] = mark.of(texts[number]).encode()
        except UnicodeDecodeError:
            new[number] = mark.of(texts[number]).encode("latin-1", "replace")
    rewrite(path, b"".join(new), backup=backup)
    return diff([texts[number] for number in meant], [mark.of(texts[number]) for number in meant])


def escaped(text: object, every: bool = False) -> str:
    """Return *text* as it is between ``sed``'s slashes, with *every* a regular expression of just that text."""
    done = str(text).replace("'", "'\"'\"'").replace("/", "\\/")
    for char in _SPECIAL if every is True else "":
        done = done.replace(char, f"\\{char}")
    return done


class Sed(NamedTuple):
    """What ``file.psed`` is to do; its flags are letters."""

    before: str
    after: str
    limit: str
    flags: str

    def of(self, text: str) -> str:
        """Return *text* after it. Raises ``re.error``, ``ValueError`` for a letter that isn't one."""
        if self.limit:
            text = "".join(re.split(self.limit, text)[1:])
        flags = re.RegexFlag(0)
        for letter in self.flags.replace("g", ""):
            if letter not in _FLAGS:
                raise ValueError(f"{letter!r} is no flag: use {' '.join(('g', *_FLAGS))}")
            flags |= _FLAGS[letter]
        return re.sub(self.before, self.after, text, count=0 if "g" in self.flags else 1, flags=flags)


def psed_file(path: str, change: Sed, backup: str, *, multi: bool) -> None:
    """Change the file *path*. Raises ``OSError``, ``re.error``, ``ValueError``."""
    old = content_of(path).decode()
    text = "".join(map(change.of, io.StringIO(old, newline="").readline())) if multi else change.of(old)
    rewrite(path, text.encode(), backup=backup)
