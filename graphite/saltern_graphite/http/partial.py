"""Partial results: ``/render`` with ``partial=1`` answers what can be answered, and lists what can't.

::

    {"series": [...], "errors": [{"target": 2, "column": 17, "message": "there is no function 'sumSeres': …"}]}

``series`` is what the answer would be without the targets that failed, ``errors`` is empty if none did; ``target``
counts from 1, ``column`` is null where a mistake has no place. Grafana reads ``series`` from such an object too.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from saltern.errors import GraphiteError

_LOCATED = re.compile(r"column (\d+): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class BadTarget:
    """Why *target* (counted from 1) could not be answered, and where in it."""

    target: int
    column: int | None
    message: str

    @classmethod
    def of(cls, number: int, error: GraphiteError) -> BadTarget:
        """The failure of target *number*; *error* says its column first if it knows one."""
        located = _LOCATED.fullmatch(str(error))
        if located is None:
            return cls(number, None, str(error))
        return cls(number, int(located[1]), located[2])

    def __str__(self) -> str:
        column = "" if self.column is None else f", column {self.column}"
        return f"target {self.target}{column}: {self.message}"


def partial_body(series: bytes, failures: list[BadTarget]) -> bytes:
    """The whole answer around *series*, a JSON array."""
    errors = json.dumps([asdict(failure) for failure in failures])
    return b'{"series": ' + series + b', "errors": ' + errors.encode() + b"}"
