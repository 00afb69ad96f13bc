"""The command line as an operator meets it: output, exit codes, faults in one line."""

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
import yaml

from support.stacks import Parts, wait_for

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    parts = Parts(
        tmp_path_factory.mktemp("stack"),
        minions=2,
        master="schedule: {stats: false}\n",
        minion="pending_retry_interval: 0.3\n",
    )
    with parts.running():
        yield parts


def run(parts: Parts, program: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SALTERN_CONFIG_DIR": parts.stack.config_dir, "COLUMNS": "100"}
    return subprocess.run(
        [BIN / program, *words], env=environment, input=stdin, capture_output=True, text=True, timeout=30
    )


def one_line(text: str) -> str:
    assert text.count("\n") == 1, text
    assert "Traceback" not in text
    return text.rstrip()


def test_ping(parts: Parts) -> None:
    done = run(parts, "saltern", "*", "test.ping")
    assert done.returncode == 0
    assert sorted(done.stdout.split("\n")) == sorted(
        ["", *[line for m in parts.stack.minion_ids for line in (f"{m}:", "    True")]]
    )


def test_every_form_of_output(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    words = [minion, "test.arg_clean", "a", "n=1"]
    expected = {minion: {"args": ["a"], "kwargs": {"n": 1}}}
    assert json.loads(run(parts, "saltern", "--out", "json", *words).stdout) == expected
    assert json.loads(run(parts, "saltern", "--out=json", "--static", *words).stdout) == expected
    assert yaml.safe_load(run(parts, "saltern", "--out", "yaml", *words).stdout) == expected
    assert run(parts, "saltern", "--out", "quiet", *words).stdout == ""
    assert run(parts, "saltern", "--out", "txt", minion, "test.echo", "hi").stdout == f"{minion}: hi\n"
    assert json.loads(run(parts, "saltern", "--out", "json", "--static", "*", "test.ping").stdout) == dict.fromkeys(
        parts.stack.minion_ids, True
    )


def test_no_form_lets_a_minion_steer_the_terminal(parts: Parts) -> None:
    minion, words = parts.stack.minion_ids[0], "\x1b[2J\u202e\x9b"
    for out in ("nested", "txt", "raw"):
        shown = run(parts, "saltern", "--out", out, minion, "test.echo", words).stdout
        assert r"\x1b[2J\u202e\x9b" in shown
        assert not [c for c in shown if (ord(c) < 32 and c != "\n") or c in "\u202e\x9b"]
    for out, load in (("json", json.loads), ("yaml", yaml.safe_load)):
        shown = run(parts, "saltern", "--out", out, minion, "test.echo", words).stdout
        assert load(shown) == {minion: words}
        assert not [c for c in shown if (ord(c) < 32 and c != "\n") or c in "\u202e\x9b"]


def test_targets(parts: Parts) -> None:
    first, second = parts.stack.minion_ids
    for words, minions in (
        (["-L", f"{first},{second}"], [first, second]),
        (["-G", f"id:{second}"], [second]),
        (["-E", f"{first}$"], [first]),
        (["-C", f"not {first}"], [second]),
        (["-C", f"G@id:{first} or {second}"], [first, second]),
    ):
        done = run(parts, "saltern", "--static", "--out", "json", *words, "test.ping")
        assert json.loads(done.stdout) == dict.fromkeys(minions, True), done


def test_nobody_matches(parts: Parts) -> None:
    done = run(parts, "saltern", "nobody*", "test.ping")
    assert done.returncode == 2
    assert one_line(done.stdout) == "No minions matched the target. No command was sent, no jid was assigned."
    assert one_line(done.stderr) == "ERROR: No return received"


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        (["-L", "{0},nosuch"], ["nosuch"]),
        (["-L", "nosuch, {0} ,gone,nosuch"], ["gone", "nosuch"]),
        (["-C", "{0} or L@nosuch"], ["nosuch"]),
        (["-C", "{0} and not L@nosuch"], []),
    ],
)
def test_a_listed_name_that_no_minion_has_is_named(parts: Parts, words: list[str], unknown: list[str]) -> None:
    (minion, *_) = parts.stack.minion_ids
    words = [word.format(minion) for word in words]
    done = run(parts, "saltern", "--out", "json", "--out-indent", "-1", *words, "test.ping")
    first, *others = [json.loads(line) for line in done.stdout.splitlines()]
    assert first == {minion: True}
    assert [(name, text.split("\n")[0]) for answer in others for name, text in answer.items()] == [
        (name, "Minion did not return. [No response]") for name in unknown
    ]
    assert done.returncode == (1 if unknown else 0)
    assert (f"no accepted minion has the id {', '.join(unknown)}\n" in done.stderr) == bool(unknown)


