"""A secret gets from the command line, or the pillar, to the function that needs it, and nowhere else."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import FunctionNotFound
from saltern.event import MasterEvent
from saltern.secret import MASK, Secret
from support.stacks import Parts, wait_for

BIN = Path(sys.executable).parent
TYPED = "typed-hunter2-secret"
KEPT = "pillar-hunter2-secret"
MODULE = """
import hashlib
def digest(text): return hashlib.sha256(text.encode()).hexdigest()
def own(): return digest(__pillar__["db"]["password"])
def fails(text): raise ValueError(f"wrong password {text}")
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    root = tmp_path_factory.mktemp("secrets")
    modules = root / "modules"
    modules.mkdir()
    (modules / "mod.py").write_text(MODULE)
    parts = Parts(
        root / "stack",
        master="schedule: {stats: false}\npillar_files: {'*': [../../pillar.yaml]}\nlog_level: debug\n",
        minion=f"module_dirs: [{modules}]\nlog_level: debug\n",
    )
    (root / "pillar.yaml").write_text(f"db: {{user: fred, password: !secret {KEPT}}}\n")
    with parts.running():
        yield parts


def saltern(parts: Parts, *words: str, stdin: str = "") -> Any:
    environment = {**os.environ, "SALTERN_CONFIG_DIR": parts.stack.config_dir}
    command = [BIN / "saltern", "--out", "json", "--static", *words]
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, timeout=60)
    assert TYPED not in done.stdout + done.stderr
    return json.loads(done.stdout)[parts.stack.minion_ids[0]]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def files_with(root: Path, text: str) -> list[Path]:
    files = [Path(folder, name) for folder, _, names in os.walk(root) for name in names]
    assert files
    found = []
    for path in files:
        with contextlib.suppress(FileNotFoundError):  # the stack works: files come and go
            if path.is_file() and text.encode() in path.read_bytes():
                found.append(path)
    return found


def test_a_secret_argument_reaches_the_function_alone(parts: Parts, tmp_path: Path) -> None:
    file = tmp_path / "pw"
    file.write_text(TYPED + "\n")
    file.chmod(0o600)
    events = MasterEvent(parts.client.opts["sock_dir"])
    events.subscribe()
    assert saltern(parts, "*", "mod.digest", "--secret-arg-file", str(file)) == digest(TYPED)
    assert saltern(parts, "*", "cmd.run_stdout", "wc -c", "--secret-arg-file", f"stdin={file}") == str(len(TYPED))
    assert saltern(parts, "--isolate", "*", "mod.digest", "--secret-arg-file", f"text={file}") == digest(TYPED)
    assert saltern(parts, "*", "test.echo", "--secret-arg-file", "-", stdin=TYPED) == MASK
    assert saltern(parts, "*", "test.arg_clean", "a", "--secret-arg-file", f"k={file}") == {
        "args": ["a"],
        "kwargs": {"k": MASK},
    }
    assert saltern(parts, "*", "mod.fails", "--secret-arg-file", str(file)).endswith("ValueError: wrong password ***\n")

    seen: list[Any] = []
    while not any("/ret/" in event["tag"] and event["data"]["fun"] == "mod.fails" for event in seen):
        seen.append(events.get_event(60, full=True))
    events.close()
    assert TYPED not in repr(seen)
    (echoed,) = [e["data"]["jid"] for e in seen if e["tag"].endswith("/new") and e["data"]["fun"] == "test.echo"]
    job = wait_for(lambda: (found := parts.runner.cmd("jobs.list_job", [echoed]))["Result"] and found, "its return", 60)
    assert job["Arguments"] == [MASK]
    assert job["Result"][parts.stack.minion_ids[0]]["return"] == MASK
    assert files_with(Path(parts.stack.root), TYPED) == []
    assert "mod.digest" in parts.log("master")


def test_secrets_from_python(parts: Parts) -> None:
    (minion,) = parts.stack.minion_ids
    assert parts.client.cmd("*", "mod.digest", [Secret(TYPED)]) == {minion: digest(TYPED)}
    assert parts.client.cmd("*", "mod.digest", kwarg={"text": Secret(TYPED)}) == {minion: digest(TYPED)}
    assert parts.client.cmd("*", "test.echo", [{"in": [Secret(TYPED)]}]) == {minion: {"in": [MASK]}}


def test_a_secret_of_the_pillar_reaches_modules_alone(parts: Parts) -> None:
    (minion,) = parts.stack.minion_ids
    assert saltern(parts, "*", "mod.own") == digest(KEPT)
    assert saltern(parts, "--isolate", "*", "mod.own") == digest(KEPT)
    assert saltern(parts, "*", "pillar.get", "db:password") == MASK
    assert saltern(parts, "*", "pillar.items") == {"db": {"user": "fred", "password": MASK}}
    (Path(parts.stack.root).parent / "pillar.yaml").write_text(f"db: {{user: eve, password: !secret {KEPT}2}}\n")
    saltern(parts, "*", "saltutil.refresh_pillar")
    assert saltern(parts, "*", "pillar.get", "db:user") == "eve"
    assert saltern(parts, "*", "mod.own") == digest(KEPT + "2")
    called = subprocess.run(
        [BIN / "saltern-call", "-c", parts.stack.minion_config(minion), "--out", "json", "pillar.get", "db:password"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert json.loads(called.stdout) == {"local": MASK}, called
    assert files_with(Path(parts.stack.root), KEPT) == []


def test_a_secret_of_the_schedule_reaches_its_function_alone(parts: Parts) -> None:
    (minion,) = parts.stack.minion_ids
    config = Path(parts.stack.config_dir) / "master"
    before = config.read_text()
    entry = f"{{function: mod.digest, args: [!secret {TYPED}], seconds: 3600, return_job: true}}"
    config.write_text(before.replace("stats: false", f"stats: false, mine: {entry}"))
    shown = wait_for(lambda: parts.client.cmd("*", "schedule.job_status")[minion].get("mine"), "the schedule", 60)
    assert shown["args"] == [MASK]
    jid = parts.client.cmd("*", "schedule.run_job", ["mine"])[minion]["jid"]

    def stored() -> dict[str, Any]:
        try:
            return dict(parts.runner.cmd("jobs.list_job", [jid])["Result"])
        except FunctionNotFound:  # of a job that the agent started the master knows by its return
            return {}

    job = wait_for(stored, "its return", 60)
    assert job[minion]["return"] == digest(TYPED)
    config.write_text(before)
    wait_for(lambda: not parts.client.cmd("*", "schedule.job_status")[minion], "the schedule to go", 60)
    assert files_with(Path(parts.stack.root), TYPED) == []
