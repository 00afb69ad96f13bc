"""What never answers costs its own numbers, and one thread, and no more."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from saltern_modules.collectors.asking import walk
from saltern_modules.collectors.asking.aside import Aside
from saltern_modules.collectors.asking.questions import MAX_UNANSWERED, Questions
from saltern_modules.collectors.disk import MAX_AT_A_PLACE, Disk
from saltern_modules.collectors.reading.mounts import Mount
from saltern_modules.collectors.sampler import Sampler
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source
from saltern_modules.collectors.uptime import Uptime
from support.mounts import fuse_without_answers
from support.stacks import wait_for

SHORT_S = 0.2


class Gate:
    """Keeps whoever passes until it is opened, and counts them."""

    def __init__(self) -> None:
        self.waiting = 0
        self._open = threading.Event()

    def __call__(self, answer: object = "late") -> object:
        self.waiting += 1
        self._open.wait()
        self.waiting -= 1
        return answer

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def hanging_sensor(fake_host: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A sensor on a bus that doesn't answer: a FIFO without a writer."""
    monkeypatch.setattr(walk, "TIMEOUT_S", SHORT_S)
    monkeypatch.setattr("saltern_modules.collectors.sampler.TIMEOUT_S", SHORT_S)
    chip = tmp_path / "sys/class/hwmon/hwmon0"
    chip.mkdir(parents=True)
    (chip / "name").write_text("bmc\n")
    os.mkfifo(chip / "temp1_input")
    fake_host.opts["sys_root"] = str(tmp_path / "sys")
    yield chip / "temp1_input"
    answer(chip / "temp1_input")


def answer(fifo: Path) -> None:
    """Let go of those who wait for *fifo*, if there are any."""
    with contextlib.suppress(OSError):
        descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.closing(os.fdopen(descriptor, "wb", 0)) as stream:
            stream.write(b"41000\n")


