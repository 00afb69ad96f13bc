"""The mine: what minions let each other read, bounded for each, theirs by their keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, JournalError, MessageTooLarge
from saltern.runner import RunnerClient
from saltern.wheel import Wheel
from saltern_master.auth.caller import Caller, Kind
from saltern_master.mine import MAX_BYTES, MAX_ENTRIES, Mine
from support.masters import FakeAgent, running, until

KEYS = {"key of web1": "web1", "key of db1": "db1"}


@pytest.fixture
def mine(tmp_path: Path) -> Mine:
    keyring: Any = SimpleNamespace(minion_of=KEYS.get)
    return Mine(str(tmp_path / "mine"), keyring)


def of(**values: Any) -> dict[str, Any]:
    return {name.replace("_", "."): {"value": value} for name, value in values.items()}


def test_entries_are_kept_side_by_side(mine: Mine) -> None:
    mine.store("web1", "key of web1", of(test_ping=True))
    mine.store("web1", "key of web1", of(test_echo="a"))
    mine.store("db1", "key of db1", of(test_ping=False))
    assert mine.get(["web1", "db1", "no"], ["test.ping", "test.echo", "no"]) == {
        "test.ping": {"web1": True, "db1": False},
        "test.echo": {"web1": "a"},
    }
    mine.delete("web1", "key of web1", "test.echo")
    mine.delete("web1", "key of web1", "no")
    assert mine.get(["web1"], ["test.ping", "test.echo"]) == {"test.ping": {"web1": True}}
    mine.store("web1", "key of web1", of(test_true=1), clear=True)
    assert mine.get(["web1"], ["test.ping", "test.true"]) == {"test.true": {"web1": 1}}
    mine.forget("web1")
    mine.forget("web1")
    assert mine.get(["web1"], ["test.true"]) == {}


def test_who_floods_it_is_refused_and_keeps_what_there_was(mine: Mine) -> None:
    mine.store("web1", "key of web1", of(test_ping=True))
    for data in (of(large="x" * MAX_BYTES), {str(number): {"value": 0} for number in range(MAX_ENTRIES)}):
        with pytest.raises(MessageTooLarge, match="a minion may have"):
            mine.store("web1", "key of web1", data)
    for number in range(3):  # nor bit by bit
        part = {str(number): {"value": "x" * (MAX_BYTES // 3)}}
        if number < 2:
            mine.store("web1", "key of web1", part)
        else:
            with pytest.raises(MessageTooLarge):
                mine.store("web1", "key of web1", part)
    assert mine.get(["web1"], ["test.ping"]) == {"test.ping": {"web1": True}}


@pytest.mark.parametrize("data", [{"": {"value": 1}}, {"x" * 513: {"value": 1}}, {"a": 1}, {"a": {"no": 1}}])
def test_junk_is_refused(mine: Mine, data: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        mine.store("web1", "key of web1", data)


def test_what_another_key_left_is_nobodys(mine: Mine) -> None:
    mine.store("web1", "an older key", of(test_ping="old", test_echo="old"))
    assert mine.get(["web1"], ["test.ping"]) == {}
    mine.store("web1", "key of web1", of(test_ping="new"))
    assert mine.get(["web1"], ["test.ping", "test.echo"]) == {"test.ping": {"web1": "new"}}


def test_a_broken_file_and_a_full_disk(mine: Mine, tmp_path: Path) -> None:
    mine.store("web1", "key of web1", of(test_ping=True))
    (tmp_path / "mine" / "web1").write_bytes(b"\xc1junk")
    assert mine.get(["web1"], ["test.ping"]) == {}
    (tmp_path / "mine" / "web1").unlink()
    (tmp_path / "mine" / "web1").mkdir()
    with pytest.raises(JournalError, match="the mine can't be written"):
        mine.store("web1", "key of web1", of(test_ping=True))


def test_nobody_finds_out_anothers_pillar_by_what_it_has_in_the_mine(options: MasterOptions, tmp_path: Path) -> None:
    (tmp_path / "secrets.yaml").write_text("password: hunter2\n")
    changed: Any = {"auto_accept": True, "pillar_files": {"db*": [str(tmp_path / "secrets.yaml")]}}
    changed["peer_run"] = {".*": ["mine.get"]}

    async def scenario() -> None:
        async with running({**options, **changed}) as master:
            assert master.briefing.pillar_of("db01") == {"password": "hunter2"}
            web01, db01 = FakeAgent(master, "web01"), FakeAgent(master, "db01")
            for one in (web01, db01):
                await one.join()
            await db01.call("mine", data={"test.ping": {"value": True}})
            given: Any
            for tgt, kind in (
                ("password:h*", "pillar"),
                ("password:h.*", "pillar_pcre"),
                ("p*:hunter2", "pillar"),
                ("I@password:h*", "compound"),
                ("J@password:h.*", "compound"),
                ("J@password:h.*", "compound_pillar_exact"),
                (["J@password:h.*"], "compound"),
            ):
                given = {"tgt": tgt, "fun": "test.ping", "tgt_type": kind}
                assert await web01.call("mine_get", **given) == {"result": {}}, kind
                assert await web01.call("runner.mine.get", **given) == {"result": {}}, kind
                call = master.dispatcher.call(Caller(Kind.LOCAL, "root", 0), "runner.mine.get", [], given)
                assert await call == ({} if "exact" in kind or tgt == "p*:hunter2" else {"db01": True}), kind
            for one in (web01, db01):
                one.close()

    asyncio.run(scenario())


def test_minions_read_what_they_may(options: MasterOptions) -> None:
    changed: Any = {"auto_accept": True, "mine_get": {"web.*": ["test\\..*", "for.*"], "db.*": ["test.ping"]}}

    async def scenario() -> None:
        async with running({**options, **changed}) as master:
            web01, db01 = FakeAgent(master, "web01"), FakeAgent(master, "db01")
            for one in (web01, db01):
                await one.join()
            data = {
                "test.ping": {"value": True},
                "test.echo": {"value": "a"},
                "for.web": {"value": "w", "allow_tgt": "web*"},
                "for.db": {"value": "d", "allow_tgt": "db*", "allow_tgt_type": "glob"},
                "for.nobody": {"value": "n", "allow_tgt": "(", "allow_tgt_type": "pcre"},
            }
            assert await db01.call("mine", data=data) == {"result": True}
            assert await web01.call("mine_get", tgt="*", fun="test.ping") == {"result": {"db01": True}}
            both = await web01.call("mine_get", tgt="*", fun="test.ping,test.echo,other")
            assert both == {"result": {"test.ping": {"db01": True}, "test.echo": {"db01": "a"}}}
            listed = await web01.call("mine_get", tgt=["db01"], fun=["test.echo"], tgt_type="list")
            assert listed == {"result": {"test.echo": {"db01": "a"}}}
            assert await web01.call("mine_get", tgt="*", fun="for.web") == {"result": {"db01": "w"}}
            for fun in ("for.db", "for.nobody", "other.x"):
                assert await web01.call("mine_get", tgt="*", fun=fun) == {"result": {}}
            assert await db01.call("mine_get", tgt="*", fun="test.echo") == {"result": {}}
            assert (await web01.call("mine", data={"large": {"value": "x" * MAX_BYTES}}))["code"] == "too_large"
            assert (await web01.call("mine_get", tgt="*", fun=[str(n) for n in range(1000)]))["code"] == "arguments"
            client = RunnerClient(options)
            assert await asyncio.to_thread(client.cmd, "mine.get", ["db*", "for.nobody"]) == {"db01": "n"}
            await asyncio.to_thread(Wheel(options).call_func, "key.delete", match="db01")
            folder = Path(options["cachedir"]) / "mine"
            await until(lambda: not (folder / "db01").exists())
            assert await web01.call("mine_get", tgt="*", fun="test.ping") == {"result": {}}
            for one in (web01, db01):
                one.close()

    asyncio.run(scenario())
