"""Ordinary users of the master's host against the door: the command line and the bare socket, as other uids."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from saltern.event import MasterEvent
from support.folders import open_to_all
from support.stacks import Parts, wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")

BIN = Path(sys.executable).parent
GRANTS = """
schedule: {stats: false}
external_auth: {}
publisher_acl:
  nobody: ["test.*", "saltutil.*", "schedule.*", "cp.*"]
  daemon: ["@events"]
  games: [{"door-1": [test.*]}, {"other": [cmd.run]}, schedule.add, "@runner": [manage.up]]
"""
NAMES = ("vm", "Debian", "Linux")
PYTHON = "import sys; from saltern.local import LocalConnection; from saltern.event import MasterEvent\n"


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    with open_to_all() as folder:
        parts = Parts(folder / "stack", minions=2, master=GRANTS, minion="pending_retry_interval: 0.3\n")
        try:
            parts.start("master", *(name for name in parts.names if name.startswith("agent")))
            wait_for(lambda: len(parts.up()) == 2, "the agents")
            yield parts
        finally:
            parts.stop_all()


def become(user: str) -> list[str]:
    """Return the words before a command that is *user*'s. It may read root's files, as where the interpreter is."""
    if user == "root":
        return []
    rights = [f"--{what}=-all,+dac_read_search" for what in ("inh-caps", "ambient-caps", "bounding-set")]
    return ["setpriv", f"--reuid={user}", "--regid=65534", "--clear-groups", "--no-new-privs", *rights]


def saltern(parts: Parts, user: str, *words: str, program: str = "saltern") -> subprocess.CompletedProcess[str]:
    command = [*become(user), str(BIN / program), "-c", parts.stack.config_dir, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@contextlib.contextmanager
def python(parts: Parts, user: str, code: str, *words: str) -> Iterator[TextIO]:
    """Run *code* as *user*, until the end of the block; ``sock_dir`` is its first argument. Yield what it prints."""
    command = [*become(user), sys.executable, "-P", "-c", PYTHON + code, parts.runner.opts["sock_dir"], *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.kill()


def refused(parts: Parts, user: str, *words: str, program: str = "saltern") -> str:
    """Return the one line that refuses a command to *user*; it names nothing of a minion's."""
    done = saltern(parts, user, *words, program=program)
    assert (done.returncode, done.stdout) == (77, ""), done
    assert done.stderr.count("\n") == 1
    line = done.stderr
    for word in words:
        line = line.replace(word, "")
    assert not [name for name in NAMES if name in line]
    return done.stderr.rstrip()


@pytest.mark.parametrize("program", ["saltern", "saltern-run", "saltern-key"])
def test_who_has_no_grant_is_let_go_at_once_with_one_line(parts: Parts, program: str) -> None:
    words = {"saltern": ["*", "test.ping"], "saltern-run": ["manage.up"], "saltern-key": ["-L"]}[program]
    assert "user bin may do nothing here: publisher_acl grants nothing" in refused(
        parts, "bin", *words, program=program
    )
    code = """
import socket
bare = socket.socket(socket.AF_UNIX); bare.connect(sys.argv[1] + "/master.sock")
data = b""
while part := bare.recv(9999): data += part
print(data.count(b"may do nothing here"), len(data) < 300)
"""
    with python(parts, "bin", code) as said:
        assert said.read() == "1 True\n"


def test_a_refusal_tells_no_minion_and_no_existence(parts: Parts) -> None:
    first, second = parts.stack.minion_ids
    line = "user nobody may not run cmd.run: grant cmd.run by its exact name, no glob covers it"
    for target in (
        ["*"],
        [first],
        ["nosuch"],
        ["-G", "os:D*"],
        ["-G", "os:X*"],
        ["-E", "v."],
        ["-L", f"{first},nosuch"],
    ):
        assert line in refused(parts, "nobody", *target, "cmd.run", "id")
    known, unknown = (refused(parts, "games", name, "test.ping") for name in (second, "nosuch"))
    assert known == unknown
    for target in (["*"], ["v*"], ["-L", f"{first},{second}"], ["-L", "nosuch"], ["door-*"]):
        assert refused(parts, "games", *target, "test.ping") == known
    for target in (["-E", f"door-1|{second}"], ["-G", "os:*"], ["-C", "not nosuch"], ["-P", "id:.*"]):
        done = saltern(parts, "games", *target, "test.ping")
        nobody = saltern(parts, "games", "-E", "nosuch", "test.ping")
        assert (done.returncode, done.stdout, done.stderr) == (2, nobody.stdout, nobody.stderr)


@pytest.mark.parametrize(
    "target", [["-G", "os:" + ":" * 8000], ["-E", "(.|.)+!"], ["-P", "os:(a|a)+!"]], ids=["-G", "-E", "-P"]
)
def test_a_dear_target_is_refused_for_its_function(parts: Parts, target: list[str]) -> None:
    assert "may not run cmd.run: grant" in refused(parts, "nobody", *target, "cmd.run", "id")


@pytest.mark.parametrize("user", ["nobody", "games"])
@pytest.mark.parametrize("function", ["cmd.shell", "cp.get_file", "nosuch.f"])
def test_who_may_schedule_schedules_no_more_than_he_may_run(parts: Parts, user: str, function: str) -> None:
    first, _ = parts.stack.minion_ids
    words = ["schedule.add", "planted", f"function={function}", 'job_args=["id"]', "seconds=1"]
    assert "may not run" in refused(parts, user, first, *words)
    words = ["schedule.modify", "planted", f"function={function}"]
    assert "may not run" in refused(parts, user, first, *words)
    listed = saltern(parts, "root", first, "schedule.list")
    assert listed.returncode == 0
    assert "planted" not in listed.stdout


