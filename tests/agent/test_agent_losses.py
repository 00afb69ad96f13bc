"""What becomes of each slot of a real agent that is killed, hangs, or has nowhere to put its returns.

The module under test writes down with fsync what it ran, so that nothing but the agent itself is trusted.
"""

from __future__ import annotations

import datetime
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern_agent.ledger import Ledger
from saltern_agent.slots import Slots
from support.mounts import tmpfs

MODULE = """
import os, time
def sample(path, size=0):
    job = __opts__["__agent__"].current_job()
    descriptor = os.open(f"{path}.{job['schedule']}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{job['jid']} {os.getpid()}\\n".encode())
    os.fsync(descriptor)
    os.close(descriptor)
    return {"n": 1, "pad": "x" * size}
def hangs(): time.sleep(3600)
def fails(): raise ValueError("it hurts")
def grep(): return {"n": int(__salt__["cmd.run_stdout"](["grep", "-c", "zzz", "/dev/null"])), "always": 1}
"""
OFTEN_S = 0.1
WAIT_S = 30.0

Make = Callable[..., Any]


class Truth:
    """What the module wrote down, as slots, and which of them a killed agent had in the making."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def runs(self, name: str) -> list[tuple[int, int]]:
        """Return slot and process id of every run of the schedule *name*, in order."""
        path = Path(f"{self.path}.{name}")
        if not path.exists():
            return []
        offset_s = Slots(f"host01/{name}", OFTEN_S).jid_offset_s
        return [(round((epoch(jid) - offset_s) / OFTEN_S), int(pid)) for jid, pid in map(str.split, whole_lines(path))]

    def slots(self, name: str) -> set[int]:
        """Return the slots of the schedule *name*, none of which was run twice."""
        slots = [slot for slot, _ in self.runs(name)]
        assert len(slots) == len(set(slots)), "a slot was run twice"
        return set(slots)

    def in_the_making(self, name: str) -> set[int]:
        """Return the last slot of each process."""
        return set({pid: slot for slot, pid in self.runs(name)}.values())


def whole_lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def epoch(jid: str) -> float:
    return datetime.datetime.strptime(jid, "%Y%m%d%H%M%S%f").replace(tzinfo=datetime.UTC).timestamp()


def wait(condition: Callable[[], Any], what: str) -> None:
    """Wait for what files show; there is no event for it."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def received(master: Any, name: str) -> set[int]:
    return {round(sample["slot"] / OFTEN_S) for sample in list(master.samples(name))}


def told(master: Any, name: str, kind: str) -> list[int]:
    """Return the slots of all accounts that came, as often as they came."""
    accounts = [message.body["schedules"] for message in list(master.messages) if message.type == "account"]
    found: list[int] = []
    for schedule in (account[name] for account in accounts if name in account):
        for first, last in schedule[kind]:
            step = schedule["seconds"]
            found += range(round(first / step), round(last / step) + 1)
    return found


def status(master: Any, name: str) -> dict[str, Any]:
    """Return what the agent says of a schedule."""
    found: dict[str, Any] = master.run("schedule.job_status")["return"][name]
    return found


@pytest.fixture
def truth(tmp_path: Path, module_dir: Path) -> Truth:
    (module_dir / "mod.py").write_text(MODULE)
    return Truth(tmp_path / "truth")


@pytest.mark.parametrize("how", ["the master is away", "nothing is acknowledged", "all is well"])
def test_a_killed_agent_loses_the_sample_in_the_making_alone(
    master: Any, make_agent: Make, module_dir: Path, truth: Truth, how: str
) -> None:
    names = ("one", "other")
    job = {"function": "mod.sample", "args": [str(truth.path)], "seconds": OFTEN_S}
    master.schedule = dict.fromkeys(names, job)
    agent = make_agent(module_dirs=[str(module_dir)])
    agent.start()
    master.wait_for(lambda: all(master.samples(name) for name in names))
    if how == "the master is away":
        master.stop()
    master.acks = how == "all is well"
    chance = random.Random(how)
    for _ in range(6):
        before = len(truth.runs("one"))
        wait(lambda before=before: len(truth.runs("one")) > before + 2, "the agent samples")
        time.sleep(chance.uniform(0, OFTEN_S))  # anywhere within a slot
        agent.signal(signal.SIGKILL)
        agent.start()
    if how == "the master is away":
        master.start()
    master.acks = True
    before = len(truth.runs("one"))
    wait(lambda: len(truth.runs("one")) > before + 2, "the agent samples")
    agent.stop()  # what it has not delivered is on disk
    master.schedule = {}
    agent.start()
    for name in names:
        due = truth.slots(name) - truth.in_the_making(name)
        master.wait_for(lambda name=name, due=due: due <= received(master, name), WAIT_S)
        assert told(master, name, "dropped") == []


