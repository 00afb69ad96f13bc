"""What a job answers is what the real Salt's minion was recorded to answer, but for what is listed here."""

from __future__ import annotations

import functools
import importlib.util
import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from saltern.plain import Plain
from saltern_agent.executor import Executor
from saltern_agent.jobs import Current, read_job
from saltern_agent.loader import Loader

ANSWERS = Path(__file__).parent.parent / "support" / "salt_answers"
RECORDED: list[list[Any]] = json.loads((ANSWERS / "calls.json").read_text(encoding="utf-8"))
JID = "20260131120000123456"
ELSEWHERE = ("mine.", "publish.", "saltutil.", "event.send", "event.fire_master")
"""Needs a master or a running agent: compared in tests of its own."""

DIFFERENT = {
    'answers.retcode ["text"]': "a return code is a number: what isn't one is 1",
    "answers.retcode [null]": "likewise",
    'answers.value ["given=a\\nb"]': "until words are read exactly",
    'answers.value ["given=0644"]': "likewise",
    'answers.value [{"__kwarg__": false, "given": 5}]': "a map is handed on as it is",
    "answers.mixed []": "maps and other values: a list of them, where Salt has an error of its own",
    "raising.anything []": "the module goes by its name, not by the one within Salt's loader",
    "answers.salt_exception []": "the base of all errors has our name in a traceback",
    'test.raise_exception ["salt.exceptions.SaltException", "base"]': "likewise",
    '["answers.execution", "test.true"] [[], []]': "likewise CommandExecutionError",
    '["test.ping", "no.such"] [[], []]': "says that the function isn't there, where Salt has an error of its own",
    '["answers.counted", "test.true"] [[2], []]': "a generator among several functions, which Salt can't return",
    'test.provider ["cmd"]': "our file has another name",
    'test.provider ["sys"]': "likewise",
    'test.try ["test.echo"] {"text": "x"}': "what the publisher added isn't handed on, so that the call works",
    "test.version []": "ours",
    "test.deprecation_warning []": "nothing is deprecated",
}


def case(row: list[Any]) -> str:
    fun, arg, kwarg = row[:3]
    words = [fun if isinstance(fun, str) else json.dumps(fun), json.dumps(arg)]
    return " ".join(words + ([json.dumps(kwarg)] if kwarg else []))


HERE = [row for row in RECORDED if not str(row[0]).startswith(ELSEWHERE)]


@functools.cache
def recorder() -> ModuleType:
    """Return the recorder's part that says what is kept of an answer."""
    source = (ANSWERS / "record_calls.py").read_text(encoding="utf-8")
    kept = ModuleType("kept")
    exec(source[source.index("def kept") : source.index("def port")], kept.__dict__)
    return kept


def config() -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("calls_cases", ANSWERS / "calls_cases.py")
    assert spec is not None
    assert spec.loader is not None
    cases = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cases)
    return dict(cases.CONFIG)


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Executor:
    folder = tmp_path_factory.mktemp("modules")
    for path in (ANSWERS / "calls_modules").iterdir():
        if path.is_file():
            shutil.copy(path, folder / path.name.removesuffix(".txt"))
    current = Current()
    return Executor(Loader(config(), [str(folder)], current), current)


def answer(executor: Executor, fun: Any, arg: list[Any], kwarg: dict[str, Any]) -> list[Any]:
    about = {"tgt": "one", "tgt_type": "glob", "user": "root", "ret": ""}
    outcome = executor.run(read_job({"jid": JID, "fun": fun, "arg": arg, "kwarg": kwarg, **about}))
    value = json.loads(json.dumps(Plain().of(outcome.value), default=bytes.decode))
    return [comparable(fun, value), outcome.retcode, outcome.success, outcome.out]


def comparable(fun: Any, value: Any) -> Any:
    """Return *value* without what differs each time: jids, durations, random numbers, pids, and documentation."""
    value = recorder().kept(value, fun)
    if fun in ("test.fib", "test.collatz") and isinstance(value, list):
        return [value[0], "seconds"]
    if fun in ("test.rand_str", "test.random_hash") and isinstance(value, str) and " " not in value:
        return len(value)
    if fun == "test.arg_repr" and isinstance(value, dict):
        pub = value["kwargs"].partition("'__pub_jid': '")
        return [value["args"], pub[0], pub[2][20:].partition(", '__pub_resource_targets'")[0].rstrip("}")]
    if fun == "test.pin":
        return {name: "…" if name == "test.ping" else text for name, text in value.items()}
    if isinstance(value, dict) and "pid" in value:
        return {**value, "pid": "pid"}
    return value


@pytest.mark.parametrize("row", HERE, ids=map(case, HERE))
def test_an_answer_is_salts(executor: Executor, row: list[Any]) -> None:
    fun, arg, kwarg, value, *rest = row
    same = answer(executor, fun, arg, kwarg) == [comparable(fun, value), *rest]
    assert same == (case(row) not in DIFFERENT), answer(executor, fun, arg, kwarg)


def test_every_difference_is_of_a_case() -> None:
    assert set(DIFFERENT) <= set(map(case, HERE))
