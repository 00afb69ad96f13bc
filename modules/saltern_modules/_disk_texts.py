"""What df(1), blkid(8), iostat(1), hdparm(8) and smartctl(8) print, as data."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_DF = re.compile(r"^(\S.*?)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\d+%|-)\s+(/.*)$")
_BLKID = re.compile(r'([^\s="]+)="((?:[^"\\]|\\.)*)"')
_NUMBER_AND_WORD = re.compile(r"[0-9]+ \(.*\)")


def parse_df(text: str) -> dict[str, tuple[str, str, str, str, str]]:
    """Return ``{mount point: (file system, size, used, free, percent)}`` of ``df -P``, other lines left out."""
    found = {}
    for line in text.split("\n"):
        if match := _DF.match(line.rstrip()):
            name, size, used, free, percent, point = match.groups()
            found[point] = (" ".join(name.split()), size, used, free, percent)
    return found


def parse_blkid(text: str) -> dict[str, dict[str, str]]:
    """Return ``{device: {tag: value}}``."""
    found = {}
    for line in text.split("\n"):
        device, colon, tags = line.partition(": ")
        if colon and device:
            found[device] = dict(_BLKID.findall(tags))
    return found


def parse_iostat(text: str) -> dict[str, dict[str, float]]:
    """Return the means over the reports of ``iostat -x``: ``{'sys': {column: mean}, device: {column: mean}}``."""
    columns: dict[str, list[str]] = {}
    rows: dict[str, list[list[float]]] = {}
    heading: list[str] = []
    for line in text.split("\n"):
        words = line.split()
        if not words:
            heading = []
        elif words[0] == "avg-cpu:":
            heading = ["", *words[1:]]
        elif words[0].rstrip(":") == "Device":
            heading = words
        elif heading:
            name = words[0] if heading[0] else "sys"
            with contextlib.suppress(ValueError):
                numbers = [float(word.replace(",", ".")) for word in (words[1:] if heading[0] else words)]
                columns.setdefault(name, heading[1:])
                rows.setdefault(name, []).append(numbers)
    return {
        name: {
            column: round(sum(values) / len(values), 2)
            for column, values in zip(columns[name], zip(*reports, strict=False), strict=False)
        }
        for name, reports in rows.items()
    }


def parse_hdparm(text: str, disk: str) -> dict[str, Any]:
    """Return what ``hdparm`` tells of *disk*: ``{setting: a number, a text, a dict, or a list of these}``."""
    found: dict[str, Any] = {}
    for line in map(str.strip, text.split("\n")):
        if not line or line == f"{disk}:":
            continue
        if ":" in line:
            key, _, value = line.partition(":")
            key = key.removesuffix(" is")
        else:
            key, equals, value = line.partition("=")
            if not equals:
                continue
        values = _hdparm_values(value.strip())
        if values:
            found[key.strip().lower().replace(" ", "_")] = values[0] if _alone(values, value) else values
    return found


def _alone(values: list[Any], value: str) -> bool:
    return len(values) == 1 and not _NUMBER_AND_WORD.match(value.strip())


def _hdparm_values(text: str) -> list[Any]:
    if _NUMBER_AND_WORD.match(text):
        words = text.split(" ")
        return [int(words[0]), words[1].strip("()")]
    values: list[Any] = []
    named: dict[str, str] = {}
    for word in map(str.strip, re.split("[/,]", text)):
        if _is_whole(word):
            values.append(int(word))
        elif "=" in word:
            key, _, value = word.partition("=")
            if value.strip():
                named[key.strip()] = value.strip()
        elif word:
            values.append(word)
    return [*values, named] if named else values


def parse_smart(
    text: str, attributes: Iterable[int] | None = None, values: Iterable[str] | None = None
) -> dict[int, dict[str, Any]]:
    """Return the table of ``smartctl --attributes``: ``{number: {column: a number, numbers or a text}}``.

    Only the *attributes* and the columns *values* that are asked for, all without.
    """
    lines = iter(text.split("\n"))
    columns = next((line.lower().split()[1:] for line in lines if line.startswith("ID#")), [])
    wanted = None if attributes is None else set(attributes)
    kept = set(columns) if values is None else set(values)
    found = {}
    for number, words in _smart_rows(lines, len(columns)):
        if wanted is None or number in wanted:
            row = zip(columns, words, strict=False)
            found[number] = {column: _smart_value(word) for column, word in row if column in kept}
    return found


def _smart_rows(lines: Iterator[str], columns: int) -> Iterator[tuple[int, list[str]]]:
    for line in lines:
        words = line.split(None, columns)
        if not words or not _is_whole(words[0]):
            return
        yield int(words[0]), [word.strip() for word in words[1:]]


def _smart_value(word: str) -> Any:
    numbers = word.split(" ")
    if all(map(_is_whole, numbers)):
        return int(word) if len(numbers) == 1 else [int(number) for number in numbers]
    return word


def _is_whole(word: str) -> bool:
    digits = word.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 40


def areas(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return each disk's sectors by ``hdparm -N``: ``{disk: {'total', with a hidden area 'visible', 'hidden'}}``."""
    found = {}
    for disk, data in settings.items():
        values = next(iter(data.values()), None)
        if not isinstance(values, list) or len(values) < 3:
            continue
        visible, total, status = values[:3]
        if not isinstance(visible, int) or not isinstance(total, int):
            continue
        whole = visible == total or "disabled" in str(status)
        hidden = {} if whole else {"visible": visible, "hidden": total - visible}
        found[disk] = {"total": total, **hidden}
    return found
