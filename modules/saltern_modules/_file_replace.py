"""Replacing what matches a regular expression in a file, as ``file.replace`` does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, AnyStr

from saltern.errors import ArgumentError, CommandError
from saltern.named import NamedTuple
from saltern_modules._file_text import diff, flags_of
from saltern_modules._rewriting import content_of, overwrite, rewrite


class Edit(NamedTuple):
    """What to replace by what; *where* to put *content* if neither is found: ``start``, ``end`` or ``""``."""

    pattern: str
    repl: str
    most: int
    """How often; 0: always."""
    flags: re.RegexFlag
    where: str
    content: str
    given: bool
    """Whether the content was given by itself, and isn't the replacement."""
    literal: bool

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Edit:
        """Return what the arguments of ``file.replace`` say. Raises ``ArgumentError``, ``CommandError``."""
        if given["append_if_not_found"] and given["prepend_if_not_found"]:
            raise ArgumentError("Only one of append and prepend_if_not_found is permitted")
        content = given["not_found_content"]
        return cls(
            pattern=str(given["pattern"]),
            repl=str(given["repl"]),
            most=given["count"],
            flags=flags_of(given["flags"]),
            where="start" if given["prepend_if_not_found"] else "end" if given["append_if_not_found"] else "",
            content=str(given["repl"] if content is None else content),
            given=content is not None,
            literal=bool(given["backslash_literal"]),
        )


def edited(text: AnyStr, edit: Edit) -> list[AnyStr]:
    """Return the lines of *text* after *edit*; what is put at an end is one, whatever is in it. Raises ``re.error``."""

    def like(value: str) -> AnyStr:
        return value if isinstance(text, str) else value.encode()

    repl = like(edit.repl.replace("\\", "\\\\") if edit.literal else edit.repl)
    new, number = re.subn(like(edit.pattern), repl, text, count=edit.most, flags=edit.flags)
    lines: Any = new.splitlines(keepends=True)
    if not edit.where or number:
        return list(lines)
    looked = edit.content if edit.given and edit.content else edit.repl
    if re.search(like(f"^{re.escape(looked)}($|(?=\r\n))"), text, flags=edit.flags):
        return list(lines)
    line = like(edit.content + "\n")
    end = like("\n")
    if edit.where == "start":
        return [line, *lines]
    if lines and not lines[-1].endswith(end):
        lines[-1] += end
    return [*lines, line]


def found_in_file(path: str, pattern: str, flags: Any, encoding: str | None) -> bool:
    """Return whether *pattern* is anywhere in the file. Raises ``OSError``, ``re.error``."""
    text = _content(path, encoding)
    looked: Any = pattern if encoding is not None else pattern.encode()
    return re.search(looked, text, flags_of(flags)) is not None


def _content(path: str, encoding: str | None) -> Any:
    data = content_of(path)
    return data if encoding is None else data.decode(encoding)


def edit_file(
    path: str, edit: Edit, *, backup: Any, dry_run: bool, preserve_inode: bool, encoding: str | None
) -> tuple[str, bool]:
    """Change the file *path*; return the diff, and whether there was anything to change."""
    try:
        old = _content(path, encoding)
    except OSError as error:
        raise CommandError(f"Unable to open file '{path}'. Exception: {error}") from None
    lines = edited(old, edit)
    new = old[:0].join(lines)
    if new == old:
        return "", False
    if not dry_run:
        data = new if encoding is None else new.encode(encoding)
        suffix = str(backup) if backup else ""
        try:
            if preserve_inode:
                overwrite(path, data, backup=suffix)
            else:
                rewrite(path, data, backup=suffix)
        except OSError as error:
            raise CommandError(f"Unable to write file '{path}'. Exception: {error}") from None
    return diff(old.splitlines(keepends=True), lines), True


def link_to_backup(link: str, target: str, backup: str) -> None:
    """Give the link *link*, which led to *target*, a backup that leads to the target's."""
    from saltern_modules._file_moving import link_to

    link_to(f"{target}{backup}", f"{link}{backup}", replacing=True)
