"""The clients that a low-level call may name, each with its keys and the shape of its answer (Salt's ``netapi``)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from saltern.client.returns import seconds
from saltern.errors import ArgumentError, FunctionNotFound
from saltern.ids import jid_of
from saltern.netapi.begun import LIST, MAP, VALUE, Begun
from saltern.netapi.parties import Parties

Low = Mapping[str, Any]

_OF_A_JOB = ("ret", "jid", "metadata", "ret_config", "ret_kwargs", "gather_job_timeout", "timeout")
_OF_A_BATCH = ("ret", "metadata", "ret_config", "ret_kwargs", "gather_job_timeout", "timeout", "batch", "batch_wait")
_OF_A_SUBSET = ("ret", "metadata", "ret_config", "ret_kwargs", "gather_job_timeout", "timeout", "full_return")
_TIMES = ("timeout", "gather_job_timeout", "batch_wait")
DEFAULT_SUBSET = 3
MAX_SECONDS = 86400.0
"""Nobody waits longer for a function on the master."""


def local(parties: Parties, low: Low) -> Begun:
    """Run a function on minions: ``{minion: what it returned}``; ``{minion: {ret, retcode, jid}}`` by ``full_return``.

    A minion that doesn't answer has a text, "Minion did not return. …".
    """
    rows = parties.local.cmd_cli(**_job(low, _OF_A_JOB))
    full = bool(low.get("full_return"))
    pairs = ((minion, data if full else data["ret"]) for row in _begun(rows) for minion, data in row.items())
    return Begun(MAP, parts=pairs)


def local_async(parties: Parties, low: Low) -> Begun:
    """Start a job: ``{"jid": …, "minions": […]}``, ``{}`` when no minion matched."""
    started = parties.local.run_job(**_job(low, _OF_A_JOB))
    return Begun(VALUE, {**started, "minions": sorted(started["minions"])} if started else {})


def local_batch(parties: Parties, low: Low) -> Begun:
    """Run a function on some minions at a time: ``{minion: what it returned}`` for each as an answer of its own."""
    return Begun(LIST, parts=_begun(parties.local.cmd_batch(**_job(low, _OF_A_BATCH))))


def local_subset(parties: Parties, low: Low) -> Begun:
    """Run a function on ``subset`` minions (3) at random, of those that have it."""
    subset = low.get("subset", low.get("sub", DEFAULT_SUBSET))
    try:
        number = int(subset)
        if number < 0:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(f"subset must be a number of minions, not {subset!r:.40}") from None
    return Begun(VALUE, parties.local.cmd_subset(**_job(low, _OF_A_SUBSET), subset=number))


def runner(parties: Parties, low: Low) -> Begun:
    """Run a function on the master and return its value; with ``full_return`` ``{"tag": …, "data": …}``."""
    _function(low)
    ran = parties.runner.cmd_sync(_plain(low), _seconds(low), full_return=True)
    if not low.get("full_return"):
        return Begun(VALUE, ran["data"]["return"])
    data = _told(parties, ran["data"])
    return Begun(VALUE, {"tag": f"salt/run/{data['jid']}/ret", "data": data})


def runner_async(parties: Parties, low: Low) -> Begun:
    """Begin a function on the master: ``{"tag": "salt/run/<jid>", "jid": …}``."""
    _function(low)
    return Begun(VALUE, parties.runner.cmd_async(_plain(low)))


def wheel(parties: Parties, low: Low) -> Begun:
    """Run a function that manages the master: ``{"tag": …, "data": {fun, jid, tag, user, return, success}}``.

    What goes wrong is in ``return``, with ``success`` false; also that there is no such function.
    """
    fun, plain = _function(low), _plain(low)
    try:
        data = parties.wheel.cmd_sync(plain, _seconds(low), full_return=True)["data"]
    except (FunctionNotFound, ArgumentError) as error:
        if "." not in fun:  # no function's name at all
            raise
        text = f"Exception occurred in wheel {fun}: {error}"
        data = {"fun": f"wheel.{fun}", "return": text, "success": False}
    data = _told(parties, data)
    tag = f"salt/wheel/{data['jid']}"
    shown = {name: data[name] for name in ("fun", "jid", "user", "return", "success") if name in data}
    return Begun(VALUE, {"tag": tag, "data": {**shown, "tag": tag}})


def wheel_async(parties: Parties, low: Low) -> Begun:
    """Begin a function that manages the master: ``{"tag": "salt/wheel/<jid>", "jid": …}``."""
    _function(low)
    return Begun(VALUE, parties.wheel.cmd_async(_plain(low)))


CLIENTS: Mapping[str, Callable[[Parties, Low], Begun]] = MappingProxyType(
    {
        one.__name__: one
        for one in (local, local_async, local_batch, local_subset, runner, runner_async, wheel, wheel_async)
    }
)
"""By name: each takes its part of the Python API and the call, and raises before anything was begun."""


def _begun(rows: Iterator[Any]) -> Iterator[Any]:
    """Return *rows* once the first of them is there, or what keeps it from coming was raised."""
    first = next(rows, None)
    return iter(()) if first is None else _joined(first, rows)


def _joined(first: Any, rows: Iterator[Any]) -> Iterator[Any]:
    """Yield all of them, and close *rows* with this."""
    try:
        yield first
        yield from rows
    finally:
        close = getattr(rows, "close", None)
        if close is not None:
            close()


def _job(low: Low, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the arguments of a job's call. Keys that nobody knows are passed over, as Salt does.

    ``expr_form`` is the old name of ``tgt_type``, which libpepper sends: without it the target would be another.
    """
    if "tgt" not in low:
        raise ArgumentError("tgt is missing: a target, as in '*'")
    fun = low.get("fun")
    if not fun or not isinstance(fun, (str, list)):
        raise ArgumentError("fun is missing: a function, as in test.ping, or a list of them")
    arg = low.get("arg", [])
    kwarg = low.get("kwarg") or {}
    if not isinstance(kwarg, dict):
        raise ArgumentError(f"kwarg must be a map, not {kwarg!r:.40}")
    wanted: dict[str, Any] = {
        "tgt": _target(low),
        "fun": fun,
        "arg": arg if isinstance(arg, list) else [arg],
        "tgt_type": str(low.get("tgt_type") or low.get("expr_form") or "glob"),
        "kwarg": kwarg,
    }
    given = {name: low[name] for name in names if low.get(name) is not None}
    for name in _TIMES:
        if not math.isfinite(seconds(given.get(name)) or 0.0):
            raise ArgumentError(f"{name} must be a number of seconds, not {given[name]!r:.40}")
    return wanted | {name: value for name, value in given.items() if value != "" or name == "batch"}


