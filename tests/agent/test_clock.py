"""The master's time as the agent knows it: slow and lopsided networks, drifting clocks, and clocks that are set."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.steady import boot_id, steady_s
from saltern.wire import pack_value
from saltern_agent.clock import DRIFT, Clock, Distance

START = 1_700_000_000.0


class World:
    """A host and its master, whose clocks the test sets; *drift*: seconds a second that the master's gains."""

    def __init__(self, path: Path, *, correct: bool = True, drift: float = 0.0) -> None:
        self.path = path / "cache" / "clock"
        self.correct = correct
        self.drift = drift
        self.steady = 1000.0
        self.wall = START
        self.master = START
        self.clock = self.agent()

    def agent(self, boot: str = "this") -> Clock:
        """Return the clock of an agent that has just started."""
        self.clock = Clock(
            str(self.path), correct=self.correct, wall=lambda: self.wall, steady=lambda: self.steady, boot=boot
        )
        return self.clock

    def pass_time(self, seconds: float) -> None:
        self.steady += seconds
        self.wall += seconds
        self.master += seconds * (1 + self.drift)

    def ask(self, there_s: float = 0.001, back_s: float = 0.001) -> float:
        """Exchange a question and an answer; return by how much that set the agent's time."""
        asked_at = self.steady
        self.pass_time(there_s)
        answer = self.master
        self.pass_time(back_s)
        return self.clock.heard(asked_at, answer)

    @property
    def wrong_by(self) -> float:
        """How far what the agent takes for the master's time is off it."""
        skew_s = self.clock.skew_s()
        assert skew_s is not None
        return abs(self.wall - skew_s - self.master)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_without_an_answer_this_hosts_clock_counts_and_no_skew_is_known(world: World) -> None:
    assert world.clock.now() == START
    assert world.clock.skew_s() is None


def test_a_skew_is_positive_when_this_hosts_clock_is_ahead(world: World) -> None:
    world.wall += 90
    world.ask()
    assert world.clock.skew_s() == pytest.approx(90, abs=0.01)
    world.wall -= 180
    assert world.clock.skew_s() == pytest.approx(-90, abs=0.01)


def test_the_masters_time_counts_from_a_second_on_and_until_half_a_second(world: World) -> None:
    world.ask()
    for skew_s, corrected in ((0.9, False), (1.2, True), (0.8, True), (0.4, False), (0.9, False), (-1.2, True)):
        world.wall = world.master + skew_s
        assert world.clock.now() == pytest.approx(world.master if corrected else world.wall, abs=0.01)


def test_with_the_option_off_the_skew_is_known_and_this_hosts_clock_counts(tmp_path: Path) -> None:
    world = World(tmp_path, correct=False)
    world.wall += 3600
    assert world.ask() == 0
    assert world.clock.now() == world.wall
    assert world.clock.skew_s() == pytest.approx(3600, abs=0.01)


@pytest.mark.parametrize("by_s", [3600, -3600, 2, -2])
def test_a_step_of_this_hosts_clock_shows_at_once_and_moves_nothing(world: World, by_s: float) -> None:
    world.ask()
    before = world.clock.now()
    world.wall += by_s
    assert world.clock.now() == pytest.approx(before, abs=0.01)
    assert world.clock.skew_s() == pytest.approx(by_s, abs=0.01)


@pytest.mark.parametrize("by_s", [3600, -3600, 2, -2])
def test_a_step_of_the_masters_clock_shows_in_the_next_answer(world: World, by_s: float) -> None:
    world.ask()
    world.pass_time(30)
    world.master += by_s
    assert world.ask() == pytest.approx(by_s, abs=0.01)
    assert world.clock.now() == pytest.approx(world.master, abs=0.01)


def test_an_answer_that_sets_nothing_says_so(world: World) -> None:
    assert world.ask() == pytest.approx(0, abs=0.01)
    assert world.ask(5, 0) == pytest.approx(0, abs=0.01)


def test_a_slow_answer_moves_what_a_quick_one_said_by_no_more_than_the_clocks_may_have_drifted(world: World) -> None:
    world.wall += 3600
    world.ask(0.002, 0.002)
    for there_s, back_s in ((8, 0), (0, 8), (25, 0.1)):
        world.pass_time(30)
        world.ask(there_s, back_s)
        assert world.wrong_by < 0.01 + 3 * 60 * DRIFT


def test_where_all_answers_are_slow_a_skew_that_may_be_none_corrects_nothing(world: World) -> None:
    world.wall += 1.5
    world.ask(8, 0)
    assert world.clock.now() == world.wall
    world.ask(0.1, 0.1)
    assert world.clock.now() == pytest.approx(world.master, abs=0.2)


@pytest.mark.parametrize("junk", [None, "1700000000", True, [], float("nan"), float("inf"), -1, 0, 1e300, 10**400])
def test_what_can_be_no_time_is_passed_over(world: World, junk: object) -> None:
    world.ask()
    skew_s = world.clock.skew_s()
    assert world.clock.heard(world.steady, junk) == 0
    assert world.clock.skew_s() == skew_s


