"""The real master when what it keeps on disk can't be written or is broken: it serves, says so once, and heals."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import JournalError
from support.mounts import Mount, tmpfs
from support.stacks import Parts, wait_for

pytestmark = pytest.mark.timeout(180)

OPTIONS = "schedule: {stats: false}\nself_metrics_interval: 2\n"


class Served:
    """A master and an agent, and where the master keeps its state."""

    def __init__(self, root: Path, mount: Mount) -> None:
        self.parts = Parts(root, master=f"{OPTIONS}job_db: {mount.path}/jobs.db\n")
        self.mount = mount
        self.db = mount.path / "jobs.db"

    @property
    def cache(self) -> Path:
        return Path(self.parts.runner.opts["cachedir"])

    def start(self) -> None:
        self.parts.start("master", *(name for name in self.parts.names if name.startswith("agent")))
        wait_for(self.parts.up, "the agent", 60)

    def ping(self) -> str:
        """Have the agent answer; return the job's id."""
        (minion,) = self.parts.stack.minion_ids
        ((answered, answer),) = (
            item for one in self.parts.client.cmd_iter("*", "test.ping", timeout=20) for item in one.items()
        )
        assert (answered, answer.get("ret")) == (minion, True), answer
        return str(answer["jid"])

    def stored(self, jid: str) -> bool:
        with contextlib.suppress(JournalError):
            return bool(self.parts.runner.cmd("jobs.lookup_jid", [jid]))
        return False

    def await_stored(self, jid: str, what: str) -> None:
        wait_for(lambda: self.stored(jid), what, 30)

    def lines(self, *words: str) -> list[str]:
        return [line for line in self.parts.log("master").splitlines() if all(word in line for word in words)]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with tmpfs(tmp_path / "jobs", "size=3m") as mount:
        served = Served(tmp_path / "root", mount)
        try:
            yield served
        finally:
            served.parts.stop_all()


def refusal(served: Served) -> str:
    with pytest.raises(JournalError) as raised:
        served.parts.runner.call("jobs.list_jobs")
    return str(raised.value)


def test_folders_that_are_read_only_at_the_start_are_taken_up_when_they_can_be_written(served: Served) -> None:
    grains = served.cache / "grains"
    with tmpfs(grains) as kept:
        for mount in (served.mount, kept):
            mount.remount("ro")
        served.start()
        first = served.ping()
        assert served.parts.client.cmd("kernel:Linux", "test.ping", tgt_type="grain")
        assert refusal(served) == f"{served.db}: the job store can't be opened: Read-only file system"
        assert list(grains.iterdir()) == []
        for mount in (served.mount, kept):
            mount.remount("rw")
        wait_for(lambda: served.stored(first), "the job from before")
        assert len(served.lines("the job store can't be opened")) == 1
        assert len(served.lines("grains", "Read-only file system")) <= 2  # at the start, and for the first minion
        wait_for(lambda: list(grains.iterdir()), "the grains", 60)
        assert "Traceback" not in served.parts.log("master")
        assert served.lines("the job store works again")


def test_a_full_disk_keeps_results_waiting_and_is_said_once(served: Served) -> None:
    served.start()
    served.await_stored(served.ping(), "the first")
    served.mount.fill()
    big = served.parts.client.cmd("*", "cmd.run", ["printf %0400000d 1"], full_return=True)
    ((answer),) = big.values()
    wait_for(lambda: served.lines("can't be written", "full"), "the fault")
    assert served.ping()
    served.mount.make_room()
    wait_for(lambda: served.stored(answer["jid"]), "the result")
    assert len(served.lines("can't be written", "full")) == 1
    wait_for(lambda: served.lines("the job store works again"), "its word")
    assert len(served.lines("the job store works again")) == 1


def test_a_job_store_that_breaks_or_vanishes_at_work_is_begun_anew(served: Served) -> None:
    served.start()
    served.await_stored(served.ping(), "the first")
    harms: list[Any] = [
        lambda: [one.unlink() for one in served.db.parent.glob("jobs.db*") if "unreadable" not in one.name],
        lambda: (served.db.unlink(), served.db.mkdir()),
    ]
    for harm in harms:
        harm()
        last = served.ping()
        wait_for(lambda last=last: served.stored(last), "a result after it")  # type: ignore[misc]
    assert "Traceback" not in served.parts.log("master")
    assert len(served.lines("set aside as jobs.db.unreadable")) == 1
    assert served.parts.stop("master") == 0
    served.db.write_bytes(b"no database at all " * 1000)
    (served.cache / "alerts.state").write_bytes(b"\xff")
    (served.cache / "dead_letters").write_text("mine")
    served.parts.start("master")
    wait_for(served.parts.up, "the agent", 60)
    served.await_stored(served.ping(), "a result")
    assert "AssertionError" not in served.parts.log("master")


@pytest.mark.parametrize("how", ["read-only", "full"])
def test_a_cache_that_takes_nothing_at_the_start_stops_nobody(served: Served, how: str) -> None:
    with tmpfs(served.cache) as cache:
        if how == "full":
            cache.fill()
        else:
            cache.remount("ro")
        served.start()
        first = served.ping()
        assert served.parts.client.cmd("kernel:Linux", "test.ping", tgt_type="grain")
        if how == "full":
            cache.make_room()
        else:
            cache.remount("rw")
        wait_for(lambda: served.stored(first), "the job", 60)
        wait_for(lambda: list(served.cache.glob("grains/*")), "the grains", 60)
        assert "Traceback" not in served.parts.log("master")
        served.parts.stop_all()
