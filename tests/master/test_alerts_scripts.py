"""Alert scripts, with real processes: what they are given, and that none of them can hold anything up."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saltern_master.alerts import scripts as scripts_module
from saltern_master.alerts.scripts import MAX_OUTPUT_BYTES, Job, ScriptRunner, environment, run_script

ALERT = {
    "name": "disk",
    "series": "saltern.web1.stats.disk.root.percent",
    "state": "crit",
    "previous": "ok",
    "value": 95.5,
    "threshold": "> 90",
    "since": 1_000_000.0,
    "metric": "saltern.*.stats.disk.*.percent",
    "message": "see the wiki; $(touch pwned)",
    "when": 1_000_000.0,
}

WriteScript = Callable[..., str]


@pytest.fixture
def script(tmp_path: Path) -> WriteScript:
    def write(name: str, text: str, interpreter: str = "/bin/sh") -> str:
        path = tmp_path / name
        path.write_text(f"#!{interpreter}\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return write


def run(path: str, tmp_path: Path, timeout_s: float = 10.0, **alert: Any) -> str:
    return asyncio.run(run_script((path,), {**ALERT, **alert}, timeout_s, str(tmp_path)))


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pid: int) -> bool:
    """Tell whether a killed process ends soon; the kernel takes a moment."""
    until = time.monotonic() + 40
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not is_running(pid)


def test_a_script_gets_the_change_on_stdin_and_in_its_environment(
    script: WriteScript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "not for scripts")
    monkeypatch.setenv("LANG", "C.UTF-8")
    text = """
