"""What a job answers is what the real Salt's minion was recorded to answer, but for what is listed here."""

from __future__ import annotations

import functools
import importlib.util
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from saltern.errors import NotAuthorised
from saltern.plain import Plain
from saltern_agent.executor import Executor
from saltern_agent.jobs import Current, Outcome, read_job
from saltern_agent.loader import Loader
from saltern_master.auth.caller import Caller, Kind
from saltern_master.commands import minion as commands
from saltern_master.commands.context import Context
from saltern_master.mine import Mine
from saltern_master.targeting import DataFacts, Known, Targets
from saltern_modules._agent import Synced

ANSWERS = Path(__file__).parent.parent / "support" / "salt_answers"
RECORDED: list[list[Any]] = json.loads((ANSWERS / "calls.json").read_text(encoding="utf-8"))
JID = "20260131120000123456"
DIFFERENT = {
    'answers.retcode ["text"]': "a return code is a number: what isn't one is 1",
    "answers.retcode [null]": "likewise",
    'answers.value [{"__kwarg__": false, "given": 5}]': "a map is handed on as it is",
    "answers.mixed []": "maps and other values: a list of them, where Salt has an error of its own",
    "raising.anything []": "the module goes by its name, not by the one within Salt's loader",
    "answers.salt_exception []": "the base of all errors has our name in a traceback",
    'test.raise_exception ["salt.exceptions.SaltException", "base"]': "likewise",
    '["answers.execution", "test.true"] [[], []]': "likewise CommandExecutionError",
    '["test.ping", "no.such"] [[], []]': "says that the function isn't there, where Salt has an error of its own",
    '["answers.counted", "test.true"] [[2], []]': "a generator among several functions, which Salt can't return",
    'test.provider ["sys"]': "Salt names the last file that it loaded",
    'test.try ["test.echo"] {"text": "x"}': "what the publisher added isn't handed on, so that the call works",
    "test.version []": "ours",
    "test.deprecation_warning []": "nothing is deprecated",
    'publish.publish ["nosuch", "test.ping"]': "nobody is meant: an empty map, as when it isn't allowed",
    'publish.full_data ["nosuch", "test.ping"]': "likewise",
    'saltutil.sync_modules [] {"saltenv": "prod"}': "says that modules come from the environment base alone",
    "saltutil.sync_all []": "the minion of the recording had lost its modules by the case before",
    "saltutil.list_extmods []": "the list, where Salt falls over a file",
    'saltutil.cmd ["*", "test.ping"]': "by the rules of peer, not as a client on the master's host",
    'saltutil.runner ["test.arg"]': "by the rules of peer_run, likewise",
    'saltutil.wheel ["key.list_all"]': "no minion manages keys",
}


def case(row: list[Any]) -> str:
    fun, arg, kwarg = row[:3]
    words = [fun if isinstance(fun, str) else json.dumps(fun), json.dumps(arg)]
    return " ".join(words + ([json.dumps(kwarg)] if kwarg else []))


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


class Minions:
    """Minions "one" and "two" in this process, and what of the master they ask: the mine, and publishing by its rules.

    They are asked one after the other, in the order in which Salt's were: some cases change what later ones read.
    """

    def __init__(self, modules: Path, mine: Path) -> None:
        keyring: Any = SimpleNamespace(minion_of=lambda key: key, minions=lambda: ["one", "two"])
        self.targets = Targets({"nodegroups": {}, "conf_file": ""}, Known(DataFacts(lambda minion: {"id": minion})))  # type: ignore[typeddict-item]
        policy = SimpleNamespace(may_read_mine=lambda caller, function: True, sees_all=lambda caller: False)
        self.services: Any = SimpleNamespace(
            keyring=keyring, targets=self.targets, policy=policy, mine=Mine(str(mine), keyring)
        )
        self.executors = {name: self._executor(name, modules) for name in ("one", "two")}
        for name in self.executors:
            assert self.run(name, "mine.update", [], {}).value is True

    def _executor(self, name: str, modules: Path) -> Executor:
        current = Current()
        agent = AskingAgent(self, name)
        opts = {**config(), "id": name, "cachedir": str(modules / "cache"), "__agent__": agent}
        loader = Loader(opts, [str(modules)], current)
        loader.set_grains({"id": name})
        agent.loader = loader
        return Executor(loader, current)

    def run(self, name: str, fun: Any, arg: list[Any], kwarg: dict[str, Any]) -> Outcome:
        about = {"tgt": "one", "tgt_type": "glob", "user": "root", "ret": ""}
        job = {"jid": JID, "fun": fun, "arg": arg, "kwarg": kwarg, **about}
        return self.executors[name].run(read_job(json.loads(json.dumps(job))))