def test_what_a_full_spool_drops_is_told_slot_by_slot_over_kills(
    master: Any, make_agent: Make, module_dir: Path, truth: Truth
) -> None:
    big = {"function": "mod.sample", "args": [str(truth.path), 40_000], "seconds": OFTEN_S}
    small = {"function": "mod.sample", "args": [str(truth.path)], "seconds": OFTEN_S}
    master.schedule = {"big": big, "small": small}
    agent = make_agent(module_dirs=[str(module_dir)], spool_max_bytes=1024 * 1024)
    agent.start()
    master.wait_for(lambda: master.samples("big") and master.samples("small"))
    master.stop()
    for _ in range(3):
        before = len(truth.runs("big"))
        wait(lambda before=before: len(truth.runs("big")) > before + 20, "the agent samples")
        agent.signal(signal.SIGKILL)
        agent.start()
    master.start()
    names = ("big", "small")
    wanted = {name: truth.slots(name) - truth.in_the_making(name) for name in names}
    for name in names:
        master.wait_for(
            lambda name=name: wanted[name] <= received(master, name) | set(told(master, name, "dropped")), WAIT_S
        )
    assert len(set(told(master, "big", "dropped"))) > 20
    assert set(told(master, "big", "dropped")) <= truth.slots("big"), "nothing is told that was not run"
    both = set(told(master, "big", "dropped")) & received(master, "big")
    assert len(both) <= 3 + 64, "what was on its way when it went"
    for name in names:
        # What is dropped is counted at once, and told a moment later.
        wait(
            lambda name=name: status(master, name)["dropped"] == len(set(told(master, name, "dropped"))), "all is told"
        )
        assert set(status(master, name)) >= {"skipped", "failed", "spooled", "last_error", "last_slot"}


def test_a_function_that_hangs_has_its_slots_told_though_nothing_returns(
    master: Any, make_agent: Make, module_dir: Path, truth: Truth
) -> None:
    master.schedule = {"hung": {"function": "mod.hangs", "seconds": 1}}
    agent = make_agent(module_dirs=[str(module_dir)])
    agent.constants = {"saltern_agent.accountant:GATHER_S": 1.5}
    agent.start()
    skipped = master.wait_for(lambda: told(master, "hung", "skipped"), WAIT_S)
    assert skipped == list(range(skipped[0], skipped[-1] + 1))
    # Nothing that was acknowledged is told again, not by the next process either.
    kept = str(agent.folder / "cache" / "ledger")
    wait(lambda: all(part.skipped[0][0] > skipped[-1] for part in Ledger(kept).report()), "the acknowledgement")
    agent.signal(signal.SIGKILL)
    count = len(skipped)
    agent.start()
    more = master.wait_for(lambda: told(master, "hung", "skipped")[count:], WAIT_S)
    assert min(more) > skipped[-1]
    assert len(more) == len(set(more))
    assert agent.logged().count("a slot was skipped: its last run isn't over") == 2
    assert master.run("schedule.job_status")["return"]["hung"]["skipped"] >= count + len(more)


def test_a_run_that_fails_is_told_as_such_and_said_once(
    master: Any, make_agent: Make, module_dir: Path, truth: Truth
) -> None:
    master.schedule = {
        "gone": {"function": "nosuch.f", "seconds": 0.25},
        "hurts": {"function": "mod.fails", "seconds": 0.25},
        "false": {"function": "cmd.run", "args": ["false"], "seconds": 0.25, "metrics": True},
        "grep": {"function": "mod.grep", "seconds": 0.25},
    }
    agent = make_agent(module_dirs=[str(module_dir)])
    agent.start()
    for name in master.schedule:
        master.wait_for(lambda name=name: len(master.samples(name)) >= 3, WAIT_S)
    missing = "'nosuch.f' is not available. There is no module nosuch."
    assert {sample["failed"] for sample in master.samples("gone")} == {missing}
    assert all("ValueError: it hurts" in sample["failed"] for sample in master.samples("hurts"))
    assert {s["failed"] for s in master.samples("false")} == {"no number was returned, and the return code 1"}
    good = master.samples("grep")[0]
    assert "failed" not in good
    assert (good["return"], good["success"], good["retcode"]) == ({"n": 0, "always": 1}, False, 1)
    log = agent.logged()
    assert log.count(f"schedule: gone: nosuch.f made no sample: {missing}") == 1
    assert log.count("schedule: hurts: mod.fails made no sample") == 1
    assert log.count("schedule: false: cmd.run made no sample") == 1
    listed = master.run("schedule.job_status")["return"]
    assert listed["hurts"]["failed"] >= 3
    assert listed["hurts"]["last_error"]["text"].endswith("ValueError: it hurts")
    assert listed["hurts"]["last_error"]["when"] == pytest.approx(time.time(), abs=60)
    assert (listed["grep"]["failed"], listed["grep"]["last_error"]) == (0, None)
    (module_dir / "nosuch.py").write_text("def f(): return 1\n")
    master.run("saltutil.refresh_modules")
    master.wait_for(lambda: "failed" not in master.samples("gone")[-1], WAIT_S)
    agent.wait_logged("schedule: gone: nosuch.f makes samples again, after failures: ")


