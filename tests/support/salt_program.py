"""``saltern`` run in a test's own process, with a scripted master."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from saltern.cli.salt import main
from support.scripted_master import ScriptedMaster

MODULES = ("batch", "following", "cli.salt.plain", "cli.salt.preview", "cli.salt.program")
"""Those that connect to a master."""


class Done(NamedTuple):
    """What it printed, and its exit code."""

    code: int
    out: str
    err: str


class Program:
    """Runs it; ``master``: the last one that it spoke to."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        (folder / "master").write_text("")
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        # Nobody goes on in the background: that is for a test of real programs.
        monkeypatch.setattr("os.fork", lambda: 1)
        # By chance would be anybody: here it is the first ones.
        monkeypatch.setattr("random.SystemRandom.sample", lambda _, members, count: members[:count])

    def __call__(self, *words: str, master: ScriptedMaster) -> Done:
        for module in MODULES:
            self._monkeypatch.setattr(f"saltern.{module}.LocalConnection", master.connect)
        try:
            code: Any = main(["-c", str(self._folder), *words])
        except SystemExit as error:
            code = error.code or 0
        said = self._capsys.readouterr()
        return Done(code, said.out, said.err)
