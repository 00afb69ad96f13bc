"""Modules that users bring: from a folder and from a git repository, good ones and bad ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from saltern.config import master_config
from saltern.event import MasterEvent, get_event
from saltern.own_python import python_module
from support.stacks import Parts, wait_for

MYPKG = "def myinstall(name):\n    return __salt__['pkg.install'](name)\n"
PKG = "def install(name):\n    return {'installed': name}\n"
HOSTILE = """
import datetime, os, sys, time

def raises():
    raise ValueError("no such thing")

def junk():
    return {"set": {3, 1}, "when": datetime.datetime(2026, 1, 2), "object": object(), (1, 2): "tuple key"}

def prints():
    print("a module prints this")
    sys.stdout.write("and this")
    return 1

def exits():
    sys.exit(3)

def hangs():
    while True:
        time.sleep(0.05)

def dies():
    os._exit(9)

def huge():
    return "x" * 20_000_000

def recurses():
    return recurses()

def _private():
    return 1
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    parts = Parts(
        tmp_path_factory.mktemp("stack"), master="schedule: {stats: false}\nfileserver_update_interval: 0.5\n"
    )
    with parts.running():
        yield parts


def modules(parts: Parts) -> Path:
    return Path(parts.stack.root) / "srv" / "_modules"


def event_of(parts: Parts, fun: str, *arg: object, isolate: bool = False) -> dict[str, Any]:
    """Return the event of what the one minion there is returns."""
    with get_event("master", opts=parts.client.opts) as events:
        events.subscribe("salt/job/")
        jid = parts.client.run_job("*", fun, list(arg), isolate=isolate)["jid"]
        event = events.get_event(wait=50, tag=f"salt/job/{jid}/ret/")
    assert event is not None
    return event


def sync(parts: Parts) -> object:
    parts.runner.cmd("fileserver.update")
    return parts.call("saltutil.sync_modules")


def test_a_function_calls_another_modules(parts: Parts) -> None:
    (modules(parts) / "mypkg.py").write_text(MYPKG)
    (modules(parts) / "pkg.py").write_text(PKG)
    assert sorted(sync(parts)) == ["modules.mypkg", "modules.pkg"]  # type: ignore[call-overload]
    assert parts.call("mypkg.myinstall", "vim") == {"installed": "vim"}
    assert sync(parts) == []
    event = event_of(parts, "pkg.install", "vim")
    assert {"fun", "fun_args", "jid", "id", "return", "retcode", "success", "_stamp", "cmd"} <= set(event)
    assert event["cmd"] == "_return"
    assert len(str(event["module"]["digest"])) == 64


def test_a_file_that_does_not_compile_is_refused_by_name_and_the_old_one_stays(parts: Parts) -> None:
    (modules(parts) / "pkg.py").write_text(PKG)
    sync(parts)
    (modules(parts) / "pkg.py").write_text("def install(:\n")
    (modules(parts) / "good.py").write_text("def f():\n    return 1\n")
    assert "modules.good" in sync(parts)
    assert parts.call("pkg.install", "vim") == {"installed": "vim"}
    assert parts.call("good.f") == 1
    assert "pkg" in parts.log(f"agent {parts.stack.minion_ids[0]}")
    (modules(parts) / "good.py").unlink()
    (modules(parts) / "pkg.py").write_text(PKG)
    sync(parts)
    assert "is not available" in str(parts.call("good.f"))


def test_hostile_functions_hurt_nobody(parts: Parts) -> None:
    (modules(parts) / "hostile.py").write_text(HOSTILE)
    sync(parts)
    agent = f"agent {parts.stack.minion_ids[0]}"
    pid = parts.pid(agent)
    raised = event_of(parts, "hostile.raises")
    assert (raised["success"], raised["retcode"]) == (False, 1)
    assert "ValueError: no such thing" in str(raised["return"])
    junk = event_of(parts, "hostile.junk")
    assert junk["return"]["set"] == [1, 3]
    assert junk["return"]["when"] == "2026-01-02T00:00:00"
    assert "$.set: set" in junk["plain"]
    assert parts.call("hostile.prints") == 1
    assert "a module prints this" in parts.log(agent)
    exited = event_of(parts, "hostile.exits")
    assert (exited["success"], exited["retcode"]) == (False, 3)
    assert event_of(parts, "hostile.recurses")["success"] is False
    huge = event_of(parts, "hostile.huge")
    assert huge["success"] is False
    assert "too large" in str(huge["return"])
    assert "is not available" in str(parts.call("hostile._private"))
    died = event_of(parts, "hostile.dies", isolate=True)
    assert died["success"] is False
    assert parts.alive(agent)
    assert parts.pid(agent) == pid
    assert parts.call("test.ping") is True


