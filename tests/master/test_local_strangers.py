"""A user of this host who is granted nothing, where others log in: he may log in too, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from saltern.config import MasterOptions
from saltern.errors import ChannelError, MessageTooLarge, NotAuthorised
from saltern.local import Access, LocalConnection
from saltern_master.entrances import local
from saltern_master.master import Master
from support.masters import running

WORDS = "user .* may do nothing here: publisher_acl grants nothing"


def stranger(master: Master) -> None:
    """Take from whoever runs this what the master's own user may."""
    master.policy._owners = frozenset()


def test_he_is_refused_until_he_logs_in(options: MasterOptions) -> None:
    options["external_auth"] = {"pam": {"fred": ["test.*"]}}

    async def scenario() -> None:
        async with running(options) as master:
            stranger(master)
            sock_dir = options["sock_dir"]

            def ask(access: str | Access, command: str) -> None:
                with LocalConnection(access) as connection:
                    connection.call(command)

            for command in ("runner.manage.up", "wheel.key.list_all", "event.subscribe", "login.about", "no.such"):
                with pytest.raises(NotAuthorised, match=WORDS):
                    await asyncio.to_thread(ask, sock_dir, command)
            with pytest.raises(NotAuthorised, match="No permission"):
                await asyncio.to_thread(ask, Access(sock_dir, {"token": "0" * 64}), "runner.manage.up")

    asyncio.run(scenario())


def test_he_may_say_little_and_not_slowly(options: MasterOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "STRANGER_IDLE_S", 0.1)
    options["external_auth"] = {"pam": {"fred": ["test.*"]}}

    async def scenario() -> None:
        async with running(options) as master:
            stranger(master)

            def at_length() -> None:
                with LocalConnection(options["sock_dir"]) as connection:
                    connection.call("runner.manage.up", "x" * local.MAX_STRANGER_REQUEST_BYTES)

            with pytest.raises(MessageTooLarge):
                await asyncio.to_thread(at_length)

            def silently() -> object:
                with LocalConnection(options["sock_dir"]) as connection:
                    return connection.receive(20)

            with pytest.raises(ChannelError, match="closed the connection"):
                await asyncio.to_thread(silently)

    asyncio.run(scenario())


def test_where_nobody_logs_in_he_is_let_go_at_once(options: MasterOptions) -> None:
    async def scenario() -> None:
        async with running(options) as master:
            stranger(master)

            def listen() -> object:
                with LocalConnection(options["sock_dir"]) as connection:
                    return connection.receive(20)

            answer = await asyncio.to_thread(listen)
            assert isinstance(answer, dict)
            assert "may do nothing here" in answer["error"]

    asyncio.run(scenario())