def test_an_agent_that_starts_while_its_master_is_away_has_the_masters_time(world: World) -> None:
    world.wall += 3600
    world.ask()
    world.pass_time(7200)
    world.agent()
    assert world.clock.now() == pytest.approx(world.master, abs=0.01)
    world.ask()
    assert world.wrong_by < 0.01


def test_after_a_boot_nothing_is_known_before_the_first_answer(world: World) -> None:
    world.ask()
    for boot in ("another", ""):
        assert world.agent(boot).skew_s() is None
    world.steady = 5.0  # the same name, and yet a clock that began anew
    assert world.agent().skew_s() is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xc1",
        pack_value([]),
        pack_value({"boot": "this"}),
        pack_value({"boot": "this", "low": "x", "high": 1, "at": 1}),
        pack_value({"boot": "this", "low": [], "high": 1, "at": 1}),
        pack_value({"boot": "this", "low": float("nan"), "high": float("nan"), "at": 1}),
        pack_value({"boot": "this", "low": 2, "high": 1, "at": 1}),
        pack_value({"boot": "this", "low": 1, "high": 1, "at": 1e9}),
    ],
)
def test_a_file_that_is_damaged_counts_as_none(world: World, content: bytes) -> None:
    world.path.parent.mkdir()
    world.path.write_bytes(content)
    assert world.agent().skew_s() is None
    world.ask()
    world.agent()
    assert world.wrong_by < 0.01


def test_a_folder_that_takes_no_file_is_said_once_and_heals(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.path.parent.write_text("in the way")
    for by_s in (3600, 3600):
        world.master += by_s
        world.ask()
        assert world.wrong_by < 0.01
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1
    os.unlink(world.path.parent)
    world.ask()
    world.agent()
    assert world.wrong_by < 0.01


def test_the_file_is_written_only_when_the_distance_changes(world: World) -> None:
    world.ask()
    written = world.path.stat().st_mtime_ns, world.path.stat().st_ino
    for _ in range(20):
        world.pass_time(30)
        world.ask(0.01, 0.1)
    assert (world.path.stat().st_mtime_ns, world.path.stat().st_ino) == written


def test_this_machine_has_a_steady_clock_and_a_name_for_its_run() -> None:
    before = steady_s()
    assert steady_s() >= before > 0
    assert boot_id() == boot_id()


delays = st.floats(0, 30)
exchanges = st.tuples(st.just("ask"), delays, delays)
waits = st.tuples(st.just("wait"), st.floats(0, 3600), st.just(0.0))
big_steps = st.tuples(
    st.sampled_from(["master", "own"]), st.sampled_from([-86400.0, -3600.0, 200.0, 3600.0]), st.just(0.0)
)
small_steps = st.tuples(st.sampled_from(["master", "own"]), st.floats(-20, 20), st.just(0.0))
drifts = st.floats(-0.9 * DRIFT, 0.9 * DRIFT)


def play(world: World, what: str, first: float, second: float) -> None:
    if what == "wait":
        world.pass_time(first)
    elif what == "own":
        world.wall += first
    elif what == "master":
        world.master += first


@given(steps=st.lists(exchanges | waits | big_steps, max_size=30), drift=drifts)
def test_it_is_never_off_by_more_than_the_quickest_round_trip_since_the_masters_clock_was_set(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, float, float]], drift: float
) -> None:
    world = World(tmp_path_factory.getbasetemp(), drift=drift)
    world.agent("")  # which keeps nothing on disk
    answers: list[tuple[float, float]] = []
    for what, first, second in steps:
        if what == "ask":
            world.ask(first, second)
            answers.append((first + second, world.steady))
            bound = min(trip_s + 2 * DRIFT * (world.steady - at) for trip_s, at in answers)
            assert world.wrong_by <= bound + 1e-3
        else:
            play(world, what, first, second)
            if what == "master":
                answers.clear()


@given(steps=st.lists(exchanges | waits | small_steps, max_size=30), drift=drifts)
def test_whatever_the_clocks_do_it_is_off_by_less_than_the_last_round_trip(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, float, float]], drift: float
) -> None:
    world = World(tmp_path_factory.getbasetemp(), drift=drift)
    world.agent("")
    for what, first, second in steps:
        if what == "ask":
            world.ask(first, second)
            assert world.wrong_by <= (first + second) * (1 + 2 * DRIFT) + 1e-3
        else:
            play(world, what, first, second)


def test_bounds_widen_with_time_and_answers_that_agree_narrow_them() -> None:
    first, later = Distance(10.0, 20.0, 0.0), Distance(15.0, 40.0, 1000.0)
    joined = first.joined(later)
    assert joined == Distance(15.0, 20.0 + 1000 * DRIFT, 1000.0)
    assert joined.joined(Distance(100.0, 101.0, 1000.0)) == Distance(100.0, 101.0, 1000.0)


def test_a_folder_in_its_place_is_set_aside(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.path.mkdir(parents=True)
    world.agent().heard(world.steady, world.master - 100)
    skew_s = world.clock.skew_s()
    assert skew_s is not None
    assert world.path.is_file()
    assert world.path.with_name("clock.unreadable").is_dir()
