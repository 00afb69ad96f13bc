"""What minions return to a job that was started before: waited for, or read from where the master keeps it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from saltern.client.keywords import check_keywords
from saltern.client.rows import Row, as_cli, as_iter, cached
from saltern.client.silence import EX_MINION, NO_ANSWER
from saltern.config import client_config
from saltern.connecting import Connecting
from saltern.following import STORED_LOOK_S, STORED_WITHIN_S, Following, stored_answers, whole

LOOK_S = 0.01
"""How long a call that doesn't block waits for the next answer."""


class _Followed(NamedTuple):
    """What the master says of a job: *lost* minions with why, those that have *returned*, whether it still runs."""

    known: bool
    running: bool
    sure: bool
    lost: dict[str, str]
    returned: list[str]


class Returns(Connecting):
    """The returns of jobs; the base of ``LocalClient``, which says what *c_path* and *mopts* are."""

    def __init__(self, c_path: str | os.PathLike[str] | None = None, mopts: Any = None) -> None:
        super().__init__(mopts if mopts else client_config(c_path))

    def get_iter_returns(
        self,
        jid: str,
        minions: Iterable[str],
        timeout: float | str | None = None,
        tgt: str = "*",
        tgt_type: str = "glob",
        expect_minions: bool = False,
        block: bool = True,
        **kwargs: Any,
    ) -> Iterator[Row | None]:
        """Yield ``{minion_id: {"ret": …, "retcode": …, "jid": …, "out"?: …}}`` for each return of *minions*.

        Those that came already first, then as they come, until all are there or nobody works on the job any more.
        *timeout*: seconds of silence after which the master asks. With *expect_minions* those that don't answer are
        yielded last, ``{minion_id: {"failed": True}}``. Without *block* there is a ``None`` whenever nothing is new.
        A job that isn't known yields ``{}`` alone. *tgt* and *tgt_type* change nothing.
        """
        rows = self._rows_of(jid, minions, timeout, None if block else LOOK_S, **kwargs)
        for row in rows:
            if row == {}:
                yield {}
            else:
                yield from as_iter([row], expect_minions)

    def get_cli_event_returns(
        self,
        jid: str,
        minions: Iterable[str],
        timeout: float | str | None = None,
        tgt: str = "*",
        tgt_type: str = "glob",
        verbose: bool = False,
        progress: bool = False,
        show_timeout: bool = False,
        show_jid: bool = False,
        **kwargs: Any,
    ) -> Iterator[Row]:
        """Like ``get_iter_returns``, with a row for each silent minion as ``cmd_cli`` has it."""
        say_jid(jid, verbose=verbose, show_jid=show_jid)
        kwargs.pop("expect_minions", None)
        for row in self._rows_of(jid, minions, timeout, **kwargs):
            yield from as_cli([row], jid)

    def get_event_iter_returns(
        self, jid: str, minions: Iterable[str], timeout: float | str | None = None
    ) -> Iterator[Row]:
        """Yield ``{minion_id: {"ret": …, "out"?: …}}`` for each return, and stop after *timeout* seconds in any case.

        A job that isn't known yields ``{}`` alone.
        """
        until = time.monotonic() + (seconds(timeout) or self.opts["timeout"])
        for row in self._rows_of(jid, minions, timeout, LOOK_S):
            if row == {}:
                yield {}
            for minion_id, data in (row or {}).items():
                if "failed" not in data:
                    yield {minion_id: cached(data)}
            if time.monotonic() > until:
                return

    def get_cli_returns(
        self,
        jid: str,
        minions: Iterable[str],
        timeout: float | str | None = None,
        tgt: str = "*",
        tgt_type: str = "glob",
        verbose: bool = False,
        show_jid: bool = False,
        **kwargs: Any,
    ) -> Iterator[Row]:
        """Yield all that is stored of a job's returns as one row, then each that comes within *timeout* seconds."""
        check_keywords(kwargs)
        say_jid(jid, verbose=verbose, show_jid=show_jid)
        found = self.get_cache_returns(jid)
        if found:
            yield found
        left = _names(minions) - set(found)
        if left:
            yield from filter(None, self.get_event_iter_returns(jid, left, timeout))

    def get_full_returns(
        self, jid: str, minions: Iterable[str], timeout: float | str | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return ``{minion_id: {"ret": …, "out"?: …}}``: what is stored, and what comes within *timeout* seconds."""
        found: dict[str, dict[str, Any]] = {}
        for row in self.get_cli_returns(jid, minions, timeout):
            found |= row
        return found

    def get_returns(self, jid: str, minions: Iterable[str], timeout: float | str | None = None) -> dict[str, Any]:
        """Return ``{minion_id: value}``: what is stored, and what comes within *timeout* seconds."""
        return {minion_id: data["ret"] for minion_id, data in self.get_full_returns(jid, minions, timeout).items()}

    def get_cache_returns(self, jid: str) -> dict[str, dict[str, Any]]:
        """Return ``{minion_id: {"ret": …, "out"?: …}}``, what is stored of a job's returns; ``{}`` for no such job."""
        with self.connect() as connection:
            found: Mapping[str, Any] = connection.call("job.returns", jid)
        return {minion_id: cached(data) for minion_id, data in found.items()}

    def returns_for_job(self, jid: str) -> bool:
        """Return whether there is such a job."""
        with self.connect() as connection:
            return bool(connection.call("job.follow", jid)["known"])

    def _rows_of(
        self,
        jid: str,
        minions: Iterable[str],
        timeout: float | str | None = None,
        look_s: float | None = None,
        **kwargs: Any,
    ) -> Iterator[Row | None]:
        """Yield the answers of *minions* to a job, the silent ones last; ``{}`` alone for a job that isn't known."""
        check_keywords(kwargs, ("raw", "_cmd_meta"))
        wanted, quiet_s = _names(minions), seconds(timeout) or self.opts["timeout"]
        gather_s = seconds(kwargs.get("gather_job_timeout", self.opts.get("gather_job_timeout")))
        with self.connect() as connection:
            job = _Followed(**connection.call("job.follow", jid, quiet=quiet_s, gather=gather_s))
            if not job.known:
                yield {}
                return
            lost = dict.fromkeys(wanted, NO_ANSWER) | {one: why for one, why in job.lost.items() if one in wanted}
            # What came before is stored, or will be in a moment: it is looked for again and again.
            before = wanted.intersection(job.returned)
            following = Following(self.access, connection, jid, over=not job.running)
            looked_until = time.monotonic() + (STORED_WITHIN_S if job.sure else quiet_s)
            while wanted:
                found = list(stored_answers(self.access, jid, before, 0.0))
                before.difference_update(minion_id for minion_id, _ in found)
                wait_s = STORED_LOOK_S if before and look_s is None else look_s
                found += following.receive(0.0 if found else wait_s)
                for minion_id, data in found:
                    if "failed" in data:
                        lost[minion_id] = data["failed"]
                    elif minion_id in wanted:
                        wanted.discard(minion_id)
                        yield {minion_id: whole(data)}
                if following.over and not (before and time.monotonic() < looked_until):
                    break
                if following.over and before and not found:
                    time.sleep(LOOK_S if look_s is not None else STORED_LOOK_S)
                if look_s is not None and not found:
                    yield None
            for minion_id in sorted(wanted):
                yield {minion_id: {"failed": lost[minion_id], "retcode": EX_MINION}}


def seconds(value: object) -> float | None:
    """Return a number of seconds, which may be given as text; ``None`` for anything else, which is the default's."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def say_jid(jid: str, *, verbose: bool, show_jid: bool) -> None:
    """Print which job runs, when that is wanted."""
    if verbose:
        line = f"Executing job with jid {jid}"
        print(f"{line}\n{'-' * len(line)}\n")
    elif show_jid:
        print(f"jid: {jid}")


def _names(minions: Iterable[str]) -> set[str]:
    return {minions} if isinstance(minions, str) else set(minions)