def threads(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def test_calls_share_a_thread_and_errors_come_back() -> None:
    aside = Aside("aside")
    seen: list[int] = []
    for _ in range(3):
        assert aside.do(lambda: seen.append(threading.get_ident()), 5.0)
    assert len(set(seen)) == 1
    assert seen[0] != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        aside.do(lambda: print(1 // 0), 5.0)
    assert aside.do(lambda: None, 5.0)


def test_a_thread_ends_with_its_owner() -> None:
    aside = Aside("owned")
    aside.do(lambda: None, 5.0)
    assert threads("owned") == 1
    del aside
    wait_for(lambda: threads("owned") == 0, "the thread's end")


def test_a_thread_that_comes_back_late_ends(gate: Gate) -> None:
    aside = Aside("late")
    assert not aside.do(functools.partial(lambda: (gate(), None)[1]), SHORT_S)
    assert aside.do(lambda: None, 5.0), "the next call has another thread"
    assert threads("late") == 2
    gate.open()
    wait_for(lambda: threads("late") == 1, "the late thread's end")


def test_one_that_never_answers_costs_no_other_its_answer(gate: Gate) -> None:
    questions = Questions("ask", SHORT_S)
    asked: dict[str, Callable[[], object]] = {"a": lambda: 1, "hung": gate, "b": lambda: 2, "c": missing}
    for _ in range(3):
        answers = questions.ask(asked)
        assert (answers["a"], answers["b"], str(answers["c"])) == (1, 2, "gone")
        assert "hung" not in answers
    assert gate.waiting == 1, "it was asked once"
    gate.open()
    wait_for(lambda: not questions.unanswered, "the late answer")
    assert questions.ask(asked)["hung"] == "late"


def missing() -> object:
    raise FileNotFoundError("gone")


def test_many_that_hang_are_found_at_once_and_bounded(gate: Gate) -> None:
    questions = Questions("many", SHORT_S)
    asked = {str(number): gate for number in range(3 * MAX_UNANSWERED)}
    for _ in range(4):
        assert questions.ask(asked) == {}
    assert gate.waiting == len(questions.unanswered) == MAX_UNANSWERED
    assert threads("many") <= MAX_UNANSWERED


def test_what_was_answered_is_asked_beside_any_number_that_hang(gate: Gate) -> None:
    questions = Questions("beside", SHORT_S)
    good: dict[str, Callable[[], object]] = {f"good{number}": lambda: 1 for number in range(3)}
    assert len(questions.ask(good)) == 3
    asked = {**{str(number): gate for number in range(2 * MAX_UNANSWERED)}, **good}
    for _ in range(4):
        assert questions.ask(asked) == dict.fromkeys(good, 1)
    assert gate.waiting == MAX_UNANSWERED
    worse = {**asked, **dict.fromkeys(good, gate)}
    for _ in range(2):
        assert questions.ask(worse) == {}
    assert gate.waiting == MAX_UNANSWERED + 3, "each of them costs its own"


def test_a_collector_that_hangs_loses_its_own_numbers_alone(
    hanging_sensor: Path, fake_host: Any, caplog: pytest.LogCaptureFixture
) -> None:
    sampler = Sampler(fake_host.opts)
    samples = [sampler.sample() for _ in range(3)]
    for sample in samples:
        assert sample["collector"]["temperature"]["success"] == 0
        assert "temperature" not in sample
        assert {*sample["collector"]} >= {"cpu", "memory", "uptime", "vmstat"}
        assert sample["memory"]["percent"] == 50.0
        assert sample["uptime"], "those behind it are asked as well"
    assert sampler.hangs()
    # another test's may be ending yet
    wait_for(lambda: threads("stats") == 2, "the one that hangs, and the one that goes on, to be alone")
    told = [record.message for record in caplog.records if "temperature" in record.message]
    assert told == [
        "stats: the temperature collector gave no answer within 0.2 s; until it does it is left out (said once)"
    ]
    answer(hanging_sensor)
    wait_for(lambda: not sampler.hangs(), "the sensor's answer")
    assert threads("stats") <= 2


def test_a_host_without_devices_to_ask_needs_no_thread(fake_host: Any, tmp_path: Path) -> None:
    (tmp_path / "class/hwmon").mkdir(parents=True)
    fake_host.opts["sys_root"] = str(tmp_path)
    before = threads("stats")
    sampler = Sampler(fake_host.opts)
    for _ in range(2):
        sample = sampler.sample()
        assert sample["collector"]["temperature"]["success"] == sample["collector"]["cpu"]["success"] == 1
    assert threads("stats") <= before  # one of another test may have ended meanwhile


@pytest.mark.parametrize(("waits", "every_s", "asked"), [(True, 0.0, 2), (True, 3600.0, 1), (False, 0.0, 0)])
def test_who_may_wait_is_asked_aside_unless_it_rests(
    fake_host: Any, monkeypatch: pytest.MonkeyPatch, waits: bool, every_s: float, asked: int
) -> None:
    def collect(self: Uptime, now: float) -> dict[str, Any]:
        asked_in.append(threading.current_thread().name)
        return {"seconds": 5}

    def do(self: Aside, *rest: Any) -> bool:
        handed.append(self._name)
        return do_aside(self, *rest)

    asked_in: list[str] = []
    handed: list[str] = []
    do_aside = Aside.do
    monkeypatch.setattr(Aside, "do", do)
    monkeypatch.setattr(Uptime, "collect", collect)
    monkeypatch.setattr(Uptime, "waits", waits)
    monkeypatch.setattr(Uptime, "every_s", every_s)
    fake_host.opts["stats"] = {"collectors": {"temperature": False}}
    sampler = Sampler(fake_host.opts)
    for _ in range(2):
        sample = sampler.sample()
        assert sample["uptime"] == {"seconds": 5}
        assert sample["collector"]["uptime"]["success"] == 1
    assert asked_in.count("stats") == handed.count("stats") == asked
    sampler.running["uptime"].stuck = True
    sample = sampler.sample()
    assert sample["collector"]["uptime"] == {"success": 0}
    assert "uptime" not in sample


def test_what_hangs_is_explained(hanging_sensor: Path, fake_host: Any) -> None:
    stats = fake_host.load("stats")
    assert stats.get("temperature") == {"collector": {"temperature": {"success": 0}}}
    assert stats.explain("temperature")["temperature"]["failed"] == "it gave no answer within 0.2 s"


def test_samplers_that_hang_are_not_replaced_by_others(hanging_sensor: Path, fake_host: Any, agent: Any) -> None:
    fake_host.opts["stats"] = {"collectors": {"disk": False}}
    stats = fake_host.load("stats")
    before = set(threading.enumerate())
    for number in range(stats.MAX_SAMPLERS + 4):
        agent.job = {"schedule": f"job{number}"}
        stats.get("temperature")
    assert len(set(threading.enumerate()) - before) <= 2 * stats.MAX_SAMPLERS


def test_a_mount_that_never_answers_takes_its_own_numbers_alone(minion: Any, tmp_path: Path) -> None:
    minion.opts["stats"] = {"disk": {"include_fstype": ["fuse"], "include_mount": [f"{tmp_path}/*"]}}
    others = threads("statvfs")
    with ExitStack() as stack:
        for name in ("one", "two"):
            stack.enter_context(fuse_without_answers(tmp_path / name))
        stats = minion.load("stats")
        status = minion.load("status_now")
        for _ in range(2):
            found = stats.collect()
            hung = {name: row for name, row in found["disk"].items() if row["hung"]}
            assert len(hung) == 2, found["disk"]
            assert {tuple(row) for row in hung.values()} == {("hung",)}
            assert found["disk"]["root"]["percent"] > 0
            assert {cost["success"] for cost in found["collector"].values()} == {1}
        assert threads("statvfs") <= others + 3
        before = threading.active_count()
        for _ in range(4):
            usage = status.diskusage()
            assert usage[str(tmp_path / "one")] == {"available": None, "total": None}
            assert usage["/"]["total"] > 0
        assert threading.active_count() <= before + 3, "one for each mount, and the one that goes on"
    wait_for(lambda: threads("statvfs") <= others + 2, "those who waited for the mounts")
    assert not [row for row in stats.collect()["disk"].values() if row["hung"]]


def test_what_is_mounted_anew_where_one_hangs_is_another(tmp_path: Path) -> None:
    place = tmp_path / "place"
    name = segment(str(place))
    sampler = Sampler({"stats": {"disk": {"include_mount": [f"{tmp_path}/*"]}}})
    libc = ctypes.CDLL(None, use_errno=True)  # mount(8) would look at the place itself, and hang
    before = threads("statvfs")
    with fuse_without_answers(place):
        assert sampler.sample()["disk"][name] == {"hung": 1}
        assert not libc.mount(b"none", os.fsencode(place), b"tmpfs", 0, b"size=4m")
        try:
            assert sampler.sample()["disk"][name]["total"] == 4 << 20, "it covers the one that hangs"
        finally:
            assert not libc.umount2(os.fsencode(place), 0)
        assert sampler.sample()["disk"][name] == {"hung": 1}
        assert threads("statvfs") <= before + 2, "the one that waits, and the one that goes on"


def test_mounts_that_hang_at_one_place_are_bounded() -> None:
    disk = Disk(Source(), {})
    mounts = [Mount("srv:/x", "/x", "nfs", False, f"0:{number}", "/", number) for number in range(100, 110)]
    for mount in mounts:
        key = disk._key("x", mount)
        if key:
            disk._questions.unanswered.add(key)
    assert len(disk._questions.unanswered) == MAX_AT_A_PLACE
    assert disk._key("x", mounts[0]), "the one that is being waited for is still itself"
    assert disk._key("x_y", mounts[9]._replace(point="/x/y"))


def test_a_program_ends_though_a_mount_hangs(tmp_path: Path) -> None:
    script = f"""
        from saltern_modules.collectors.disk import Disk
        from saltern_modules.collectors.source import Source
        print(Disk(Source(), {{"include_mount": ["{tmp_path}/*"]}}).collect(0.0)["root"]["hung"])
    """
    with fuse_without_answers(tmp_path / "hung"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
