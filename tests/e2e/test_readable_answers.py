"""What ``saltern-run`` answers, as an operator reads it, and events as they come."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.stacks import Parts, wait_for

BIN = Path(sys.executable).parent
TIME = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d"
ALERTS = """load:
  metric: saltern.*.stats.load.1m
  warn: "> 100000"
  script: nosuch.sh
wrong:
  metric: a
  foor: 3
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    master = "schedule: {stats: {function: stats.collect, seconds: 1, metrics: true}}\nalerts_interval: 1\n"
    parts = Parts(tmp_path_factory.mktemp("stack"), minions=2, master=master)
    alerts = Path(parts.stack.config_dir) / "alerts.d" / "a.yaml"
    alerts.parent.mkdir(exist_ok=True)
    alerts.write_text(ALERTS)
    with parts.running():
        yield parts


def saltern_run(parts: Parts, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "saltern-run", "-c", parts.stack.config_dir, *words],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def follow(parts: Parts, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [BIN / "saltern-run", "-c", parts.stack.config_dir, "state.event", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_alerts_are_a_line_a_series(parts: Parts) -> None:
    wait_for(lambda: "  ok " in saltern_run(parts, "alerts.list").stdout, "a series of the rule")
    lines = saltern_run(parts, "alerts.list").stdout.splitlines()
    assert lines[0] == "load: saltern.*.stats.load.1m, warn > 100000"
    assert (
        lines[1]
        == f"    error: the script {parts.stack.config_dir}/nosuch.sh can't be found: No such file or directory"
    )
    series = [
        line for line in lines if re.fullmatch(rf"    ok  [\d.]+ +since {TIME}  saltern\.[^.]+\.stats\.load\.1m", line)
    ]
    assert series, lines
    assert lines[-2] == "wrong (off)"
    assert "foor is not a key of a rule" in lines[-1]
    (load, _) = json.loads(saltern_run(parts, "alerts.list", "--out", "json").stdout)
    assert re.fullmatch(TIME, load["last_evaluated"])
    assert re.fullmatch(TIME, load["series"][0]["since"])

    silence = saltern_run(parts, "alerts.silence", "new disks", "2h", "alert=lo*").stdout.strip()
    found = saltern_run(parts, "alerts.list").stdout
    assert re.search(rf"load\.1m  silenced until {TIME} by local:[^ ]+: new disks\n", found), found
    assert "new disks" in saltern_run(parts, "alerts.silences").stdout
    assert saltern_run(parts, "alerts.unsilence", silence).stdout.strip() == "True"


def test_an_account_is_a_line_a_schedule(parts: Parts) -> None:
    first, second = parts.stack.minion_ids
    wait_for(lambda: len(parts.runner.cmd("metrics.account")) == 2, "the account")
    head, *lines = saltern_run(parts, "metrics.account").stdout.splitlines()
    assert head.split()[:4] == ["minion", "schedule", "expected", "received"]
    assert [line.split()[:2] for line in lines] == [[first, "stats"], [second, "stats"]]


def test_documentation_of_what_is_named(parts: Parts) -> None:
    assert saltern_run(parts, "jobs.active", "-d").stdout.startswith("jobs.active:\nList ")
    done = saltern_run(parts, "-d", "state")
    assert done.stdout.startswith("state.event:\nShow events as they come")
    assert "jobs.active:" not in done.stdout
    done = saltern_run(parts, "-d", "nosuch")
    assert (done.returncode, done.stderr) == (0, "saltern-run: no function or module nosuch: -d alone lists them\n")
    assert done.stdout == ""
    done = saltern_run(parts, "-d", "jobs", "state")
    assert (done.returncode, done.stdout) == (64, "")
    assert "You can only get documentation for one method at one time" in done.stderr
    assert "manage.up" in json.loads(saltern_run(parts, "-d", "--out", "json").stdout)
    assert "manage.up:\n    List " in saltern_run(parts).stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["jobs.list_jobs", "limit=0"], 0, "the number of jobs must be between 1 and 20,000, not 0"),
        (["jobs.list_jobs", "start_time=soon"], 0, "'soon' is no time: write it as in '2026-11-28 19:44'"),
        (["jobs.lookup_jid", "x"], 1, "jid 'x' is not valid"),
        (["jobs.lookup_jid", "20200101000000000000", "ext_source=x"], 0, "jobs are read from the master's own store"),
        (["job.list"], 0, "'job.list' is not a runner function: did you mean jobs.list_job?"),
        (["jobs"], 0, "'jobs' is not a runner function: jobs has active, exit_success, last_run, list_job"),
        (["nothing.here"], 0, "'nothing.here' is not a runner function: saltern-run -d lists them"),
        (["state.event", "count=x"], 0, "count must be a number of events, or -1 for no end, not 'x'"),
        (["event.watch", "count=x"], 0, "count must be a number of events, or -1 for no end, not 'x'"),
        (["state.event", "pretty=3"], 0, "pretty must be True or False, not 3"),
        (["state.event", "nosuch=1"], 0, "state.event was called wrongly: got an unexpected keyword argument 'nosuch'"),
    ],
)
def test_what_is_not_there_is_said(parts: Parts, words: list[str], code: int, message: str) -> None:
    done = saltern_run(parts, *words)
    assert done.returncode == code
    assert message in done.stdout + done.stderr
    if "is not a runner" in message:
        assert (done.stdout, done.stderr.count("\n")) == (f"'{words[0]}' is not available.\n", 1)
    elif code:
        assert (done.stdout.startswith(f"Exception occurred in runner {words[0]}: "), done.stderr) == (True, "")
    else:
        assert done.stdout.startswith("\nPassed invalid arguments: ")
        assert re.search("\n\nUsage:\n[A-Z]", done.stdout)