def test_a_hung_job_is_found_and_killed(parts: Parts) -> None:
    (modules(parts) / "hostile.py").write_text(HOSTILE)
    sync(parts)
    minion = parts.stack.minion_ids[0]
    jid = parts.client.run_job("*", "hostile.hangs")["jid"]
    wait_for(lambda: parts.call("saltutil.find_job", jid), "the job to run")
    assert parts.call("test.ping") is True
    parts.call("saltutil.kill_job", jid)
    wait_for(lambda: parts.runner.cmd("jobs.lookup_jid", [jid]).get(minion), "the killed job's return")
    wait_for(lambda: all(job["fun"] != "hostile.hangs" for job in parts.call("saltutil.running") or []), "its end")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_that_name\n", "nothing_of_that_name"),
        ("def __virtual__():\n    return False, 'needs a moon'\ndef f():\n    return 1\n", "needs a moon"),
        ("raise SystemExit(4)\n", "returned False: 4"),
        ("1 / 0\n", "division by zero"),
    ],
)
def test_a_module_that_does_not_load_is_reported_and_hurts_no_other(parts: Parts, source: str, reason: str) -> None:
    (modules(parts) / "broken.py").write_text(source)
    sync(parts)
    assert reason in str(parts.call("broken.f"))
    assert parts.call("test.ping") is True


def agent_log(parts: Parts) -> str:
    return parts.log(f"agent {parts.stack.minion_ids[0]}")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("__virtualname__ = 'fancystatus'\ndef extra():\n    return 1\n", "it goes by the name fancystatus"),
        ("def __virtual__():\n    return False, 'needs a moon'\ndef loadavg():\n    return 1\n", "needs a moon"),
        ("import not_there\ndef loadavg():\n    return 1\n", "No module named 'not_there'"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    ],
)
def test_an_override_that_is_none_leaves_the_bundled_module_in_place(parts: Parts, source: str, reason: str) -> None:
    """salt#50226, salt#32601"""
    minion = parts.stack.minion_ids[0]
    before = agent_log(parts).count(reason)
    with closing(following(parts)) as events:
        (modules(parts) / "status.py").write_text(source)
        told = list(sync(parts))  # type: ignore[call-overload]
        event = wait_for(lambda: events.get_event(wait=1, tag=f"salt/minion/{minion}/modules"), "the event")
    (line,) = [line for line in told if line.startswith("modules.status: not used: ")]
    assert reason in line
    assert line.endswith("; the bundled one stays in place")
    assert "modules.status" in told
    assert line in event["data"]["problems"]
    assert f"minion {minion}: its modules: {line}" in parts.log("master")
    for _ in range(3):
        assert isinstance(parts.call("status.loadavg"), dict)
        assert isinstance(event_of(parts, "status.loadavg", isolate=True)["return"], dict)
    assert agent_log(parts).count(reason) == before + 1
    (modules(parts) / "status.py").write_text("def loadavg():\n    return 'mine'\n")
    assert sync(parts) == ["modules.status"]
    assert parts.call("status.loadavg") == "mine"
    assert isinstance(parts.call("status.uptime"), (dict, int, float))  # what it lacks is the bundled one's
    (modules(parts) / "status.py").unlink()
    assert sync(parts) == ["modules.status"]
    assert isinstance(parts.call("status.loadavg"), dict)


