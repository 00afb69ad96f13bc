"""Which scheduled runs made no sample, and why."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.secret import Secret
from saltern.wire import unpack
from saltern_agent.executor import Executor
from saltern_agent.isolate import Isolated
from saltern_agent.jobs import Current, Job, Outcome
from saltern_agent.loader import Loader
from saltern_agent.origin import Origin
from saltern_agent.returns import MAX_FAILED_CHARACTERS, Return, pack_return, same_for_all

MODULE = """
import os
def count(n): __context__["retcode"] = n; return {"n": 0, "deep": {"x": [1]}}
def bare(n): __context__["retcode"] = n; return 5
def text(n): __context__["retcode"] = n; return "ls: cannot access\\nmore"
def nothing(n): __context__["retcode"] = n; return None
def raises(): raise ValueError("first\\nsecond \\x1b[2J")
def quotes(): raise ValueError("wrong password: " + __pillar__["password"])
def big(): return {"n": "x" * 100_000}
def crash(): os.kill(os.getpid(), 11)
def leaves(): raise SystemExit(0)
"""
ORIGIN = Origin("s", 15, 30)
LIMIT = 50_000


@pytest.fixture
def executor(module_dir: Path) -> Executor:
    (module_dir / "mod.py").write_text(MODULE)
    (module_dir / "broken.py").write_text("import not_there")
    current = Current()
    loader = Loader({}, [str(module_dir)], current)
    loader.set_pillar({"password": Secret("hunter2hunter2")})
    return Executor(loader, current)


def scheduled(fun: str, arg: list[Any] | None = None, *, metrics: bool = True) -> Job:
    extra = {"schedule": "s", "slot": 30, "metrics": metrics, "return_job": False}
    return Job("20260101000000000001", fun, arg or [], {}, user="schedule", extra=extra, origin=ORIGIN)


def run(executor: Executor, fun: str, *arg: Any, metrics: bool = True) -> Return:
    job = scheduled(fun, list(arg), metrics=metrics)
    packed = pack_return(job, executor.run(job), None, LIMIT)
    assert unpack(packed.frame).body.get("failed") == packed.failed
    assert (packed.origin, packed.function) == (ORIGIN, fun)
    return packed


@pytest.mark.parametrize("fun", ["mod.count", "mod.bare"])
def test_what_was_returned_is_a_sample_whatever_a_nested_command_ended_with(executor: Executor, fun: str) -> None:
    packed = run(executor, fun, 1)
    assert packed.failed is None
    body = unpack(packed.frame).body
    assert (body["success"], body["retcode"]) == (False, 1), "as a job is told it"


@pytest.mark.parametrize(
    ("fun", "arg", "why"),
    [
        ("nosuch.f", [], "'nosuch.f' is not available"),
        ("broken.f", [], "not_there"),
        ("mod.nosuch", [], "'mod.nosuch' is not available"),
        ("mod.raises", [], "The minion function caused an exception: ValueError: first"),
        ("mod.raises", [1], "Passed invalid arguments to mod.raises"),
        ("mod.leaves", [], "The minion function caused an exception: SystemExit"),
        ("mod.text", [2], "no number was returned, and the return code 2: ls: cannot access\\nmore"),
        ("mod.nothing", [1], "no number was returned, and the return code 1"),
        ("mod.big", [], "The return of mod.big is too large"),
        ("mod.quotes", [], "The minion function caused an exception: ValueError: wrong password: ***"),
    ],
)
def test_a_run_without_a_sample_says_why(executor: Executor, fun: str, arg: list[Any], why: str) -> None:
    packed = run(executor, fun, *arg)
    assert packed.failed is not None
    assert why in packed.failed
    assert packed.failed.isprintable()
    assert len(packed.failed) <= MAX_FAILED_CHARACTERS
    assert b"hunter2" not in packed.frame


def test_no_secret_is_in_a_reason(executor: Executor) -> None:
    assert run(executor, "nosuch.hunter2hunter2").failed == "'nosuch.***' is not available. There is no module nosuch."


def test_text_is_no_failure_where_none_is_said_or_no_numbers_are_wanted(executor: Executor) -> None:
    assert run(executor, "mod.text", 0).failed is None
    assert run(executor, "mod.nothing", 0).failed is None
    assert run(executor, "mod.text", 2, metrics=False).failed is None
    assert run(executor, "mod.raises", metrics=False).failed is not None


def test_a_job_that_nobody_scheduled_has_no_such_field(executor: Executor) -> None:
    job = Job("1", "mod.raises", [], {})
    packed = pack_return(job, executor.run(job), None, LIMIT)
    assert (packed.failed, packed.origin) == (None, None)
    assert "failed" not in unpack(packed.frame).body


def test_a_run_that_was_ended_says_so() -> None:
    job = scheduled("mod.count")
    packed = pack_return(job, same_for_all(job, "The job was killed\nby \u202esignal 9" + "x" * 999, 1), None, LIMIT)
    assert packed.failed is not None
    assert packed.failed.startswith("The job was killed\\nby \\u202esignal 9xxx")
    assert len(packed.failed) == MAX_FAILED_CHARACTERS


def test_an_isolated_run_says_so_too(executor: Executor, module_dir: Path, tmp_path: Path) -> None:
    opts = {
        "id": "h",
        "module_dirs": [str(module_dir)],
        "cachedir": str(tmp_path),
        "log_level": "error",
        "log_file": "",
    }
    isolated = Isolated(opts, 1 << 20)
    for fun, why in [("mod.raises", "ValueError: first"), ("mod.crash", "crashed by SIGSEGV"), ("mod.count", None)]:
        job = scheduled(fun, [1] if fun == "mod.count" else [])
        packed = pack_return(job, isolated.run(job, {}, {}), None, LIMIT)
        assert (packed.failed is None) == (why is None)
        assert (why or "") in (packed.failed or "")
        assert "no number" not in (packed.failed or "")


VALUES = st.recursive(
    st.none() | st.text(max_size=3) | st.integers() | st.floats() | st.booleans() | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def numbers(value: Any) -> list[Any]:
    if isinstance(value, (list, dict)):
        return [n for member in (value.values() if isinstance(value, dict) else value) for n in numbers(member)]
    return [value] if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)) else []


@given(VALUES, st.integers(-1, 2))
def test_any_value_with_a_number_is_a_sample(value: Any, retcode: int) -> None:
    packed = pack_return(scheduled("a.b"), Outcome(value, retcode, retcode == 0, 0.1), None, LIMIT)
    assert (packed.failed is None) == (retcode == 0 or numbers(value) != [])


def test_a_value_that_holds_itself_is_looked_through_once() -> None:
    value: dict[str, Any] = {}
    value["self"] = value
    assert pack_return(scheduled("a.b"), Outcome(value, 1, False, 0.1), None, LIMIT).failed is not None