def test_events_are_shown_until_ctrl_c(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    with follow(parts, "salt/job/*/ret/*") as watching:
        assert watching.stdout is not None
        tags: list[str] = []
        answered = False
        while not answered:  # it follows from when it is connected on, and scheduled returns come all the time
            tag, _, data = watching.stdout.readline().partition("\t")
            tags.append(tag)
            if len(tags) == 1:
                assert parts.client.cmd(minion, "test.echo", ["\x1b[2J\u202e"]) == {minion: "\x1b[2J\u202e"}
            assert not [c for c in data if (ord(c) < 32 and c != "\n") or c == "\u202e"]
            answered = json.loads(data)["return"] == "\x1b[2J\u202e"
        assert all(re.fullmatch(r"salt/job/\d{20}/ret/[\w.-]+", tag) for tag in tags)
        watching.send_signal(signal.SIGINT)
        _, errors = watching.communicate(timeout=20)
    assert (watching.returncode, errors.strip()) == (0, "")


def test_so_many_events_over_several_lines(parts: Parts) -> None:
    done = saltern_run(parts, "state.event", "salt/job/*/ret/*", "count=1", "pretty=True")
    tag, _, data = done.stdout.partition("\t")
    assert tag.startswith("salt/job/")
    shown = json.loads(data)
    assert shown["jid"] == tag.split("/")[2]
    assert list(shown) == sorted(shown)
    assert data.startswith('{\n    "_stamp": "20')
    assert saltern_run(parts, "state.event", "count=1", "quiet=True").stdout == ""


def test_active_jobs_are_what_minions_say_now(parts: Parts) -> None:
    first, second = parts.stack.minion_ids
    jid = parts.client.run_job("*", "test.sleep", [600])["jid"]

    def running() -> list[str]:
        running = parts.runner.cmd("jobs.active").get(jid, {}).get("Running", ())
        return [minion_id for one in running for minion_id in one]

    wait_for(lambda: running() == [first, second], "both")
    shown = parts.runner.cmd("jobs.active")[jid]
    pids = {minion_id: pid for one in shown["Running"] for minion_id, pid in one.items()}
    assert pids == {minion_id: parts.pid(f"agent {minion_id}") for minion_id in (first, second)}
    assert (shown["Arguments"], shown["Returned"], shown["Target-type"]) == ([600], [], "glob")
    parts.stop(f"agent {second}", signal.SIGKILL)
    wait_for(lambda: running() == [first], "the one that is left", 20.0)  # no heartbeat is missed so soon
    parts.stop("master")
    parts.start("master")
    wait_for(lambda: first in parts.up(), "the agent")
    wait_for(lambda: running() == [first], "the one that is left")  # one that is busy may be asked again
    parts.client.cmd(first, "saltutil.kill_job", [jid])
    wait_for(lambda: running() == [], "its end")
    parts.start(f"agent {second}")
    wait_for(lambda: len(parts.up()) == 2, "the agent")
    assert running() == []
    assert os.path.exists(parts.log_path("master"))
