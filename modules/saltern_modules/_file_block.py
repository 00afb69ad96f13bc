"""The block between two marked lines of a file, as ``file.blockreplace`` keeps it."""

from __future__ import annotations

import io
import re
from typing import Any

from saltern.errors import CommandError
from saltern.named import NamedTuple
from saltern_modules._file_text import diff
from saltern_modules._rewriting import content_of, rewrite

NOT_FOUND = "Cannot edit marked block. Markers were not found in file."


class Block(NamedTuple):
    """The markers, which are parts of lines, and what is to be between."""

    start: str
    end: str
    content: str
    own_line: bool | None
    """Whether the end marker has a line of its own; ``None``: when the content ends without a line end."""

    def lines(self, eol: str, end: str | None = None, *, begin: bool = True) -> list[str]:
        """Return the block's lines: without the first unless *begin*, with *end* for the last one."""
        last = (self.end if end is None else end).rstrip("\r\n") + eol
        parts = re.split("\r\n|\n", self.content)
        own_line = self.own_line or (self.own_line is None and not self.content.endswith("\n"))
        lines = [self.start + eol] if begin else []
        lines += [part + eol for part in parts[:-1]]
        return [*lines, parts[-1] + eol, last] if own_line else [*lines, parts[-1] + last]


class Where(NamedTuple):
    """Where a block is made if there is none: at the end, the beginning, before or after a line that matches."""

    append: Any = False
    prepend: Any = False
    before: str | None = None
    after: str | None = None


def with_block(lines: list[str], block: Block, where: Where) -> list[str]:
    """Return *lines* with the block's content. Raises ``CommandError``, ``re.error``."""
    eol = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    new: list[str] = []
    inside = found = False
    for line in lines:
        if block.start in line:
            inside = True
        elif inside:
            at = line.find(block.end)
            if at >= 0:
                inside, found = False, True
                new += block.lines(eol, line[at:], begin=False)
            continue
        new.append(line)
    if inside:
        raise CommandError("Unterminated marked block. End of file reached before marker_end.")
    if found:
        return new
    if where.prepend:
        return block.lines(eol) + new
    if where.append:
        if new and not new[-1].endswith(eol):
            new[-1] += eol
        return new + block.lines(eol)
    looked = where.before or where.after
    matching = next((number for number, line in enumerate(lines) if looked and re.search(looked, line)), None)
    if matching is None:
        raise CommandError(NOT_FOUND)
    at = matching if where.before else matching + 1
    return [*new[:at], *block.lines(eol), *new[at:]]


def change_file(path: str, block: Block, where: Where, *, encoding: str | None, backup: Any, dry_run: Any) -> str:
    """Change the file *path*, whose text is in *encoding*; return the diff. Raises ``CommandError``, ``OSError``."""
    try:
        text = content_of(path).decode(encoding or "utf-8")
    except OSError as error:
        raise CommandError(f"Failed to read from {path}: {error}") from None
    old = list(io.StringIO(text, newline=""))
    new = with_block(old, block, where)
    told = diff(old, new)
    if told and not dry_run:
        rewrite(path, "".join(new).encode(encoding or "utf-8"), backup=str(backup) if backup else "")
    return told