class AskingAgent:
    """What modules may ask of the agent of minion *name*."""

    def __init__(self, minions: Minions, name: str) -> None:
        self._minions = minions
        self._name = name
        self.loader: Loader

    def functions(self, modules: Any = None) -> dict[str, Any]:
        return self.loader.functions()

    def load_errors(self) -> dict[str, str]:
        return self.loader.load_errors()

    def refresh_modules(self) -> bool:
        return True

    refresh_grains = refresh_pillar = refresh_modules

    def sync_modules(self, kinds: Sequence[str]) -> Synced:
        return Synced([], [], failed=False)

    def module_versions(self) -> dict[str, Any]:
        return {"answers": {}}

    def running(self) -> list[dict[str, Any]]:
        return [{"jid": JID, "fun": "saltutil.running"}]

    def current_job(self) -> dict[str, Any]:
        return {"jid": JID}

    def fire_event(self, data: Any, tag: str) -> bool:
        return True

    def register_child(self, pid: int) -> None:
        """Know that a program runs."""

    forget_child = register_child

    def request(self, command: str, **kwargs: Any) -> Any:
        services = self._minions.services
        if command == "runner.manage.up":
            return ["one", "two"]
        if command == "runner.test.arg":
            return {"args": kwargs["arg"], "kwargs": kwargs["kwarg"]}
        if command.startswith("runner.") or str(kwargs.get("fun")).startswith("publish."):
            raise NotAuthorised(command)
        if command != "publish":
            handler = getattr(commands, command).handler
            return handler(Context(Caller(Kind.MINION, self._name, key=self._name), services), **kwargs)
        kwargs.pop("timeout")
        target = services.targets.target(kwargs["tgt"], kwargs["tgt_type"])
        meant = target.select(services.keyring.minions(), services.targets.known)
        rows = {}
        for name in meant:
            outcome = self._minions.run(name, kwargs["fun"], kwargs["arg"], kwargs["kwarg"])
            rows[name] = {"ret": outcome.value, **({"out": outcome.out} if outcome.out else {})}
        return rows


@pytest.fixture(scope="module")
def minions(tmp_path_factory: pytest.TempPathFactory) -> Minions:
    folder = tmp_path_factory.mktemp("modules")
    for path in (ANSWERS / "calls_modules").iterdir():
        if path.is_file():
            shutil.copy(path, folder / path.name.removesuffix(".txt"))
    return Minions(folder, folder / "mine")


def answer(minions: Minions, fun: Any, arg: list[Any], kwarg: dict[str, Any]) -> list[Any]:
    outcome = minions.run("one", fun, arg, kwarg)
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


@pytest.fixture(scope="module")
def answers(minions: Minions) -> list[list[Any]]:
    """Return what ours answers to each case, asked in their order."""
    return [answer(minions, *row[:3]) for row in RECORDED]


@pytest.mark.parametrize("number", range(len(RECORDED)), ids=map(case, RECORDED))
def test_an_answer_is_salts(answers: list[list[Any]], number: int) -> None:
    row = RECORDED[number]
    same = answers[number] == [comparable(row[0], row[3]), *row[4:]]
    assert same == (case(row) not in DIFFERENT), (answers[number], row[3:])


def test_every_difference_is_of_a_case() -> None:
    assert set(DIFFERENT) <= set(map(case, RECORDED))
