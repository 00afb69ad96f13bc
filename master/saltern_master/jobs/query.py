"""Which returns are asked for, and what is found: the same of the job store and of every returner."""

from __future__ import annotations

from typing import Any, NamedTuple


class Wanted(NamedTuple):
    """Which returns to show; times in epoch seconds. *after*: a jid and a minion's id, behind which to go on."""

    minion: str | None = None
    fun: str | None = None
    jid: str | None = None
    success: bool | None = None
    since: float | None = None
    until: float | None = None
    after: tuple[str, str] | None = None
    offset: int = 0
    limit: int = 100
    max_bytes: int = 4 * 1024 * 1024
    """Of what they returned; one is shown in any case."""


class Found(NamedTuple):
    """A return that was found; *received* in epoch seconds."""

    jid: str
    minion_id: str
    fun: str
    success: bool
    received: float
    result: Any


class Page(NamedTuple):
    """Returns that were found, the latest jobs' first, and whether there are more behind them."""

    found: list[Found]
    more: bool