def test_a_list_of_nobody_and_one_that_is_not_waited_for(parts: Parts) -> None:
    (minion, *_) = parts.stack.minion_ids
    done = run(parts, "saltern", "-L", "nosuch,none\x1b", "test.ping")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "saltern: no accepted minion has the id none\\x1b, nosuch"
    done = run(parts, "saltern", "--async", "-L", f"{minion},nosuch", "test.ping")
    assert done.stdout.startswith("Executed command with job ID: 20")
    assert (done.returncode, one_line(done.stderr)) == (0, "saltern: no accepted minion has the id nosuch")


def test_a_function_that_fails(parts: Parts) -> None:
    done = run(parts, "saltern", parts.stack.minion_ids[0], "cmd.run", "false")
    assert done.returncode == 1
    assert one_line(done.stderr) == "ERROR: Minions returned with non-zero exit code"
    done = run(parts, "saltern", parts.stack.minion_ids[0], "test.pign")
    assert "'test.pign' is not available" in done.stdout
    assert done.returncode == 1


def test_a_minion_that_is_away_is_said_to_be_away(parts: Parts) -> None:
    name = f"agent {parts.stack.minion_ids[1]}"
    parts.stop(name, signal.SIGKILL)
    try:
        wait_for(lambda: len(parts.up()) == 1, "the agent to be missed")
        done = run(parts, "saltern", "*", "test.ping", "--summary")
        assert "Minion did not return. [Not connected]" in done.stdout
        assert done.returncode == 1
        summary = run(parts, "saltern", "--summary", "*", "test.ping").stdout
        assert "# of minions that did not return: 1" in summary
    finally:
        parts.start(name)
        wait_for(lambda: len(parts.up()) == 2, "the agent")


def test_async_verbose_batch_and_several(parts: Parts) -> None:
    done = run(parts, "saltern", "--async", "*", "test.sleep", "0.1")
    jid = done.stdout.split()[-1]
    assert len(jid) == 20
    wait_for(lambda: len(parts.runner.cmd("jobs.lookup_jid", [jid])) == 2, "the job")
    shown = run(parts, "saltern-run", "--out", "json", "jobs.lookup_jid", jid)
    assert json.loads(shown.stdout) == dict.fromkeys(parts.stack.minion_ids, True)
    assert run(parts, "saltern", "-v", "*", "test.ping").stdout.startswith("Executing job with jid 20")
    static = run(parts, "saltern", "-b", "1", "--static", "--out", "json", "*", "test.ping")
    assert json.loads(static.stdout) == dict.fromkeys(parts.stack.minion_ids, True)
    several = run(parts, "saltern", "--out", "json", parts.stack.minion_ids[0], "test.echo,test.ping", "hi", ",")
    assert json.loads(several.stdout)[parts.stack.minion_ids[0]] == {"test.echo": "hi", "test.ping": True}


def test_documentation(parts: Parts) -> None:
    trailing = run(parts, "saltern", parts.stack.minion_ids[0], "test.arg_clean", "a", "--out", "json")
    assert json.loads(trailing.stdout)[parts.stack.minion_ids[0]] == {"args": ["a"], "kwargs": {}}
    done = run(parts, "saltern", parts.stack.minion_ids[0], "sys.doc", "test.ping")
    assert "CLI Example" in done.stdout
    listed = run(parts, "saltern-run", "-d")
    assert "manage.status" in listed.stdout
    assert listed.returncode == 0


@pytest.mark.parametrize(
    ("words", "told", "not_told"),
    [
        (["*", "-d", "cmd.run"], "cmd.run:", "cmd.shell:"),
        (["*", "cmd.run", "-d"], "cmd.run:", "cmd.shell:"),
        (["-d", "*", "test"], "test.ping:", "cmd.run:"),
        (["-d", "test.ping"], "test.ping:", "test.echo:"),
        (["-d", "*", "sys.doc", "test"], "test.ping:", "cmd.run:"),
        (["-d", "*"], "test.ping:", "nothing.at_all"),
        (["-d"], "test.ping:", "nothing.at_all"),
    ],
)
def test_documentation_is_told_once(parts: Parts, words: list[str], told: str, not_told: str) -> None:
    done = run(parts, "saltern", *words)
    assert done.returncode == 0, done
    assert done.stdout.splitlines().count(told) == 1
    assert "CLI Example" in done.stdout
    assert not_told not in done.stdout.splitlines()
    assert not {f"{minion}:" for minion in parts.stack.minion_ids} & set(done.stdout.splitlines())


