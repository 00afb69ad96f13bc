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
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from saltern.config import client_config
from saltern.local import LocalConnection

NOT_CONNECTED = "Minion did not return. [Not connected]"
NO_RESPONSE = "Minion did not return. [No response]"
FIND_JOB_TIMEOUT_S = 5.0
EX_MINION = 1


class Job(NamedTuple):
    """A job on its way: *minions* are all it is for, *missing* those of them that are away."""

    jid: str
    minions: list[str]
    missing: list[str]


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
        however long; one that is away is left out. *timeout*: seconds of silence after which they are asked. *ret* and
        *jid* are taken for compatibility and not used. With *full_return* an answer is a dict with ``ret``,
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

        A minion that doesn't answer is yielded last, as ``{minion_id: {"failed": why, "retcode": 1}}``.
        """
        with LocalConnection(self.opts["sock_dir"]) as connection:
            job = self._start(connection, tgt, fun, arg, tgt_type, kwarg, follow=True, **kwargs)
            yield from self.follow(connection, job, timeout)

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

    def get_cache_returns(self, jid: str) -> dict[str, Any]:
        """Return what the minions have answered to a job so far: ``{minion_id: {"ret": …}}``."""
        with LocalConnection(self.opts["sock_dir"]) as connection:
            found = connection.call("runner", fun="jobs.lookup_jid", arg=[jid])
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
    ) -> Job:
        """Start a job on *connection*, whose answers ``follow`` then yields."""
        return self._start(connection, tgt, fun, arg, tgt_type, kwarg, follow=True, isolate=isolate)

    def follow(
        self, connection: LocalConnection, job: Job, timeout: float | None = None
    ) -> Iterator[dict[str, dict[str, Any]]]:
        """Yield the answers to a job started by ``open_job``; see ``cmd_iter``."""
        for minion_id in job.missing:
            yield {minion_id: {"failed": NOT_CONNECTED, "retcode": EX_MINION}}
        waiting = set(job.minions) - set(job.missing)
        silence_s = timeout if timeout is not None else float(self.opts["timeout"])
        while waiting:
            event = connection.receive(silence_s)
            if event is not None:
                data = event["data"]
                minion_id = data["id"]
                if minion_id in waiting:
                    waiting.discard(minion_id)
                    yield {minion_id: {**data, "ret": data["return"]}}
                continue
            running, gone = self._who_still_runs(sorted(waiting), job.jid)
            # Answers may have come while we asked: they are read before anyone is given up.
            late = {}
            while (event := connection.receive(0)) is not None:
                late[event["data"]["id"]] = event["data"]
            for minion_id in sorted(waiting - running):
                waiting.discard(minion_id)
                if minion_id in late:
                    data = late.pop(minion_id)
                    yield {minion_id: {**data, "ret": data["return"]}}
                else:
                    why = NOT_CONNECTED if minion_id in gone else NO_RESPONSE
                    yield {minion_id: {"failed": why, "retcode": EX_MINION}}
            for minion_id, data in late.items():
                if minion_id in waiting:
                    waiting.discard(minion_id)
                    yield {minion_id: {**data, "ret": data["return"]}}

    def _who_still_runs(self, minions: list[str], jid: str) -> tuple[set[str], set[str]]:
        """Ask *minions* whether they still run job *jid*; return those that do, and those that are gone."""
        with LocalConnection(self.opts["sock_dir"]) as connection:
            job = self._start(connection, minions, "saltutil.find_job", [jid], "list", None, follow=True)
            waiting = set(job.minions) - set(job.missing)
            running = set()
            deadline = time.monotonic() + FIND_JOB_TIMEOUT_S
            while waiting and (left := deadline - time.monotonic()) > 0:
                event = connection.receive(left)
                if event is None:
                    break
                waiting.discard(event["data"]["id"])
                if event["data"]["return"]:
                    running.add(event["data"]["id"])
            return running, set(job.missing)

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
        isolate: bool = False,
        **_compatibility: Any,
    ) -> Job:
        answer = connection.call(
            "job",
            tgt=list(tgt) if isinstance(tgt, (list, tuple)) else tgt,
            tgt_type="list" if isinstance(tgt, (list, tuple)) else tgt_type,
            fun=list(fun) if isinstance(fun, (list, tuple)) else fun,
            arg=[list(part) if isinstance(part, tuple) else part for part in arg],
            kwarg=kwarg or {},
            isolate=isolate,
            follow=follow,
        )
        return Job(answer["jid"], answer["minions"], answer["missing"])


def get_local_client(c_path: str | os.PathLike[str] | None = None, mopts: Any = None) -> LocalClient:
    """Return a ``LocalClient``; Salt's name for it."""
    return LocalClient(c_path, mopts)
