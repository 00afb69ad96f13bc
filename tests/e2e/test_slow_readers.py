"""Programs that follow the real master's events and don't read: what they cost, and what they are told."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil
import pytest

from saltern.event import MasterEvent
from support.stacks import Parts, wait_for

pytestmark = pytest.mark.timeout(240)

MIB = 1024 * 1024
RETURN = 1_000_000
WARM, JOBS = 20, 120
BOUND = 8 * MIB


def test_one_that_does_not_read_costs_no_more_than_its_bound_and_is_told_what_it_lost(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "root", master="schedule: {stats: false}\n")
    try:
        parts.start("master", *(name for name in parts.names if name.startswith("agent")))
        wait_for(parts.up, "the agent", 60)
        master = psutil.Process(parts.pid("master"))

        def large_returns(count: int) -> None:
            for _ in range(count):
                assert len(parts.call("cmd.run", f"printf %0{RETURN}d 1")) == RETURN

        large_returns(WARM)
        before = master.memory_info().rss
        sock_dir = parts.runner.opts["sock_dir"]
        with contextlib.closing(MasterEvent(sock_dir)) as sleeper, contextlib.closing(MasterEvent(sock_dir)) as reader:
            sleeper.subscribe()
            reader.subscribe("salt/job/")
            heard = 0
            for _ in range(JOBS):
                large_returns(1)
                while (event := reader.get_event(wait=20)) is not None:
                    if "return" in event:
                        heard += 1
                        break
            assert (heard, reader.lost) == (JOBS, 0)
            assert master.memory_info().rss - before < JOBS * RETURN // 2
            sizes, returns = 0, 0
            while sleeper.lost == 0:
                event = sleeper.get_event(wait=20)
                assert event is not None
                returns += len(event.get("return", "")) == RETURN  # in the kernel's buffers, and on the way there
            while (event := sleeper.get_event(wait=5)) is not None:
                sizes += len(event.get("return", ""))
            assert sizes <= BOUND + RETURN
            assert sizes > BOUND // 2
            assert returns + sizes // RETURN + sleeper.lost >= JOBS
    finally:
        parts.stop_all()