def test_no_slot_runs_twice_however_often_the_agent_is_killed_within_it(
    master: Any, make_agent: Make, module_dir: Path, truth: Truth
) -> None:
    hour = {"function": "mod.sample", "args": [str(truth.path)], "seconds": 3600}
    master.schedule = {"hourly": hour}
    agent = make_agent(module_dirs=[str(module_dir)])
    agent.start()
    master.wait_for(lambda: master.samples("hourly"))
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        attached = len(master.attachments)
        agent.signal(number)
        agent.start()
        master.wait_for(lambda attached=attached: len(master.attachments) > attached, WAIT_S)
        master.run("test.ping")
    # An hour may have ended meanwhile, but not two.
    jids = [line.split()[0] for line in whole_lines(Path(f"{truth.path}.hourly"))]
    assert len(jids) == len(set(jids))
    assert len(jids) <= 2
    assert master.run("schedule.job_status")["return"]["hourly"]["last_slot"] % 3600 == 0


def test_a_cache_folder_that_is_removed_or_can_not_be_used_costs_nothing_while_it_runs(
    make_agent: Make, module_dir: Path, truth: Truth, master: Any
) -> None:
    master.schedule = {"one": {"function": "mod.sample", "args": [str(truth.path)], "seconds": OFTEN_S}}
    agent = make_agent(module_dirs=[str(module_dir)])
    agent.start()
    master.wait_for(lambda: master.samples("one"))
    cache = agent.folder / "cache"
    shutil.rmtree(cache)
    wait_sampled(truth, 4)
    wait(lambda: (cache / "spool" / "cursor").exists(), "the spool is made again")
    shutil.rmtree(cache)
    cache.write_text("in the way")
    wait_sampled(truth, 6)
    os.unlink(cache)
    wait_sampled(truth, 4)
    due = truth.slots("one")
    master.wait_for(lambda: due <= received(master, "one"), WAIT_S)
    assert "Traceback" not in agent.logged()
    assert agent.logged().count("returns stay in memory") <= 1
    assert agent.stop() == 0


@pytest.mark.parametrize("how", ["fills up", "is read-only at the start"])
def test_a_disk_that_takes_nothing_for_a_while_costs_nothing(
    make_agent: Make, module_dir: Path, truth: Truth, master: Any, tmp_path: Path, how: str
) -> None:
    job = {"function": "mod.sample", "args": [str(truth.path), 5000], "seconds": OFTEN_S}
    master.schedule = {"one": job}
    with tmpfs(tmp_path / "disk") as disk:
        agent = make_agent(module_dirs=[str(module_dir)], cachedir=str(disk.path / "cache"))
        agent.start()
        master.wait_for(lambda: master.samples("one"))
        if how == "fills up":
            master.stop()
            wait_sampled(truth, 3)
            disk.fill()
        else:
            agent.stop()
            disk.remount("ro")
            agent.start()
            wait_sampled(truth, 1)
            master.stop()
        wait_sampled(truth, 5)
        if how == "fills up":
            disk.make_room()
        else:
            disk.remount("rw")
        agent.wait_logged("returns go to the disk again", WAIT_S)
        agent.signal(signal.SIGKILL)
        due = truth.slots("one") - truth.in_the_making("one")
        agent.start()
        master.start()
        master.wait_for(lambda: due <= received(master, "one"), WAIT_S)
        assert agent.logged().count("returns stay in memory\n") == 1
        assert "Traceback" not in agent.logged()
        assert agent.stop() == 0


def wait_sampled(truth: Truth, count: int) -> None:
    runs = len(truth.runs("one"))
    wait(lambda: len(truth.runs("one")) >= runs + count, "the agent samples")
