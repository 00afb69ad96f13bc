"""Runners of the operator's own: who may call them, when a process is started, and how they come to the master."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from saltern.config import MasterOptions, master_config
from saltern.errors import (
    ArgumentError,
    Busy,
    CommandError,
    FunctionNotFound,
    JournalError,
    NotAuthorised,
    SalternError,
)
from saltern_master.auth.caller import Caller
from saltern_master.auth.need import Need
from saltern_master.auth.policy import Policy
from saltern_master.auth.powers import Powers
from saltern_master.commands.context import Context
from saltern_master.commands.custom import OwnRunners, _taken, docs_of_own
from saltern_master.commands.dispatcher import Dispatcher
from saltern_master.commands.master import arg
from saltern_master.commands.params import params_of
from saltern_master.commands.registry import Answered, Command
from saltern_master.custom import child as child_module
from saltern_master.custom import sync as sync_module
from saltern_master.custom.child import Children
from saltern_master.custom.places import OUTPUT, RUNNERS, Places
from saltern_master.custom.sync import EVERYTHING, Sync, choice_of
from saltern_master.fileserver.server import FileServer
from support.doors import ROOT, Door, Users, minion

ACL: dict[str, Any] = {
    "ann": ["@runner", {"@runner": ["*", "own.*", "own.[f]"]}],
    "fred": [{"@runner": ["own.f"]}],
    "eve": ["*", {"web1": ["own.f"]}, "@wheel", "@events", "@jobs"],
}
USERS = Users(ann=(), fred=(), eve=(), nobody=())


class Own(OwnRunners):
    """Runners that are there by name alone, and count what is asked of them."""

    def __init__(self) -> None:
        self.prepared: list[str] = []
        self.let_go = 0

    def command(self, name: str) -> Command | None:
        if not name.startswith("runner.own."):
            return None
        return Command(name, Need.OWN_RUNNER, params_of(_taken), _taken, True, True, prepare=self._get_ready)

    def holds(self, function: str) -> bool:
        return function.startswith("own.")

    async def _get_ready(self, caller: Caller, bound: dict[str, Any]) -> Command:
        self.prepared.append(caller.name)

        async def answer(context: Context, args: list[Any], kwargs: dict[str, Any]) -> Answered:
            return Answered([args, kwargs], False)

        def let_go() -> None:
            self.let_go += 1

        one = self.command("runner.own.f")
        assert one is not None
        return dataclasses.replace(one, handler=answer, prepare=None, let_go=let_go)


def door(own: Own, runs: Any = None) -> Door:
    here = Door(ACL, [arg], USERS)
    here.dispatcher = Dispatcher(here.registry, here.policy, here.services, runs, own)
    return here


def answered(here: Door, who: str | Caller, name: str, *args: Any, **kwargs: Any) -> Any:
    async def scenario() -> Any:
        try:
            return await here.call(who, name, *args, **kwargs)
        except SalternError as error:
            return error
        finally:
            here.dispatcher.close()

    return asyncio.run(scenario())


def test_only_its_exact_name_grants_it_and_no_process_is_started_for_others() -> None:
    own = Own()
    assert answered(door(own), ROOT, "runner.own.f", 1, a=2) == [[1], {"a": 2}]
    assert answered(door(own), "fred", "runner.own.f") == [[], {}]
    for who, line in (
        ("ann", "may not run own.f: it is a runner of the operator's own: grant it by its exact name"),
        ("eve", "may not run functions on the master (own.f): grant @runner"),
        ("nobody", "may not run functions on the master (own.f): grant @runner"),
        (minion("web1"), "is not a call that minions may make"),
    ):
        refused = answered(door(own), who, "runner.own.f")
        assert (type(refused), line in str(refused)) == (NotAuthorised, True)
    refused = answered(door(own), "fred", "runner.own.g")
    assert type(refused) is NotAuthorised
    assert own.prepared == ["root", "fred"]


def test_each_call_is_audited_without_what_it_was_given(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    answered(door(Own()), "fred", "runner.own.f", "hunter2", key="hunter2")
    assert "fred: runner.own.f()" in caplog.text
    assert "hunter2" not in caplog.text


def test_who_may_not_is_told_the_same_whether_it_is_there_or_not() -> None:
    there, missing = (str(answered(door(Own()), "eve", f"runner.{name}")) for name in ("own.f", "no.f"))
    assert there.replace("own.f", "no.f") == missing
    assert type(answered(door(Own()), "ann", "runner.no.f")) is FunctionNotFound


def test_nothing_is_loaded_to_be_documented_for_who_may_call_none() -> None:
    here = door(Own())
    here.services.own_places = SimpleNamespace(stems=lambda kind: {"own"})
    for who in ("ann", "eve"):
        assert asyncio.run(docs_of_own(Context(USERS.caller(who), here.services))) == {}
    with pytest.raises(AttributeError, match="own_children"):  # for him it would be
        asyncio.run(docs_of_own(Context(USERS.caller("fred"), here.services)))


def test_minions_may_by_peer_run_and_its_exact_name_alone() -> None:
    need = SimpleNamespace(need=Need.OWN_RUNNER, function="own.f")
    for rule, may in (("own.f", True), ("own.*", False), (".*", False)):
        policy = Policy({}, Powers(), peer_run={"web.*": [rule]})
        assert policy.may_call(minion("web1"), need) is may
        assert not policy.may_call(minion("db1"), need)


def test_what_was_made_ready_and_is_not_run_is_let_go() -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise JournalError("the disk is full")

    own = Own()
    runs: Any = SimpleNamespace(begin=fail, metrics=dict)
    assert str(answered(door(own, runs), ROOT, "runner.own.f")) == "the disk is full"
    assert own.let_go == 1


# processes


def options(folder: Path, text: str = "") -> MasterOptions:
    (folder / "master").write_text(f"root_dir: {folder}/root\nfile_roots: {{base: [{folder}/base]}}\n{text}")
    return master_config(folder)


def test_a_caller_has_a_bounded_number_of_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "MAX_OF_ONE", 1)

    async def scenario() -> None:
        children = Children(options(tmp_path))
        first = await children.start("local:fred", "one")
        with pytest.raises(Busy, match="1 functions of yours, 1 in all"):
            await children.start("local:fred", "two")
        other = await children.start("local:ann", "three")
        for one in (first, other):
            children.release(one, finished=False)
        await children.settled()
        assert children.metrics() == {"started": 2, "killed": 2, "running": 0}
        children.release(await children.start("local:fred", "four"), finished=True)
        await children.stop()

    asyncio.run(scenario())


def test_nonsense_from_a_child_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def program(code: str) -> Any:
        script = tmp_path / "script.sh"
        script.write_text(f"#!/bin/sh\n{code}\n")
        script.chmod(0o755)
        return lambda *words: [str(script)]

    async def said(code: str) -> str:
        monkeypatch.setattr(child_module, "python_module", program(code))
        children = Children(options(tmp_path))
        child = await children.start("local:fred", "it")
        with pytest.raises(CommandError) as error:
            await child.receive()
        children.release(child, finished=False)
        await children.settled()
        return str(error.value)

    for code, line in (
        (r"printf '\377\377\377\377'; sleep 20", "its answer is over 33,554,432 bytes"),
        (r"printf '\0\0\0\1\301'", "its answer makes no sense"),
        (r"printf '\0\0\0\1\001'", "its answer makes no sense"),
        ("exec >&-; exit 3", "its process ended with exit code 3 and without an answer"),
        ("kill -SEGV $$", "its process was ended by SIGSEGV"),
    ):
        assert line in asyncio.run(said(code))


# files


def synced(given: MasterOptions, *kinds: str, envs: tuple[str, ...] = ("base",), **choice: Any) -> dict[str, list[str]]:
    async def scenario() -> dict[str, list[str]]:
        children = Children(given)
        sync = Sync(FileServer(given), Places(given), children)
        chosen = choice_of(kinds, choice.get("only"), choice.get("never"))
        try:
            return await sync.take(kinds, envs, "local:root", chosen if choice else EVERYTHING)
        finally:
            await children.settled()

    return asyncio.run(scenario())


def put(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)


def test_later_environments_win_and_both_names_of_outputters_are_one_kind(tmp_path: Path) -> None:
    put(tmp_path / "base" / "_output", one="ONE = 1\n", both="OF = 'base'\n")
    put(tmp_path / "base" / "_outputters", two="TWO = 2\n")
    put(tmp_path / "prod" / "_output", both="OF = 'prod'\n")
    given = options(tmp_path)
    given["file_roots"] = {"base": [str(tmp_path / "base")], "prod": [str(tmp_path / "prod")]}
    assert synced(given, OUTPUT, envs=("base", "prod")) == {OUTPUT: ["output.both", "output.one", "output.two"]}
    there = Path(given["cachedir"]) / "extmods" / OUTPUT
    assert (there / "both.py").read_text() == "OF = 'prod'\n"
    assert sorted(os.listdir(there.parent)) == [OUTPUT]


def test_names_may_be_chosen_as_in_salt(tmp_path: Path) -> None:
    put(tmp_path / "base" / "_runners", a="", b="", c="")
    given = options(tmp_path)
    assert synced(given, RUNNERS, only="a,b", never={"runners": ["b"]}) == {RUNNERS: ["runners.a"]}
    assert synced(given, RUNNERS, never=["c"]) == {RUNNERS: ["runners.b"]}
    assert Places(given).stems(RUNNERS) == {"a", "b"}
    assert synced(given, RUNNERS, only={"output": ["x"]}) == {RUNNERS: ["runners.c"]}
    assert synced(given, RUNNERS, never=["a"]) == {RUNNERS: []}
    assert Places(given).stems(RUNNERS) == {"b", "c"}
    with pytest.raises(ArgumentError, match="names of modules are a list, or a text with commas, not 5"):
        choice_of((RUNNERS,), {RUNNERS: 5}, None)


def test_what_can_be_no_module_is_named_and_nothing_leaves_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "base" / "_runners"
    put(folder, good="")
    (folder / "my mod.py").write_text("")
    (folder / "out.py").symlink_to("/etc/passwd")
    (folder / "notes.txt").write_text("no module")
    answer = synced(options(tmp_path), RUNNERS)[RUNNERS]
    assert answer[0] == "runners.good"
    assert [line.partition(": left out: ")[0] for line in answer[1:]] == [
        "_runners/my mod.py",
        "_runners/notes.txt",
        "_runners/out.py",
    ]


def test_a_sync_that_fails_midway_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "base" / "_runners", a="OLD = 1\n", b="OLD = 1\n")
    given = options(tmp_path)
    synced(given, RUNNERS)
    put(tmp_path / "base" / "_runners", a="NEW = 1\n", b="NEW = 1\n")
    (tmp_path / "base" / "_runners" / "c.py").write_text("NEW = 1\n")
    writes: list[str] = []

    def full(path: str, data: bytes, mode: int = 0o644) -> None:
        writes.append(path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sync_module, "write_atomic", full)
    with pytest.raises(SalternError, match="No space left on device"):
        synced(given, RUNNERS)
    there = Path(given["cachedir"]) / "extmods" / RUNNERS
    assert {path.name: path.read_text() for path in there.iterdir()} == {"a.py": "OLD = 1\n", "b.py": "OLD = 1\n"}
    assert sorted(os.listdir(there.parent)) == [RUNNERS]


def test_what_a_killed_sync_left_is_cleared_away(tmp_path: Path) -> None:
    put(tmp_path / "base" / "_runners", a="")
    given = options(tmp_path)
    left = Path(given["cachedir"]) / "extmods" / "staging-abc"
    put(left, half="x")
    synced(given, RUNNERS)
    assert not left.exists()


def test_folders_of_the_configuration_come_before_what_was_synced_and_must_be_ours(tmp_path: Path) -> None:
    put(tmp_path / "dirs", a="")
    ext = tmp_path / "root" / "ext"  # as all places it is below root_dir
    put(ext / "runners", b="")
    put(tmp_path / "base" / "_runners", c="")
    given = options(tmp_path, "runner_dirs: [dirs]\nextension_modules: /ext\n")
    synced(given, RUNNERS)
    folders = [str(tmp_path / "dirs"), str(ext / "runners"), f"{given['cachedir']}/extmods/runners"]
    assert Places(given).folders(RUNNERS) == folders
    assert Places(given).stems(RUNNERS) == {"a", "b", "c"}
    (tmp_path / "dirs").chmod(0o775)
    assert Places(given).folders(RUNNERS) == folders[1:]
    if os.geteuid() == 0:
        os.chown(ext / "runners", 65534, 65534)
        assert Places(given).folders(RUNNERS) == folders[2:]
