"""What can be run: names of functions, their documentation and signatures, asked of one host of the target."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar, cast

from saltern_web.api.client import Api
from saltern_web.api.errors import NotAllowed, Refused
from saltern_web.pages.run.signature import Signature, signature_of
from saltern_web.session.console import Console

MASTER = "runner."
"""Before the name of a function that runs on the master."""
KNOWN_S = 120.0
MOST = 500
MAX_NAMES = 5000
ROOM = "run.known"
ASK_S = 5.0

T = TypeVar("T")


class About(NamedTuple):
    """A function: its documentation and signature; ``missing``: why they aren't known, in one line."""

    fun: str = ""
    doc: str = ""
    signature: Signature = Signature()
    missing: str = ""
    asked: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines of its documentation."""
        return self.doc.split("\n")


class Known:
    """What was asked lately, for each login."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[bytes, str, str], tuple[float, Any]] = OrderedDict()

    async def get(self, api: Api, what: str, of: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what *ask* gives; *what* it is and whose tell it from others. Failures aren't kept."""
        key = (sha256(api.token.encode()).digest(), what, of)
        found = self._known.get(key)
        if found is None or found[0] + KNOWN_S < time.monotonic():
            found = self._known[key] = (time.monotonic(), await ask())
            self._known.move_to_end(key)
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return cast(T, found[1])


def known_of(console: Console) -> Known:
    """Return what *console* knows."""
    return console.held(ROOM, Known)


async def functions(console: Console, api: Api, minion: str) -> tuple[list[str], str]:
    """Return the names of functions of *minion* and of the master, and why some aren't known, in one line."""
    known, said = known_of(console), ""
    names: list[str] = []
    if minion:
        try:
            names = await known.get(api, "functions", minion, lambda: _names(api, minion))
        except (NotAllowed, Refused) as error:
            said = f"The functions of {minion} aren't known: {error}"
    try:
        docs = await known.get(api, "doc.runner", "", lambda: _runner_docs(api))
    except (NotAllowed, Refused):
        docs = {}
    return [*names, *(f"{MASTER}{name}" for name in docs)][:MAX_NAMES], said


async def about(console: Console, api: Api, fun: str, minion: str) -> About:
    """Return what is known of *fun*. Nothing here keeps it from being run."""
    if not fun:
        return About()
    known = known_of(console)
    try:
        if fun.startswith(MASTER):
            docs = await known.get(api, "doc.runner", "", lambda: _runner_docs(api))
            doc = docs.get(fun.removeprefix(MASTER))
            said = "" if doc is not None else f"the master has no {fun} that you may know of"
            return About(fun, doc or "", missing=said, asked="the master")
        if not minion:
            return About(fun, missing="no host of the target is there to be asked what this function takes")
        return await known.get(api, f"about {fun}", minion, lambda: _about(api, fun, minion))
    except (NotAllowed, Refused) as error:
        return About(fun, missing=f"its documentation isn't known: {error}", asked=minion)


async def _names(api: Api, minion: str) -> list[str]:
    told = await _one(api, minion, "sys.list_functions", [])
    return [str(name) for name in told][:MAX_NAMES] if isinstance(told, list) else []


async def _runner_docs(api: Api) -> dict[str, str]:
    told = await api.runner("doc.runner")
    return {str(name): str(doc or "") for name, doc in sorted(told.items())} if isinstance(told, dict) else {}


async def _about(api: Api, fun: str, minion: str) -> About:
    try:
        docs, specs = await asyncio.gather(_one(api, minion, "sys.doc", [fun]), _one(api, minion, "sys.argspec", [fun]))
    except (NotAllowed, Refused) as error:
        return About(fun, missing=f"its documentation isn't known: {error}", asked=minion)
    if not isinstance(specs, dict) or fun not in specs:
        return About(fun, missing=f"{minion} has no function {fun}", asked=minion)
    doc = docs.get(fun) if isinstance(docs, dict) else None
    return About(fun, _dedented(str(doc or "")), signature_of(specs[fun]), asked=minion)


async def _one(api: Api, minion: str, fun: str, arg: list[Any]) -> Any:
    told = await api.ask([minion], fun, arg, timeout_s=ASK_S)
    if minion not in told:
        raise Refused(f"{minion} does not answer")
    one = told[minion]
    if one.get("retcode"):
        raise Refused(str(one.get("ret"))[:300])
    return one.get("ret")


def _dedented(doc: str) -> str:
    from inspect import cleandoc

    return cleandoc(doc)[:20_000]
