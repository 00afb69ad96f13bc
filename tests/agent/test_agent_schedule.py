"""The schedule under a clock of the test's own."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import CommandError, ConfigError
from saltern.secret import Secret
from saltern_agent.accounts import Told
from saltern_agent.begun import Begun
from saltern_agent.kept_schedule import ScheduleFile
from saltern_agent.ledger import Ledger
from saltern_agent.schedule import Run, Schedule, parse
from support.descriptors import exhausted

START = 1_700_000_000.0
STATS = {"function": "stats.collect", "seconds": 15, "metrics": True}


class FakeTimer:
    def __init__(self, when: float, call: Callable[[], None]) -> None:
        self.when, self.call, self.cancelled = when, call, False

    def cancel(self) -> None:
        self.cancelled = True

    def __lt__(self, other: FakeTimer) -> bool:
        return self.when < other.when


class World:
    """A clock, timers, and what was started; every run ends at once unless ``hangs``."""

    def __init__(self, path: Path) -> None:
        self.path = str(path / "cache" / "schedule")
        self.now = START
        self.timers: list[FakeTimer] = []
        self.runs: list[Run] = []
        self.hangs = False
        self.free = True
        self.schedule = self.made()

    def made(self) -> Schedule:
        self.timers.clear()
        self.ledger = Ledger(self.path + ".ledger")
        begun = Begun(self.path + ".slots")
        self.kept = ScheduleFile(self.path)
        return Schedule("host01", self.kept, self.later, self.start, lambda: self.now, begun=begun, ledger=self.ledger)

    def later(self, delay_s: float, call: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer(self.now + delay_s, call)
        heapq.heappush(self.timers, timer)
        return timer

    def start(self, run: Run) -> bool:
        if not self.free:
            return False
        self.runs.append(run)
        if not self.hangs:
            self.timers.append(FakeTimer(self.now, lambda: self.schedule.finished(run.name)))
            heapq.heapify(self.timers)
        return True

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while self.timers and self.timers[0].when <= until:
            timer = heapq.heappop(self.timers)
            self.now = max(self.now, timer.when) + 1e-6
            if not timer.cancelled:
                timer.call()
        self.now = until

    def slots(self, name: str = "stats") -> list[float]:
        return [run.slot_epoch_s for run in self.runs if run.name == name]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_first_at_once_then_every_slot_once(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    assert world.slots() == [START - START % 15]
    world.pass_time(15 * 20)
    slots = world.slots()
    assert slots == [slots[0] + 15 * n for n in range(len(slots))]
    assert 20 <= len(slots) <= 21


def test_a_pushed_job_waits_for_its_phase(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=False)
    assert world.runs == []
    world.pass_time(15)
    assert len(world.runs) == 1


def test_the_same_schedule_again_changes_nothing(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    world.pass_time(1)
    for _ in range(5):
        world.schedule.install({"stats": dict(STATS)}, at_once=True)
    assert len(world.runs) == 1
    world.pass_time(60)
    assert world.slots() == sorted(set(world.slots()))


def test_a_changed_argument_does_not_run_the_slot_again(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    world.schedule.install({"stats": {**STATS, "args": ["cpu"]}}, at_once=True)
    assert len(world.runs) == 1
    world.pass_time(30)
    assert world.runs[-1].definition.args == ["cpu"]


def test_a_run_that_is_not_over_skips_slots_and_they_are_counted(world: World) -> None:
    world.hangs = True
    world.schedule.install({"stats": STATS, "other": {**STATS, "function": "test.ping"}}, at_once=True)
    world.pass_time(45)
    assert len(world.slots()) == 1
    assert world.schedule.skipped == 6
    world.schedule.finished("stats")
    world.pass_time(15)
    assert len(world.slots()) == 2
    described = world.schedule.describe()["stats"]
    assert (described["skipped"], described["dropped"], described["failed"]) == (3, 0, 0)
    assert described["last_slot"] == world.slots()[-1]


def test_skipped_slots_are_noted_and_said_once_a_series(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.hangs = True
    with caplog.at_level("INFO"):
        world.schedule.install({"stats": STATS}, at_once=True)
        world.pass_time(45)
        first = round(world.slots()[0] / 15)
        assert world.ledger.report() == [Told("stats", 15, [], [(first + 1, first + 3)])]
        world.hangs = False
        world.schedule.finished("stats")
        world.pass_time(30)
    assert [record.getMessage() for record in caplog.records] == [
        "schedule: stats: a slot was skipped: its last run isn't over",
        "schedule: stats: runs again, after slots that were skipped: 3",
    ]


def test_what_was_begun_is_on_disk_before_it_is_run(world: World) -> None:
    begun: list[float | None] = []
    start = world.start

    def look(run: Run) -> bool:
        begun.append(Begun(world.path + ".slots").last(world.schedule._entries["stats"].key))
        return start(run)

    world.schedule._start = look
    world.schedule.install({"stats": STATS}, at_once=True)
    world.pass_time(30)
    assert begun == world.slots()


@pytest.mark.parametrize("skips", [False, True])
def test_no_slot_runs_twice_over_restarts(world: World, skips: bool) -> None:
    """Neither one that ran nor one that was skipped."""
    world.free = not skips
    for _ in range(60):
        world.schedule.install({"stats": STATS}, at_once=True)
        world.pass_time(4)
        world.schedule = world.made()
        world.schedule.load()
    slots = world.slots()
    assert len(slots) == len(set(slots))
    noted = [span for part in world.ledger.report() for span in part.skipped]
    ran = len(slots) if not skips else sum(last - first + 1 for first, last in noted)
    assert 15 <= ran <= 60 * 4 / 15 + 1
    assert world.ledger.of("stats")["skipped"] == (ran if skips else 0)


def test_an_interval_that_was_changed_and_changed_back_runs_no_slot_twice(world: World) -> None:
    for seconds in (15, 60, 15):
        world.schedule.install({"stats": {**STATS, "seconds": seconds}}, at_once=True)
        world.pass_time(0)
    assert [(run.definition.seconds, run.slot_epoch_s) for run in world.runs] == [
        (15, START - START % 15),
        (60, START - START % 60),
    ]


def test_a_change_that_comes_when_a_slot_is_due_does_not_take_it_away(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    world.now += 20  # its phase has passed, its timer is late
    world.schedule.install({"stats": {**STATS, "args": ["cpu"]}}, at_once=False)
    world.pass_time(1)
    first, second = world.slots()
    assert second == first + 15


def test_a_clock_that_was_wrong_at_the_last_run_silences_nothing(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    world.now -= 86400
    world.schedule = world.made()
    world.schedule.load()
    assert len(world.runs) == 2


def test_a_deleted_job_keeps_no_account_once_it_is_told(world: World) -> None:
    world.free = False
    world.schedule.install({"stats": STATS}, at_once=True)
    world.schedule.install({}, at_once=True)
    world.ledger.told(world.ledger.report())
    assert world.ledger.of("stats")["skipped"] == 0


def test_no_free_worker_is_a_skipped_slot(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.free = False
    world.schedule.install({"stats": STATS}, at_once=True)
    assert world.schedule.skipped == 1
    assert "no worker is free" in caplog.text
    world.free = True
    world.pass_time(15)
    assert len(world.runs) == 1


def test_the_last_schedule_is_kept(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    world.runs.clear()
    world.schedule = world.made()
    world.schedule.load()
    assert world.schedule.describe()["stats"]["source"] == "master"
    assert world.runs == [], "the slot was begun before the restart"
    world.pass_time(15)
    assert len(world.runs) == 1


@pytest.mark.parametrize("content", [b"", b"\x00garbage", b"\x93\x01\x02\x03", b"\x82\xa6master\x01\xa5local\x02"])
def test_a_broken_file_is_said_and_passed_over(world: World, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    Path(world.path).parent.mkdir()
    Path(world.path).write_bytes(content)
    world.schedule.load()
    assert world.schedule.describe() == {}
    assert "can't be read" in caplog.text


def test_bad_entries_are_named_and_the_others_run(world: World, caplog: pytest.LogCaptureFixture) -> None:
    bad: dict[Any, Any] = {
        "a": "text",
        "b": {"seconds": 5},
        "c": {"function": "test.ping"},
        "d": {"function": "test.ping", "seconds": -1},
        "e": {"function": "test.ping", "seconds": 5, "args": "x"},
        "f": {"function": "test.ping", "seconds": float("nan")},
        "g\n": STATS,
        "x" * 513: STATS,
        "": STATS,
        5: STATS,
    }
    world.schedule.install({**bad, "stats": STATS}, at_once=True)
    assert list(world.schedule.describe()) == ["stats"]
    for name in "abcdef":
        assert f"schedule: {name}:" in caplog.text
    assert caplog.text.count("a name is 1 to 512 printable characters") == 4


def test_overrides_of_this_minion(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    assert world.schedule.modify("stats", {"seconds": 60}) is True
    assert world.schedule.modify("stats", {"seconds": 60}) is False
    described = world.schedule.describe()["stats"]
    assert (described["seconds"], described["source"], described["function"]) == (60, "local", "stats.collect")
    world.schedule.install({"stats": {**STATS, "seconds": 30}}, at_once=True)
    assert world.schedule.describe()["stats"]["seconds"] == 60
    assert world.schedule.modify("stats", None) is True
    assert world.schedule.describe() == {}
    assert world.schedule.modify("stats", None) is False
    again = world.made()
    again.load()
    assert again.describe() == {}
    assert again.modify("mine", {"function": "test.ping", "seconds": 5, "next_slot": 1}) is True
    assert again.describe()["mine"]["metrics"] is False
    with pytest.raises(ConfigError, match="seconds"):
        again.modify("mine", {"seconds": 0})


def test_disabled_jobs_are_listed_but_do_not_run(world: World) -> None:
    world.schedule.install({"stats": {**STATS, "enabled": False}}, at_once=True)
    world.pass_time(60)
    assert world.runs == []
    assert world.schedule.describe()["stats"]["next_slot"] is None
    world.schedule.modify("stats", {"enabled": True})
    world.pass_time(16)
    assert len(world.runs) == 1


def test_next_and_last_slot(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    described = world.schedule.describe()["stats"]
    assert described["next_slot"] == described["last_slot"] + 15


def test_a_removed_job_stops(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    world.schedule.install({}, at_once=True)
    world.pass_time(60)
    assert len(world.runs) == 1
    assert all(timer.cancelled for timer in world.timers)


def test_run_now(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    assert world.schedule.run_now("stats").definition.function == "stats.collect"
    with pytest.raises(CommandError, match="there are stats"):
        world.schedule.run_now("stat")


def test_a_clock_set_forward_makes_no_burst(world: World) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    for timer in world.timers:
        timer.when += 86400  # monotonic timers don't move with the wall clock
    world.now += 86400
    world.pass_time(16)
    assert len(world.runs) <= 3


@pytest.mark.parametrize("by_s", [3600, -3600, 40, -40])
def test_a_clock_that_was_set_has_every_job_wait_by_what_it_shows_now(world: World, by_s: float) -> None:
    world.schedule.install({"stats": {**STATS, "seconds": 60}, "off": {**STATS, "enabled": False}}, at_once=True)
    world.pass_time(60)
    ran = len(world.runs)
    for timer in world.timers:
        timer.when += by_s  # monotonic timers don't move with the wall clock
    world.now += by_s
    world.schedule.clock_was_set()
    assert len([timer for timer in world.timers if not timer.cancelled]) == 1
    world.pass_time(60 + max(0, -by_s) % 3600)
    assert len(world.runs) > ran
    assert len(set(world.slots())) == len(world.slots())


def test_defaults() -> None:
    definition = parse("x", {"function": "a.b", "seconds": 5, "kwargs": {1: 2}})
    assert definition.kwargs == {"1": 2}
    assert (definition.metrics, definition.return_job, definition.enabled) == (True, False, True)


def test_secrets_are_kept_as_such(world: World) -> None:
    world.schedule.install({"x": {**STATS, "args": [Secret("hunter2")]}}, at_once=True)
    again = world.made()
    again.load()
    assert world.runs[-1].definition.args == [Secret("hunter2")]
    assert "hunter2" not in repr(again.describe())


def test_a_slot_that_fails_is_not_the_last_of_its_job(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.schedule.install({"stats": STATS}, at_once=True)
    world.pass_time(0.001)

    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Begun, "begin", fails)
    with pytest.raises(MemoryError):
        world.pass_time(30)
    monkeypatch.undo()
    world.pass_time(60)
    assert len(world.runs) > 3


def test_a_schedule_that_cannot_be_read_at_the_start_is_taken_up_later(world: World) -> None:
    """What was changed here outlives it, though the master's schedule came meanwhile."""
    world.schedule.install({"stats": STATS}, at_once=True)
    world.schedule.modify("mine", {"function": "test.ping", "seconds": 60})
    world.schedule = world.made()
    with exhausted():
        world.schedule.load()
    assert world.schedule.describe() == {}
    assert not world.kept.file.kept
    world.schedule.install({"stats": STATS, "more": STATS}, at_once=True)

    world.kept.file.retry()

    assert sorted(world.schedule.describe()) == ["mine", "more", "stats"]
    world.schedule = world.made()
    world.schedule.load()
    assert sorted(world.schedule.describe()) == ["mine", "more", "stats"]
