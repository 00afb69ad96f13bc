"""``saltern-call``, with and without a master."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from saltern_agent.call import main


@pytest.fixture
def folder(tmp_path: Path, module_dir: Path) -> Path:
    (module_dir / "mod.py").write_text(
        "def fails(): __context__['retcode'] = 4; return 'failed'\n"
        "def pillar(): return __pillar__\n"
        "def ask(): return __opts__['__agent__'].request('ping'), __opts__['__agent__'].connected()\n"
        "def schedule(): return __opts__['__agent__'].schedule()\n"
    )
    (tmp_path / "minion").write_text(
        yaml.safe_dump({"id": "host01", "root_dir": str(tmp_path / "root"), "module_dirs": [str(module_dir)]})
    )
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any, str]:
    code = main(["--out", "json", *words])
    captured = capsys.readouterr()
    return code, json.loads(captured.out)["local"] if captured.out else None, captured.err


def test_local(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    local = ["-c", str(folder), "--local"]
    assert call(capsys, *local, "test.ping")[:2] == (0, True)
    assert call(capsys, *local, "test.arg_clean", "1", "k=[a]")[1] == {"args": [1], "kwargs": {"k": ["a"]}}
    assert call(capsys, *local, "grains.get", "id")[1] == "host01"
    assert call(capsys, *local, "mod.fails")[:2] == (1, "failed")
    assert call(capsys, *local, "mod.fails", "--retcode-passthrough")[:2] == (4, "failed")
    code, value, error = call(capsys, *local, "saltutil.sync_modules")
    assert (code, value) == (1, None)
    assert error.startswith("Error running 'saltutil.sync_modules': ")
    assert "needs a running agent" in error


CALLED = """
__outputter__ = {"lines": "txt"}
class CommandNotFoundError(Exception): pass
class SaltInvocationError(TypeError): pass
def needs(a, b=1):
    '''
    Need it.
    '''
    return [a, b]
def raises(): raise ValueError("no")
def fails():
    from saltern.errors import CommandError
    raise CommandError("bad\\x1b")
