"""A job as the master tells of it: what was run, on whom, and what came back."""

from __future__ import annotations

import calendar
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.http import Http404

from saltern_web.api.client import Api
from saltern_web.api.errors import ApiAway, Refused
from saltern_web.pages.run.words import MASK, line_of, masked, split_given

ON_MASTER = ("runner.", "wheel.")
MAX_ANSWER_BYTES = 48 * 1024 * 1024
MAX_TARGET_CHARS, MAX_LINE_CHARS = 300, 300
_JID = re.compile(r"\d{20}")
TOO_LARGE = (
    f"what came back is over {MAX_ANSWER_BYTES >> 20} MiB, more than a page can hold: download it, or run it again on "
    "fewer hosts"
)


class Result(NamedTuple):
    """What one host answered. ``good``: it neither failed nor said that it did."""

    value: Any
    good: bool
    retcode: int


@dataclass
class Job:
    """One job; ``error``: it isn't there, or concerns somebody else."""

    jid: str
    fun: str = ""
    given: Any = field(default_factory=list)
    tgt: Any = ""
    tgt_type: str = "list"
    user: str = ""
    minions: tuple[str, ...] = ()
    results: dict[str, Result] = field(default_factory=dict)
    batch: bool = False
    error: str = ""

    @property
    def on_master(self) -> bool:
        """Whether it ran on the master."""
        return self.fun.startswith(ON_MASTER)

    @property
    def at(self) -> float | None:
        """When it was started, epoch s."""
        return instant_of(self.jid)

    @property
    def line(self) -> str:
        """Its arguments as they are typed."""
        return given_line(self.given)

    @property
    def target(self) -> str:
        """Its target, short."""
        return target_line(self.tgt)

    @property
    def waited_for(self) -> list[str]:
        """The hosts that have not answered."""
        return [minion for minion in self.minions if minion not in self.results]

    @property
    def not_there(self) -> list[str]:
        """The names that were asked for, and no host has any more."""
        if self.on_master or not isinstance(self.tgt, list) or not self.minions:
            return []
        minions = frozenset(self.minions)
        return [str(name) for name in self.tgt if name not in minions]


def instant_of(jid: str) -> float | None:
    """Return when the job *jid* was started, epoch s."""
    if not _JID.fullmatch(jid):
        return None
    parts = [int(jid[start:end]) for start, end in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))]
    try:
        return calendar.timegm((*parts, 0, 0, 0)) + int(jid[14:]) / 1e6
    except (ValueError, OverflowError):
        return None


def given_line(given: Any) -> str:
    """Return what a job says that it was given as one line, short; secrets and what is another's as ``***``."""
    if not isinstance(given, list):
        return MASK if given == MASK else str(given)[:MAX_LINE_CHARS]
    arg, kwarg = split_given(given)
    return short(line_of(arg, masked(kwarg)), MAX_LINE_CHARS)


def target_line(tgt: Any) -> str:
    """Return a target as one line, short."""
    if not isinstance(tgt, list):
        return short(str(tgt), MAX_TARGET_CHARS)
    shown = ", ".join(str(name) for name in tgt[:10])
    more = f" and {len(tgt) - 10} more" if len(tgt) > 10 else ""
    return f"{short(shown, MAX_TARGET_CHARS)}{more}"


def short(text: str, most: int) -> str:
    """Return *text*, cut where it is longer than *most* characters."""
    return text if len(text) <= most else f"{text[:most]}…"


def check_jid(jid: str) -> str:
    """Return *jid*. Raises ``Http404`` for what is none."""
    if not _JID.fullmatch(jid):
        raise Http404(f"{jid[:40]} is no job's id: it has 20 digits")
    return jid


async def ask_job(api: Api, jid: str) -> Job:
    """Return the job *jid*. Raises ``Http404`` for what is no jid, ``Refused`` for one too large to be shown."""
    chunk = {"client": "runner", "fun": "jobs.list_job", "arg": [], "kwarg": {"jid": check_jid(jid)}}
    pieces, size = [], 0
    async with api.stream("POST", "/", json=[chunk]) as answer:
        async for piece in answer.aiter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_ANSWER_BYTES:
                raise Refused(TOO_LARGE)
    try:
        told = json.loads(b"".join(pieces))["return"][0]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise ApiAway("the API's answer can't be understood: is another program at its address?") from None
    return read_job(jid, told)


def read_job(jid: str, told: Any) -> Job:
    """Return the job that ``jobs.list_job`` tells of."""
    if not isinstance(told, Mapping):
        return Job(jid, error=str(told)[:500])
    if "Error" in told and not told.get("Result"):
        return Job(jid, error="No job of this id is kept, or it concerns no host that you may see.")
    job = Job(
        jid,
        _name(told.get("Function", "unknown")),
        told.get("Arguments", []),
        told.get("Target", ""),
        str(told.get("Target-type", "list")),
        str(told.get("User", "")),
        tuple(map(str, told.get("Minions") or ())),
    )
    metadata = told.get("Metadata")
    job.batch = isinstance(metadata, Mapping) and "console" in metadata
    results = told.get("Result")
    results = results if isinstance(results, Mapping) else {}
    job.results = {str(minion): _result(one, unwrap=job.on_master) for minion, one in results.items()}
    if job.on_master:
        job.minions = (str(job.tgt),)
    elif not job.minions:
        job.minions = tuple(sorted(job.results))
    return job


def _name(fun: Any) -> str:
    return ", ".join(map(str, fun)) if isinstance(fun, Sequence) and not isinstance(fun, str) else str(fun)


def _result(told: Any, *, unwrap: bool) -> Result:
    if not isinstance(told, Mapping):
        return Result(told, True, 0)
    value = told.get("return")
    retcode = told.get("retcode")
    code = retcode if isinstance(retcode, int) else int(bool(retcode))
    good = told.get("success") is not False and not code
    if unwrap and isinstance(value, Mapping) and "fun" in value and "return" in value:
        good, value = good and value.get("success") is not False, value["return"]
    if isinstance(value, Mapping) and value.get("result") is False:
        good = False  # as schedule.add says that it did nothing
    return Result(value, good, code)
