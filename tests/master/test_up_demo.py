"""``saltern-up``: when it says that all is up, and what a demo leaves."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import Any, cast

import pytest

from saltern.errors import ConfigError
from saltern_master.up import main as program
from saltern_master.up.stack import Stack
from saltern_master.up.status import Minion, Status


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


def test_the_points_of_another_day_make_no_minion_up(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stack = Stack(str(tmp_path), 1, demo=False, usual_ports={})
    told = [Status([Minion("web01", up, {}, {"load": [1.0]})], [], 0.0, 0.0, []) for up in (True, False)]

    class Source:
        look = staticmethod(told.pop)

    asyncio.run(program._Up(stack, plain=True)._first_points(cast(Any, Source())))
    assert not told, "it looked again"
    assert "1 minion is up" in capfd.readouterr().out