def test_documentation_of_what_is_not_there(parts: Parts) -> None:
    done = run(parts, "saltern", "-d", "nothing.at_all")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run(parts, "saltern", "-d", "*", "cmd.run", "touch /nowhere")
    assert (done.returncode, done.stdout) == (64, "")
    assert "You can only get documentation for one method at one time." in done.stderr
    assert run(parts, "saltern", "-d", "nobody*", "test.ping").returncode == 2
    as_json = run(parts, "saltern", "-d", "--out", "json", "-L", parts.stack.minion_ids[1], "test.ping")
    assert list(json.loads(as_json.stdout)) == ["test.ping"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["saltern"], 42, "Cannot execute command without defining a target."),
        (["saltern", "*"], 42, "Incomplete options passed."),
        (["saltern", "--oops", "*", "test.ping"], 64, "saltern: error: no such option: --oops"),
        (["saltern", "-C", "a and", "test.ping"], 2, "compound target 'a and': a target is missing"),
        (["saltern", "-E", "(", "test.ping"], 2, "'(' is not a regular expression"),
        (["saltern", "-b", "x", "*", "test.ping"], 1, "Invalid batch specification 'x': must be an integer or"),
        (["saltern", "-t", "nan", "*", "test.ping"], 64, "option -t: invalid integer value: 'nan'"),
        (["saltern-run", "-t", "1e300", "manage.status"], 64, "must be seconds"),
        (["saltern-key", "--invite", "--ttl", "-1"], 64, "must be seconds"),
        (["saltern", "-c", "/nowhere/at/all", "*", "test.ping"], 78, "/nowhere/at/all"),
        (["saltern-run", "nothing.here"], 0, "'nothing.here' is not a runner function"),
        (["saltern-key", "-f", "nobody"], 0, "no key matches 'nobody'"),
        (["saltern-key", "web*"], 64, "unexpected word: web*"),
        (["saltern-master", "-c", "/nowhere/at/all"], 78, "/nowhere/at/all"),
    ],
)
def test_faults_are_said_in_words(parts: Parts, words: list[str], code: int, message: str) -> None:
    done = run(parts, *words)
    assert message in done.stderr, done
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == code


def test_what_goes_wrong_in_a_runner_is_its_value(parts: Parts) -> None:
    done = run(parts, "saltern-run", "jobs.lookup_jid", "x", "--out", "json")
    assert json.loads(done.stdout).startswith("Exception occurred in runner jobs.lookup_jid: jid 'x' is not valid")
    assert (done.returncode, done.stderr) == (1, "")
    done = run(parts, "saltern-run", "metrics.explain", "a", "b.c")
    assert done.stdout.startswith("Exception occurred in runner metrics.explain: a returned no metrics of b.c")
    done = run(parts, "saltern-run", "metrics.explain", "a", "b.c", "--quiet")
    assert (done.returncode, done.stdout) == (1, "")


def test_words_of_a_runner(parts: Parts) -> None:
    echoed = run(parts, "saltern-run", "test.arg", "0644", "a=[1, x]", "b=1", "'c=2'", "--no-parse", "b", "--out=raw")
    assert echoed.stdout == "{'args': [644], 'kwargs': {'a': [1, 'x'], 'b': '1', 'c': 2}}\n", echoed
    given = run(parts, "saltern-run", "--args-stdin", "test.arg", stdin="x y\n--out\nraw\n")
    assert given.stdout == "{'args': ['x y'], 'kwargs': {}}\n"


def test_a_runner_is_started_and_not_waited_for(parts: Parts) -> None:
    done = run(parts, "saltern-run", "--async", "test.arg", "x")
    assert (done.returncode, done.stdout) == (0, "")
    jid = one_line(done.stderr).rpartition("salt/run/")[2]
    found = wait_for(lambda: run(parts, "saltern-run", "--out", "json", "jobs.lookup_jid", jid).stdout, "its return")
    assert "x" in found
    missing = run(parts, "saltern-run", "--async", "nothing.here")
    assert (missing.returncode, missing.stdout) == (0, "'nothing.here' is not available.\n")


def test_no_master(parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "master").write_text(f"sock_dir: {tmp_path}\n")
    done = run(parts, "saltern", "-c", str(tmp_path), "*", "test.ping")
    assert done.returncode == 2
    assert one_line(done.stdout) == "The salt master could not be contacted. Is master running?"
    assert "is saltern-master running, and is this its --config-dir?" in one_line(done.stderr)


@pytest.mark.parametrize(
    "program",
    [
        "saltern",
        "saltern-key",
        "saltern-run",
        "saltern-master",
        "saltern-agent",
        "saltern-proxy",
        "saltern-call",
        "saltern-graphite",
        "saltern-up",
    ],
)
def test_help_teaches_and_versions_are_told(parts: Parts, program: str) -> None:
    help_text = run(parts, program, "--help")
    assert help_text.returncode == 0
    assert "example" in help_text.stdout.lower()
    assert "0.1.0" in run(parts, program, "--version").stdout