@pytest.mark.parametrize(
    "call", [["cp.get_file", "salt://x", "TARGET"], ["saltutil.cmd", "*", "test.ping"], ["test.f\n", "x"]]
)
def test_a_glob_covers_nothing_that_runs_or_writes_anything(parts: Parts, call: list[str]) -> None:
    planted = Path(parts.stack.root) / "planted"
    words = [str(planted) if word == "TARGET" else word for word in call]
    done = saltern(parts, "nobody", parts.stack.minion_ids[0], *words)
    assert done.returncode != 0
    assert not planted.exists()


def test_who_follows_events_is_nobody_else_by_it(parts: Parts) -> None:
    """An answer to root's job that somebody else makes up comes to root's screen by no way."""
    first, _ = parts.stack.minion_ids
    code = """
events = MasterEvent(sys.argv[1]); events.subscribe("salt/job/")
print("follows", flush=True)
event = events.get_event(wait=30, tag="salt/job/", full=True)
print(event["data"].get("arg"), event["data"].get("kwarg"))
jid = event["tag"].split("/")[2]
ret = f"salt/job/{jid}/ret/{sys.argv[2]}"
for tag in (ret, f"salt/job/{jid}/done", f"salt/user/daemon/{jid}", f"x/{ret}"):
    for of in ("master", "minion:" + sys.argv[2]):
        data = {"id": sys.argv[2], "jid": jid, "return": "FORGED", "retcode": 0, "success": True, "from": of}
        data["_stamp"] = "1"
        try:
            print(MasterEvent(sys.argv[1]).fire_event(data, tag))
        except Exception as error:
            print(type(error).__name__)
print("done", flush=True)
sys.stdin.read()
"""
    everything = MasterEvent(parts.runner.opts["sock_dir"])
    everything.subscribe()
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(parts.client.cmd(first, "test.sleep", [3])))
    with python(parts, "daemon", code, first) as said:
        assert said.readline() == "follows\n"
        waiting.start()
        lines = [said.readline().rstrip() for _ in range(10)]
        waiting.join(30)
    assert lines == ["*** None", *["NotAuthorised"] * 4, *["True"] * 4, "done"]
    assert answers == [{first: True}]
    forged = []
    while (event := everything.get_event(wait=0, full=True)) is not None:
        if event["data"].get("return") == "FORGED":
            forged.append(event)
    everything.close()
    assert len(forged) == 4
    for event in forged:
        assert event["tag"].startswith("salt/user/daemon/")
        assert event["data"]["from"] == "user:daemon"
        assert event["data"]["_stamp"] != "1"


def test_one_users_connections_leave_root_his(parts: Parts) -> None:
    code = """
import socket
held = []
for number in range(500):
    one = socket.socket(socket.AF_UNIX); one.connect(sys.argv[1] + "/master.sock"); held.append(one)
    if number % 2: one.send(b"\\0\\0\\xff\\xff" + b"x" * 1000)
closed = 0
for one in held[100:]:
    one.settimeout(20); closed += b"connections already" in one.recv(999)
print(closed, flush=True)
sys.stdin.read()
"""
    with contextlib.ExitStack() as users:
        for said in [users.enter_context(python(parts, user, code)) for user in ("nobody", "daemon", "games")]:
            assert said.readline() == "400\n"
        assert saltern(parts, "root", "manage.up", program="saltern-run").returncode == 0
        assert parts.client.cmd("*", "test.ping") == dict.fromkeys(parts.stack.minion_ids, True)


def test_running_jobs_show_others_no_arguments(parts: Parts) -> None:
    first, _ = parts.stack.minion_ids
    job = parts.client.run_job(first, "test.sleep", [60], kwarg={})
    secret = parts.client.run_job(first, "cmd.run", [["sh", "-c", "sleep 60; : hunter2"]])

    def running(user: str) -> str:
        return saltern(parts, user, "--out", "json", first, "saltutil.running").stdout

    wait_for(lambda: job["jid"] in running("root") and secret["jid"] in running("root"), "the jobs to run")
    assert "hunter2" in running("root")
    shown = running("nobody")
    assert secret["jid"] in shown
    assert "hunter2" not in shown
    for words in (["jobs.list_jobs"], ["jobs.list_job", secret["jid"]], ["jobs.lookup_jid", secret["jid"]]):
        refused(parts, "games", *words, program="saltern-run")
    killed = saltern(parts, "nobody", first, "saltutil.kill_job", secret["jid"])
    assert secret["jid"] in running("root"), killed
    saltern(parts, "root", first, "saltutil.kill_job", secret["jid"])


def test_a_user_waits_for_a_slow_minion_to_its_end(parts: Parts) -> None:
    first, _ = parts.stack.minion_ids
    done = saltern(parts, "nobody", "-t", "1", first, "test.sleep", "4")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [f"{first}:", "True"]


def test_nothing_of_it_ended_in_a_fault(parts: Parts) -> None:
    log = parts.log("master")
    assert "Traceback" not in log
    assert " ERROR " not in log
    assert len(log.splitlines()) < 200
