"""Running functions on minions from Python, under the names that Salt's users know.

::

    import saltern.client
    client = saltern.client.LocalClient()
    client.cmd("*", "test.ping")                                # {"host01": True, …}
    client.cmd("*", "test.arg", ["a", "b"], kwarg={"foo": 1})
    client.run_job("*", "test.sleep", [300])                    # {"jid": "…", "minions": ["jerry"]}
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from saltern.config import client_config
from saltern.errors import FunctionNotFound, NotAuthorised, UsageError
from saltern.local import LocalConnection

NOT_CONNECTED = "Minion did not return. [Not connected]"
NO_ANSWER = "Minion did not return. [No response]"
NO_SUCH_MINION = "Minion did not return. [No accepted minion has this id]"
NOT_STORED = "The answer came, and isn't stored yet: saltern-run jobs.lookup_jid {} shows it when it is"
STORED_WITHIN_S, STORED_LOOK_S = 30.0, 0.2
LAST_ANSWER_S = 3.0
ASKED_AT_ONCE = 500
NOT_USED = frozenset(
    {
        "failhard",
        "gather_job_timeout",
        "listen",
        "metadata",
        "raw",
        "ret_config",
        "ret_kwargs",
        "show_jid",
        "show_timeout",
        "user",
        "verbose",
    }
)
"""Keywords of Salt's that change nothing of what is run, and where."""

OWN = ("delimiter", "isolate", "timeout")
"""Ours, which are passed on."""

INSTEAD = {
    "expr_form": "tgt_type",
    "args": "arg",
    "kwargs": "kwarg",
    "target": "tgt",
    "function": "fun",
    "batch": "cmd_batch",
    "subset": "cmd_subset",
    "eauth": "publisher_acl of the master's configuration",
    "username": "publisher_acl of the master's configuration",
    "password": "publisher_acl of the master's configuration",
    "token": "publisher_acl of the master's configuration",
}
EX_MINION = 1
DELIMITER = ":"
"""What parts a grain's or pillar's name from its value in a target."""


class Job(NamedTuple):
    """A job on its way: *minions* are all it is for, *missing* those of them that are away.

    *unknown* are names that its target lists and no accepted minion has. A job for nobody has no jid. *problem* says
    what in the target was of no use, ``""`` when all of it was.
    """

    jid: str
    minions: list[str]
    missing: list[str]
    unknown: list[str]
    problem: str = ""


