"""Groups of minions that change at run time: what is kept, what holds at once, and what the configuration keeps."""

from __future__ import annotations

import asyncio
import fnmatch
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, CommandError, ConfigError, NotAuthorised, SalternError
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.kept_rights import MAX_NAMES, KeptRights
from saltern_master.auth.minion_groups import MinionGroup
from saltern_master.auth.roles import RoleBook, Source
from saltern_master.commands.groups import MAX_AT_ONCE
from saltern_master.master import Master
from support.masters import running

ROOT = Caller(Kind.LOCAL, "root", 0)
WANDA, OTTO, BEA = (Caller(Kind.LOGIN, name, source="ldap") for name in ("wanda", "otto", "bea"))
ROLES = {
    "watcher": {"members": ["ldap:wanda"], "on": ["web"]},
    "operator": {"members": ["ldap:otto"], "on": ["web"]},
}


@asynccontextmanager
async def fleet(options: MasterOptions, roles: Any = ROLES) -> AsyncIterator[Master]:
    more: Any = {"roles": roles, "groups": {"web": ["web*", "db9"]}}
    options.update(more)
    async with running(options) as master:
        for name in ("db1", "web1"):
            if name not in master.keyring.minions():
                master.keystore.put("minions", name, zmq.curve_keypair()[0].decode())
        master.keyring.refresh(force=True)
        yield master


async def ask(master: Master, caller: Caller, name: str, *args: Any) -> Any:
    try:
        return await master.dispatcher.call(caller, f"runner.manage.{name}", list(args), {})
    except SalternError as error:
        return error


