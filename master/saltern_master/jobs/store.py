"""What a job store does. Drivers: ``stores/sqlite.py``, ``stores/server.py``, ``stores/memory.py`` (tests)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from saltern_master.auth.caller import Caller
from saltern_master.jobs.query import Page, Wanted


def held_by(caller: Caller) -> dict[str, str]:
    """Return the fields of a load that say whose it is."""
    owner = {"owner": caller.principal}
    return owner if caller.holder == caller.principal else {**owner, "holder": caller.holder}


def holder_of(load: Mapping[str, Any]) -> str | None:
    """Return whose a load is (``Caller.holder``)."""
    found: str | None = load.get("holder") or load.get("owner")
    return found


class JobLoad(NamedTuple):
    """A job as it was asked for; times in epoch seconds."""

    jid: str
    created: float
    load: dict[str, Any]
    """``fun``, ``arg``, ``kwarg``, ``tgt``, ``tgt_type``, ``user``, ``owner``, ``minions``, ``metadata``;
    ``holder`` where that isn't the owner."""
    size: int = 0
    """Bytes that it takes in the store, as far as that was asked for (``jobs_between``)."""

    @property
    def holder(self) -> str | None:
        """Whose it is (``Caller.holder``)."""
        return holder_of(self.load)


class JobReturn(NamedTuple):
    """What one minion answered to one job."""

    jid: str
    minion_id: str
    fun: str
    success: bool
    received: float
    data: dict[str, Any]
    """The event's data: ``return``, ``retcode``, ``fun_args``, …"""


class JobStore(Protocol):
    """Keeps jobs and returns; (jid, minion) is unique, so that storing twice is storing once.

    All methods may block and are called from threads.
    """

    dropped: int
    """Returns and jobs that were deleted to keep to a bound of bytes."""

    @property
    def set_aside(self) -> int:
        """How often a broken store was set aside and begun anew since the start."""

    @property
    def begun_anew(self) -> bool:
        """Whether what was stored before isn't here."""

    def open(self) -> None:
        """Make ready, or try to again; one that is open stays so. Raises ``JournalError``."""

    def close(self) -> None:
        """Let go of files and connections."""

    def put_jobs(self, jobs: Sequence[JobLoad]) -> None:
        """Store jobs in one transaction. Raises ``JournalError``; ``RecordError`` for what can never be stored."""

    def put_returns(self, returns: Sequence[JobReturn]) -> None:
        """Store returns in one transaction; raises as ``put_jobs``."""

    def job(self, jid: str) -> JobLoad | None:
        """Return a job, or ``None``."""

    def returns(self, jid: str) -> list[JobReturn]:
        """Return a job's returns, by minion."""

    def some_returns(self, jid: str, minions: Sequence[str], max_bytes: int) -> list[JobReturn]:
        """Return what some *minions* returned to a job: the first *max_bytes* of it, but one at least."""

    def jobs(self, limit: int) -> list[JobLoad]:
        """Return the latest jobs, newest first."""

    def jobs_between(self, first: str, before: str, limit: int, max_bytes: int) -> list[JobLoad]:
        """Return the latest jobs whose jids are from *first* on and below *before* (both as text), newest first.

        At most *limit*, and the first *max_bytes* of them, but one at least: none means that there are no more.
        """

    def newest(self, before: float) -> float | None:
        """Return when the last of the jobs and returns from before an instant came. Raises ``JournalError``."""

    def query(self, wanted: Wanted) -> Page:
        """Return the returns that are *wanted*, within its bounds."""

    def purge(self, before: float) -> int:
        """Delete the jobs from before an instant, with their returns; return how many rows went."""
