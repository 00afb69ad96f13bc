"""Changing one line of a file, as ``file.line`` does."""

from __future__ import annotations

import io
import re
import time

from saltern.errors import CommandError
from saltern.named import NamedTuple
from saltern_modules._file_text import diff
from saltern_modules._rewriting import content_of, rewrite

MODES = ("insert", "ensure", "delete", "replace")
BACKUP = ".%Y-%m-%d-%H-%M-%S"


class Change(NamedTuple):
    """The arguments of ``file.line`` by their names."""

    mode: str | None
    content: str | None = None
    match: str | None = None
    location: str | None = None
    before: str | None = None
    after: str | None = None
    indent: bool = True


def change_file(path: str, change: Change, *, backup: bool, dry_run: bool) -> str:
    """Change the file *path*; return the diff. Raises ``CommandError``, ``OSError``, ``UnicodeDecodeError``."""
    _check(change)
    old = list(io.StringIO(content_of(path).decode(), newline=""))
    new = changed(old, change)
    if "".join(new) == "".join(old):
        return ""
    if not dry_run:
        suffix = time.strftime(BACKUP) if backup else ""
        rewrite(path, "".join(new).encode(), backup=suffix)
    return diff("".join(old).splitlines(keepends=True), new)


def changed(lines: list[str], change: Change) -> list[str]:
    """Return *lines*, which end in line ends but perhaps the last, after *change*. Raises ``CommandError``."""
    _check(change)
    if change.before is None and change.after is None and not change.match:
        change = change._replace(match=change.content)
    body = list(lines)
    if body and _eol(body[-1]):
        body.append("")  # what may come after the last line end
    if lines or change.mode not in ("delete", "replace"):
        body = _CHANGES[change.mode or ""](body, change)
    return _ended(body)


def _check(change: Change) -> None:
    if change.mode is None:
        raise CommandError("Mode was not defined. How to process the file?")
    if change.mode not in MODES:
        raise CommandError(f'Unknown mode: "{change.mode}"')
    if change.mode != "delete" and change.content is None:
        raise CommandError('Content can only be empty if mode is "delete"')


def _ended(body: list[str]) -> list[str]:
    """Return *body* with an end for each line but the last, that of the line before."""
    for number, line in enumerate(body[:-1]):
        if not _eol(line):
            neighbour = body[number - 1] if number > 1 else body[1]
            body[number] = line.rstrip() + (_eol(neighbour) or "\n")
    return body[:-1] if body and body[-1] == "" else body


def _eol(line: str) -> str:
    match = re.search("(\r\n|\n|\r)$", line)
    return match[0] if match else ""


def _matching(body: list[str], expression: str | None) -> list[str]:
    """Return the lines that *expression* is in, as a regular expression or as it is."""
    if not body or not expression:
        return []
    try:
        pattern = re.compile(expression, re.DOTALL)
    except re.error as error:
        raise CommandError(f"{error}: '{expression}'") from None
    return [line for line in body if pattern.search(line) or expression in line]


def _only(body: list[str], expression: str | None, name: str) -> int:
    """Return which line *expression* is in. Raises ``CommandError`` unless it is just one."""
    found = _matching(body, expression)
    if len(found) != 1:
        raise CommandError(f'Found {"more" if found else "less"} than expected occurrences in "{name}" expression')
    return body.index(found[0])


def _like(neighbour: str, change: Change) -> str:
    """Return the content, begun with the blanks of *neighbour* if asked."""
    content = change.content or ""
    if not change.indent:
        return content
    return neighbour[: len(neighbour) - len(neighbour.lstrip("\t "))] + content.lstrip()


def _is(line: str, change: Change) -> bool:
    return line.rstrip("\r\n") == (change.content or "").rstrip("\r\n")


def _delete(body: list[str], change: Change) -> list[str]:
    found = _matching(body, change.match)
    return [line for line in body if line != found[0]] if found else body


def _replace(body: list[str], change: Change) -> list[str]:
    found = _matching(body, change.match)
    if found:
        at = body.index(found[0])
        body[at] = _like(body[at], change)
    return body


def _insert(body: list[str], change: Change) -> list[str]:
    before, after = _matching(body, change.before), _matching(body, change.after)
    if change.location is None and (not body or not (change.before or change.after)):
        raise CommandError('On insert either "location" or "before/after" conditions are required.')
    if change.location:
        return _insert_at(body, change)
    if before and after:
        at = _only(body, change.before, "before")
        _only(body, change.after, "after")
        body.insert(at, _like(body[at], change))
    elif after:
        at = _only(body, change.after, "after")
        if at + 1 >= len(body) or not _is(body[at + 1], change):
            body.insert(at + 1, _like(body[at], change))
    elif before:
        at = _only(body, change.before, "before")
        if not _is(body[at - 1], change):
            body.insert(at, _like(body[at], change))
    else:
        raise CommandError("Neither before or after was found in file")
    return body


def _insert_at(body: list[str], change: Change) -> list[str]:
    content = change.content or ""
    if change.location == "end":
        return [*body, _like(body[-1], change) if body else content]
    if change.location == "start":
        return [content.rstrip() + (_eol(body[0]) or "\n"), *body] if body else [f"{content}\n"]
    return body


def _ensure(body: list[str], change: Change) -> list[str]:
    before, after = _matching(body, change.before), _matching(body, change.after)
    if before and after:
        first, last = _only(body, change.after, "after"), _only(body, change.before, "before")
        if not any(line.lstrip() == change.content for line in body):
            if first + 1 == last:
                body.insert(last, _like(body[first], change))
            elif first + 2 == last:
                body[first + 1] = _like(body[first], change)
            else:
                raise CommandError('Found more than one line between boundaries "before" and "after".')
    elif before:
        at = _only(body, change.before, "before")
        if at == 0 or not _is(body[at - 1], change):
            body.insert(at, _like(body[at - 1], change))
    elif after:
        at = _only(body, change.after, "after")
        if at + 1 >= len(body) or not _is(body[at + 1], change):
            body.insert(at + 1, _like(body[at], change))
    else:
        raise CommandError(
            "Wrong conditions? Unable to ensure line without knowing where to put it before and/or after."
        )
    return body


_CHANGES = {"insert": _insert, "ensure": _ensure, "delete": _delete, "replace": _replace}