def test_what_is_added_holds_at_once_and_after_a_restart(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as master:
            assert (await ask(master, WANDA, "overview"))["id"] == ["web1"]
            version = master.policy.version
            made = await ask(master, ROOT, "group_add", "web", ["db1", "db1", "web*"])
            assert made == {
                "members": ["web*", "db9", "db1"], "kept": ["db1"], "minions": ["db1", "web1"],
                "place": "option", "editable": False,
            }  # fmt: skip
            assert master.policy.version > version
            assert (await ask(master, WANDA, "overview"))["id"] == ["db1", "web1"]
            assert (await ask(master, ROOT, "group_add", "new", "db*"))["minions"] == ["db1"]
            assert (await ask(master, ROOT, "overview"))["groups"] == {"new": [0], "web": [0, 1]}
            master.reload()
            assert (await ask(master, ROOT, "groups"))["new"]["place"] == "kept"
        async with fleet(options) as master:
            assert (await ask(master, WANDA, "overview"))["id"] == ["db1", "web1"]
            left = await ask(master, ROOT, "group_remove", "web", ["db1"])
            assert (left["members"], left["minions"]) == (["web*", "db9"], ["web1"])
            assert (await ask(master, WANDA, "overview"))["id"] == ["web1"]
            assert await ask(master, ROOT, "group_remove", "new", ["db*"]) == {}
            assert list(await ask(master, ROOT, "groups")) == ["web"]

    asyncio.run(scenario())


def test_what_the_configuration_says_stays(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as master:
            await ask(master, ROOT, "group_add", "web", ["cache*"])
            for member, why in {
                "web*": r"web\* is in web by the option groups: change it there",
                "web1": r"web1 is in web by web\* of the option groups: change it there",
                "cache1": r"cache1 is in web by cache\*: take that out",
                "db1": "db1 is not in web",
            }.items():
                refused = await ask(master, ROOT, "group_remove", "web", ["cache*", member])
                assert isinstance(refused, CommandError)
                with pytest.raises(CommandError, match=why):
                    raise refused
            assert (await ask(master, ROOT, "groups"))["web"]["kept"] == ["cache*"]
            assert isinstance(await ask(master, ROOT, "group_remove", "no", ["x"]), CommandError)

    asyncio.run(scenario())


def test_only_who_may_everything_changes_them_and_who_is_limited_sees_his_own(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as master:
            await ask(master, ROOT, "group_add", "secret", ["db1"])
            for caller in (WANDA, OTTO, BEA):
                for name in ("group_add", "group_remove"):
                    assert isinstance(await ask(master, caller, name, "web", ["db1"]), NotAuthorised)
            hidden = {"members": "***", "kept": "***", "minions": ["web1"], "place": "***", "editable": False}
            for caller in (WANDA, OTTO):
                assert await ask(master, caller, "groups") == {"web": hidden}
            assert isinstance(await ask(master, BEA, "groups"), NotAuthorised)
            scoped = Caller(Kind.LOCAL, "root", 0, scope=("role:watcher", "@runner"))
            assert isinstance(await ask(master, scoped, "group_add", "web", ["db1"]), NotAuthorised)

    asyncio.run(scenario())


WRONG: list[tuple[str, list[Any]]] = [
    ("", ["a"]),
    ("../x", ["a"]),
    ("a b", ["a"]),
    ("g" * 65, ["a"]),
    ("web", []),
    ("web", ["G@os:Debian"]),
    ("web", ["a/b"]),
    ("web", ["a\nb"]),
    ("web", [["a"]]),
    ("web", [True]),
    ("web", ["a"] * (MAX_AT_ONCE + 1)),
    ("web", ["a" * 300]),
]


def test_bad_input_is_one_line(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as master:
            for group, minions in WRONG:
                refused = await ask(master, ROOT, "group_add", group, minions)
                assert isinstance(refused, ArgumentError), (group, minions)
                assert "\n" not in str(refused)
            assert list(await ask(master, ROOT, "groups")) == ["web"]

    asyncio.run(scenario())


def test_a_group_that_a_role_is_good_for_stays_without_members(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with fleet(options) as master:
            await ask(master, ROOT, "group_add", "pop", ["db1"])
        roles = {"watcher": {"members": ["ldap:wanda"], "on": ["pop"]}}
        async with fleet(options, roles) as master:
            assert (await ask(master, WANDA, "overview"))["id"] == ["db1"]
            assert (await ask(master, ROOT, "group_remove", "pop", ["db1"]))["members"] == []
            assert (await ask(master, WANDA, "overview"))["id"] == []
        async with fleet(options, roles) as master:  # else it would not start
            assert (await ask(master, WANDA, "overview"))["id"] == []

    asyncio.run(scenario())


def test_two_at_once_both_hold_and_what_cannot_be_saved_does_not(
    options: MasterOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with fleet(options) as master:
            await asyncio.gather(*(ask(master, ROOT, "group_add", "web", [f"x{number}"]) for number in range(5)))
            assert set((await ask(master, ROOT, "groups"))["web"]["kept"]) == {f"x{number}" for number in range(5)}
            path = Path(options["cachedir"]) / "rights.json"
            path.unlink()
            path.mkdir()
            refused = await ask(master, ROOT, "group_add", "web", ["db1"])
            assert isinstance(refused, CommandError)
            assert "can't be saved" in str(refused)
            assert "db1" not in (await ask(master, ROOT, "groups"))["web"]["members"]

    asyncio.run(scenario())


# the file


@pytest.mark.parametrize(
    "text",
    ["", "[", "[]", "{}", '{"version": 2, "groups": {}, "members": {}}', '{"version": 1, "groups": {"a b": []}}',
     '{"version": 1, "groups": {}, "members": {"admin": ["fred"]}}',
     '{"version": 1, "groups": {}, "members": {"admin": 1}}',
     '{"version": 1, "groups": {"web": ["E@x"]}}', '{"version": 1, "groups": {"web": 1}}', "[" * 100_000, "\xff"],
)  # fmt: skip
def test_a_damaged_file_is_set_aside(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rights.json"
    path.write_text(text, encoding="latin-1")
    kept = KeptRights(str(path))
    kept.load()
    assert kept.groups == {}
    assert (tmp_path / "rights.json.unreadable").exists()
    asyncio.run(kept.save(groups={"web": ["web1"]}))
    again = KeptRights(str(path))
    again.load()
    assert again.groups == {"web": ("web1",)}
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_that_cannot_be_read_now_keeps_the_master_from_starting_with_fewer_rights(tmp_path: Path) -> None:
    kept = KeptRights(str(tmp_path))
    with pytest.raises(ConfigError, match="can't be read"):
        kept.load()


def test_they_are_few(tmp_path: Path) -> None:
    kept = KeptRights(str(tmp_path / "rights.json"))
    with pytest.raises(CommandError, match="use globs"):
        asyncio.run(kept.save(groups={str(number): [] for number in range(MAX_NAMES + 1)}))
    assert not os.listdir(tmp_path)
    asyncio.run(kept.save(groups={str(number): [] for number in range(MAX_NAMES)}))
    assert len(json.loads((tmp_path / "rights.json").read_text())["groups"]) == MAX_NAMES


@given(
    members=st.lists(st.text("ab*?[]!-", min_size=1, max_size=5), max_size=4),
    minions=st.lists(st.text("ab", max_size=4), max_size=6),
)
def test_a_member_means_what_fnmatch_says(members: list[str], minions: list[str]) -> None:
    group = MinionGroup(members)
    for minion in minions:
        expected = any(one == minion or fnmatch.fnmatchcase(minion, one) for one in members)
        assert group.holds(minion) == (minion in group.of(minions)) == expected


def test_places_are_the_option_or_a_file() -> None:
    book = RoleBook(
        (), [Source("groups", "", {"a": ["x"]}), Source("/etc/x.yaml: groups", "roles.d/x.yaml", {"b": []})]
    )
    assert [book.groups.place(name) for name in ("a", "b", "c")] == ["option", "roles.d/x.yaml", "kept"]