def tool(): raise CommandNotFoundError("lspci")
def wrong(): raise SaltInvocationError("wrong")
def leaves(): raise SystemExit(5)
def refuses(): return {"result": False}
def lines(): return "a\\nb"
def told(**kwargs): return sorted(name for name in kwargs if name.startswith("__pub_"))
def grains(): return len(__grains__)
"""


@pytest.mark.parametrize(
    ("words", "code", "out", "err"),
    [
        (["mod.needs", "1"], 0, "local:\n    - 1\n    - 1\n", ""),
        (["mod.lines"], 0, "local: a\nlocal: b\n", ""),
        (["mod.lines", "--out", "nested"], 0, "local:\n    a\n    b\n", ""),
        (["mod.lines", "--out", "nope"], 0, "local:\n    a\n    b\n", "[ERROR   ] Invalid outputter nope specified, "),
        (["mod.refuses"], 1, "local:\n    ----------\n    result:\n        False\n", ""),
        (["mod.told"], 0, "local:\n    - __pub_fun\n    - __pub_jid\n    - __pub_pid\n    - __pub_tgt\n", ""),
        (["mod.needs", "1", "'b=2'"], 0, "local:\n    - 1\n    - 2\n", ""),
        (["mod.needs", "a=0644", "b=7", "--no-parse", "a"], 0, "local:\n    - 0644\n    - 7\n", ""),
        (["nothing.here"], 255, "", "'nothing.here' is not available.\n"),
        (["mod.nothing"], 255, "", "'mod.nothing' is not available.\n"),
        (["mod.raises"], 1, "", "The minion function caused an exception: Traceback (most recent call last):\n"),
        (["mod.fails"], 1, "", "Error running 'mod.fails': bad\\x1b\n"),
        (["mod.tool"], 1, "", "Command required for 'mod.tool' not found: lspci\n"),
        (["mod.wrong"], 1, "\n", "\nPassed invalid arguments: wrong.\n\nUsage:\n"),
        (
            ["mod.needs"],
            1,
            "\n    Need it.\n    \n",
            "\nPassed invalid arguments: needs() missing 1 required positional argument: 'a'.\n\nUsage:\n",
        ),
        (["mod.needs", "1", "c=2"], 1, "", "The following keyword arguments are not valid: c=2\n"),
        (["mod.leaves"], 5, "", ""),
        (["mod.grains", "--skip-grains"], 0, "local:\n    0\n", ""),
        (["cmd.run", "echo a; exit 3"], 1, "local:\n    a\n", ""),
        (["cmd.run", "echo a; exit 3", "--retcode-passthrough"], 3, "local:\n    a\n", ""),
        (["grains.get", "id", "--id", "other"], 0, "local:\n    other\n", ""),
        (["cp.get_file_str", "salt://a/b.txt"], 0, "local:\n    here\n", ""),
        (["cp.get_file_str", "salt://a/../../minion"], 0, "local:\n    False\n", "20"),
        (["cp.get_file_str", "salt://out"], 0, "local:\n    False\n", "20"),  # the log, which begins with the year
        (["cp.list_master"], 0, "local:\n    - a/b.txt\n", ""),
        (["cp.list_master", "prefix=a"], 0, "local:\n    - a/b.txt\n", ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_said_and_returned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, out: str, err: str
) -> None:
    (tmp_path / "minion").write_text(yaml.safe_dump({"id": "host01", "root_dir": str(tmp_path / "root")}))
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "mod.py").write_text(CALLED)
    (tmp_path / "files" / "a").mkdir(parents=True)
    (tmp_path / "files" / "a" / "b.txt").write_text("here")
    (tmp_path / "files" / "out").symlink_to(tmp_path / "minion")
    more = ["-m", f"{tmp_path}/nothing,{tmp_path}/more", "--file-root", str(tmp_path / "files")]
    assert main(["-c", str(tmp_path), "--local", *more, *words]) == code
    said = capsys.readouterr()
    assert said.out == out
    assert said.err.startswith(err) if err else not said.err
    if code == 255:
        assert said.err.count("\n") <= 2


def test_a_name_that_is_near(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    local = ["-c", str(folder), "--local"]
    code, value, _ = call(capsys, *local, "test.pin")
    assert (code, value["test.pin"]) == (1, "'test.pin' is not available.")
    assert "Return ``True``" in value["test.ping"]
    code, value, error = call(capsys, *local, "test.pinq")
    assert (code, value) == (255, None)
    assert error.splitlines()[0] == "'test.pinq' is not available."
    assert "test.ping" in error.splitlines()[1]


def test_grains_and_all_of_the_return(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    local = ["-c", str(folder), "--local"]
    assert call(capsys, *local, "-g")[1]["id"] == "host01"
    code, value, _ = call(capsys, *local, "--metadata", "--set-metadata", "{a: 1}", "test.echo", "x")
    assert (code, len(value.pop("jid"))) == (0, 20)
    assert value == {
        "return": "x",
        "retcode": 0,
        "id": "host01",
        "fun": "test.echo",
        "fun_args": ["x"],
        "metadata": {"a": 1},
    }
    out = folder / "out"
    assert main([*local, "--out-file", str(out), "test.ping"]) == 0
    assert (out.read_text(), capsys.readouterr().out) == ("local:\n    True\n", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-d", "test.ping"], ["test.ping"]),
        (["test.pin", "-d"], ["test.ping"]),
        (["mod.marks", "-d", "--local"], ["mod.marks"]),
    ],
)
def test_documentation_is_told_and_nothing_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: list[str]
) -> None:
    mark = folder / "ran"
    (folder / "modules" / "mod.py").write_text(f"def marks(*_):\n    'Mark it.'\n    open({str(mark)!r}, 'w')\n")
    assert main(["-c", str(folder), *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.rstrip(":") for line in lines if line.endswith(":") and "CLI Example" not in line] == told
    assert not mark.exists()
    assert main(["-c", str(folder), "--out", "json", *words]) == 0
    assert list(json.loads(capsys.readouterr().out)) == told
    assert main(["-c", str(folder), "-d", "nothing.here"]) == 0
    assert capsys.readouterr() == ("", "saltern-call: no function or module nothing.here has documentation\n")


@pytest.mark.parametrize(
    ("words", "args", "kwargs"),
    [
        (["test.arg_clean", "a", "--out", "json"], ["a"], {}),
        (["test.arg_clean", "--out=json", "a", "-l", "debug", "b", "k=1", "--local"], ["a", "b"], {"k": 1}),
        (["--out", "json", "test.arg_clean", "-l", "quiet", "3", "--no-color"], [3], {}),
        (["--out", "json", "test.arg_clean", "--", "--out", "yaml", "-d"], ["--out", "yaml", "-d"], {}),
    ],
)
def test_options_stand_anywhere_and_end_at_two_dashes(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], args: list[Any], kwargs: dict[str, Any]
) -> None:
    assert main(["-c", str(folder), "--local", *words]) == 0
    assert json.loads(capsys.readouterr().out) == {"local": {"args": args, "kwargs": kwargs}}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["test.ping", "-l", "nope"], "invalid choice: 'nope'"),
        (["test.ping", "--nosuch"], "no such option: --nosuch"),
        (["test.arg", "-3"], "no such option: -3"),
        ([], "Requires function, --grains or --doc"),
        (["-g", "test.ping"], "-g/--grains does not accept any arguments"),
        (["-d", "test.ping", "x"], "You can only get documentation for one method at one time"),
        (["--local", "--pillar-root", "x", "test.ping"], "pillar is made by the master alone"),
        (["-t", "never", "test.ping"], "must be seconds"),
    ],
)
def test_an_option_that_is_none(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match="64"):
        main(words)
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert said.err.startswith("Usage: saltern-call [options] <function> [arguments]\n\n")


def test_ctrl_c_ends_the_function_and_says_so(folder: Path) -> None:
    (folder / "modules" / "mod.py").write_text(
        "import time\ndef hangs():\n    print('begun', file=__import__('sys').stderr, flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "saltern_agent.call", "-c", str(folder), "--local", "mod.hangs"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stderr is not None
        assert process.stderr.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (130, "", "\nsaltern-call: interrupted\n")


def test_faults(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-c", str(folder), "test.ping"]) == 78
    assert "master_key is not set" in capsys.readouterr().err
    assert main(["-c", str(folder), "test.ping", "--master", "a b"]) == 64
    assert main(["-c", str(folder), "test.ping", "--id", "a b"]) == 64
    assert main(["-c", str(folder), "test.ping", "--file-root", "/"]) == 78
    assert "Warning: --file-root is ignored because --local was not specified" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        main(["--versions-report"])
    assert "pyzmq" in capsys.readouterr().out


def test_connected(
    master: Any, make_agent: Callable[..., Any], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    master.pillar = {"a": 1}
    agent = make_agent(module_dirs=[str(folder / "modules")])
    words = ["-c", str(agent.folder)]
    assert call(capsys, *words, "mod.pillar")[:2] == (0, {"a": 1})
    assert call(capsys, *words, "mod.ask")[1] == [True, True]
    assert "schedule needs the running agent" in call(capsys, *words, "mod.schedule")[2]
    assert master.attached == []
    master.answer = "wait"
    code, _, error = call(capsys, *words, "mod.pillar")
    assert code == 77
    assert "waiting for this minion's key to be accepted" in error
    assert error.rstrip().endswith("or use --local")


def test_the_master_is_away(master: Any, make_agent: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    master.stop()
    code, _, error = call(capsys, "-c", str(make_agent().folder), "test.ping", "-t", "0.3")
    assert code == 1
    assert "no connection within 0.3 s" in error
    assert "the connection is refused (127.0.0.1: connection refused)" in error


def test_an_override_that_hangs_leaves_nothing_to_trip_over_at_the_end(folder: Path, module_dir: Path) -> None:
    """Python takes a program apart while the thread that loads it goes on."""
    (module_dir / "stats.py").write_text("import threading\nthreading.Event().wait()\n")
    words = ["-c", str(folder), "--local", "stats.collect", "--out", "quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "saltern_agent.call", *words], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.endswith("not used: it is still being loaded; the bundled one stays in place")


def test_returners_get_the_return_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    local = ["-c", str(folder), "--local"]
    out = folder / "returns"
    to = ["--return", "rawfile_json,nothing", "--return_kwargs", f"{{filename: {out}}}", "--return_config", "other"]
    assert call(capsys, *local, *to, "mod.fails")[:2] == (1, "failed")
    stored = json.loads(out.read_text())
    assert (stored["id"], stored["fun"], stored["return"], stored["retcode"]) == ("host01", "mod.fails", "failed", 4)
    assert (stored["ret_config"], stored["ret_kwargs"]) == ("other", {"filename": "***"})
    for words, error in (
        (["--return", "../x"], "saltern-call: --return: returner '../x' is not valid"),
        (["--return", "local", "--return_kwargs", "[x]"], "saltern-call: --return_kwargs [x]: must be a map"),
    ):
        code, value, said = call(capsys, *local, *words, "test.ping")
        assert (code, value) == (64, None)
        assert said.startswith(error)


def test_with_file_client_local_no_master_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv/motd").write_text("hi\n")
    options = {
        "id": "host01",
        "root_dir": str(tmp_path / "root"),
        "file_client": "local",
        "file_roots": {"base": [str(tmp_path / "nothing"), str(tmp_path / "srv")], "dev": [str(tmp_path)]},
    }
    (tmp_path / "minion").write_text(yaml.safe_dump(options))
    assert main(["-c", str(tmp_path), "cp.get_file", "salt://motd", str(tmp_path / "there")]) == 0
    assert (tmp_path / "there").read_text() == "hi\n"
    capsys.readouterr()
    assert main(["-c", str(tmp_path), "--out", "json", "cp.envs"]) == 0
    assert json.loads(capsys.readouterr().out) == {"local": ["base", "dev"]}
    assert main(["-c", str(tmp_path), "cp.push", str(tmp_path / "there")]) == 1
    assert "needs a running agent" in capsys.readouterr().err
