"""Results as a page shows them: as the plugin's template makes them, or as they came."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from saltern_web.plugins.limited import limited
from saltern_web.plugins.names import RESULT, PluginFault
from saltern_web.plugins.plugin import Plugin
from saltern_web.plugins.result import NO_ANSWER, WAITING, Result, plain
from saltern_web.plugins.template import render_result

OPEN_UP_TO = 12
"""Results that are all shown opened."""
MAX_PAGE_CHARS = 4 * 1024 * 1024
"""Of all results on a page; those beyond are shown alone."""
MARKS = {"warning": "warn", NO_ANSWER: "away", WAITING: "unknown"}
"""How the frame calls a state."""


class Made(NamedTuple):
    """What a result looks like; *cut*: it is too large to be among others."""

    html: str = ""
    text: str = ""
    fault: str = ""
    cut: bool = False


class Shown(NamedTuple):
    """One result: as HTML, or as the text of its data, and why the plugin's template made none of it."""

    result: Result
    mark: str
    made: Made
    opened: bool


async def shown(one: Plugin, rows: Sequence[Result], parameters: Mapping[str, Any] | None, hosts: int) -> list[Shown]:
    """Return what is to be seen of *rows*; a template that hangs costs its HTML alone."""

    def work(*, with_template: bool = True) -> list[Made]:
        made: list[Made] = []
        left = MAX_PAGE_CHARS
        for result in rows:
            one_made = _made(one if with_template else None, result, parameters)
            left -= len(one_made.html) + len(one_made.text)
            made.append(one_made if left > 0 or len(rows) == 1 else Made(cut=True))
        return made

    try:
        made = await limited(work, RESULT, one.path)
    except PluginFault as error:
        plainly = await asyncio.to_thread(work, with_template=False)
        made = [each._replace(fault=str(error)) for each in plainly]
    few = hosts <= OPEN_UP_TO
    return [
        Shown(result, mark_of(result.status), each, few or result.status != "ok")
        for result, each in zip(rows, made, strict=True)
    ]


def _made(one: Plugin | None, result: Result, parameters: Mapping[str, Any] | None) -> Made:
    text = "" if result.data is None else result.text
    if one is None or one.template is None or result.said:
        return Made(text=text)
    given = {
        "result": result.whole,
        "data": result.data,
        "status": result.status,
        "version": result.version,
        "minion": result.minion,
        "parameters": plain(dict(parameters or {})),
        "plugin": {"name": one.name, "title": one.meta.title, "version": one.meta.version},
    }
    try:
        return Made(render_result(one.template, given))
    except PluginFault as error:
        return Made(text=text, fault=str(error))


def mark_of(status: str) -> str:
    """Return what the frame calls a status: its mark and colour."""
    return MARKS.get(status, status)