def test_versions_report(parts: Parts) -> None:
    for name in (
        "saltern",
        "saltern-key",
        "saltern-run",
        "saltern-call",
        "saltern-master",
        "saltern-agent",
        "saltern-proxy",
    ):
        assert "pyzmq: " in run(parts, name, "-V").stdout
    wrong = run(parts, "saltern-master", "--oops")
    assert (wrong.returncode, wrong.stderr.splitlines()[-1]) == (64, "saltern-master: error: no such option: --oops")


def test_keys(parts: Parts) -> None:
    first, second = parts.stack.minion_ids
    listed = run(parts, "saltern-key").stdout
    assert listed == f"Accepted Keys:\n{first}\n{second}\nDenied Keys:\nUnaccepted Keys:\nRejected Keys:\n"
    assert json.loads(run(parts, "saltern-key", "-L", "--out", "json").stdout)["minions"] == [first, second]
    fingers = run(parts, "saltern-key", "-F").stdout
    assert "master.pub:  " in fingers
    assert "master_key:  " in fingers
    assert f"{first}:  " in fingers
    declined = run(parts, "saltern-key", "-d", second, stdin="n\n")
    assert declined.returncode == 0
    assert declined.stdout.endswith(f"Accepted Keys:\n{second}\nProceed? [N/y] ")
    assert len(parts.up()) == 2
    assert run(parts, "saltern-key", "-d", second).returncode == 64  # nobody there to ask
    assert run(parts, "saltern-key", "-d", second, "-y").stdout == (
        f"The following keys are going to be deleted:\nAccepted Keys:\n{second}\nKey for minion {second} deleted.\n"
    )
    wait_for(lambda: parts.up() == [first], "the deleted minion to be out")
    pending = wait_for(
        lambda: json.loads(run(parts, "saltern-key", "-L", "--out", "json").stdout)["minions_pre"], "it to ask"
    )
    assert pending == [second]
    assert run(parts, "saltern-key", "-r", second, "-y").returncode == 0
    assert run(parts, "saltern-key", "-l", "rej").stdout == f"Rejected Keys:\n{second}\n"
    assert run(parts, "saltern-key", "-d", second, "-y").returncode == 0
    wait_for(lambda: second in run(parts, "saltern-key", "-l", "un").stdout, "it to ask again", 30)
    assert run(parts, "saltern-key", "-A", "-y").stdout.endswith(f"Key for minion {second} accepted.\n")
    assert re.fullmatch(rf"Accepted Keys:\n{second}:  \S{{40}}\n", run(parts, "saltern-key", "-p", second).stdout)
    wait_for(lambda: len(parts.up()) == 2, "both")


def test_a_new_host_joins_by_one_pasted_line(parts: Parts, tmp_path: Path) -> None:
    line = run(parts, "saltern-key", "--invite", "--host", "127.0.0.1").stdout.split()
    assert line[:2] == ["saltern-agent", "--join"]
    (tmp_path / "minion").write_text(f"id: newhost\nroot_dir: {tmp_path}/r\n")
    log = (tmp_path / "log").open("wb")
    agent = subprocess.Popen([BIN / "saltern-agent", "--join", line[2], "-c", str(tmp_path)], stdout=log, stderr=log)
    try:
        wait_for(lambda: "newhost" in parts.up(), "the new host")
        assert parts.client.cmd("newhost", "test.ping") == {"newhost": True}
        agent.terminate()
        assert agent.wait(30) == 0
        # The pinned key and the address stay: from now on it needs no token.
        agent = subprocess.Popen([BIN / "saltern-agent", "-c", str(tmp_path)], stdout=log, stderr=log)
        wait_for(lambda: parts.client.cmd("newhost", "test.ping") == {"newhost": True}, "its return")
    finally:
        agent.kill()
        agent.wait()
        log.close()
        run(parts, "saltern-key", "-d", "newhost", "-y")


def test_call_runs_on_this_host(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    config = parts.stack.minion_config(minion)
    done = run(parts, "saltern-call", "-c", config, "--local", "--out", "json", "test.arg_clean", "a", "b=2")
    assert json.loads(done.stdout) == {"local": {"args": ["a"], "kwargs": {"b": 2}}}, done
    done = run(parts, "saltern-call", "-c", config, "--local", "test.nothing")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr + done.stdout


def test_an_agent_without_a_pinned_key_says_how_to_get_one(parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "minion").write_text(f"id: x\nroot_dir: {tmp_path}/r\n")
    done = run(parts, "saltern-agent", "-c", str(tmp_path))
    assert done.returncode == 78
    assert "saltern-key" in one_line(done.stderr)
