"""Roles that are given and taken at run time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import zmq

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, CommandError, NotAuthorised, SalternError
from saltern_master.auth.caller import Caller, Kind
from saltern_master.master import Master
from support.masters import running

ROOT = Caller(Kind.LOCAL, "root", 0)
ANNA, WANDA, FRED = (Caller(Kind.LOGIN, name, source="file") for name in ("anna", "wanda", "fred"))
ROLES = {"admin": {"members": ["file:anna"]}, "watcher": {"members": ["file:wanda"], "on": ["web"]}}


@asynccontextmanager
async def master_of(options: MasterOptions, roles: Any = ROLES) -> AsyncIterator[Master]:
    more: Any = {"roles": roles, "groups": {"web": ["web*"]}}
    options.update(more)
    async with running(options) as master:
        for name in ("db1", "web1"):
            if name not in master.keyring.minions():
                master.keystore.put("minions", name, zmq.curve_keypair()[0].decode())
        master.keyring.refresh(force=True)
        yield master


async def ask(master: Master, caller: Caller, name: str, *args: Any) -> Any:
    try:
        return await master.dispatcher.call(caller, f"runner.{name}", list(args), {})
    except SalternError as error:
        return error


def test_a_role_holds_at_once_and_after_a_restart_and_is_taken_again(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with master_of(options) as master:
            assert isinstance(await ask(master, FRED, "manage.overview"), NotAuthorised)
            assert await ask(master, ANNA, "auth.role_add", "watcher", "file:fred") == ["file:wanda", "file:fred"]
            assert (await ask(master, FRED, "manage.overview"))["id"] == ["web1"]
            assert await ask(master, ANNA, "auth.role_add", "watcher", "file:fred") == ["file:wanda", "file:fred"]
        async with master_of(options) as master:
            assert (await ask(master, FRED, "manage.overview"))["id"] == ["web1"]
            (watcher,) = (one for one in await ask(master, ROOT, "auth.roles") if one["role"] == "watcher")
            assert (watcher["members"], watcher["kept"]) == (["file:wanda", "file:fred"], ["file:fred"])
            put = master.policy.checked(options)
            put()  # the configuration is read again
            assert (await ask(master, FRED, "manage.overview"))["id"] == ["web1"]
            assert await ask(master, ANNA, "auth.role_remove", "watcher", "file:fred") == ["file:wanda"]
            assert isinstance(await ask(master, FRED, "manage.overview"), NotAuthorised)

    asyncio.run(scenario())


def test_somebody_may_log_in_once_a_role_is_given(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with master_of(options, {"watcher": {"on": ["web"]}}) as master:
            assert not master.policy.open_to_users
            await ask(master, ROOT, "auth.role_add", "watcher", "local:fred")
            assert master.policy.open_to_users

    asyncio.run(scenario())


def test_only_who_may_everything_gives_roles(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with master_of(options) as master:
            for caller in (WANDA, FRED):
                for name in ("auth.role_add", "auth.role_remove"):
                    assert isinstance(await ask(master, caller, name, "admin", "file:fred"), NotAuthorised)
            assert not master.policy.roles_of(FRED)

    asyncio.run(scenario())


def test_what_the_configuration_gives_stays(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with master_of(options) as master:
            error = await ask(master, ROOT, "auth.role_remove", "admin", "file:anna")
            assert str(error) == "file:anna has the role admin by the option roles: change it there"
            error = await ask(master, ROOT, "auth.role_remove", "watcher", "file:fred")
            assert str(error) == "file:fred has not been given the role watcher"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("role", "member", "kind", "said"),
    [
        ("watchr", "file:fred", CommandError, "there is no role watchr"),
        ("watcher", "fred", ArgumentError, "doesn't say where that name is from"),
        ("watcher", "minion:web1", ArgumentError, "minions have no roles"),
        ("watcher", "file:", ArgumentError, "names nobody"),
        ("watcher", f"file:{'a' * 508}", ArgumentError, "up to 512 characters"),
        ("watcher", "file:\x1b[31mfred", ArgumentError, "that can be shown"),
        ("watcher", "file:\u202ederf", ArgumentError, "that can be shown"),
    ],
)
def test_bad_input_is_one_line(
    options: MasterOptions, role: str, member: str, kind: type[Exception], said: str
) -> None:
    async def scenario() -> None:
        async with master_of(options) as master:
            error = await ask(master, ROOT, "auth.role_add", role, member)
            assert isinstance(error, kind)
            assert said in str(error)

    asyncio.run(scenario())


def test_a_role_that_cannot_be_saved_is_not_given(options: MasterOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with master_of(options) as master:

            def full(*_: Any) -> None:
                raise OSError(28, "No space left on device")

            monkeypatch.setattr(master.policy.kept, "_write", full)
            error = await ask(master, ROOT, "auth.role_add", "watcher", "file:fred")
            assert "No space left on device" in str(error)
            assert not master.policy.roles_of(FRED)

    asyncio.run(scenario())
