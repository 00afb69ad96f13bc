"""What looks after the agent's files goes on, whatever fails in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from saltern_agent import upkeep as upkeep_module
from saltern_agent.loop import Loop
from saltern_agent.spool import Spool
from saltern_agent.upkeep import Upkeep


def test_a_look_that_fails_is_not_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep_module, "EVERY_S", 0.001)
    spool = Spool(str(tmp_path), 1 << 20, 3600)
    loop = Loop()
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 3:
            loop.stop()
        raise MemoryError

    loop.later(60, loop.stop)
    Upkeep(loop, spool, look).start()
    loop.run()
    loop.close()
    spool.close()
    assert len(looks) == 3
