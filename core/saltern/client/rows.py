"""Answers in the shapes that Salt's users know: of ``cmd_iter``, of ``cmd_cli``, of the job cache."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from saltern.client.silence import EX_MINION, NO_ANSWER, no_response
from saltern.following import Following

Row = dict[str, dict[str, Any]]
"""What one minion answered, by its id: the whole return with ``ret``, or ``failed``, why there is no answer."""

_RETURNED = ("out", "retcode", "jid")
_CACHED = ("out",)


def rows_of(following: Following, unknown: Iterable[str] = (), look_s: float | None = None) -> Iterator[Row | None]:
    """Yield the answers to a job as they come, then those who don't return, with the *unknown* names of its target.

    *look_s*: yield ``None`` when nothing came for so many seconds.
    """
    lost: Row = {name: {"failed": NO_ANSWER, "retcode": EX_MINION} for name in unknown}
    while not following.over:
        answers = following.receive(look_s)
        for minion_id, data in answers:
            if "failed" in data:
                lost[minion_id] = data
            else:
                lost.pop(minion_id, None)
                yield {minion_id: data}
        if not answers and not following.over:
            yield None
    for minion_id in sorted(lost):
        yield {minion_id: lost[minion_id]}


def returned(data: dict[str, Any]) -> dict[str, Any]:
    """Return ``{"ret": …, "out"?: …, "retcode": …, "jid": …}`` of a return."""
    return {"ret": data["ret"], **{key: data[key] for key in _RETURNED if key in data}}


def cached(data: dict[str, Any]) -> dict[str, Any]:
    """Return ``{"ret": …, "out"?: …}`` of a return."""
    return {"ret": data.get("return"), **{key: data[key] for key in _CACHED if key in data}}


def as_iter(rows: Iterable[Row | None], expected: bool, always: Collection[str] = ()) -> Iterator[Row | None]:
    """Yield *rows* as ``cmd_iter`` does, the silent ones, ``{"failed": True}``, when they are *expected*.

    Those that are *always* told of are names of a list that no minion has.
    """
    for row in rows:
        if row is None:
            yield None
            continue
        for minion_id, data in row.items():
            if "failed" not in data:
                yield {minion_id: returned(data)}
            elif expected or minion_id in always:
                yield {minion_id: {"failed": True}}


def as_cli(rows: Iterable[Row | None], jid: str) -> Iterator[Row]:
    """Yield *rows* as ``cmd_cli`` does: of a silent minion what to do, its ``out`` ``no_return``."""
    for row in rows:
        for minion_id, data in (row or {}).items():
            if "failed" in data:
                text = no_response(data["failed"], jid)
                yield {minion_id: {"out": "no_return", "ret": text, "retcode": EX_MINION}}
            else:
                yield {minion_id: returned(data)}
