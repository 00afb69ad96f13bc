"""The client of the master on this host."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from typing import Any

from saltern.batch import Batch
from saltern.client.batches import batch_rows
from saltern.client.keywords import check_keywords, of_a_job
from saltern.client.returns import LOOK_S, Returns, say_jid, seconds
from saltern.client.rows import Row, as_cli, as_iter, rows_of
from saltern.errors import ArgumentError, UsageError
from saltern.following import Following
from saltern.local import LocalConnection
from saltern.order import Order, Ordered

Names = str | Sequence[str]
DELIMITER = ":"
"""What parts a grain's or pillar's name from its value in a target, when nothing else is said."""


class LocalClient(Returns):
    """A client of the master on this host, usable in a ``with`` block.

    *c_path*: the master's configuration, a file or a folder (default ``$SALTERN_CONFIG_DIR`` or ``/etc/saltern``);
    or *mopts*: its options, read already. The other parameters are Salt's, and change nothing.

    Raises ``ConfigError``; calls raise ``MasterNotRunning``, ``TargetError``, ``NotAuthorised``, ``ChannelError``,
    and ``TypeError`` for a keyword that is none of theirs. All take these: *delimiter* (of grains' and pillar's keys),
    *metadata* (a map that is kept with the job), *gather_job_timeout* (seconds that minions have to say that they
    still work on it), *isolate* (run it in a child process of the agent); and *token*, or *username*, *password* and
    *eauth*, to call as who logs in by them.
    """

    def __init__(
        self,
        c_path: str | os.PathLike[str] | None = None,
        mopts: Any = None,
        skip_perm_errors: bool = False,
        io_loop: Any = None,
        keep_loop: bool = False,
        auto_reconnect: bool = False,
        listen: bool = False,
    ) -> None:
        super().__init__(c_path, mopts)

    def cmd(
        self,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any] = (),
        timeout: float | str | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        jid: str = "",
        full_return: bool = False,
        kwarg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Run *fun* on the minions that *tgt* means and return their answers by minion id; ``{}`` when it means none.

        *fun* may be a list, with *arg* a list of argument lists. Waits for minions that are still running the job,
        however long; of one that doesn't answer the value is a text, "Minion did not return. …". *timeout*: seconds of
        silence after which the master asks them. *jid*: the id that the job shall have, 20 digits, and new. With
        *full_return* an answer is ``{"ret": …, "retcode": …, "jid": …, "out"?: …}``. *batch* and *subset*, as in
        ``cmd_batch`` and ``cmd_subset``, are heeded too.
        """
        if "subset" in kwargs:
            found: dict[str, Any] = self.cmd_subset(
                tgt, fun, arg, tgt_type, ret, kwarg, full_return=full_return, **kwargs
            )
            return found
        if "batch" in kwargs:
            parts = self.cmd_batch(tgt, fun, arg, tgt_type, ret, kwarg, **kwargs)
            return {minion_id: value for part in parts for minion_id, value in part.items()}
        rows = self.cmd_cli(tgt, fun, arg, timeout, tgt_type, ret, kwarg=kwarg, jid=jid, **kwargs)
        return {minion_id: data if full_return else data["ret"] for row in rows for minion_id, data in row.items()}

    def cmd_iter(
        self,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any] = (),
        timeout: float | str | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        kwarg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Iterator[Row]:
        """Like ``cmd``, yielding ``{minion_id: {"ret": …, "retcode": …, "jid": …, "out"?: …}}`` as answers come.

        No match: one ``{}``. With ``expect_minions=True`` each minion that doesn't answer is yielded last, as
        ``{minion_id: {"failed": True}}``; a name in a list that no minion has always is.
        """
        for row in self._iter(None, tgt, fun, arg, timeout, tgt_type, kwarg, ret=ret, **kwargs):
            if row is not None:
                yield row

    def cmd_iter_no_block(
        self,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any] = (),
        timeout: float | str | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        kwarg: dict[str, Any] | None = None,
        show_jid: bool = False,
        verbose: bool = False,
        **kwargs: Any,
    ) -> Iterator[Row | None]:
        """Like ``cmd_iter``, yielding ``None`` whenever nothing is new."""
        return self._iter(
            LOOK_S, tgt, fun, arg, timeout, tgt_type, kwarg, ret=ret, show_jid=show_jid, verbose=verbose, **kwargs
        )

    def cmd_cli(
        self,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any] = (),
        timeout: float | str | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        verbose: bool = False,
        kwarg: dict[str, Any] | None = None,
        progress: bool = False,
        **kwargs: Any,
    ) -> Iterator[Row]:
        """Like ``cmd_iter``, with a row for each minion that doesn't answer, for people to read.

        It is ``{minion_id: {"out": "no_return", "ret": "Minion did not return. …", "retcode": 1}}``. *verbose*: print
        the job's id first. Ctrl-C raises ``SystemExit`` with a text that says how to see the rest.
        """
        client, kwargs = self.logged_in(kwargs)
        check_keywords(kwargs, ("expect_minions", "jid", "show_jid", "full_return"))
        more = {**of_a_job(kwargs), "jid": kwargs.get("jid", ""), "ret": ret}
        with client.connect() as connection:
            job = client._started(connection, tgt, fun, arg, tgt_type, kwarg, timeout, **more)
            say_jid(job.jid, verbose=verbose and bool(job.jid), show_jid=bool(kwargs.get("show_jid")))
            if not job.minions:
                yield {}
                return
            try:
                yield from as_cli(client._rows(connection, job), job.jid)
            except KeyboardInterrupt:
                raise SystemExit(
                    f"\nThis job's jid is: {job.jid}\nExiting gracefully on Ctrl-c\nThe minions may not have all "
                    "finished running and any remaining minions will return upon completion. To look up the return "
                    f"data for this job later, run the following command:\n\nsaltern-run jobs.lookup_jid {job.jid}"
                ) from None

    def cmd_full_return(
        self,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any] = (),
        timeout: float | str | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        verbose: bool = False,
        kwarg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, dict[str, Any]]:
        """Like ``cmd``, returning ``{minion_id: {"ret": …, "success": …, "out"?: …}}`` of those that answered."""
        client, kwargs = self.logged_in(kwargs)
        check_keywords(kwargs)
        with client.connect() as connection:
            job = client._started(connection, tgt, fun, arg, tgt_type, kwarg, timeout, ret=ret, **of_a_job(kwargs))
            say_jid(job.jid, verbose=verbose and bool(job.jid), show_jid=False)
            rows = client._rows(connection, job)
            return {
                minion_id: {key: data[key] for key in ("ret", "success", "out") if key in data}
                for row in rows
                for minion_id, data in (row or {}).items()
                if "failed" not in data
            }

    def run_job(
        self,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        timeout: float | str | None = None,
        jid: str = "",
        kwarg: dict[str, Any] | None = None,
        listen: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Start a job without waiting and return ``{"jid": …, "minions": […]}``; ``{}`` when no minion matched."""
        client, kwargs = self.logged_in(kwargs)
        check_keywords(kwargs)
        with client.connect() as connection:
            more = {**of_a_job(kwargs), "jid": jid, "ret": ret}
            job = client._started(connection, tgt, fun, arg, tgt_type, kwarg, timeout, follow=False, **more)
        return {"jid": job.jid, "minions": job.minions} if job.minions else {}

    def pub(
        self,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        jid: str = "",
        timeout: float | str | None = None,
        listen: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Like ``run_job``; when no minion matched ``{"jid": None, "minions": []}``."""
        return self.run_job(tgt, fun, arg, tgt_type, ret, timeout, jid, **kwargs) or {"jid": None, "minions": []}

    def cmd_async(
        self,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        jid: str = "",
        kwarg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> str | int:
        """Start a job without waiting and return its jid; 0 when no minion matched."""
        started = self.run_job(tgt, fun, arg, tgt_type, ret, jid=jid, kwarg=kwarg, **kwargs)
        return str(started["jid"]) if started else 0

    def cmd_subset(
        self,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        kwarg: dict[str, Any] | None = None,
        subset: int = 3,
        cli: bool = False,
        progress: bool = False,
        full_return: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Like ``cmd``, on *subset* minions chosen at random, of those that have the function.

        With *cli* it returns what ``cmd_cli`` does.
        """
        subset = kwargs.pop("sub", subset)
        wanted = {fun} if isinstance(fun, str) else set(fun)
        offered = self.cmd(tgt, "sys.list_functions", tgt_type=tgt_type, **kwargs)
        able = [one for one, functions in offered.items() if isinstance(functions, list) and wanted <= set(functions)]
        chosen = random.SystemRandom().sample(able, min(int(subset), len(able)))
        if cli:
            return self.cmd_cli(chosen, fun, arg, tgt_type="list", ret=ret, kwarg=kwarg, **kwargs)
        return self.cmd(chosen, fun, arg, tgt_type="list", ret=ret, full_return=full_return, kwarg=kwarg, **kwargs)

    def cmd_batch(
        self,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        kwarg: dict[str, Any] | None = None,
        batch: str | int = "10%",
        **kwargs: Any,
    ) -> Iterator[dict[str, Any]]:
        """Like ``cmd``, on *batch* minions (``5``, ``"25%"``) at a time, those that answer a ping now.

        Yields ``{minion_id: its answer}`` as answers come. *failhard*: stop after the first that failed. *batch_wait*:
        seconds before the next minion has the turn of one that answered. *raw*: yield ``{"data": the whole return}``.
        One that answered the ping and doesn't return is ``{minion_id: {}}``. Raises ``ArgumentError`` for a *batch*
        that is no number.
        """
        client, kwargs = self.logged_in(kwargs)
        check_keywords(kwargs, ("failhard", "batch_wait", "raw"))
        order = self._order(tgt, fun, arg, tgt_type, kwarg, kwargs.pop("timeout", None), ret=ret, **of_a_job(kwargs))
        wait_s, failhard = seconds(kwargs.get("batch_wait")) or 0.0, bool(kwargs.get("failhard"))
        try:
            batches = Batch(client.access, order, batch, wait_s=wait_s, failhard=failhard)
        except UsageError as error:
            raise ArgumentError(str(error)) from None
        yield from batch_rows(batches, raw=bool(kwargs.get("raw")))

    def gather_minions(self, tgt: Names, expr_form: str, delimiter: str = ":") -> list[str]:
        """Return the ids of the minions that a target means, sorted, away ones too; *expr_form*: ``glob``, ``list``, …

        Raises ``TargetError``, ``NotAuthorised``, ``MasterNotRunning``, ``ChannelError``.
        """
        with self.connect() as connection:
            found = connection.call("target.preview", tgt=tgt, tgt_type=expr_form, delimiter=delimiter)
        return sorted(found["minions"] if isinstance(found, dict) else found)

    def open_job(
        self,
        connection: LocalConnection,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        kwarg: dict[str, Any] | None = None,
        isolate: bool = False,
        timeout: float | None = None,
        follow: bool = True,
    ) -> Ordered:
        """Start a job on *connection*, whose answers ``follow`` then yields where *follow* says so."""
        return self._started(connection, tgt, fun, arg, tgt_type, kwarg, timeout, follow=follow, isolate=isolate)

    def follow(self, connection: LocalConnection, job: Ordered) -> Iterator[Row]:
        """Yield the answers to a job started by ``open_job`` until it is done, whole; ``failed``: why there is none."""
        return (row for row in self._rows(connection, job) if row is not None)

    def _iter(
        self,
        look_s: float | None,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any],
        timeout: float | str | None,
        tgt_type: str,
        kwarg: dict[str, Any] | None,
        *,
        show_jid: bool = False,
        verbose: bool = False,
        expect_minions: bool = False,
        jid: str = "",
        ret: str = "",
        **kwargs: Any,
    ) -> Iterator[Row | None]:
        client, kwargs = self.logged_in(kwargs)
        check_keywords(kwargs)
        with client.connect() as connection:
            more = {**of_a_job(kwargs), "jid": jid, "ret": ret}
            job = client._started(connection, tgt, fun, arg, tgt_type, kwarg, timeout, **more)
            say_jid(job.jid, verbose=verbose and bool(job.jid), show_jid=show_jid)
            if not job.minions:
                yield {}
                return
            yield from as_iter(client._rows(connection, job, look_s), expect_minions, job.unknown)

    def _started(
        self,
        connection: LocalConnection,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any],
        tgt_type: str,
        kwarg: dict[str, Any] | None,
        timeout: float | str | None,
        *,
        follow: bool = True,
        **more: Any,
    ) -> Ordered:
        """Start a job on *connection*, its answers to come there where *follow* says so."""
        return self._order(tgt, fun, arg, tgt_type, kwarg, timeout, **more).publish(connection, follow=follow)

    def _order(
        self,
        tgt: Names,
        fun: Names,
        arg: Sequence[Any],
        tgt_type: str,
        kwarg: dict[str, Any] | None,
        timeout: float | str | None,
        **more: Any,
    ) -> Order:
        """Return what is asked for, with this client's options where nothing else is."""
        isolate = bool(more.pop("isolate", False))
        gather_s = seconds(more.pop("gather_job_timeout", self.opts.get("gather_job_timeout")))
        more |= {"gather": gather_s, "new_jid": more.pop("jid", None)}
        if more.get("delimiter") == DELIMITER:
            del more["delimiter"]
        if not isinstance(tgt, str):
            # A compound expression may come as its words; any other list is one of ids.
            tgt, tgt_type = (" ".join(tgt), tgt_type) if tgt_type == "compound" else (list(tgt), "list")
        return Order(
            tgt,
            tgt_type,
            fun if isinstance(fun, str) else list(fun),
            [list(part) if isinstance(part, tuple) else part for part in arg],
            kwarg or {},
            isolate,
            seconds(timeout) or self.opts.get("timeout"),
            {name: value for name, value in more.items() if value not in ("", None)},
        )

    def _rows(self, connection: LocalConnection, job: Ordered, look_s: float | None = None) -> Iterator[Row | None]:
        """Yield the answers to a job that was started on *connection*."""
        following = Following(self.access, connection, job.jid, over=not job.minions)
        return rows_of(following, job.unknown if job.minions else (), look_s)
