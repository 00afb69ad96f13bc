"""Text in files: whether it is text, how it is encoded, and how two texts differ."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from typing import Any

from saltern.errors import CommandError

LOOKED_AT_BYTES = 512
SNIFFED_BYTES = 2048
_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_HIGH = bytes(range(128, 255))
_MARKS = (
    (codecs.BOM_UTF32_BE, "UTF-32-BE"),
    (codecs.BOM_UTF32_LE, "UTF-32-LE"),
    (codecs.BOM_UTF16_BE, "UTF-16-BE"),
    (codecs.BOM_UTF16_LE, "UTF-16-LE"),
    (codecs.BOM_UTF8, "UTF-8"),
)
_FLAGS_WRONG = (
    'Invalid re flags: "{}", must be given either as a single flag string, a list of strings, as an integer, or as an '
    "re flag"
)


def is_binary(data: bytes) -> bool:
    """Return whether *data*, the beginning of a file, is no text: it has a zero, or every third byte is none of one."""
    if not data:
        return False
    if b"\0" in data:
        return True
    known = _TEXT
    try:
        data.decode()
        known += _HIGH
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            known += _HIGH
    return len(data.translate(None, known)) / len(data) > 0.3


def is_text_file(path: str) -> bool:
    """Return whether the file *path* begins like text; ``False`` when it can't be read."""
    try:
        with open(path, "rb") as stream:
            return not is_binary(stream.read(LOOKED_AT_BYTES))
    except OSError:
        return False


def encoding_of(path: str) -> str | None:
    """Return how the text in the file *path* is encoded, by its first bytes; ``None`` when that can't be told."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(SNIFFED_BYTES)
    except OSError:
        return None
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if re.match(rb"\+/v[89+/]", data):
        return "UTF-7"
    try:
        data.decode()
    except UnicodeDecodeError:
        return None
    return "UTF-8"


def decoded(line: str | bytes) -> str:
    """Return *line* as text: UTF-8, else Latin-1."""
    if isinstance(line, str):
        return line
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def diff(old: Iterable[str | bytes], new: Iterable[str | bytes], *names: str) -> str:
    """Return the unified diff of two lists of lines, ``""`` when they are the same; *names*: what they are called."""
    import difflib

    before, after = names or ("", "")
    return "".join(difflib.unified_diff(list(map(decoded, old)), list(map(decoded, new)), before, after))


def conditional_diff(
    old: Sequence[str | bytes],
    new: Sequence[str | bytes],
    *names: str,
    ignore_ordering: Any = True,
    ignore_whitespace: Any = True,
    ignore_comment_characters: Any = "#",
) -> tuple[bool, str]:
    """Return whether two lists of lines differ in more than what is ignored, and their unified diff.

    In order they never need to be; blanks around lines and empty lines, and what comes after a comment's character (a
    text or a list of texts) are left out as asked.
    """
    told = diff(old, new, *names)
    if not any((ignore_ordering, ignore_whitespace, ignore_comment_characters)):
        return bool(told), told
    marks = [ignore_comment_characters] if isinstance(ignore_comment_characters, str) else ignore_comment_characters
    changed: dict[str, list[str]] = {"+": [], "-": []}
    for line in told.splitlines(keepends=True):
        sign, rest = line[:1], line[1:]
        if sign not in changed or line.startswith(("+++", "---")):
            continue
        for mark in marks if isinstance(marks, list) else ():
            rest = rest.partition(mark)[0]
        rest = rest.strip() if ignore_whitespace else rest
        if rest:
            changed[sign].append(rest)
    return sorted(changed["+"]) != sorted(changed["-"]), told


def flags_of(flags: Any) -> re.RegexFlag:
    """Return what *flags* (a number, a name, or names) mean to ``re``. Raises ``CommandError``."""
    if isinstance(flags, int):
        return re.RegexFlag(flags)
    if isinstance(flags, str):
        flags = [flags]
    if not isinstance(flags, Iterable) or isinstance(flags, dict):
        raise CommandError(_FLAGS_WRONG.format(flags))
    found = re.RegexFlag(0)
    for name in flags:
        flag = getattr(re.RegexFlag, str(name).upper(), None)
        if not flag:
            raise CommandError(f"Invalid re flag given: {name}")
        found |= flag
    return found
