"""``saltern-call``, with and without a master."""

from __future__ import annotations

import json
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


def test_docs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, value, _ = call(capsys, "-c", str(folder), "-d", "test.ping")
    assert code == 0
    assert "test.ping" in value


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
