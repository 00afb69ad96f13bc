"""Returns of many devices to one job, packed once where they are alike: each is what it would be by itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from saltern.wire import QUICK_BYTES, unpack
from saltern_agent import returns as returns_module
from saltern_agent.alike import Alike
from saltern_agent.devices.copied_job import copied
from saltern_agent.jobs import Job, Outcome
from saltern_agent.returns import pack_return

LIMIT = 50_000
VERSION: dict[str, str | None] = {"digest": "d", "commit": None}


def job(alike: Alike | None) -> Job:
    return copied(Job("20260101000000000001", "mod.fun", [], {}, alike=alike))


VALUES = st.sampled_from(
    [None, True, False, 0, 1, 1.0, "", "1", b"1", [], {}, (), {1}, "x" * QUICK_BYTES, "\xabduration_ms\xcb", 2**70]
)
OUTCOMES = st.builds(
    Outcome,
    VALUES,
    st.sampled_from([0, 1, True, False, {"a": 0}]),
    st.sampled_from([True, False, 1]),
    st.one_of(st.floats(0, 1e6), st.just(1), st.just(0)),
    st.sampled_from([None, [], ["$: set"]]),
    st.sampled_from([None, "why"]),
    st.sampled_from([None, "txt"]),
)


@example([(Outcome(True, 0, True, 1.0), None, 2), (Outcome(True, 0, True, 1.0), VERSION, 1)])
@example([(Outcome(1, 0, True, 1.0), None, 2), (Outcome(True, 0, True, 1.0), None, 1)])
@example([(Outcome(True, 0, True, 1.0), None, 2), (Outcome(True, 0, True, 1.0, out="txt"), None, 1)])
@given(st.lists(st.tuples(OUTCOMES, st.sampled_from([None, None, VERSION]), st.integers(1, 3)), max_size=12))
def test_each_frame_is_what_it_would_be_alone(outcomes: list[tuple[Outcome, Any, int]]) -> None:
    alike = Alike()
    for outcome, version, times in outcomes:
        for number in range(times):
            one = outcome._replace(duration_ms=outcome.duration_ms + number)
            assert pack_return(job(alike), one, version, LIMIT) == pack_return(job(None), one, version, LIMIT)


def test_of_many_that_are_alike_one_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[str] = []
    pack = returns_module.pack_any
    monkeypatch.setattr(returns_module, "pack_any", lambda *args, **more: packed.append(args[0]) or pack(*args, **more))
    alike = Alike()
    found = [pack_return(job(alike), Outcome(True, 0, True, number / 8), None, LIMIT) for number in range(50)]
    assert [unpack(one.frame).body["duration_ms"] for one in found] == [number / 8 for number in range(50)]
    assert packed == ["ret"]
    assert unpack(pack_return(job(alike), Outcome(False, 0, True, 1.0), None, LIMIT).frame).body["return"] is False
