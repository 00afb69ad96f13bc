"""Real agents on folders that are read-only, full, removed, or full of junk: they start, measure, answer and heal."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.mounts import Mount, tmpfs

OFTEN_S = 0.25
OFTEN = {"function": "test.ping", "seconds": OFTEN_S, "metrics": True}
WAIT_S = 30.0

Make = Callable[..., Any]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    with tmpfs(tmp_path / "disk", "size=256k") as made:
        yield made


def spooled(agent: Any) -> int:
    folder = Path(agent.options["cachedir"]) / "spool"
    try:
        return sum(path.stat().st_size for path in folder.glob("*.seg"))
    except FileNotFoundError:
        return 0


def wait_until(condition: Callable[[], Any], what: str) -> None:
    """Wait for what another process does to its files: nothing tells."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def slots(master: Any) -> list[int]:
    return [round(sample["slot"] / OFTEN_S) for sample in master.samples("ping")]


def dropped(master: Any) -> list[Any]:
    """Return the slots that the agent says it lost."""
    accounts = [message.body["schedules"] for message in master.messages if message.type == "account"]
    return [span for account in accounts for span in account.get("ping", {}).get("dropped", [])]


@pytest.mark.parametrize("fault", ["read-only", "full"])
def test_it_starts_on_a_disk_that_takes_nothing_and_heals(
    master: Any, make_agent: Make, mount: Mount, fault: str
) -> None:
    if fault == "full":
        mount.fill()
    else:
        mount.remount("ro")
    master.schedule = {"ping": OFTEN}
    agent = make_agent(cachedir=str(mount.path / "cache"), log_level="info")
    agent.start()
    assert master.run("test.echo", "hello")["return"] == "hello"
    master.wait_for(lambda: len(slots(master)) >= 2)
    away_from = max(slots(master))
    master.stop()
    agent.wait_logged("the master is away")
    time.sleep(4 * OFTEN_S)  # samples that only memory can keep
    assert spooled(agent) == 0
    if fault == "full":
        mount.make_room()
    else:
        mount.remount("rw")
    wait_until(lambda: spooled(agent) > 0, "the spool is used again")
    wait_until((mount.path / "cache" / "schedule").exists, "the schedule is kept after all")
    agent.signal(signal.SIGTERM)
    said = [line.split(" ", 2)[2] for line in agent.logged().splitlines() if "can't be" in line]
    assert len(said) == len(set(said)) <= 6, said  # each file once
    count = len(master.messages)
    master.start()
    agent.start()
    master.wait_for(lambda: len(master.messages) > count + 4)
    returned = [slot for slot in slots(master) if slot > away_from]
    assert returned[: len(returned) // 2] == sorted(returned[: len(returned) // 2])
    assert min(returned) == away_from + 1, "nothing that was measured meanwhile is lost"
    assert not dropped(master)


def test_what_does_not_fit_into_memory_is_dropped_and_counted(master: Any, make_agent: Make, mount: Mount) -> None:
    mount.remount("ro")
    big = {"function": "test.echo", "args": ["x" * 8000], "seconds": OFTEN_S / 2, "metrics": True}
    master.schedule = {"ping": big}
    agent = make_agent(cachedir=str(mount.path / "cache"), log_level="info", outbox_max_bytes=64 * 1024)
    agent.start()
    master.wait_for(lambda: master.samples("ping"))
    master.stop()
    agent.wait_logged("returns stay in memory", WAIT_S)
    time.sleep(20 * OFTEN_S / 2)  # more than memory may keep
    master.start()
    master.wait_for(lambda: dropped(master), WAIT_S)


@pytest.mark.parametrize("whole", [True, False])
def test_a_cachedir_that_is_removed_while_running_comes_back(master: Any, make_agent: Make, whole: bool) -> None:
    master.schedule = {"ping": OFTEN}
    master.files = {"_modules/mine.py": b"def f(): return 1\n"}
    agent = make_agent(log_level="info")
    agent.start()
    wait_until(lambda: master.run("mine.f")["return"] == 1, "modules are synced")
    master.wait_for(lambda: len(slots(master)) >= 2)
    cache = agent.folder / "cache"
    master.stop()
    agent.wait_logged("the master is away")
    shutil.rmtree(cache if whole else cache / "spool")
    first = max(slots(master))
    wait_until(lambda: spooled(agent) > 300, "the spool is made again")
    master.start()
    master.wait_for(lambda: max(slots(master)) > first + 4, WAIT_S)
    assert master.run("test.ping")["return"] is True


def junk_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xc1junk" * 50)


def junk_folder(path: Path) -> None:
    path.mkdir(parents=True)
    (path / "inside").write_bytes(b"x")


@pytest.mark.parametrize("junk", [junk_file, junk_folder])
@pytest.mark.parametrize(
    "name",
    [
        "schedule",
        "spool",
        "spool/cursor",
        "spool/00000000000000000007.seg",
        "ledger",
        "slots",
        "extmods",
        "extmods/index",
        "extmods/modules",
        "extmods/modules/mine.py",
        "extmods/modules/other.py",
    ],
)
def test_junk_in_its_place_costs_that_alone(
    master: Any, make_agent: Make, name: str, junk: Callable[[Path], None]
) -> None:
    master.schedule = {"ping": {**OFTEN, "seconds": 3600}}
    master.files = {"_modules/mine.py": b"def f(): return 1\n"}
    agent = make_agent(log_level="info")
    junk(agent.folder / "cache" / name)
    agent.start()
    assert master.wait_for(lambda: master.samples("ping"))
    wait_until(lambda: (agent.folder / "cache" / "extmods" / "modules" / "mine.py").is_file(), "modules are synced")
    wait_until(lambda: master.run("mine.f")["return"] == 1, "modules are loaded")
    wait_until((agent.folder / "cache" / "schedule").is_file, "the schedule is kept")
    wait_until((agent.folder / "cache" / "spool" / "cursor").is_file, "the spool is used")
    assert agent.stop() == 0
    assert "Traceback" not in agent.logged()
    agent.start()
    wait_until(lambda: master.run("mine.f")["return"] == 1, "they are there after a start")
