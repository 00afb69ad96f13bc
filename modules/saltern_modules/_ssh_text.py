"""What devices answer in text, as values: JSON within other text, ``key: value`` lines, tables, patterns."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from saltern.errors import CommandError

KINDS = ("text", "json", "keys", "table")
MAX_LINES = 10_000
MAX_MATCHES = 1_000
MAX_TRIES = 1_000
"""Braces and brackets that are tried as the start of JSON."""
MAX_SCANNED = 4 << 20
"""Characters that are read at all these tries: a device that wants to can make each of them long."""
MAX_KEY = 100
_STEERING = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_]|[()][0-9A-Za-z])")
_SIGN = re.compile("[:=]")
_CELL = re.compile(r"\S+(?: \S+)*")


def decoded(said: bytes) -> str:
    """Return as text what a device says: in UTF-8 where it is that, else in Latin-1."""
    try:
        return said.decode()
    except UnicodeDecodeError:
        return said.decode("latin-1")


def bare(text: str) -> str:
    """Return *text* without what steers a terminal and what it takes back, lines ending by ``\\n``."""
    plain = _STEERING.sub("", text).replace("\r\n", "\n").replace("\r", "").replace("\0", "")
    return _without_taken_back(plain) if "\b" in plain else plain


def _without_taken_back(text: str) -> str:
    """Return *text* without what a backspace wipes out, as devices do with ``--More--``."""
    kept: list[str] = []
    for letter in text:
        if letter != "\b":
            kept.append(letter)
        elif kept and kept[-1] != "\n":
            kept.pop()
    return "".join(kept)


def parsed(text: str, kind: str, pattern: str = "") -> Any:
    """Return *text* as *kind* of ``KINDS`` has it, or all that fits *pattern*. Raises ``CommandError``."""
    if pattern:
        return matches(text, pattern)
    if kind == "json":
        return cut_json(text)
    if kind == "keys":
        return keys(text)
    return table(text) if kind == "table" else text


def cut_json(text: str) -> Any:
    """Return the first object or list of JSON within *text*, or *text* itself as JSON. Raises ``CommandError``."""
    whole = text.strip()
    decoder = json.JSONDecoder()
    starts = [at.start() for _, at in zip(range(MAX_TRIES), re.finditer(r"[\[{]", whole), strict=False)]
    scanned = 0
    for start in [0, *starts]:
        if scanned > MAX_SCANNED:
            break
        try:
            value, end = decoder.raw_decode(whole, start)
        except json.JSONDecodeError as error:
            scanned += error.pos - start
            continue
        except (ValueError, RecursionError):  # a number of too many digits, or too many brackets
            scanned += len(whole) - start
            continue
        if isinstance(value, dict | list) or end == len(whole):
            return value
    raise CommandError("there is no JSON in what it answers")


def keys(text: str) -> dict[str, str]:
    """Return ``key: value`` and ``key = value`` lines; the last one of a key counts."""
    found: dict[str, str] = {}
    for line in text.splitlines()[:MAX_LINES]:
        sign = _SIGN.search(line, 0, 10 * MAX_KEY)
        key = line[: sign.start()].strip() if sign else ""
        if sign and 0 < len(key) <= MAX_KEY:
            found[key] = line[sign.end() :].strip()
    return found


def table(text: str) -> list[dict[str, str]]:
    """Return the rows of a table by the names of its first line.

    Columns are where the names are, when these are apart by two blanks or more, else by blanks. Lines of dashes are
    passed over.
    """
    lines = [line for line in text.splitlines()[:MAX_LINES] if line.strip() and not set(line) <= set(" -=+|")]
    if not lines:
        return []
    head = lines[0]
    cells = list(_CELL.finditer(head))
    if len(cells) > 1:
        names = [cell[0] for cell in cells]
        starts = [0, *(cell.start() for cell in cells[1:])]
        ends: list[int | None] = [*starts[1:], None]
        return [
            {name: line[start:end].strip() for name, start, end in zip(names, starts, ends, strict=True)}
            for line in lines[1:]
        ]
    names = head.split()
    rows = (line.split(None, len(names) - 1) for line in lines[1:])
    return [{name: row[at].strip() if at < len(row) else "" for at, name in enumerate(names)} for row in rows]


def matches(text: str, pattern: str) -> list[Any]:
    """Return what fits *pattern*: of each its named groups as a map, else its groups, its only one, or all of it."""
    found: list[Any] = []
    for _, one in zip(range(MAX_MATCHES), re.finditer(pattern, text, re.MULTILINE), strict=False):
        named = one.groupdict()
        groups = one.groups()
        found.append(named or (one[0] if not groups else groups[0] if len(groups) == 1 else list(groups)))
    return found


def value_at(value: Any, path: Sequence[str]) -> Any:
    """Return the member of *value* at *path*; ``None`` when it isn't there. Members of lists go by their number."""
    for name in path:
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and re.fullmatch(r"-?[0-9]{1,6}", name):
            value = value[int(name)] if -len(value) <= int(name) < len(value) else None
        else:
            return None
    return value


def number(value: Any) -> int | float | None:
    """Return *value* as a number: true and false are 1 and 0, of a text the number that it begins with."""
    if isinstance(value, str):
        found = re.match(r"\s*([-+]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE][-+]?\d{1,3})?)", value, re.ASCII)
        value = float(found[1]) if found else None
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int | float) and math.isfinite(value) else None
