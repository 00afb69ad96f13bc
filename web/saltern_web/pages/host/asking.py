"""A host itself, asked now for what a page shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from saltern_web.api.client import Api
from saltern_web.fleet import Host
from saltern_web.parts import part

WITHIN_S = 30.0
"""How long the master, or the store, has for a part of a page."""
ASK_S = 6.0
"""How long a minion has for what a page asks."""
GRACE_S = 6.0
"""Longer than that, until the master says that it didn't answer."""
MAX_SAID = 1000
AWAY = "the host is away"


class Answer(NamedTuple):
    """What a host answered, and when; or what went wrong."""

    value: Any = None
    fault: str = ""
    at: float | None = None


async def ask(api: Api, host: Host, fun: str | Sequence[str], arg: Sequence[Any] = ()) -> Answer:
    """Return what *host* answers to *fun* now; one that is away isn't waited for. Raises ``LoggedOut``."""
    if not host.up:
        return Answer(fault=AWAY)
    asking = api.ask([host.id], fun, arg, timeout_s=ASK_S)  # type: ignore[arg-type]  # a list is several calls
    told = await part(asking, ASK_S + GRACE_S)
    name = fun if isinstance(fun, str) else ", ".join(fun)
    if not told.allowed:
        return Answer(fault=f"you may not call {name} on this host: nothing grants it")
    if told.value is None and not told.late:
        return Answer(fault=told.said)
    answer = (told.value or {}).get(host.id)
    if answer is None or answer.get("out") == "no_return":
        return Answer(fault=f"the host did not answer within {ASK_S:.0f} s")
    if isinstance(fun, str) and answer.get("retcode"):
        return Answer(fault=f"it failed: {fun}: {' '.join(str(answer.get('ret')).split())[:MAX_SAID]}")
    return Answer(answer.get("ret"), at=time.time())
