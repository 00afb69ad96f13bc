"""Runners of the operator's own over the real seam: saltern-run and the API against a running master."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from saltern.event import get_event
from saltern.own_python import python_module
from support.folders import open_to_all
from support.stacks import Parts, wait_for

OWN = r'''
"""Runners for tests."""
import os
import salt.client
import salt.runner
import salt.utils.event
from salt.exceptions import CommandExecutionError, SaltInvocationError

__func_alias__ = {"list_": "list"}


def plain(one, two=2, *rest, **named):
    """Return what is given."""
    return {"one": one, "two": two, "rest": list(rest), "named": named}


def list_():
    return [1, 2]


def narrow(a, b=1):
    return a + b


def fails():
    raise CommandExecutionError("no such thing")


def raises():
    raise ValueError("odd")


def exits():
    print("printed")
    raise SystemExit(3)


def dies():
    os._exit(7)


def killed():
    os.kill(os.getpid(), 9)


def hangs(path):
    import subprocess
    import time
    child = subprocess.Popen(["sleep", "300"])
    with open(path, "w") as stream:
        stream.write(f"{os.getpid()} {child.pid}")
    time.sleep(300)


def tidies(path):
    import signal
    import sys
    import time

    def end(*args):
        with open(path, "w") as stream:
            stream.write("tidied")
        sys.exit()

    signal.signal(signal.SIGTERM, end)
    time.sleep(300)


def retcode():
    __context__["retcode"] = 3
    return "bad"


def where():
    return {
        "pid": os.getpid(),
        "role": __opts__["__role"],
        "id": __opts__["id"],
        "kernel": __grains__["kernel"],
        "pillar": dict(__pillar__),
        "jid": __jid__,
        "user": __user__,
        "stdin": os.read(0, 10),
    }


def across():
    return {
        "own": __salt__["other.word"](),
        "built_in": __salt__["test.arg"](1, a=2)["kwargs"],
        "salt.cmd": __salt__["salt.cmd"]("test.echo", "x"),
        "client": sorted(salt.client.LocalClient(__opts__["conf_file"]).cmd("*", "test.ping").values()),
        "runner": salt.runner.RunnerClient(__opts__).cmd("test.arg", [5])["args"],
        "execute": sorted(__salt__["salt.execute"]("*", "test.ping").values()),
        "missing": "no.such" in __salt__,
        "there": "other.word" in __salt__ and "manage.up" in __salt__,
        "utils": __utils__["shared.word"](),
    }


def keys():
    import salt.key
    import salt.config
    import salt.output
    key = salt.key.Key(__opts__)
    found = key.list_keys()
    salt.output.display_output({"up": found["minions"]}, "", __opts__)
    same = salt.config.master_config("/etc/salt/master")["sock_dir"] == __opts__["sock_dir"]
    return [found, key.list_status("acc"), key.glob_match("nobody*"), same]


def fires():
    __jid_event__.fire_event({"step": 1}, "progress")
    __jid_event__.fire_event({"fake": 1}, "ret")
    return True


def prints():
    print("a line\n\x1b[2Janother")
    os.system("echo of a program")
    return 1


def huge():
    return "x" * (40 * 1024 * 1024)


def junk():
    return {"set": {2, 1}, "object": type}
'''
OTHER = "def word():\n    return 'other'\n"
MANAGE = "def up():\n    return 'taken over'\n\n\ndef mine():\n    return 'added'\n"


MASTER = """
schedule: {stats: false}
fileserver_update_interval: 0.5
publisher_acl: {nobody: ["@runner", {"@runner": [own.plain, "own.n*"]}]}
"""


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    with open_to_all() as folder, started(Parts(folder / "stack", master=MASTER)) as parts:
        srv = Path(parts.stack.root) / "srv"
        for name in ("_runners", "_utils"):
            (srv / name).mkdir(parents=True)
        (srv / "_runners" / "own.py").write_text(OWN)
        (srv / "_runners" / "other.py").write_text(OTHER)
        (srv / "_runners" / "manage.py").write_text(MANAGE)
        (srv / "_utils" / "shared.py").write_text("def word():\n    return 'shared'\n")
        changed = run(parts, "saltutil.sync_all")
        assert changed["runners"] == ["runners.manage", "runners.other", "runners.own"]
        assert (changed["utils"], changed["pillar"]) == (["utils.shared"], [])
        yield parts


@contextmanager
def started(parts: Parts) -> Iterator[Parts]:
    try:
        parts.start("master", f"agent {parts.stack.minion_ids[0]}")
        wait_for(parts.up, "the agent")
        yield parts
    finally:
        parts.stop_all()


def run(parts: Parts, fun: str, *arg: Any, **kwarg: Any) -> Any:
    return parts.runner.cmd(fun, list(arg), kwarg=kwarg)


def saltern_run(parts: Parts, *words: str, user: str = "") -> subprocess.CompletedProcess[str]:
    argv = python_module("saltern.cli.run", "-c", parts.stack.config_dir, *words)
    if user:
        rights = [f"--{what}=-all,+dac_read_search" for what in ("inh-caps", "ambient-caps", "bounding-set")]
        argv = ["setpriv", f"--reuid={user}", "--regid=65534", "--clear-groups", "--no-new-privs", *rights, *argv]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def test_it_is_called_as_one_of_the_masters(parts: Parts) -> None:
    wanted = {"one": 1, "two": "x", "rest": [3], "named": {"k": "v"}}
    assert run(parts, "own.plain", 1, "x", 3, k="v") == wanted
    done = saltern_run(parts, "own.plain", "1", "x", "3", "k=v", "--out", "json", "--out-indent", "-1")
    assert (done.returncode, done.stdout) == (
        0,
        '{"one": 1, "two": "x", "rest": [3], "named": {"k": "v"}}\n',
    )
    assert run(parts, "own.list") == [1, 2]
    docs = saltern_run(parts, "-d", "own")
    assert "own.plain:\nReturn what is given." in docs.stdout
    assert "test.arg" not in docs.stdout


def test_what_it_finds_among_its_globals(parts: Parts) -> None:
    found = run(parts, "own.where")
    assert found["pid"] != parts.pid("master")
    assert (found["role"], found["kernel"], found["pillar"], found["stdin"]) == ("master", "Linux", {}, b"")
    assert found["id"].endswith("_master")
    assert len(found["jid"]) == 20
    assert run(parts, "own.across") == {
        "own": "other",
        "built_in": {"a": 2},
        "salt.cmd": "x",
        "client": [True],
        "runner": [5],
        "execute": [True],
        "missing": False,
        "there": True,
        "utils": "shared",
    }


def test_what_runners_of_the_wild_use(parts: Parts) -> None:
    minions = parts.stack.minion_ids
    states = {"minions_pre": [], "minions_rejected": [], "minions": minions, "minions_denied": []}
    assert run(parts, "own.keys") == [states, {"minions": minions}, {}, True]
    shown = saltern_run(parts, "own.keys", "--out", "quiet").stdout
    assert shown == f"up:\n    - {minions[0]}\n"


def test_what_goes_wrong_is_answered_as_by_the_masters_own(parts: Parts) -> None:
    wrong = saltern_run(parts, "own.nothing")
    assert (wrong.returncode, wrong.stdout) == (0, "'own.nothing' is not available.\n")
    ours = saltern_run(parts, "manage.nothing")
    assert (ours.returncode, ours.stdout) == (0, "'manage.nothing' is not available.\n")
    arguments = saltern_run(parts, "own.narrow")
    assert arguments.returncode == 0
    assert (
        "Passed invalid arguments: own.narrow was called wrongly: missing a required argument: 'a'" in arguments.stdout
    )
    many = str(run(parts, "own.narrow", 1, 2, 3))
    assert "takes 2 arguments at most, 3 were given: it is own.narrow(a, b=1)" in many
    failed = saltern_run(parts, "own.fails")
    assert (failed.returncode, failed.stdout) == (1, "Exception occurred in runner own.fails: no such thing\n")
    assert run(parts, "own.raises") == "Exception occurred in runner own.raises: ValueError: odd"
    assert "ValueError" in wait_for(lambda: "Traceback" in parts.log("master") and parts.log("master"), "the traceback")


@pytest.mark.parametrize(
    ("fun", "why"),
    [
        ("exits", "SystemExit: 3"),
        ("dies", "its process ended with exit code 7 and without an answer"),
        ("killed", "its process was ended by SIGKILL"),
        ("huge", "what it returned is over 33,554,432 bytes"),
    ],
)
def test_one_that_ends_its_process_hurts_nobody(parts: Parts, fun: str, why: str) -> None:
    pid = parts.pid("master")
    assert run(parts, f"own.{fun}") == f"Exception occurred in runner own.{fun}: {why}"
    assert parts.alive("master")
    assert parts.pid("master") == pid


def test_what_it_returns_and_prints(parts: Parts) -> None:
    assert run(parts, "own.junk") == {"set": [1, 2], "object": "<class 'type'>"}
    done = saltern_run(parts, "own.prints")
    assert (done.returncode, done.stdout) == (0, "a line\n\\x1b[2Janother\n1\n")
    wait_for(lambda: "of a program" in parts.log("master"), "what its program printed in the log")
    run(parts, "own.exits")
    wait_for(lambda: "printed: printed" in parts.log("master"), "what it printed in the log")


def test_one_that_hangs_is_ended_with_all_that_it_started(parts: Parts, tmp_path: Path) -> None:
    done = saltern_run(parts, "-t", "8", "own.hangs", str(tmp_path / "pids"))  # by then it has begun
    like_ours = saltern_run(parts, "-t", "1", "test.sleep", "3")
    assert (done.returncode, done.stdout) == (like_ours.returncode, "")
    assert "no answer within 8 s" in done.stderr
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the end of its processes")


def test_one_whose_time_is_over_has_a_moment_to_tidy_up(parts: Parts, tmp_path: Path) -> None:
    saltern_run(parts, "-t", "8", "own.tidies", str(tmp_path / "said"))  # by then it has begun
    wait_for(lambda: (tmp_path / "said").exists() and (tmp_path / "said").read_text() == "tidied", "what it does last")


def test_its_events_and_its_return_in_the_background(parts: Parts) -> None:
    with get_event("master", opts=parts.client.opts) as events:
        events.subscribe("salt/run/")
        started = parts.runner.cmd_async({"fun": "own.fires"})
        seen = {}
        while f"{started['tag']}/ret" not in seen:
            event = events.get_event(wait=20, full=True)
            assert event is not None
            seen[event["tag"]] = event["data"]
    assert seen[f"{started['tag']}/new"]["fun"] == "runner.own.fires"
    assert seen[f"{started['tag']}/progress"]["step"] == 1
    last = seen[f"{started['tag']}/ret"]
    assert (last["return"], last["success"], last["jid"]) == (True, True, started["jid"])
    found = wait_for(lambda: run(parts, "jobs.lookup_jid", started["jid"]), "the stored return")
    assert next(iter(found.values()))["return"] is True


def test_a_return_code_makes_it_a_failure_as_in_salt(parts: Parts) -> None:
    data = parts.runner.cmd("own.retcode", full_return=True)
    assert (data["return"], data["success"]) == ("bad", False)
    assert saltern_run(parts, "own.retcode").returncode == 0


def test_the_masters_own_functions_stay_its_own(parts: Parts) -> None:
    assert run(parts, "manage.up") == parts.stack.minion_ids
    assert run(parts, "manage.mine") == "added"


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed")
def test_others_need_a_grant_of_its_exact_name(parts: Parts) -> None:
    assert saltern_run(parts, "test.arg", "1", user="nobody").returncode == 0
    granted = saltern_run(parts, "own.plain", "1", "--out", "json", "--out-indent", "-1", user="nobody")
    assert granted.stdout.startswith('{"one": 1')
    refused = saltern_run(parts, "own.narrow", "1", user="nobody")
    assert (refused.returncode, refused.stdout) == (77, "")
    assert "grant it by its exact name in publisher_acl, no glob covers it" in refused.stderr
    docs = saltern_run(parts, "-d", "own", user="nobody")
    assert "own.plain:" in docs.stdout
    assert "own.narrow" not in docs.stdout


def test_a_file_that_does_not_compile_is_refused_and_one_that_is_gone_disappears(parts: Parts) -> None:
    folder = Path(parts.stack.root) / "srv" / "_runners"
    (folder / "later.py").write_text("def f():\n    return 1\n")
    (folder / "pack").mkdir()
    (folder / "pack" / "__init__.py").write_text("from .inner import f\n")
    (folder / "pack" / "inner.py").write_text("def f():\n    return 'inner'\n")
    assert run(parts, "saltutil.sync_runners") == ["runners.later", "runners.pack.__init__", "runners.pack.inner"]
    assert (run(parts, "later.f"), run(parts, "pack.f")) == (1, "inner")
    assert run(parts, "saltutil.sync_runners") == []
    (folder / "later.py").write_text("def f(:\n")
    (folder / "pack" / "inner.py").write_text("def f(:\n")
    refused = run(parts, "saltutil.sync_runners")
    assert [line.split(": line")[0] for line in refused] == [
        "runners.later: refused",
        "runners.pack: refused: pack/inner.py",
    ]
    assert (run(parts, "later.f"), run(parts, "pack.f")) == (1, "inner")
    (folder / "later.py").unlink()
    (folder / "pack" / "inner.py").unlink()
    (folder / "pack" / "__init__.py").unlink()
    assert run(parts, "saltutil.sync_runners") == []
    with pytest.raises(KeyError):
        run(parts, "later.f")
    synced = Path(parts.runner.opts["cachedir"]) / "extmods" / "runners"
    assert sorted(path.name for path in synced.iterdir()) == ["manage.py", "other.py", "own.py"]


def test_they_end_with_a_master_that_is_killed(tmp_path: Path) -> None:
    with started(Parts(tmp_path / "stack", master=MASTER)) as parts:
        folder = Path(parts.stack.root) / "srv" / "_runners"
        folder.mkdir(parents=True)
        (folder / "own.py").write_text(OWN)
        run(parts, "saltutil.sync_runners")
        parts.runner.cmd_async({"fun": "own.hangs", "arg": [str(tmp_path / "pids")]})
        said = wait_for(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text(), "its processes")
        parts.stop("master", signal.SIGKILL)
        pids = [int(pid) for pid in said.split()]
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the end of its processes")


def test_from_git_and_from_a_folder_of_the_masters_host(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "_runners").mkdir(parents=True)
    (repository / "_runners" / "of_git.py").write_text("def f():\n    return 'git'\n")
    for words in (["init", "-q", "-b", "master"], ["add", "-A"], ["commit", "-q", "-m", "runners"]):
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *who, *words], cwd=repository, check=True)
    local, open_one = tmp_path / "local", tmp_path / "open"
    for place in (local, open_one):
        place.mkdir()
        (place / f"{place.name}_one.py").write_text("def f():\n    return 'here'\n")
    open_one.chmod(0o777)
    options = (
        f"fileserver_backend: [git]\ngitfs_remotes: [{repository}]\nrunner_dirs: [{local}, {open_one}]\n"
        "schedule: {stats: false}\n"
    )
    with started(Parts(tmp_path / "stack", master=options)) as parts:
        wait_for(lambda: run(parts, "saltutil.sync_runners") == ["runners.of_git"], "what git has")
        assert run(parts, "of_git.f") == "git"
        assert run(parts, "local_one.f") == "here"
        with pytest.raises(KeyError):
            run(parts, "open_one.f")
        assert "nothing in it is run: others may write to it: chmod go-w" in parts.log("master")