def test_an_override_that_ends_the_agent_ends_it_twice(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    agent = f"agent {minion}"
    why = "not used: it ended the agent when it was loaded; the bundled one stays in place"
    (modules(parts) / "status.py").write_text("import os\nos._exit(1)\ndef loadavg():\n    return 1\n")
    parts.runner.cmd("fileserver.update")
    parts.client.run_job("*", "saltutil.sync_modules")
    wait_for(lambda: not parts.alive(agent), "its end")
    parts.start(agent)
    wait_for(lambda: not parts.alive(agent), "its end by the sync on connect")
    parts.start(agent)
    told = f"minion {minion}: its modules: modules.status: {why}"
    wait_for(lambda: told in parts.log("master"), "the master to be told")
    wait_for(lambda: parts.up() == [minion], "the agent")
    assert isinstance(parts.call("status.loadavg"), dict)
    assert isinstance(event_of(parts, "status.loadavg", isolate=True)["return"], dict)
    assert f"modules.status: {why}" in sync(parts)  # type: ignore[operator]
    assert "it ended the agent when it was loaded" in str(saltern_call(parts, "sys.load_errors")[1])
    (modules(parts) / "status.py").unlink()
    assert sync(parts) == ["modules.status"]


def test_what_can_be_no_module_is_named_on_both_sides(parts: Parts) -> None:
    """salt#37273, salt#54921"""
    odd = {"389ds!.py": "def a(): pass", "my+mod.py": "", "class.py": "", "README.md": "", "nopack/a.py": ""}
    for name, text in odd.items():
        (modules(parts) / name).parent.mkdir(exist_ok=True)
        (modules(parts) / name).write_text(text)
    (modules(parts) / "dangling.py").symlink_to("nowhere")
    try:
        told = list(sync(parts))  # type: ignore[call-overload]
        assert sorted(line.partition(": left out: ")[0] for line in told) == [
            "_modules/389ds!.py",
            "_modules/README.md",
            "_modules/class.py",
            "_modules/dangling.py",
            "_modules/my+mod.py",
            "_modules/nopack/",
        ]
        event = event_of(parts, "saltutil.sync_modules")
        assert (event["success"], event["retcode"]) == (False, 1)
        assert parts.log("master").count("_modules/389ds!.py' is not synced to minions: ") == 1
        assert "'389ds!' __virtual__ returned False: left out: a module's name has" in str(parts.call("389ds!.a"))
    finally:
        for name in (*odd, "dangling.py"):
            (modules(parts) / name).unlink()
        (modules(parts) / "nopack").rmdir()
    assert event_of(parts, "saltutil.sync_modules")["retcode"] == 0


def test_a_file_with_a_hyphen_or_a_digit_first_is_called_by_its_name(parts: Parts) -> None:
    """salt#48930"""
    for name in ("docker-swarm", "389ds"):
        (modules(parts) / f"{name}.py").write_text("import salt.utils.path\ndef f(): return __salt__.test.echo(1)\n")
    assert sorted(sync(parts)) == ["modules.389ds", "modules.docker-swarm"]  # type: ignore[call-overload]
    assert [parts.call(f"{name}.f") for name in ("docker-swarm", "389ds")] == [1, 1]
    assert event_of(parts, "docker-swarm.f", isolate=True)["return"] == 1
    for name in ("docker-swarm", "389ds"):
        (modules(parts) / f"{name}.py").unlink()
    sync(parts)


def test_modules_share_code_by_import_by_utils_and_in_packages(parts: Parts) -> None:
    """salt#16556, salt#21029, salt#37807, salt#52136"""
    utils = Path(parts.stack.root) / "srv" / "_utils"
    utils.mkdir()
    (utils / "shared.py").write_text("def word():\n    return [__grains__['id'], 1]\n")
    (modules(parts) / "one.py").write_text("from shared import word\ndef a():\n    return word()\n")
    (modules(parts) / "two.py").write_text(
        "from one import a\nimport logging, yaml\nfrom trainer import level\n"
        "def b():\n    return a(), __utils__['shared.word'](), level.deep(), logging.INFO, yaml.safe_load('[1]')\n"
    )
    (modules(parts) / "logging.py").write_text("import logging\ndef f():\n    return logging.WARNING\n")
    (modules(parts) / "yaml.py").write_text("raise ValueError('nobody wants this')\n")
    (modules(parts) / "trainer").mkdir()
    (modules(parts) / "trainer" / "__init__.py").write_text("from .level import deep\ndef run():\n    return deep()\n")
    (modules(parts) / "trainer" / "level.py").write_text("import one\ndef deep():\n    return one.a()\n")
    minion = parts.stack.minion_ids[0]
    word = [minion, 1]
    parts.runner.cmd("fileserver.update")
    changed = parts.call("saltutil.sync_all")
    assert {kind: found for kind, found in changed.items() if found} == {
        "modules": [f"modules.{name}" for name in ("logging", "one", "trainer", "two", "yaml")],
        "utils": ["utils.shared"],
    }
    assert parts.call("two.b") == [word, word, word, 20, [1]]
    assert event_of(parts, "two.b", isolate=True)["return"] == [word, word, word, 20, [1]]
    assert parts.call("logging.f") == 30
    assert parts.call("trainer.run") == word
    assert "is not available" in str(parts.call("shared.word"))
    (utils / "shared.py").write_text("def word():\n    return 'changed'\n")
    parts.runner.cmd("fileserver.update")
    assert parts.call("saltutil.sync_utils") == ["utils.shared"]
    assert parts.call("two.b")[0] == "changed"
    assert parts.call("trainer.run") == "changed"
    for name in ("one", "two", "logging", "yaml"):
        (modules(parts) / f"{name}.py").unlink()
    shutil.rmtree(modules(parts) / "trainer")
    shutil.rmtree(utils)
    parts.runner.cmd("fileserver.update")
    assert len(parts.call("saltutil.sync_all")["modules"]) == 5


def test_modules_come_from_base_alone(parts: Parts) -> None:
    assert parts.call("saltutil.sync_modules", saltenv="base") == []
    answer = event_of(parts, "saltutil.sync_modules", "prod")
    assert answer["return"] == (
        "ERROR: saltutil.sync_modules: modules come from the environment base alone, not from 'prod'"
    )
    assert answer["retcode"] == 1


def saltern_call(parts: Parts, *words: str) -> tuple[int, str, str]:
    folder = parts.stack.minion_config(parts.stack.minion_ids[0])
    argv = python_module("saltern_agent.call", "-c", folder, "--out", "json", *words)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_saltern_call_sets_grains_that_the_running_agent_and_the_master_see(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    code, out, err = saltern_call(parts, "grains.setval", "called", "yes it is")
    assert (code, json.loads(out)["local"]) == (0, {"called": "yes it is"}), err
    wait_for(lambda: parts.call("grains.get", "called") == "yes it is", "the agent's grain")
    meant = lambda: parts.client.cmd("called:yes*", "test.ping", tgt_type="grain")  # noqa: E731  # shorter so
    wait_for(lambda: meant() == {minion: True}, "the master's grain")
    assert saltern_call(parts, "saltutil.refresh_pillar")[:2] == (0, '{\n    "local": true\n}\n')
    assert saltern_call(parts, "saltutil.refresh_grains")[:2] == (0, '{\n    "local": true\n}\n')
    assert saltern_call(parts, "grains.delkey", "called")[0] == 0
    wait_for(lambda: meant() == {}, "the end of the grain")


def test_saltern_call_syncs_for_the_running_agent_and_sends_events(parts: Parts) -> None:
    minion = parts.stack.minion_ids[0]
    (modules(parts) / "called.py").write_text("def f():\n    return 1\n")
    sync(parts)
    assert parts.call("called.f") == 1
    (modules(parts) / "called.py").write_text("def f():\n    return 2\n")
    parts.runner.cmd("fileserver.update")
    code, out, _ = saltern_call(parts, "saltutil.sync_all")
    assert (code, json.loads(out)["local"]["modules"]) == (0, ["modules.called"])
    assert parts.call("called.f") == 2
    (modules(parts) / "called.py").write_text("def f(:\n")
    parts.runner.cmd("fileserver.update")
    code, out, _ = saltern_call(parts, "saltutil.sync_modules")
    assert (code, json.loads(out)["local"]) == (1, ["modules.called: refused: line 1: SyntaxError: invalid syntax"])
    assert parts.call("called.f") == 2
    with closing(following(parts)) as events:
        assert saltern_call(parts, "event.send", "myco/mytag", "foo=Foo")[:2] == (0, '{\n    "local": true\n}\n')
        event = wait_for(lambda: events.get_event(wait=1, tag=f"salt/minion/{minion}/myco/mytag"), "the event")
        assert (event["data"]["foo"], event["data"]["__pub_fun"]) == ("Foo", "event.send")
    code, _, err = saltern_call(parts, "event.send", "start")
    assert (code, "is the master's to say" in err) == (1, True)
    (modules(parts) / "called.py").unlink()
    sync(parts)


def following(parts: Parts) -> MasterEvent:
    events = MasterEvent(master_config(parts.stack.config_dir)["sock_dir"])
    events.subscribe()
    return events


def test_the_loader_keeps_salts_contract(parts: Parts) -> None:
    (modules(parts) / "realname.py").write_text(
        "__virtualname__ = 'nice'\n__func_alias__ = {'list_': 'list'}\n"
        "from os import getcwd\n"
        "def __virtual__():\n    return __virtualname__\n"
        "def list_():\n    __context__['n'] = __context__.get('n', 0) + 1\n    return __context__['n']\n"
        "def facts():\n    return [__grains__['id'], __opts__['id'], isinstance(__pillar__, dict)]\n"
    )
    sync(parts)
    minion = parts.stack.minion_ids[0]
    assert parts.call("nice.list") == 1
    assert parts.call("nice.list") == 2
    assert parts.call("nice.facts") == [minion, minion, True]
    for hidden in ("realname.list", "nice.list_", "nice.getcwd"):
        assert "is not available" in str(parts.call(hidden))


def test_scheduled_returns_of_a_new_module_become_metrics(tmp_path: Path) -> None:
    master = 'schedule: {mine: {function: "queue.depth", seconds: 1, metrics: true}}\nself_metrics_interval: 1\n'
    parts = Parts(tmp_path / "s", master=master)
    (modules(parts) / "queue.py").write_text("def depth():\n    return {'jobs': 7, 'up': True, 'name': 'mail'}\n")
    try:
        parts.start()
        minion = parts.stack.minion_ids[0]
        owner = minion.replace(".", "_")
        points = wait_for(lambda: parts.render(f"saltern.{owner}.queue.*").get(f"saltern.{owner}.queue.jobs"), "points")
        assert points[-1][0] == 7
        explained = parts.runner.cmd("metrics.explain", [minion, "queue.depth"])
        assert explained["metrics"] == {f"saltern.{owner}.queue.jobs": 7.0, f"saltern.{owner}.queue.up": 1.0}
        assert explained["not_numbers"] == {f"saltern.{owner}.queue.name": "text"}
        account = wait_for(lambda: parts.runner.cmd("metrics.account").get(minion, {}).get("mine"), "the account")
        assert account["received"] >= 1
    finally:
        parts.stop_all()


def git(folder: Path, *words: str) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_modules_come_from_a_git_repository_with_their_commit(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "_modules").mkdir(parents=True)
    git(repository, "init", "-q", "-b", "main")
    (repository / "_modules" / "mypkg.py").write_text(MYPKG)
    (repository / "_modules" / "pkg.py").write_text(PKG)
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "first")
    master = (
        f"schedule: {{stats: false}}\nfileserver_backend: [roots, git]\ngitfs_remotes: ['{repository}']\n"
        "fileserver_update_interval: 0.5\nsync_on_change: true\n"
    )
    parts = Parts(tmp_path / "s", master=master)
    try:
        parts.start()
        wait_for(lambda: parts.up() == parts.stack.minion_ids, "the agent")
        wait_for(lambda: parts.call("mypkg.myinstall", "vim") == {"installed": "vim"}, "the sync on connect")
        event = event_of(parts, "mypkg.myinstall", "vim")
        assert event["module"]["commit"] == git(repository, "rev-parse", "HEAD")
        (repository / "_modules" / "pkg.py").write_text(PKG.replace("installed", "done"))
        git(repository, "commit", "-qam", "second")
        # The agents were told to sync whenever the backend changes.
        wait_for(lambda: parts.call("mypkg.myinstall", "vim") == {"done": "vim"}, "the sync on change", 30)
    finally:
        parts.stop_all()


RETURNER = """
import salt.returners

def returner(ret):
    options = salt.returners.get_returner_options("mine", ret, {"file": "file"}, __salt__=__salt__, __opts__=__opts__)
    with open(options["file"], "a") as stream:
        stream.write(ret["id"] + " " + str(ret["return"]) + chr(10))
"""


def test_a_returner_of_ones_own_gets_what_the_command_line_asks_it_to(parts: Parts, tmp_path: Path) -> None:
    """From ``_returners`` on the master, with options of the caller's; one that isn't there changes nothing."""
    folder = modules(parts).parent / "_returners"
    folder.mkdir(exist_ok=True)
    (folder / "mine.py").write_text(RETURNER)
    parts.runner.cmd("fileserver.update")
    assert "returners.mine" in parts.call("saltutil.sync_all")["returners"]
    to = ["--return", "mine,nothing", "--return_kwargs", f"{{file: {tmp_path}/one}}"]
    words = python_module("saltern.cli.salt", "-c", parts.stack.config_dir, *to, "*", "test.echo", "told")
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "told" in done.stdout
    (name,) = parts.stack.minion_ids
    wait_for(lambda: (tmp_path / "one").exists() and (tmp_path / "one").read_text(), "what the returner stored")
    assert (tmp_path / "one").read_text() == f"{name} told\n"
