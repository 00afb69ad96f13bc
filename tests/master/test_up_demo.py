"""``saltern-up --demo``: what it leaves."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import ConfigError
from saltern_master.up import main as program


def test_a_second_ctrl_c_leaves_nothing_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "saltern-demo-x"
    folder.mkdir()
    rmtree = shutil.rmtree

    def no_stack(*_: Any, **__: Any) -> None:
        raise ConfigError("enough")

    def interrupted(path: str, **rest: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        rmtree(path, **rest)

    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: str(folder))
    monkeypatch.setattr("shutil.rmtree", interrupted)
    monkeypatch.setattr("saltern.own_environment.settle", lambda _: None)
    monkeypatch.setattr(program, "Stack", no_stack)
    before = signal.getsignal(signal.SIGINT)
    try:
        assert program.main(["--demo"]) == 78
    finally:
        signal.signal(signal.SIGINT, before)
    assert not folder.exists()
