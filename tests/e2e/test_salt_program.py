"""``saltern`` over real programs: what a scripted master can't show."""

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


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    parts = Parts(
        tmp_path_factory.mktemp("stack"),
        minions=3,
        master="schedule: {stats: false}\n",
        minion="pending_retry_interval: 0.3\n",
    )
    with parts.running():
        yield parts


def start(parts: Parts, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "SALTERN_CONFIG_DIR": parts.stack.config_dir, "COLUMNS": "100"}
    pipe = subprocess.PIPE
    return subprocess.Popen([BIN / "saltern", *words], env=environment, stdout=pipe, stderr=pipe, text=True)


def run(parts: Parts, *words: str) -> tuple[int, str, str]:
    program = start(parts, *words)
    out, err = program.communicate(timeout=60)
    return program.returncode, out, err


def jid_of(text: str) -> str:
    (jid,) = set(re.findall(r"(?<!\d)\d{20}(?!\d)", text))
    return jid


def test_a_batch_is_one_job_whose_answers_are_found_by_its_jid(parts: Parts) -> None:
    ids = parts.stack.minion_ids
    code, out, err = run(parts, "-b", "1", "*", "cmd.shell", "exit 3")
    assert (code, err) == (3, "")
    assert re.findall(r"Executing run on (.*)", out) == [f"['{minion_id}']" for minion_id in ids]
    jid = jid_of(out)
    wait_for(lambda: sorted(parts.runner.cmd("jobs.lookup_jid", [jid])) == ids, "the answers to be stored")
    (shown,) = [job for job in parts.runner.cmd("jobs.list_jobs").items() if job[0] == jid]
    assert shown[1]["Function"] == "cmd.shell"
    assert parts.runner.cmd("jobs.active") == {}


def test_a_batch_answers_as_a_whole(parts: Parts) -> None:
    ids = parts.stack.minion_ids
    code, out, err = run(parts, "-b", "50%", "--static", "--out", "json", "*", "test.arg_clean", "x", "k=1")
    assert (code, err) == (0, "")
    assert json.loads(out) == {minion_id: {"args": ["x"], "kwargs": {"k": 1}} for minion_id in ids}


def test_a_batch_goes_on_in_the_background(parts: Parts, tmp_path: Path) -> None:
    ids, mark = parts.stack.minion_ids, tmp_path / "mark"
    command = f"while [ ! -e {mark} ]; do sleep 0.05; done; echo done"
    code, out, err = run(parts, "-b", "1", "--async", "*", "cmd.shell", command)
    assert (code, err) == (0, "")
    assert out.startswith("Executed batch command with job ID: ")
    jid = jid_of(out)
    (about,) = wait_for(lambda: list(parts.runner.cmd("jobs.active").values()), "it to run")
    assert [list(running) for running in about["Running"]] == [ids[:1]]
    mark.touch()
    wait_for(lambda: parts.runner.cmd("jobs.lookup_jid", [jid]) == dict.fromkeys(ids, "done"), "all answers")


def test_ctrl_c_leaves_the_minions_at_work_and_starts_no_others(parts: Parts, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    command = f"while [ ! -e {mark} ]; do sleep 0.05; done"
    program = start(parts, "-b", "1", "*", "cmd.shell", command)
    assert program.stdout is not None
    assert program.stdout.readline() == "\n"
    assert program.stdout.readline().startswith("Executing run on ")
    wait_for(lambda: len(parts.runner.cmd("jobs.active")) == 1, "it to run")
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=30)
    assert program.returncode == 0
    assert err.startswith("\nExiting gracefully on Ctrl-c\nThis job's jid is: ")
    assert err.endswith("saltern: it was not started on 2 minions\n")
    jid = jid_of(err)
    assert list(parts.runner.cmd("jobs.active")) == [jid]
    mark.touch()
    first = parts.stack.minion_ids[0]
    wait_for(lambda: list(parts.runner.cmd("jobs.lookup_jid", [jid])) == [first], "its answer")
    assert parts.runner.cmd("jobs.active") == {}


def test_several_functions_on_a_few_by_chance(parts: Parts) -> None:
    code, out, err = run(
        parts, "--subset", "2", "--out", "json", "--out-indent=-1", "*", "test.echo,test.ping", "a", ","
    )
    assert (code, err) == (0, "")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [list(answer.values()) for answer in answers] == [[{"test.echo": "a", "test.ping": True}]] * 2
    code, out, _ = run(parts, "--subset", "2", "*", "test.echo,nosuch.function", "a", ",")
    assert (code, out.splitlines()[0][:33]) == (2, "No minions matched the target. No")


def test_whom_a_target_means_is_told_and_nothing_runs(parts: Parts) -> None:
    first, second, third = parts.stack.minion_ids
    code, out, err = run(parts, "--preview-target", "-C", f"not {second}")
    assert (code, out, err) == (0, f"- {first}\n- {third}\n", "")
    assert run(parts, "--preview-target", "nobody") == (2, "", "ERROR: No return received\n")


def test_one_that_goes_while_it_works_is_said_to_be_away_and_its_place_is_filled(parts: Parts, tmp_path: Path) -> None:
    first, second, third = parts.stack.minion_ids
    name, mark = f"agent {first}", tmp_path / "mark"
    command = f"while [ ! -e {mark} ]; do sleep 0.05; done; echo done"
    program = start(parts, "-b", "1", "--static", "--out", "json", "*", "cmd.shell", command)
    wait_for(lambda: len(parts.runner.cmd("jobs.active")) == 1, "it to run")
    parts.stop(name, signal.SIGKILL)
    mark.touch()
    try:
        out, err = program.communicate(timeout=60)
        assert (program.returncode, err) == (0, "")
        assert json.loads(out) == {first: {}, second: "done", third: "done"}
        code, out, err = run(parts, "-b", "2", "*", "test.ping")
        assert out.startswith(f"Minion {first} did not respond. No job will be sent.\n\nExecuting run on ")
        assert (code, err) == (0, "")
        _, out, _ = run(parts, "-s", "--out", "json", "*", "test.ping")
        assert json.loads(out) == {second: True, third: True}
    finally:
        parts.start(name)
        wait_for(lambda: len(parts.up()) == 3, "the agent")