import json, os, sys
given = {"stdin": json.load(sys.stdin), "env": dict(os.environ), "cwd": os.getcwd(), "sid": os.getsid(0) == os.getpid()}
json.dump(given, open("given.json", "w"))
"""
    assert run(script("s", text, sys.executable), tmp_path) == ""
    given = json.loads((tmp_path / "given.json").read_text())
    assert given["stdin"] == ALERT
    assert (given["cwd"], given["sid"]) == (str(tmp_path), True)
    env = given["env"]
    assert env["SALTERN_ALERT"] == "disk"
    assert env["SALTERN_STATE"] == "crit"
    assert env["SALTERN_PREVIOUS"] == "ok"
    assert env["SALTERN_SERIES"] == ALERT["series"]
    assert env["SALTERN_VALUE"] == "95.5"
    assert env["SALTERN_THRESHOLD"] == "> 90"
    assert env["SALTERN_MESSAGE"] == ALERT["message"]
    assert env["SALTERN_WHEN"] == "1000000"
    assert env["SALTERN_TARGET"] == ALERT["metric"]
    others = {name for name in env if not name.startswith("SALTERN_")}
    assert others <= {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_CTYPE"}, "python itself sets LC_CTYPE"
    assert not (tmp_path / "pwned").exists()


def test_an_environment_survives_any_text() -> None:
    env = environment({**ALERT, "value": None, "series": "a\0b\ud800", "message": "x" * 10**6})
    assert (env["SALTERN_VALUE"], env["SALTERN_SERIES"]) == ("", "ab?")
    assert len(env["SALTERN_MESSAGE"]) == 16 * 1024


def test_a_failing_script_is_told_with_its_output_in_one_line(script: WriteScript, tmp_path: Path) -> None:
    assert run(script("s", "echo one; echo two >&2; exit 3"), tmp_path) == "ended with 3: one two"
    assert run(script("s", "kill -TERM $$"), tmp_path) == "was ended by signal 15"


def test_a_script_that_reads_nothing_is_fine(script: WriteScript, tmp_path: Path) -> None:
    assert run(script("s", "exec <&-; exit 0"), tmp_path, message="x" * 10**6) == ""


def test_a_script_that_hangs_is_killed_with_its_children(script: WriteScript, tmp_path: Path) -> None:
    path = script("s", "echo waiting\nsleep 600 & echo $! > child\nwait")
    started = time.monotonic()
    assert run(path, tmp_path, timeout_s=0.5) == "was ended after 0.5 s: waiting"
    assert time.monotonic() - started < 30
    assert gone(int((tmp_path / "child").read_text()))


TIDY = """(
    trap 'sleep 0.3; echo tidied > tidy; exit 0' TERM
    echo ready
    while :; do sleep 0.05; done
) &
"""


@pytest.mark.parametrize("leader", ["wait", "exec sleep 600"])
def test_what_is_ended_may_tidy_up_the_script_and_what_it_started(
    script: WriteScript, tmp_path: Path, leader: str
) -> None:
    assert run(script("s", TIDY + leader), tmp_path, timeout_s=0.5) == "was ended after 0.5 s: ready"
    assert (tmp_path / "tidy").read_text() == "tidied\n"


def test_what_does_not_end_for_sigterm_is_killed(
    script: WriteScript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts_module, "TERM_GRACE_S", 0.2)
    path = script("s", "trap '' TERM; echo $$ > child; while :; do sleep 0.05; done")
    assert run(path, tmp_path, timeout_s=0.3) == "was ended after 0.3 s"
    assert gone(int((tmp_path / "child").read_text()))


def test_a_script_may_tidy_up_when_the_master_stops(script: WriteScript, tmp_path: Path) -> None:
    path = script("s", "trap 'echo tidied > tidy; exit 0' TERM; touch ready; while :; do sleep 0.05; done")

    async def main() -> None:
        runner = ScriptRunner(str(tmp_path))
        runner.submit("a", Job((path,), ALERT, 60))
        while not (tmp_path / "ready").exists():
            await asyncio.sleep(0.01)
        await runner.close()

    asyncio.run(main())
    assert (tmp_path / "tidy").exists()


def test_a_child_left_behind_on_the_output_is_killed_at_the_timeout(script: WriteScript, tmp_path: Path) -> None:
    path = script("s", "sleep 600 & echo $! > child\nexit 0")
    assert run(path, tmp_path, timeout_s=0.5) == "was ended after 0.5 s"
    assert gone(int((tmp_path / "child").read_text()))


def test_a_child_that_left_the_group_cannot_hold_the_job(script: WriteScript, tmp_path: Path) -> None:
    path = script("s", "setsid sh -c 'echo $$ > child; exec sleep 600' & exit 0")
    started = time.monotonic()
    assert run(path, tmp_path, timeout_s=0.8) == "was ended after 0.8 s"
    assert time.monotonic() - started < 30
    child = int((tmp_path / "child").read_text())
    assert is_running(child)
    os.kill(child, signal.SIGKILL)


def test_a_flood_of_output_is_read_and_forgotten(script: WriteScript, tmp_path: Path) -> None:
    path = script("s", "head -c 20000000 /dev/zero | tr '\\0' x; exit 1")
    fault = run(path, tmp_path)
    assert fault.startswith("ended with 1: xxx")
    assert len(fault) < MAX_OUTPUT_BYTES


def log_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_missing_or_unusable_script_is_one_clear_line(
    tmp_path: Path, script: WriteScript, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    (tmp_path / "noshebang").write_bytes(b"\x00\x01")
    (tmp_path / "noshebang").chmod(0o755)

    async def main() -> ScriptRunner:
        runner = ScriptRunner(str(tmp_path))
        for key, name in enumerate(["missing.sh", "plain", "noshebang"]):
            assert runner.submit(key, Job((name,), ALERT, 5))
        await runner.drain()
        return runner

    runner = asyncio.run(main())
    assert (runner.started, runner.failed, runner.dropped) == (3, 3, 0)
    assert sorted(log_of(caplog)) == [
        f"alert disk is crit: the script {tmp_path}/missing.sh can't be started: No such file or directory",
        f"alert disk is crit: the script {tmp_path}/noshebang can't be started: Exec format error",
        f"alert disk is crit: the script {tmp_path}/plain can't be started: Permission denied",
    ]


def test_a_program_is_looked_for_below_the_folder_then_on_the_path(tmp_path: Path, script: WriteScript) -> None:
    mine = script("sh", "exit 0")
    runner = ScriptRunner(str(tmp_path))
    assert runner.locate("sh") == mine
    assert runner.locate("cat").endswith("/cat")
    assert runner.locate("scripts/cat") == f"{tmp_path}/scripts/cat"
    assert runner.locate("/bin/cat") == "/bin/cat"


def test_changes_of_one_series_run_in_order_and_others_beside_them(tmp_path: Path, script: WriteScript) -> None:
    path = script("s", 'sleep "$1"; echo "$SALTERN_SERIES $SALTERN_STATE" >> log')

    async def main() -> None:
        runner = ScriptRunner(str(tmp_path))
        for state, pause in (("crit", "0.3"), ("warn", "0.1"), ("ok", "0")):
            runner.submit("a", Job((path, pause), {**ALERT, "series": "a", "state": state}, 5))
        runner.submit("b", Job((path, "0"), {**ALERT, "series": "b"}, 5))
        await runner.drain()

    asyncio.run(main())
    assert (tmp_path / "log").read_text().splitlines() == ["b crit", "a crit", "a warn", "a ok"]


def test_only_so_many_run_at_once_and_only_so_many_wait(
    tmp_path: Path, script: WriteScript, caplog: pytest.LogCaptureFixture
) -> None:
    path = script("s", "until [ -e go ]; do sleep 0.05; done; echo x >> log")

    async def main() -> ScriptRunner:
        runner = ScriptRunner(str(tmp_path), at_once=2, waiting=5)
        accepted = [runner.submit(n, Job((path,), ALERT, 10)) for n in range(3)]
        while runner.started < 2:
            await asyncio.sleep(0.01)
        accepted += [runner.submit(n, Job((path,), ALERT, 10)) for n in range(3, 10)]
        assert accepted == [True] * 7 + [False] * 3
        assert runner.started == 2
        (tmp_path / "go").touch()
        await runner.drain()
        return runner

    runner = asyncio.run(main())
    assert (runner.started, runner.failed, runner.dropped) == (7, 0, 3)
    assert (tmp_path / "log").read_text().count("x") == 7
    assert log_of(caplog) == ["alert scripts: 5 wait already: more are dropped until some ended"]


def test_closing_kills_what_runs_and_forgets_what_waits(tmp_path: Path, script: WriteScript) -> None:
    path = script("s", "sleep 600 & echo $! > child.tmp; mv child.tmp child; wait")

    async def main() -> None:
        runner = ScriptRunner(str(tmp_path), at_once=1)
        runner.submit("a", Job((path,), ALERT, 600))
        runner.submit("b", Job((script("late", "touch ran"),), ALERT, 600))
        while not (tmp_path / "child").exists():
            await asyncio.sleep(0.01)
        async with asyncio.timeout(30):
            await runner.close()

    asyncio.run(main())
    assert gone(int((tmp_path / "child").read_text()))
    assert not (tmp_path / "ran").exists()


def test_closing_lets_scripts_end_that_do_so_soon(
    tmp_path: Path, script: WriteScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change is remembered: what it was to tell would be told never again."""
    monkeypatch.setattr(scripts_module, "CLOSE_WITHIN_S", 20.0)
    path = script("s", "while [ ! -e go ]; do sleep 0.02; done; echo x >> log")

    async def main() -> None:
        runner = ScriptRunner(str(tmp_path), at_once=1)
        runner.submit("a", Job((path,), ALERT, 600))
        runner.submit("b", Job((path,), ALERT, 600))
        closing = asyncio.create_task(runner.close())
        await asyncio.sleep(0)
        (tmp_path / "go").touch()
        await closing

    asyncio.run(main())
    assert (tmp_path / "log").read_text() == "x\nx\n"


def test_the_loop_goes_on_while_scripts_run(tmp_path: Path, script: WriteScript) -> None:
    path = script("s", "echo x >> begun; until [ -e go ]; do sleep 0.05; done")

    async def main() -> None:
        runner = ScriptRunner(str(tmp_path))
        for key in range(8):
            runner.submit(key, Job((path,), ALERT, 60))
        begun = tmp_path / "begun"
        while not begun.exists() or begun.read_text().count("x") < 8:  # each runs until the loop has had its turns
            await asyncio.sleep(0.01)
        (tmp_path / "go").touch()
        await runner.drain()
        assert runner.failed == 0

    asyncio.run(main())