def _target(low: Low) -> str | list[str]:
    tgt = low["tgt"]
    if isinstance(tgt, list):
        return [str(one) for one in tgt]
    return "" if tgt is None else str(tgt)


def _function(low: Low) -> str:
    fun = low.get("fun")
    if not isinstance(fun, str) or not fun:
        raise ArgumentError("fun is missing: a function of the master's, as in jobs.list_jobs")
    return fun


def _told(parties: Parties, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the *data* of a call's end; of one that was refused before it began with a jid, and whose it was."""
    if data.get("jid"):
        return dict(data)
    return {**data, "jid": jid_of(time.time()), "user": parties.user()}


def _plain(low: Low) -> dict[str, Any]:
    """Return a call of the master's own: ``arg`` a list, and keywords that are no part of the call itself."""
    plain = {name: value for name, value in low.items() if name not in ("client", "full_return", "timeout")}
    if "arg" in plain or "kwarg" in plain:
        inline = {k: v for k, v in plain.items() if k not in ("fun", "arg", "kwarg")}
        arg, kwarg = plain.get("arg", []), plain.get("kwarg") or {}
        if not isinstance(kwarg, dict):
            raise ArgumentError(f"kwarg must be a map, not {kwarg!r:.40}")
        return {"fun": plain["fun"], "arg": arg if isinstance(arg, list) else [arg], "kwarg": {**inline, **kwarg}}
    return plain


def _seconds(low: Low, name: str = "timeout") -> float | None:
    """Return the seconds that *low* has under *name*, ``None``: none is said."""
    given = low.get(name)
    if given in (None, ""):
        return None
    wanted = seconds(given)
    if wanted is None or not wanted >= 0:
        raise ArgumentError(f"{name} must be a number of seconds, not {given!r:.40}")
    return min(wanted, MAX_SECONDS)
