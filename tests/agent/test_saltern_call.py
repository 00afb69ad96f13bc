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
    assert call(capsys, *local, "test.arg", "1", "k=[a]")[1] == {"args": [1], "kwargs": {"k": ["a"]}}
    assert call(capsys, *local, "grains.get", "id")[1] == "host01"
    assert call(capsys, *local, "mod.fails")[:2] == (4, "failed")
    code, value, error = call(capsys, *local, "test.pinq")
    assert (code, value) == (254, None)
    assert error == "saltern-call: 'test.pinq' is not available. Did you mean 'test.ping'?\n"
    code, value, _ = call(capsys, *local, "saltutil.sync_modules")
    assert code == 1
    assert "needs a running agent" in value


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["-d", "test.ping"], ["test.ping"]),
        (["test.ping", "-d"], ["test.ping"]),
        (["mod.marks", "-d", "--local"], ["mod.marks"]),
        (["mod.marks", "an argument", "-d"], ["mod.marks"]),
        (["-d", "sys.doc", "test.ping", "mod.marks"], ["mod.marks", "test.ping"]),
    ],
)
def test_documentation_is_told_and_nothing_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: list[str]
) -> None:
    mark = folder / "ran"
    (folder / "modules" / "mod.py").write_text(f"def marks(*_):\n    'Mark it.'\n    open({str(mark)!r}, 'w')\n")
    assert main(["-c", str(folder), *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.rstrip(":") for line in lines if line and not line.startswith(" ")] == told
    assert not mark.exists()
    assert main(["-c", str(folder), "--out", "json", *words]) == 0
    assert list(json.loads(capsys.readouterr().out)) == told
    assert main(["-c", str(folder), "-d", "nothing.here"]) == 1
    assert capsys.readouterr().err == "saltern-call: no function or module nothing.here has documentation\n"


@pytest.mark.parametrize(
    ("words", "args", "kwargs"),
    [
        (["test.arg", "a", "--out", "json"], ["a"], {}),
        (["test.arg", "--out=json", "a", "-l", "debug", "b", "k=1", "--local"], ["a", "b"], {"k": 1}),
        (["--out", "json", "test.arg", "-l", "quiet", "-3", "--no-color"], [-3], {}),
        (["--out", "json", "test.arg", "--", "--out", "yaml", "-d"], ["--out", "yaml", "-d"], {}),
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
        (["test.ping", "--out", "nope"], "invalid choice: 'nope'"),
        (["test.ping", "-l", "nope"], "invalid choice: 'nope'"),
        (["test.ping", "--nosuch"], "unrecognized arguments: --nosuch"),
    ],
)
def test_an_option_that_is_none(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert message in capsys.readouterr().err


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
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
    assert main(["-c", str(folder), "test.ping"]) == 78
    assert "master_key is not set" in capsys.readouterr().err
    assert main(["--versions-report"]) == 0
    assert "pyzmq" in capsys.readouterr().out


def test_connected(
    master: Any, make_agent: Callable[..., Any], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    master.pillar = {"a": 1}
    agent = make_agent(module_dirs=[str(folder / "modules")])
    words = ["-c", str(agent.folder)]
    assert call(capsys, *words, "mod.pillar")[:2] == (0, {"a": 1})
    assert call(capsys, *words, "mod.ask")[1] == [True, True]
    assert "schedule needs the running agent" in call(capsys, *words, "mod.schedule")[1]
    assert master.attached == []
    master.answer = "wait"
    code, _, error = call(capsys, *words, "mod.pillar")
    assert code == 77
    assert "waiting for this minion's key to be accepted" in error
    assert error.rstrip().endswith("or use --local")


def test_the_master_is_away(
    master: Any, make_agent: Callable[..., Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saltern_agent.call.CONNECT_TIMEOUT_S", 0.3)
    master.stop()
    code, _, error = call(capsys, "-c", str(make_agent().folder), "test.ping")
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
    assert call(capsys, *local, *to, "mod.fails")[:2] == (4, "failed")
    stored = json.loads(out.read_text())
    assert (stored["id"], stored["fun"], stored["return"], stored["retcode"]) == ("host01", "mod.fails", "failed", 4)
    assert (stored["ret_config"], stored["ret_kwargs"]) == ("other", {"filename": str(out)})
    for words, error in (
        (["--return", "../x"], "saltern-call: --return: returner '../x' is not valid"),
        (["--return", "local", "--return_kwargs", "[x]"], "saltern-call: --return_kwargs [x]: must be a map"),
    ):
        code, value, said = call(capsys, *local, *words, "test.ping")
        assert (code, value) == (2, None)
        assert said.startswith(error)
