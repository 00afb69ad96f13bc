"""What users of other agents report of fleets, tried on real programs; ``docs/field-reports.md`` lists it all."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import FunctionNotFound
from support.stacks import Parts, wait_for

ODD = """
import decimal

def values():
    return {"good": 1, "nan": float("nan"), "inf": -float("inf"), "none": None, "text": "12", "yes": True,
            "price": decimal.Decimal("1.5"), "eth0.1": 3, "eth0_1": 4, "sub": {"a b": 5, "a:b": 6, "a_b": "no"}}
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    schedule = "schedule: {stats: false, odd: {function: odd.values, seconds: 1, metrics: true}}\n"
    heartbeats = "heartbeat_interval: 0.5\nheartbeat_timeout: 3\n"
    parts = Parts(
        tmp_path_factory.mktemp("stack"),
        master=f"{schedule}{heartbeats}fileserver_update_interval: 0.5\n",
        minion=f"{heartbeats}reconnect_interval: 0.1\n",
    )
    modules(parts).mkdir(parents=True, exist_ok=True)
    (modules(parts) / "odd.py").write_text(ODD)
    with parts.running():
        yield parts


def modules(parts: Parts) -> Path:
    return Path(parts.stack.root) / "srv" / "_modules"


def test_what_became_of_each_leaf_is_told(parts: Parts) -> None:
    """salt#16094 and telegraf#521 (silence), telegraf#6415 (a line each time), diamond#66 (two keys, one series)."""
    minion = parts.stack.minion_ids[0]
    below = f"saltern.{minion.replace('.', '_')}.odd"

    def explain() -> Any:
        with contextlib.suppress(FunctionNotFound):  # it hasn't run yet
            return parts.runner.call("metrics.explain", [minion, "odd.values"])
        return None

    explained = wait_for(explain, "a run")
    wanted = {"good": 1.0, "yes": 1.0, "eth0_1": 4.0, "sub.a_b": 5.0, "sub.a:b": 6.0}
    assert explained["metrics"] == {f"{below}.{name}": value for name, value in wanted.items()}
    assert explained["not_numbers"] == {
        f"{below}.nan": "not finite",
        f"{below}.inf": "not finite",
        f"{below}.none": "empty",
        f"{below}.text": "text",
        f"{below}.price": "text",
        f"{below}.eth0_1": "another key has this name; left out: 'eth0.1'",
        f"{below}.sub.a_b": "text",
    }


def test_a_module_is_there_after_a_sync_that_changes_nothing(parts: Parts) -> None:
    """salt#31698 (gone after the second sync), salt#23753 (a library is missing), salt#27784 (``__grains__`` early)."""
    (modules(parts) / "kept.py").write_text("NAME = __grains__['id']\n\ndef name():\n    return NAME\n")
    (modules(parts) / "lacking.py").write_text("import no_such_library\n\ndef f():\n    return 1\n")
    parts.runner.cmd("fileserver.update")
    parts.call("saltutil.sync_modules")
    for _ in range(2):
        parts.call("saltutil.sync_modules")
        assert parts.call("kept.name") == parts.stack.minion_ids[0]
    assert "No module named 'no_such_library'" in str(parts.call("lacking.f"))


def test_a_program_that_takes_too_long_ends_with_all_its_children(parts: Parts) -> None:
    """telegraf#2476: what scripts had started stayed, as zombies or at work."""
    marks = ("31536000.25", "31536000.75")

    def running() -> list[str]:
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    command = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                found += [mark for mark in marks if b"sleep\0" + mark.encode() in command]
        return found

    command = f"sleep {marks[0]} & sleep {marks[1]} & wait"
    answer = parts.call("cmd.run", command, python_shell=True, timeout=1)
    assert "Timed out after 1 seconds" in str(answer)
    wait_for(lambda: not running(), "the children to end")


def test_saltern_call_beside_the_agent_costs_it_nothing(parts: Parts) -> None:
    """salt#59418: after a salt-call on the minion its key was among the denied ones."""
    minion = parts.stack.minion_ids[0]
    program = Path(sys.executable).parent / "saltern-call"
    command = [str(program), "-c", parts.stack.minion_config(minion), "grains.get", "id"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert minion in done.stdout
    listed = parts.runner.cmd("manage.up")
    assert listed == [minion]
    assert parts.call("test.ping") is True
    assert not [line for line in parts.log("master").splitlines() if "denied" in line]


def test_an_agent_that_was_paused_is_back_by_itself(parts: Parts) -> None:
    """telegraf#3342, salt#41578: hosts that were suspended needed a restart of their agent."""
    minion = parts.stack.minion_ids[0]
    pid = parts.pid(f"agent {minion}")
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: parts.up() == [], "the master to miss it")
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: parts.up() == [minion], "the agent")
    wait_for(lambda: parts.call("test.ping") is True, "its answer")
    assert parts.pid(f"agent {minion}") == pid
