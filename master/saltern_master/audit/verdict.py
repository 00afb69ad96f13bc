"""Whether the chain of the audit's file holds, and where it breaks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from saltern.errors import JournalError, os_errors
from saltern_master.audit.lines import Line, lines_of


class Place(NamedTuple):
    """A line, and where it stands."""

    file: str
    number: int
    line: Line

    def __str__(self) -> str:
        return f"{self.file}, line {self.number}"


def verdict_on(path: str, before: str, newest: tuple[int, str] | None) -> dict[str, Any]:
    """Return ``ok``, the ``lines``, the ``first`` and ``last`` number, how many are ``torn``, and ``fault``: what is
    wrong first, and where.

    *before*: the file that *path* was begun after, if it is there still. *newest*: number and digest of the last line
    that the store knows, asked for before the file is read. Raises ``JournalError``.
    """
    told: dict[str, Any] = {"ok": True, "lines": 0, "first": 0, "last": 0, "torn": 0, "fault": ""}
    prev, stored = "", "" if newest is None else newest[1]
    for place in _places(before, path):
        line = place.line
        told["lines"] += 1
        if line.said is None:
            told["torn"] += 1
        else:
            if fault := _fault(line, prev, told["last"]):
                return told | {"ok": False, "fault": f"{place}: {fault}"}
            told["first"] = told["first"] or line.seq
            told["last"] = line.seq
            if newest is not None and line.seq == newest[0] and line.digest != stored:
                return told | {"ok": False, "fault": f"{place}: is not what was recorded under this number"}
        prev = line.digest
    if newest is not None and told["last"] < newest[0]:
        gone = f"{path}: ends with number {told['last']}, and {newest[0]} was recorded: lines are gone at its end"
        return told | {"ok": False, "fault": gone}
    return told


def _fault(line: Line, prev: str, last: int) -> str:
    assert line.said is not None
    if last and line.seq != last + 1:
        return f"has number {line.seq} behind {last}: lines are gone, or in another order"
    if prev and line.said.get("prev") != prev:
        return "the line before it is not the one that it was written behind"
    return ""


def _places(*paths: str) -> Iterator[Place]:
    for path in paths:
        with os_errors(JournalError, path, "can't be read"):
            for number, line in enumerate(lines_of(path), 1):
                yield Place(os.path.basename(path), number, line)
