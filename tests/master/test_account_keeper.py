"""The account is what the journal holds: over kills, damage, bounds and deleted files, to the last number."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from saltern.errors import JournalError
from saltern_master.account import accounting as accounting_module
from saltern_master.account.accounting import TALLIES_A_TURN, Accounting
from saltern_master.account.keeper import AccountKeeper
from saltern_master.clock_steps import ClockSteps
from saltern_master.journal import Journal, Position
from saltern_master.journal import index as index_module
from saltern_master.record import (
    ABSENCES,
    FOR_JOBS,
    METRICS,
    POINTS,
    RUN,
    lost_record,
    read_record,
    write_note,
    write_record,
)
from support.descriptors import exhausted

T0 = 1_800_000_000
SCHEDULE = {"stats": {"seconds": 15}}
SUM = ("received", "missing", "lost", "dropped", "skipped", "failed")


class House:
    """A journal, its account and a reader that ships; ``again`` is a start after a ``kill -9``."""

    def __init__(self, folder: Path, max_bytes: int = 1 << 30, notes: str = "journal") -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.notes = notes
        self.again()

    def again(self) -> None:
        self.accounting = Accounting(str(self.folder / "account"))
        self.accounting.load()
        self.accounting.expect("web", SCHEDULE, T0)
        notes_folder = str(self.folder / self.notes)
        self.journal = Journal(str(self.folder / "journal"), self.max_bytes, 10**9, 4096, notes_folder=notes_folder)
        self.journal.open()
        self.keeper = AccountKeeper(self.accounting, self.journal)
        self.shipping = self.journal.reader("graphite", METRICS | POINTS, ships=True)
        self.jobs = self.journal.reader("jobs", FOR_JOBS)
        self.on_the_way: list[int] = []

    def ran(self, *slots: int, flags: int = METRICS | RUN, minion: str = "web", **more: Any) -> None:
        for slot in slots:
            body = {"schedule": "stats", "slot": T0 + slot * 15, "return": {"a": "x" * 200}, **more}
            at = T0 + slot * 15 + 1.0
            self.journal.append(write_record(flags, minion, at, body), write_note(flags, minion, at, body))
            self.journal.flush()

    def read(self) -> None:
        """Read some of what is to be shipped."""
        found = [read_slot(record) for record in self.shipping.read_now(1000)]
        self.on_the_way += [slot for slot in found if slot is not None]

    def rewind(self) -> None:
        """Fail with what was read."""
        self.shipping.rewind()
        self.on_the_way.clear()

    def ship(self) -> list[int]:
        """Read and commit some of what is to be shipped; return the slots."""
        self.read()
        self.shipping.commit()
        self.shipping.save()
        shipped, self.on_the_way = self.on_the_way, []
        return shipped

    def ship_all(self) -> list[int]:
        shipped: list[int] = []
        while self.shipping.behind():
            shipped += self.ship()
        return shipped

    def save(self) -> None:
        asyncio.run(self.keeper._save())

    def numbers(self, slots: int) -> dict[str, float]:
        """Return the account when so many slots are due."""
        self.journal.flush()
        asyncio.run(self.keeper.catch_up())
        ((_, _, found),) = self.accounting.rows(T0 + (slots + 1) * 15)
        assert found["expected"] == sum(found[name] for name in SUM) == slots
        return found


def test_notes_of_what_is_nobodys_slot_take_no_turns_of_the_loop(tmp_path: Path) -> None:
    house = House(tmp_path)
    for write in range(5):
        for _ in range(400):
            house.journal.append(write_record(FOR_JOBS, "web", T0, {"jid": str(write)}))
        house.journal.flush()
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def scenario() -> None:
        other = asyncio.create_task(others())
        await house.keeper.catch_up()
        other.cancel()

    asyncio.run(scenario())
    assert 0 < turns < 50


def test_notes_are_unpacked_once_though_they_are_read_some_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    for slot in range(5):
        house.ran(*(slot * 20 + number for number in range(20)))
    unpacked: list[int] = []
    noted = index_module._noted
    monkeypatch.setattr(index_module, "_noted", lambda record: unpacked.append(record.start) or noted(record))
    reader = house.journal.notes_reader(Position(0, 0))
    read = []
    while some := reader.read_now(1):
        read += some
    assert len(read) == 100
    assert len(unpacked) == 100


async def catch_up_without_descriptors(house: House) -> None:
    with exhausted():
        await house.keeper.catch_up()


def kept(folder: Path) -> Accounting:
    accounting = Accounting(str(folder / "account"))
    accounting.load()
    return accounting


def read_slot(record: bytes) -> int | None:
    found = read_record(record, METRICS)
    return (found.body["slot"] - T0) // 15 if found else None


def job_of(record: bytes) -> dict[str, Any] | None:
    found = read_record(record, FOR_JOBS)
    return found.body if found else None


def test_what_came_since_the_account_was_saved_is_in_it_after_a_kill(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(10))
    house.numbers(10)
    house.save()
    house.ran(*range(10, 17))
    house.ran(17, failed="it raised")
    house.numbers(18)
    house.again()
    found = house.numbers(20)
    assert (found["received"], found["failed"], found["missing"]) == (17, 1, 2)
    house.again()  # and again, though nothing was saved
    assert house.numbers(20) == found


def test_a_new_schedule_is_saved_soon(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.save()
    house.accounting.expect("db", SCHEDULE, T0)
    house.ran(0, 1)
    house.ran(0, 1, minion="db")

    async def one_round() -> None:
        keeper = AccountKeeper(house.accounting, house.journal, steady=lambda: 0.0)  # nothing is overdue
        working = asyncio.create_task(keeper.run())
        while len(list(kept(tmp_path).rows(T0 + 45))) < 2:
            await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.wait([working])

    asyncio.run(one_round())
    assert [row[2]["received"] for row in kept(tmp_path).rows(T0 + 45)] == [2, 2]


def test_what_could_not_be_written_is_not_received(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: 0)
        with pytest.raises(JournalError):
            house.ran(0, 1)
    house.ran(2)
    found = house.numbers(3)
    assert (found["received"], found["missing"]) == (1, 2)


def test_over_the_bound_what_was_not_shipped_is_lost(tmp_path: Path) -> None:
    house = House(tmp_path, max_bytes=20_000)
    house.ran(*range(10))
    shipped = house.ship()
    house.ran(*range(10, 200), minion="web")
    found = house.numbers(200)
    assert found["lost"] == found["lost_over_bound"] > 100
    assert found["missing"] == 0
    shipped += house.ship_all()
    assert found["received"] == len(shipped) == len(set(shipped))
    assert house.journal.metrics()["graphite.lost"] == found["lost"]
    assert house.journal.metrics()["jobs.lost"] == 0


def test_lost_results_of_jobs_are_counted_apart(tmp_path: Path) -> None:
    house = House(tmp_path, max_bytes=20_000)
    for _ in range(100):
        house.journal.append(write_record(FOR_JOBS, "web", T0, {"jid": "1", "return": "x" * 300}))
        house.journal.flush()
    assert house.journal.metrics()["jobs.lost"] > 30
    assert house.journal.metrics()["graphite.lost"] == 0


def test_what_was_read_when_its_segment_went_is_lost_only_if_it_is_not_finished(tmp_path: Path) -> None:
    house = House(tmp_path, max_bytes=20_000)
    house.ran(*range(5))
    assert len(house.shipping.read_now(2000)) == 5  # on its way
    house.ran(*range(5, 100))
    before = house.numbers(100)
    house.shipping.commit()
    assert house.numbers(100) == before
    assert before["received"] == 5 + len(house.ship_all())
    house.ran(*range(100, 105))
    assert len(house.shipping.read_now(2000)) == 5
    house.ran(*range(105, 200))
    lost = house.numbers(200)["lost"]
    house.shipping.rewind()  # whoever had read it failed
    assert house.numbers(200)["lost"] == lost + 5


def test_a_kill_while_records_of_a_segment_that_went_are_on_their_way(tmp_path: Path) -> None:
    house = House(tmp_path, max_bytes=20_000)
    house.ran(*range(5))
    assert len(house.shipping.read_now(2000)) == 5
    house.ran(*range(5, 100))
    house.numbers(100)
    house.save()
    house.again()
    found = house.numbers(100)
    assert found["received"] == len(house.ship_all())
    assert found["lost"] + found["received"] == 100


def hit(path: Path, at: int) -> None:
    with open(path, "r+b") as stream:
        stream.seek(at)
        stream.write(b"\xff" * 8)


def segment(house: House, number: int, suffix: str = "log") -> Path:
    return house.folder / "journal" / f"{number:012d}.{suffix}"


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("saved", [True, False])
def test_damage_costs_what_it_touches_and_it_is_known_whose_it_was(tmp_path: Path, live: bool, saved: bool) -> None:
    house = House(tmp_path)
    house.ran(*range(12))
    house.numbers(12)
    if saved:
        house.save()
    hit(segment(house, 1), 700)
    if not live:
        house.again()
    shipped = house.ship_all()
    assert len(shipped) == 11
    found = house.numbers(12)
    assert (found["received"], found["lost_damaged"], found["missing"]) == (11, 1, 0)
    house.again()
    assert house.numbers(12) == found


@pytest.mark.parametrize("saved", [True, False])
def test_a_segment_that_was_deleted_meanwhile_is_missed(tmp_path: Path, saved: bool) -> None:
    house = House(tmp_path)
    house.ran(*range(60))
    house.numbers(60)
    if saved:
        house.save()
    shipped = house.ship()
    os.unlink(segment(house, 2))
    house.again()
    shipped += house.ship_all()
    found = house.numbers(60)
    assert found["lost"] == found["lost_gone"] > 10
    assert found["received"] == len(shipped) == 60 - found["lost"]
    assert house.journal.dropped == found["lost"]


def test_of_a_segment_that_is_gone_what_was_shipped_is_not_lost(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(12))
    shipped = house.ship()
    assert 0 < len(shipped) < 12
    os.unlink(segment(house, 1))
    house.again()
    found = house.numbers(12)
    assert (found["received"], found["lost_gone"]) == (len(shipped), 12 - len(shipped))


def test_damage_that_is_met_again_is_no_new_loss(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(12))
    hit(segment(house, 1), 700)
    for _ in range(3):
        while house.shipping.read_now(500):
            pass
        house.shipping.rewind()
    assert house.journal.metrics()["graphite.lost"] == 1
    assert house.numbers(12)["lost"] == 1


def test_a_power_cut_that_took_the_end_of_the_log(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(10))
    house.numbers(10)
    house.save()
    size = segment(house, 1).stat().st_size
    os.truncate(segment(house, 1), size - 500)
    house.again()
    house.ran(10, 11)
    found = house.numbers(12)
    assert (found["received"], found["lost_damaged"]) == (10, 2)
    assert house.ship_all() == [*range(8), 10, 11]


@pytest.mark.parametrize("what", ["deleted", "damaged", "truncated", "another version", "not written"])
def test_the_index_is_a_copy(tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path)
    if what == "not written":
        monkeypatch.setattr("saltern_master.journal.index.Index.append", lambda *_: None)
    for slot in range(30):
        house.ran(slot)
    path = segment(house, 1, "index")
    if what == "deleted":
        os.unlink(path)
    elif what == "damaged":
        hit(path, 300)
    elif what == "truncated":
        os.truncate(path, 200)
    elif what == "another version":
        hit(path, 5)
    house.again()
    monkeypatch.undo()
    house.ran(*range(30, 33))
    assert house.numbers(33)["received"] == 33
    assert len(house.ship_all()) == 33


@pytest.mark.parametrize("position", [b"", b"x", b"99 5\n", b"1 999999\n", b"-1 -1\n"])
def test_no_position_of_another_journal_hides_a_record(tmp_path: Path, position: bytes) -> None:
    house = House(tmp_path)
    house.ran(*range(5))
    (tmp_path / "journal" / "graphite.position").write_bytes(position)
    house.again()
    assert house.ship_all() == list(range(5))
    house.keeper._notes.at = Position(99, 5)
    house.save()
    house.again()
    assert house.journal.metrics()["cut_short"] == 1
    house.ran(5)
    assert house.numbers(6)["received"] == 6
    assert house.journal.metrics()["cut_short"] == 1


def test_what_agents_and_the_store_say_is_taken_in(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(0, 1, 2)
    absent = {"schedules": {"stats": {"seconds": 15, "skipped": [[T0 + 45, T0 + 60]], "dropped": [[T0 + 75, T0 + 75]]}}}
    other = {"schedules": {"stats": {"seconds": 60, "skipped": [[T0, T0 + 90]]}, "nosuch": {"seconds": 15}}}
    for body in (absent, other):
        at = T0 + 100.0
        house.journal.append(write_record(ABSENCES, "web", at, body), write_note(ABSENCES, "web", at, body))
    house.journal.append(*lost_record("refused", {"web": {"stats": [T0 + 15], "nosuch": [T0]}, "nosuch": {"x": [T0]}}))
    found = house.numbers(7)
    assert [found[name] for name in SUM] == [2, 1, 1, 1, 2, 0]
    house.again()
    assert house.numbers(7) == found


@pytest.mark.parametrize(
    "note",
    [
        (RUN,),
        (RUN, "web", "x", "stats", T0, False),
        (ABSENCES, "web", T0, 5),
        (64, "nosuch", T0, {}),
        (64, "refused", T0, 5),
    ],
)
def test_a_note_that_makes_no_sense_stops_nothing(tmp_path: Path, note: Any) -> None:
    house = House(tmp_path)
    house.accounting.note(note)
    house.ran(0)
    assert house.numbers(1)["received"] == 1


OPS = st.lists(
    st.one_of(
        st.tuples(st.just("ran"), st.lists(st.integers(0, 60), min_size=1, max_size=12)),
        st.tuples(st.sampled_from(["ship", "ship_all", "save", "count", "kill", "read", "rewind"]), st.just([])),
        st.tuples(
            st.sampled_from(["damage", "delete", "damage index", "delete index"]),
            st.lists(st.integers(0, 9999), min_size=2, max_size=2),
        ),
    ),
    max_size=40,
)


@given(OPS)
@example([("ran", [0, 1]), ("damage", [0, 16]), ("ship", []), ("damage", [0, 1])])  # the head, twice
@example(
    [("damage", [0, 0]), ("ship", []), ("delete", [0, 0]), ("ran", [0]), ("damage", [0, 13])]
)  # the journal begins anew before the position, and comes to it
@settings(max_examples=150, deadline=None)
def test_whatever_happens_every_slot_is_received_and_shipped_or_lost(ops: list[tuple[str, list[int]]]) -> None:
    """At the end all that counts as received was shipped, and all that came and was not shipped is lost."""
    with tempfile.TemporaryDirectory() as name:
        house = House(Path(name), max_bytes=24_000)
        came: set[int] = set()
        twice: set[int] = set()
        shipped: set[int] = set()
        blind = False  # an index and its log were both hit: nobody can know then
        for op, args in ops:
            if op == "ran":
                twice.update(slot for slot in args if slot in came or args.count(slot) > 1)
                came.update(args)
                house.ran(*args)
            elif op in ("ship", "ship_all"):
                shipped.update(getattr(house, op)())
            elif op == "save":
                house.save()
            elif op == "count":
                asyncio.run(house.keeper.catch_up())
            elif op in ("read", "rewind"):
                getattr(house, op)()
            else:
                if op != "kill":
                    suffix = "index" if "index" in op else "log"
                    paths = sorted((house.folder / "journal").glob(f"*.{suffix}"))
                    blind = blind or suffix == "index"
                    if paths and "delete" in op:
                        os.unlink(paths[args[0] % len(paths)])
                    elif paths:
                        path = paths[args[0] % len(paths)]
                        hit(path, args[1] % max(1, path.stat().st_size))
                house.again()
        house.journal.flush()
        shipped.update(house.ship_all())
        found = house.numbers(62)
        tally = house.accounting._tallies["web"]["stats"]
        received = {slot - T0 // 15 for slot in range(T0 // 15, T0 // 15 + 62) if tally.states.at(slot) == 1}
        assert received <= came
        if not blind:
            assert received <= shipped
            assert shipped - received <= twice  # of twins one may be lost
            assert found["received"] + found["lost"] == len(came)
        house.journal.close()


# the file


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x90", b"\x81\xa7version\x02", b"x" * 1000])
def test_a_damaged_file_starts_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    (tmp_path / "account").write_bytes(content)
    house = House(tmp_path)
    assert "the account starts anew" in caplog.text
    house.ran(0)
    assert house.numbers(1)["received"] == 1


def test_a_file_that_cannot_be_written_is_said_and_its_notes_are_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    house.ran(*range(60))
    house.ship_all()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(accounting_module, "write_private", full)
        house.numbers(60)
        house.save()
        house.save()
    assert caplog.text.count("account: can't be written: No space left on device") == 1
    house.journal.trim()
    house.again()
    assert house.numbers(60)["received"] == 60
    house.save()
    house.shipping.save()
    while house.jobs.read_now():
        house.jobs.commit()
    house.jobs.save()
    house.journal.trim()
    assert len(list((tmp_path / "journal").glob("*.index"))) == len(list((tmp_path / "journal").glob("*.log"))) == 1


def test_an_account_is_written_a_few_tallies_in_a_turn_of_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        house = House(tmp_path)
        for number in range(999):
            house.accounting.expect(f"web{number}", SCHEDULE, T0)
        turn, packed_in = 0, []
        pack = accounting_module.pack_value

        def counting(value: Any) -> bytes:
            packed_in.append(turn)
            return pack(value)

        monkeypatch.setattr(accounting_module, "pack_value", counting)
        saving = asyncio.create_task(house.keeper._save())
        while not saving.done():
            turn += 1
            await asyncio.sleep(0)
        await saving
        assert len(packed_in) == 1001
        assert max(packed_in.count(number) for number in set(packed_in)) <= TALLIES_A_TURN + 1
        assert (tmp_path / "account").stat().st_size < 1000 * 200
        again = Accounting(str(tmp_path / "account"))
        again.load()
        assert list(again.rows(T0 + 400_000)) == list(house.accounting.rows(T0 + 400_000))

    asyncio.run(run())


def test_the_fleet_may_change_while_its_account_is_written(tmp_path: Path) -> None:
    async def run() -> None:
        house = House(tmp_path)
        for number in range(200):
            house.accounting.expect(f"web{number}", SCHEDULE, T0)
        saving = asyncio.create_task(house.keeper._save())
        await asyncio.sleep(0)
        house.accounting.forget(["web0", "web150"])
        house.accounting.expect("web151", {"other": {"seconds": 60}}, T0)
        house.accounting.expect("new", SCHEDULE, T0)
        await saving
        again = Accounting(str(tmp_path / "account"))
        again.load()
        assert len(list(again.rows(T0))) == 201

    asyncio.run(run())


def test_a_schedule_that_ends_and_a_minion_that_goes(tmp_path: Path) -> None:
    accounting = Accounting(str(tmp_path / "account"))
    accounting.expect("a", {**SCHEDULE, "x": {"seconds": 60}}, T0)
    accounting.expect("b", SCHEDULE, T0)
    accounting.expect("a", SCHEDULE, T0)
    assert [row[:2] for row in accounting.rows(T0)] == [("a", "stats"), ("b", "stats")]
    accounting.forget(["a"])
    assert [row[:2] for row in accounting.rows(T0)] == [("b", "stats")]


# clocks


class Clocks:
    """A clock on the wall and a steady one."""

    def __init__(self) -> None:
        self.wall, self.steady = T0 + 1500.0, 7.0

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.mark.parametrize("by", [3600, -3600, 3.0])
def test_a_step_of_the_clock_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture, by: float) -> None:
    house, clocks = House(tmp_path), Clocks()
    keeper = AccountKeeper(house.accounting, house.journal, ClockSteps(lambda: clocks.wall, lambda: clocks.steady))
    house.ran(*range(100))
    asyncio.run(keeper.catch_up())
    clocks.advance(60)
    asyncio.run(keeper.catch_up())
    assert "the clock was set" not in caplog.text
    clocks.wall += by
    asyncio.run(keeper.catch_up())
    assert f"the clock was set by {by:+.1f} s" in caplog.text
    ((_, _, found),) = house.accounting.rows(clocks.wall)
    assert found["expected"] == sum(found[name] for name in SUM)
    assert found["received"] == 100
    assert found["missing"] <= 3


@pytest.mark.parametrize("other_boot", [False, True])
def test_a_clock_that_was_set_back_while_the_master_was_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_boot: bool
) -> None:
    house = House(tmp_path)
    house.ran(*range(300))
    house.numbers(300)
    clock: Callable[[], float] = lambda: T0 + 300 * 15.0  # noqa: E731
    monkeypatch.setattr(accounting_module.time, "time", clock)
    house.save()
    monkeypatch.setattr(accounting_module.time, "time", lambda: T0 + 60 * 15.0)
    again = Accounting(str(tmp_path / "account"), boot="another" if other_boot else None)
    again.load()
    ((_, _, found),) = again.rows(T0 + 82 * 15)
    assert (found["received"], found["missing"]) == (300, 20)


@pytest.mark.parametrize(("away_s", "set_s"), [(30, 3600), (3600, 0), (3600, 86400), (7200, -3600)])
def test_what_the_clock_was_set_by_while_the_master_was_away_is_not_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, away_s: int, set_s: int
) -> None:
    clocks = Clocks()
    house = House(tmp_path)
    house.accounting = Accounting(str(tmp_path / "account"), lambda: clocks.steady)
    house.accounting.expect("web", SCHEDULE, T0)
    house.keeper = AccountKeeper(house.accounting, house.journal)
    house.ran(*range(300))
    monkeypatch.setattr(accounting_module.time, "time", lambda: clocks.wall)
    clocks.wall = T0 + 301 * 15.0
    house.numbers(300)
    house.save()
    clocks.wall += away_s + set_s
    clocks.steady += away_s
    again = Accounting(str(tmp_path / "account"), lambda: clocks.steady)
    again.load()
    clocks.wall += 600
    ((_, _, found),) = again.rows(clocks.wall)
    assert found["expected"] == sum(found[name] for name in SUM)
    assert found["received"] == 300
    assert abs(found["missing"] - (away_s + 600) / 15) <= 3


# a journal that somebody deletes while it is written


@pytest.mark.parametrize("files", ["all", "the last"])
def test_a_journal_that_is_deleted_while_it_is_written_is_made_again(tmp_path: Path, files: str) -> None:
    house = House(tmp_path)
    house.ran(*range(5))
    assert house.ship_all() == list(range(5))
    house.ran(*range(5, 8))
    if files == "all":
        shutil.rmtree(tmp_path / "journal")
        assert house.shipping.read_now() == []
    else:
        os.unlink(segment(house, 1))
    house.ran(*range(8, 12))
    assert house.ship_all() == list(range(5, 12))
    found = house.numbers(12)
    assert (found["received"], found["lost"]) == (12, 0)
    house.again()
    assert house.ship_all() == []
    assert house.numbers(12) == found


def test_of_older_segments_that_are_deleted_the_loss_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path)
    house.ran(*range(60))
    shipped = house.ship()
    shutil.rmtree(tmp_path / "journal")
    house.ran(*range(60, 62))
    shipped += house.ship_all()
    assert "the journal was deleted while it was written: it is made again" in caplog.text
    assert 62 - len(shipped) >= house.journal.metrics()["graphite.lost"] > 30  # at least: of one it was within


def test_a_journal_that_is_moved_away_for_a_while_loses_nothing(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(5))
    (tmp_path / "journal").rename(tmp_path / "away")
    house.ran(*range(5, 9))
    assert house.shipping.read_now() == []
    (tmp_path / "away").rename(tmp_path / "journal")
    house.ran(9)
    assert house.ship_all() == list(range(10))
    assert house.numbers(10)["received"] == 10


# faults of files at work


def test_an_older_segment_that_is_deleted_at_work_is_lost_and_reading_goes_on(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(60))
    os.unlink(segment(house, 2))
    shipped = house.ship_all()
    found = house.numbers(60)
    assert found["lost_gone"] == 60 - len(shipped) > 10
    assert found["received"] == len(shipped)


@pytest.mark.parametrize("index_too", [False, True])
def test_a_bad_sector_costs_the_records_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index_too: bool) -> None:
    house = House(tmp_path)
    house.ran(*range(60))
    bad = {segment(house, 2).stat().st_ino} | ({segment(house, 1, "index").stat().st_ino} if index_too else set())
    real = os.pread

    def pread(fd: int, count: int, at: int) -> bytes:
        if os.fstat(fd).st_ino in bad and at <= 700 < at + count:
            raise OSError(5, "Input/output error")
        return real(fd, count, at)

    monkeypatch.setattr(os, "pread", pread)
    shipped = house.ship_all()
    assert len(shipped) >= 58
    found = house.numbers(60)
    assert found["received"] + found["lost"] == 60
    assert found["received"] == len(shipped)


def test_what_was_shipped_behind_damage_is_not_lost_with_its_segment_before_anything_else_comes(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(0, 1, 2)
    hit(segment(house, 1), 100)
    house.journal.append(write_record(FOR_JOBS, "web", T0, {"jid": "1"}))  # not flushed yet
    assert house.ship_all() == [1, 2]
    assert not house.journal._losses.untold
    os.unlink(segment(house, 1))
    house.again()
    found = house.numbers(3)
    assert (found["received"], found["lost_damaged"], found["lost"]) == (2, 1, 1)


def test_a_loss_that_can_not_be_written_holds_the_position_and_touches_nothing_that_is_buffered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    house.ran(0, 1)
    hit(segment(house, 1), 100)
    house.journal.append(write_record(FOR_JOBS, "web", T0, {"jid": "1"}))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: 0)
        assert house.ship() == [1]
    assert house.shipping.saved == Position(0, 0)
    house.journal.flush()  # whoever waits for this one is told the truth
    house.again()
    house.ship_all()
    assert [body["jid"] for body in map(job_of, house.jobs.read_now()) if body] == ["1"]
    found = house.numbers(2)
    assert (found["received"], found["lost_damaged"]) == (1, 1)


def test_a_segment_that_is_cut_at_work_takes_nothing_that_comes_later(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(5))
    os.truncate(segment(house, 1), 0)
    house.ran(*range(5, 9))
    assert house.ship_all() == [5, 6, 7, 8]
    assert house.numbers(9)["lost_damaged"] == 5
    house.again()
    assert house.numbers(9)["received"] == 4


def test_a_segment_that_can_not_be_deleted_keeps_nothing_from_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, max_bytes=20_000)
    real = os.unlink

    def denied(path: str, *args: Any, **kwargs: Any) -> None:
        if str(path).endswith("1.log"):
            raise PermissionError(1, "Operation not permitted")
        real(path, *args, **kwargs)

    monkeypatch.setattr(os, "unlink", denied)
    house.ran(*range(200))
    found = house.numbers(200)
    assert found["received"] + found["lost"] == 200
    assert found["received"] == len(house.ship_all())


def test_damage_that_the_account_comes_to_first_is_counted_for_the_reader(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(12))
    os.unlink(segment(house, 1, "index"))
    hit(segment(house, 1), 700)
    house.again()
    asyncio.run(house.keeper.catch_up())
    assert len(house.ship_all()) == 11
    assert house.journal.metrics()["graphite.lost"] == 1


@pytest.mark.parametrize("at", [0, 5, 30, 60])
def test_a_flipped_bit_of_the_file_is_no_other_number(tmp_path: Path, at: int) -> None:
    house = House(tmp_path)
    house.ran(*range(3))
    house.numbers(3)
    house.save()
    data = bytearray((tmp_path / "account").read_bytes())
    data[at] ^= 4
    (tmp_path / "account").write_bytes(data)
    house.again()
    assert (tmp_path / "account.unreadable").read_bytes() == data
    assert house.numbers(3)["received"] == 3  # from the notes that are still there


def test_a_schedule_that_is_switched_off_or_changes_its_interval(tmp_path: Path) -> None:
    accounting = Accounting(str(tmp_path / "account"))
    accounting.expect("web", SCHEDULE, T0)
    accounting.changed = False
    accounting.expect("web", SCHEDULE, T0 + 60)
    assert not accounting.changed
    accounting.expect("web", {"stats": {"seconds": 5}}, T0 + 60)
    assert accounting.changed
    accounting.expect("web", {"stats": {"seconds": 5, "enabled": False}}, T0 + 60)
    assert list(accounting.rows(T0 + 600)) == []


def test_an_account_that_can_not_be_read_just_now_is_neither_set_aside_nor_written_over(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(3))
    house.numbers(3)
    house.save()
    shutil.copy(tmp_path / "account", tmp_path / "kept")
    house.again()
    with exhausted():
        accounting = Accounting(str(tmp_path / "account"))
        accounting.load()
    assert not accounting.loaded
    accounting.expect("web", SCHEDULE, T0 + 300)
    accounting.expect("db", SCHEDULE, T0 + 300)
    house.accounting = accounting
    house.keeper = AccountKeeper(accounting, house.journal)
    asyncio.run(catch_up_without_descriptors(house))
    with exhausted():
        house.keeper.close()
    assert (tmp_path / "account").read_bytes() == (tmp_path / "kept").read_bytes()
    asyncio.run(house.keeper.catch_up())
    assert accounting.loaded
    assert house.keeper._notes.done == accounting.position > Position(0, 0)  # nothing is taken in twice
    assert {row[:2]: row[2]["received"] for row in accounting.rows(T0 + 60)} == {
        ("web", "stats"): 3,
        ("db", "stats"): 0,
    }
    house.keeper.close()
    assert (tmp_path / "account").read_bytes() != (tmp_path / "kept").read_bytes()
    assert not (tmp_path / "account.unreadable").exists()


def test_notes_and_records_that_can_not_be_read_just_now_are_read_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    house = House(tmp_path)
    house.ran(*range(40))  # several segments
    asyncio.run(catch_up_without_descriptors(house))
    with exhausted():
        assert house.ship() == []
    assert "can't be read just now" in caplog.text
    assert (house.shipping.lost, house.journal.dropped) == (0, 0)
    found = house.numbers(40)
    assert (found["received"], found["missing"], found["lost"]) == (40, 0, 0)
    assert sorted(house.ship_all()) == list(range(40))
    assert "can be read again" in caplog.text


def test_notes_are_not_passed_over_while_the_folder_is_away(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(40))  # several segments
    (tmp_path / "journal").rename(tmp_path / "away")
    asyncio.run(house.keeper.catch_up())
    (tmp_path / "away").rename(tmp_path / "journal")
    assert house.numbers(40)["received"] == 40


@given(
    runs=st.lists(st.sampled_from(["web", "db", "odd"]), min_size=1, max_size=60),
    shipped=st.integers(0, 4),
    saved_at=st.integers(0, 60),
    stopped=st.booleans(),
    moved=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_journal_that_was_deleted_while_the_master_was_down_is_lost_for_those_whose_it_was(
    runs: list[str], shipped: int, saved_at: int, stopped: bool, moved: bool
) -> None:
    """To the last slot, whether the master was stopped or killed, and whenever its account had been saved."""
    with tempfile.TemporaryDirectory() as name:
        house = House(Path(name), notes="journal-notes")
        for minion in ("web", "db", "odd"):
            house.accounting.expect(minion, SCHEDULE, T0)
        truth: set[tuple[str, int]] = set()
        for number, minion in enumerate(runs):
            house.ran(number, minion=minion)
            truth.add((minion, number))
            if number == saved_at:
                asyncio.run(house.keeper.catch_up())
                house.save()
        arrived: set[tuple[str, int]] = set()
        for _ in range(shipped):
            for record in house.shipping.read_now(1500):
                found = read_record(record, METRICS)
                assert found is not None
                arrived.add((found.minion_id, (found.body["slot"] - T0) // 15))
            house.shipping.commit()
            house.shipping.save()
        if stopped:
            house.keeper.close()
            house.journal.close()
        if moved:
            (Path(name) / "journal").rename(Path(name) / "elsewhere")
        else:
            shutil.rmtree(Path(name) / "journal")
        for _ in range(2):
            house.again()
            for minion in ("web", "db", "odd"):
                house.accounting.expect(minion, SCHEDULE, T0)
            house.journal.flush()
            asyncio.run(house.keeper.catch_up())
            for minion, _, numbers in house.accounting.rows(T0 + (len(runs) + 1) * 15):
                mine = {slot for one, slot in truth if one == minion}
                stored = {slot for one, slot in arrived if one == minion}
                assert numbers["expected"] == sum(numbers[part] for part in SUM)
                assert numbers["received"] == len(stored)
                assert numbers["lost"] == numbers.get("lost_gone", 0) == len(mine - stored)
            assert house.journal.cut_short == 0
        house.ran(len(runs))
        assert house.ship_all() == [len(runs)]


def test_notes_of_a_former_version_are_taken_over(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(40))
    shipped = house.ship()
    house.journal.close()
    house.notes = "journal-notes"
    house.again()
    assert sorted(shipped + house.ship_all()) == list(range(40))
    assert house.numbers(40)["received"] == 40
    left = {path.suffix for path in (tmp_path / "journal").iterdir()}
    assert left == {".log"}


def test_notes_that_are_deleted_while_the_master_runs_are_begun_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path, notes="journal-notes")
    house.ran(*range(5))
    shutil.rmtree(tmp_path / "journal-notes")
    house.ran(*range(5, 8))
    shipped = house.ship_all()
    house.ran(*range(8, 10))
    assert house.numbers(10)["received"] == 10
    house.again()
    shipped += house.ship_all()
    assert sorted(set(shipped)) == list(range(10))
    assert house.numbers(10)["received"] == 10
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_journal_that_is_deleted_while_the_master_runs_is_lost_for_those_whose_it_was(tmp_path: Path) -> None:
    house = House(tmp_path, notes="journal-notes")
    house.ran(*range(40))  # several segments
    shipped = house.ship()
    shutil.rmtree(tmp_path / "journal")
    house.ran(40)
    shipped += house.ship_all()
    found = house.numbers(41)
    assert found["lost"] == found["lost_gone"] == 41 - len(shipped) > 0
    assert found["received"] == len(shipped)
    house.again()
    assert house.numbers(41) == found


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("journal_too", [False, True])
def test_notes_that_are_deleted_before_the_first_is_written_again_are_begun_anew(
    tmp_path: Path, journal_too: bool, started: bool
) -> None:
    """A file of notes that was there at the start has no head when it is made again, unless it is begun anew."""
    house = House(tmp_path, notes="journal-notes")
    house.ran(*range(3))
    if started:
        house.again()
    shutil.rmtree(tmp_path / "journal-notes")
    if journal_too:
        shutil.rmtree(tmp_path / "journal")
    house.ran(3, 4)
    house.journal.close()
    shutil.rmtree(tmp_path / "journal")
    house.again()
    assert house.numbers(5)["lost_gone"] == 2
    assert list(tmp_path.rglob("*.unreadable*")) == []


async def cancel_after_a_turn(task: asyncio.Task[None]) -> None:
    """End *task* as a stop of the master, or a caller who is gone, does."""
    await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("then", ["end", "save"])
def test_what_was_read_when_a_look_at_the_journal_was_cancelled_is_taken_in_all_the_same(
    tmp_path: Path, then: str
) -> None:
    house = House(tmp_path)
    house.ran(0, 1)
    nothing: dict[str, Any] = {"schedules": {}}
    house.journal.append(write_record(ABSENCES, "web", T0, nothing))  # after each of these is a turn
    house.ran(*range(2, 9))

    async def a_look_that_is_cancelled() -> None:
        await cancel_after_a_turn(asyncio.create_task(house.keeper.catch_up()))
        ((_, _, seen),) = house.accounting.rows(T0 + 10 * 15)
        assert seen["received"] == 2  # cancelled among what it had read
        if then == "save":
            await house.keeper._save()

    asyncio.run(a_look_that_is_cancelled())
    if then == "end":
        house.keeper.close()
    house.again()
    assert house.numbers(9)["received"] == 9


def test_a_position_beyond_the_end_is_given_up_for_good_before_the_journal_comes_to_it_again(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.ran(*range(9))
    house.numbers(9)
    house.save()
    shutil.rmtree(tmp_path / "journal")  # with all that was known of it
    house.again()
    house.ran(*range(9, 30))  # before anybody looks
    assert house.journal.head > house.accounting.position
    assert not house.accounting.changed
    house.keeper._steady = lambda: house.keeper._saved_at  # nothing is overdue

    async def until_it_is_saved() -> None:
        working = asyncio.create_task(house.keeper.run())
        while kept(tmp_path).position != house.journal.head:
            await asyncio.sleep(0.01)
        await cancel_after_a_turn(working)

    asyncio.run(until_it_is_saved())
    house.again()
    assert house.numbers(30)["received"] == 30


def test_what_is_written_last_stays_however_long_an_earlier_write_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    house.ran(0)
    begun, go_on = threading.Event(), threading.Event()
    write = house.accounting.write

    def slow(rows: Sequence[bytes], position: Position) -> bool:
        if not begun.is_set():
            begun.set()
            go_on.wait(30)
        return write(rows, position)

    monkeypatch.setattr(house.accounting, "write", slow)

    async def end_in_the_midst() -> None:
        saving = asyncio.create_task(house.keeper._save())
        await asyncio.to_thread(begun.wait, 30)
        await cancel_after_a_turn(saving)
        house.ran(1)
        ending = threading.Thread(target=house.keeper.close)
        ending.start()
        ending.join(0.2)
        go_on.set()
        ending.join(30)

    asyncio.run(end_in_the_midst())  # it waits for its threads
    assert not house.keeper._write([], Position(0, 0))  # as of a thread that had not begun
    assert kept(tmp_path).position == house.journal.head
