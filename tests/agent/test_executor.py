"""Whatever a function does, an outcome comes of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from saltern.wire import unpack
from saltern_agent.executor import Executor
from saltern_agent.isolate import Isolated
from saltern_agent.jobs import Current, Job, Outcome, read_job
from saltern_agent.loader import Loader
from saltern_agent.returns import pack_return

MODULE = """
import sys, os
from saltern.errors import CommandError
def ok(a, b=2, *rest, key, other=None, **more): return [a, b, rest, key, other, more]
def raises(): raise ValueError("first line\\nsecond")
def silent(): raise RuntimeError
def exits(code=None): sys.exit(code)
def command(): raise CommandError("the disk is on fire")
def inside(): return len(5)
def retcode(n): __context__["retcode"] = n; return "out"
def prints(): print("hello"); print("there"); return 1
def floods():
    for _ in range(100000): print("x" * 100)
def keyboard(): raise KeyboardInterrupt
def stop(): raise GeneratorExit
def recursive(): return recursive()
def weird(): return {1, 2}, {"when": object()}
def big(n): return "x" * n
def crash(): os.kill(os.getpid(), 11)
def leaves(): os._exit(7)
def child(): return os.getpid()
def echo(): os.system("echo noise"); return "quiet"
"""


@pytest.fixture
def executor(module_dir: Path) -> Executor:
    (module_dir / "mod.py").write_text(MODULE)
    current = Current()
    return Executor(Loader({}, [str(module_dir)], current), current)


def run(executor: Executor, fun: Any, *arg: Any, **kwarg: Any) -> Outcome:
    return executor.run(Job("1", fun, list(arg), kwarg))


def test_arguments_and_duration(executor: Executor) -> None:
    outcome = run(executor, "mod.ok", 1, key="k", z=9)
    assert outcome.value == [1, 2, (), "k", None, {"z": 9}]
    assert (outcome.retcode, outcome.success) == (0, True)
    assert outcome.duration_ms >= 0


@pytest.mark.parametrize(
    ("fun", "arg", "text", "retcode"),
    [
        ("mod.raises", [], "ValueError: first line\nsecond\n", 1),
        ("mod.silent", [], "RuntimeError\n", 1),
        ("mod.exits", [], "SystemExit\n", 1),
        ("mod.exits", [3], "SystemExit: 3\n", 3),
        ("mod.exits", ["bye"], "SystemExit: bye\n", 1),
        ("mod.exits", [0], "SystemExit: 0\n", 1),
        ("mod.keyboard", [], "KeyboardInterrupt\n", 1),
        ("mod.stop", [], "GeneratorExit\n", 1),
        ("mod.recursive", [], "RecursionError: maximum recursion depth exceeded\n", 1),
    ],
)
def test_failures_show_the_traceback_from_the_function_on(
    executor: Executor, fun: str, arg: list[Any], text: str, retcode: int
) -> None:
    outcome = run(executor, fun, *arg)
    head = "The minion function caused an exception: Traceback (most recent call last):\n  File "
    assert outcome.value.startswith(head)
    assert outcome.value.endswith(f"\n{text}")
    assert "executor.py" not in outcome.value
    assert (outcome.retcode, outcome.success, outcome.out) == (retcode, False, "nested")
    assert outcome.failed == f"The minion function caused an exception: {text.splitlines()[0]}"


def test_told_failures(executor: Executor) -> None:
    assert run(executor, "mod.command").value == "ERROR: the disk is on fire"
    inside = run(executor, "mod.inside")
    assert inside.value == "Passed invalid arguments to mod.inside: object of type 'int' has no len()\n"
    wrong = run(executor, "mod.exits", 1, 2).value
    assert wrong.startswith("Passed invalid arguments to mod.exits: exits() takes from 0 to 1 positional")


def test_unknown_functions(executor: Executor) -> None:
    outcome = run(executor, "mod.okk")
    assert outcome.value == "'mod.okk' is not available."
    assert (outcome.retcode, outcome.success, outcome.missing) == (1, False, True)
    assert outcome.failed == "'mod.okk' is not available. Did you mean 'mod.ok'?"


def test_what_a_generator_yields_is_told_and_gathered(module_dir: Path) -> None:
    (module_dir / "mod.py").write_text("def items(n):\n    for i in range(n): yield {'x': i} if n == 2 else i\n")
    current = Current()
    told: list[tuple[str, int, Any]] = []
    executor = Executor(
        Loader({}, [str(module_dir)], current),
        current,
        progress=lambda job, number, item: told.append((job.jid, number, item)),
    )
    assert run(executor, "mod.items", 3).value == [0, 1, 2]
    assert told == [("1", 0, 0), ("1", 1, 1), ("1", 2, 2)]
    assert run(executor, "mod.items", 2).value == {"x": 1}
    assert run(executor, "mod.items", 10**9).value == "ERROR: it yields more than 100,000 values"


def test_functions_are_told_of_the_metadata_of_a_job() -> None:
    body = {"jid": "20260131120000123456", "fun": "test.kwarg", "tgt": "*", "tgt_type": "glob", "user": "root"}
    assert read_job({**body, "metadata": {"x": 1}}).published()["__pub_metadata"] == {"x": 1}
    assert "__pub_metadata" not in read_job(body).published()


@pytest.mark.parametrize(("about", "read"), [({"tgt": "*"}, True), ({}, False), (None, False)])
def test_texts_are_read_as_keywords_when_somebody_sent_them(
    executor: Executor, about: dict[str, Any] | None, read: bool
) -> None:
    outcome = executor.run(Job("1", "mod.ok", [1, "key=[2]"], {} if read else {"key": 3}, about=about))
    assert outcome.value[:4] == ([1, 2, (), [2]] if read else [1, "key=[2]", (), 3])
    told = {"__pub_fun", "__pub_jid", *(f"__pub_{key}" for key in about)} if about is not None else set()
    assert set(outcome.value[5]) == told


def test_a_module_names_the_outputter_of_a_function(module_dir: Path) -> None:
    source = "__outputter__ = {'text': 'txt', 'odd': 3}\ndef text(): return 1\ndef odd(): pass\n"
    (module_dir / "shown.py").write_text(source)
    current = Current()
    executor = Executor(Loader({}, [str(module_dir)], current), current)
    assert (run(executor, "shown.text").out, run(executor, "shown.odd").out) == ("txt", None)
    assert body(Job("1", "shown.text", [], {}), run(executor, "shown.text"))["out"] == "txt"


@pytest.mark.parametrize("source", ["grains", "pillar"])
def test_a_blackout_refuses_all_but_what_ends_it(module_dir: Path, source: str) -> None:
    current = Current()
    loader = Loader({}, [str(module_dir)], current)
    getattr(loader, f"set_{source}")({"minion_blackout": True, "minion_blackout_whitelist": ["test.echo"]})
    executor = Executor(loader, current)

    def answered(fun: str, *arg: Any, about: dict[str, Any] | None) -> Any:
        return executor.run(Job("1", fun, list(arg), {}, about=about)).value

    refused = answered("test.ping", about={"tgt": "*"})
    assert refused.startswith("ERROR executing 'test.ping': Minion in blackout mode. Set 'minion_blackout' to False in")
    assert answered("test.echo", "a", about={"tgt": "*"}) == "a"
    assert "blackout" not in answered("saltutil.refresh_pillar", about={"tgt": "*"})
    assert answered("test.ping", about={}) is True  # the schedule goes on, as in Salt
    getattr(loader, f"set_{source}")({})
    assert answered("test.ping", about={"tgt": "*"}) is True


def test_return_codes(executor: Executor) -> None:
    assert run(executor, "mod.retcode", 3)[:3] == ("out", 3, False)
    assert run(executor, "mod.retcode", 0)[:3] == ("out", 0, True)
    assert run(executor, "mod.retcode", "junk")[:3] == ("out", 1, False)
    assert run(executor, "mod.exits")[1] == 1
    assert run(executor, "mod.prints")[1] == 0


def test_several_functions(executor: Executor) -> None:
    job = Job("1", ["mod.retcode", "mod.raises", "test.ping", "mod.prints"], [[5], []], {})
    outcome = executor.run(job)
    assert outcome.value["mod.retcode"] == "out"
    assert outcome.value["mod.raises"].startswith("Traceback (most recent call last):\n")
    assert outcome.retcode == {"mod.retcode": 5, "test.ping": 0, "mod.prints": 0}
    assert outcome.success == {"mod.retcode": False, "mod.raises": False, "test.ping": True, "mod.prints": True}


def test_what_is_printed_is_one_line_in_the_log(
    executor: Executor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    executor.capture_output()
    with caplog.at_level("INFO"):
        assert run(executor, "mod.prints").value == 1
        run(executor, "mod.floods")
    print("not from a function")
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == "job 1: mod.prints printed: hello\nthere"  # the formatter escapes the newline
    assert len(messages) == 2
    assert len(messages[1]) < 2100
    assert capsys.readouterr().out == "not from a function\n"


# returns


def body(job: Job, outcome: Outcome, limit: int = 1 << 20) -> dict[str, Any]:
    return unpack(pack_return(job, outcome, None, limit).frame).body


def test_odd_values_arrive_in_a_plain_form_and_are_marked(executor: Executor) -> None:
    job = Job("1", "mod.weird", [], {})
    packed = body(job, executor.run(job))
    assert packed["return"][0] == [1, 2]
    assert packed["plain"] == ["$[0]: set", "$[1].when: object"]


def test_a_return_that_is_too_large_is_replaced(executor: Executor) -> None:
    job = Job("1", "mod.big", [100_000], {}, extra={"schedule": "x"})
    packed = body(job, executor.run(job), limit=5000)
    assert packed["return"].startswith("The return of mod.big is too large: a ret message of 100,")
    assert (packed["success"], packed["retcode"], packed["plain"]) == (False, 1, ["$: replaced, it was too large"])
    assert packed["schedule"] == "x"


def test_fun_args_and_versions() -> None:
    job = Job("1", "a.b", [1], {"k": 2})
    frame = pack_return(job, Outcome(1, 0, True, 0.5), {"digest": "d", "commit": None}, 1 << 20).frame
    assert unpack(frame).body == {
        "jid": "1",
        "fun": "a.b",
        "fun_args": [1, {"k": 2, "__kwarg__": True}],
        "return": 1,
        "retcode": 0,
        "success": True,
        "duration_ms": 0.5,
        "module": {"digest": "d", "commit": None},
    }


# isolation


@pytest.fixture
def isolated(module_dir: Path, tmp_path: Path) -> Isolated:
    (module_dir / "mod.py").write_text(MODULE)
    opts = {
        "id": "host01",
        "module_dirs": [str(module_dir)],
        "cachedir": str(tmp_path),
        "log_level": "error",
        "log_file": "",
        "__agent__": object(),
    }
    return Isolated(opts, 100_000)


def isolate(isolated: Isolated, fun: Any, *arg: Any) -> Outcome:
    return isolated.run(Job("1", fun, list(arg), {}), {"os": "x"}, {})


def test_isolated_functions(isolated: Isolated) -> None:
    import os

    outcome = isolate(isolated, "mod.child")
    assert outcome.success
    assert outcome.value != os.getpid()
    assert isolate(isolated, "mod.echo").value == "quiet"
    assert isolate(isolated, ["test.ping", "mod.retcode"], [], [4]).retcode == {"test.ping": 0, "mod.retcode": 4}
    assert isolate(isolated, "mod.weird").marks == ["$[0]: set", "$[1].when: object"]


def test_isolated_crashes(isolated: Isolated) -> None:
    assert isolate(isolated, "mod.crash").value.endswith("and it crashed by SIGSEGV")
    assert isolate(isolated, "mod.leaves").value.endswith("and it ended with exit code 7 without an answer")
    outcome = isolate(isolated, "mod.big", 1_000_000)
    assert outcome.value.endswith("and its answer is over 100,000 bytes")
    assert (outcome.retcode, outcome.success) == (1, False)