class LocalClient:
    """A client of the master on this host.

    *c_path*: the master's configuration, a file or a folder (default ``$SALTERN_CONFIG_DIR`` or ``/etc/saltern``);
    or *mopts*: its options, read already. Raises ``ConfigError``; calls raise ``MasterNotRunning``, ``TargetError``,
    ``NotAuthorised``, ``ChannelError``.
    """

    def __init__(self, c_path: str | os.PathLike[str] | None = None, mopts: Any = None) -> None:
        self.opts = mopts if mopts is not None else client_config(c_path)

    def cmd(
        self,
        tgt: str | list[str],
        fun: str | list[str],
        arg: Sequence[Any] = (),
        timeout: float | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        jid: str = "",
        full_return: bool = False,
        kwarg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Run *fun* on the minions that *tgt* means and return their answers by minion id.

        *fun* may be a list, with *arg* a list of argument lists. Waits for minions that are still running the job,
        however long; one that is away is left out. *timeout*: seconds of silence after which the master asks them.
        *ret*, *jid* and what *NOT_USED* names are taken for compatibility and not used; any other keyword raises
        ``TypeError``. With *full_return* an answer is a dict with ``ret``,
        ``retcode``, ``jid``, ….
        """
        answers: dict[str, Any] = {}
        for answer in self.cmd_iter(tgt, fun, arg, timeout, tgt_type, ret, kwarg, **kwargs):
            for minion_id, data in answer.items():
                if "ret" in data:
                    answers[minion_id] = data if full_return else data["ret"]
        return answers

    def cmd_iter(
        self,
        tgt: str | list[str],
        fun: str | list[str],
        arg: Sequence[Any] = (),
        timeout: float | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        kwarg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Iterator[dict[str, dict[str, Any]]]:
        """Like ``cmd``, yielding ``{minion_id: {"ret": …, "retcode": …, "jid": …}}`` as answers come.

        A minion that doesn't answer is yielded last, as ``{minion_id: {"failed": why, "retcode": 1}}``, as is a name in
        a list that no minion has.
        """
        with LocalConnection(self.opts["sock_dir"]) as connection:
            job = self._start(connection, tgt, fun, arg, tgt_type, kwarg, follow=True, timeout=timeout, **kwargs)
            yield from self.follow(connection, job)

    def run_job(
        self,
        tgt: str | list[str],
        fun: str | list[str],
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        timeout: float | None = None,
        jid: str = "",
        kwarg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Start a job without waiting and return ``{"jid": …, "minions": […]}``; ``{}`` when no minion matched."""
        with LocalConnection(self.opts["sock_dir"]) as connection:
            job = self._start(connection, tgt, fun, arg, tgt_type, kwarg, follow=False, **kwargs)
        return {"jid": job.jid, "minions": job.minions} if job.minions else {}

    def cmd_async(
        self,
        tgt: str | list[str],
        fun: str | list[str],
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        jid: str = "",
        kwarg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> str | int:
        """Start a job without waiting and return its jid; 0 when no minion matched."""
        return str(self.run_job(tgt, fun, arg, tgt_type, kwarg=kwarg, **kwargs).get("jid", "")) or 0

    def cmd_batch(
        self,
        tgt: str | list[str],
        fun: str | list[str],
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        kwarg: dict[str, Any] | None = None,
        batch: str | int = "10%",
        **kwargs: Any,
    ) -> Iterator[dict[str, Any]]:
        """Like ``cmd``, on *batch* minions (``5``, ``"25%"``) at a time, those that answer a ping now.

        Yields ``{minion_id: its answer}`` as answers come. Raises ``UsageError`` for a *batch* that is no number.
        """
        _refuse_unknown(kwargs)
        present = sorted(self.cmd(tgt, "test.ping", tgt_type=tgt_type))
        size = batch_size(batch, len(present))
        for start in range(0, len(present), size):
            for answer in self.cmd_iter(present[start : start + size], fun, arg, kwarg=kwarg, **kwargs):
                if answered := {minion_id: data["ret"] for minion_id, data in answer.items() if "ret" in data}:
                    yield answered

    def cmd_subset(
        self,
        tgt: str | list[str],
        fun: str | list[str],
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        kwarg: dict[str, Any] | None = None,
        subset: int = 3,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Like ``cmd``, on *subset* minions chosen at random, of those that answer a ping now."""
        _refuse_unknown(kwargs)
        present = sorted(self.cmd(tgt, "test.ping", tgt_type=tgt_type))
        chosen = random.SystemRandom().sample(present, min(subset, len(present)))
        return self.cmd(chosen, fun, arg, kwarg=kwarg, **kwargs) if chosen else {}

    def get_iter_returns(
        self, jid: str, minions: Sequence[str], timeout: float | None = None, **kwargs: Any
    ) -> Iterator[dict[str, dict[str, Any]]]:
        """Yield the answers to a job that ``run_job`` started, as ``cmd_iter`` does, until all *minions* answered.

        Also until none came for *timeout* seconds (the option ``timeout``) and none of them works on it any more.
        """
        _refuse_unknown(kwargs)
        left = set(minions)
        quiet_s = timeout or self.opts["timeout"]
        look_at = time.monotonic() + quiet_s
        over_at: float | None = None
        while left and (over_at is None or time.monotonic() < over_at):
            with LocalConnection(self.opts["sock_dir"]) as connection:
                returns = connection.call("job.returns", jid, sorted(left)[:ASKED_AT_ONCE])
                if not returns and over_at is None and time.monotonic() >= look_at:
                    if left.intersection(self._at_work(connection, jid)):
                        look_at = time.monotonic() + quiet_s
                    else:  # its answer may be on its way to where we look
                        over_at = time.monotonic() + LAST_ANSWER_S
            for minion_id, data in returns.items():
                left.discard(minion_id)
                yield {minion_id: _answer(data)}
            if left and not returns:
                time.sleep(STORED_LOOK_S)
        for minion_id in sorted(left):
            yield {minion_id: {"failed": NO_ANSWER, "retcode": EX_MINION}}

    def _at_work(self, connection: LocalConnection, jid: str) -> list[str]:
        """Return who works on a job; nobody for those who may not ask that."""
        try:
            running = connection.call("runner.jobs.active").get(jid, {}).get("Running", ())
            return [minion_id for one in running for minion_id in one]
        except NotAuthorised:
            return []

    def get_cache_returns(self, jid: str) -> dict[str, Any]:
        """Return what the minions have answered to a job so far: ``{minion_id: {"ret": …}}``; nothing for no job."""
        with LocalConnection(self.opts["sock_dir"]) as connection:
            try:
                found = connection.call("runner.jobs.lookup_jid", jid)
            except FunctionNotFound:
                return {}
        return {minion_id: {"ret": value} for minion_id, value in found.items()}

    def open_job(
        self,
        connection: LocalConnection,
        tgt: str | list[str],
        fun: str | list[str],
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        kwarg: dict[str, Any] | None = None,
        isolate: bool = False,
        timeout: float | None = None,
        follow: bool = True,
    ) -> Job:
        """Start a job on *connection*, whose answers ``follow`` then yields where *follow* says so.

        *timeout*: seconds of silence after which the master asks the minions whether they still work on it.
        """
        return self._start(connection, tgt, fun, arg, tgt_type, kwarg, follow=follow, timeout=timeout, isolate=isolate)

    def follow(self, connection: LocalConnection, job: Job) -> Iterator[dict[str, dict[str, Any]]]:
        """Yield the answers to a job started by ``open_job`` until it is done; see ``cmd_iter``."""
        later: list[str] = []
        lost: dict[str, str] = dict.fromkeys(job.missing, NOT_CONNECTED) | dict.fromkeys(job.unknown, NO_SUCH_MINION)
        while job.minions and (event := connection.receive(None)) is not None and "end" not in event:
            data = event["data"]
            minion_id = data["id"]
            if "failed" in data:
                lost[minion_id] = data["failed"]
            elif data.get("later"):
                later.append(minion_id)
            else:
                lost.pop(minion_id, None)
                yield {minion_id: _answer(data)}
        for minion_id, data in self._fetched(job.jid, later):
            lost.pop(minion_id, None)
            later.remove(minion_id)
            yield {minion_id: _answer(data)}
        lost |= dict.fromkeys(later, NOT_STORED.format(job.jid))
        for minion_id in sorted(lost):
            yield {minion_id: {"failed": lost[minion_id], "retcode": EX_MINION}}

    def _fetched(self, jid: str, minions: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the answers of *minions* that came faster than we read, from where the master keeps them."""
        left = dict.fromkeys(minions)
        last = time.monotonic()
        while left and time.monotonic() - last < STORED_WITHIN_S:
            with LocalConnection(self.opts["sock_dir"]) as connection:
                returns = connection.call("job.returns", jid, list(left)[:ASKED_AT_ONCE])
            for minion_id, data in returns.items():
                if minion_id in left:
                    del left[minion_id]
                    last = time.monotonic()
                    yield minion_id, data
            if left and not returns:
                time.sleep(STORED_LOOK_S)

    def _start(
        self,
        connection: LocalConnection,
        tgt: str | list[str],
        fun: str | list[str],
        arg: Sequence[Any],
        tgt_type: str,
        kwarg: dict[str, Any] | None,
        *,
        follow: bool,
        timeout: float | None = None,
        isolate: bool = False,
        **others: Any,
    ) -> Job:
        delimiter = others.pop("delimiter", None) or DELIMITER
        _refuse_unknown(others)
        answer = connection.call(
            "job.publish",
            tgt=list(tgt) if isinstance(tgt, (list, tuple)) else tgt,
            tgt_type="list" if isinstance(tgt, (list, tuple)) and tgt_type == "glob" else tgt_type,
            delimiter=delimiter,
            fun=list(fun) if isinstance(fun, (list, tuple)) else fun,
            arg=[list(part) if isinstance(part, tuple) else part for part in arg],
            kwarg=kwarg or {},
            isolate=isolate,
            quiet=timeout,
            follow=follow,
        )
        return Job(answer["jid"], answer["minions"], answer["missing"], answer["unknown"], answer["problem"])


def batch_size(batch: str | int, total: int) -> int:
    """Return how many of *total* minions ``10`` or ``"25%"`` means, at least one. Raises ``UsageError``."""
    text = str(batch)
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise UsageError(f"-b {text}: must be a number of minions or a percentage, as in 10 or 25%")
    return max(1, int(total * number / 100) if text.endswith("%") else int(number))


def _refuse_unknown(keywords: Mapping[str, Any]) -> None:
    """Raise ``TypeError`` for a keyword that would change what is meant, and that nobody heeds."""
    for name in keywords:
        if name not in NOT_USED and name not in OWN:
            hint = f": use {INSTEAD[name]}" if name in INSTEAD else ""
            raise TypeError(f"LocalClient takes no keyword argument {name!r}{hint}")


def _answer(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "ret": data.get("return")}


def get_local_client(c_path: str | os.PathLike[str] | None = None, mopts: Any = None) -> LocalClient:
    """Return a ``LocalClient``; Salt's name for it."""
    return LocalClient(c_path, mopts)
