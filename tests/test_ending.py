"""A program that stays after it was killed is told of, with what the kernel does for it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from support import ending


class Undead(subprocess.Popen[Any]):
    """Nothing of ours stays when it is killed, so it is not."""

    def kill(self) -> None:
        pass


def test_the_others_are_ended_and_where_it_is_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "END_WITHIN_S", 0.5)
    code = [sys.executable, "-c", "import time; time.sleep(600)"]
    with Undead(code) as undead, subprocess.Popen(code) as other:
        try:
            with pytest.raises(AssertionError, match=rf"time\.sleep(.|\n)*\n{undead.pid} [A-Z] "):
                ending.kill([undead, other])
        finally:
            subprocess.Popen.kill(undead)
            other.kill()
        assert other.wait(60) == -9
