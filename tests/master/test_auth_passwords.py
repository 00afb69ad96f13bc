"""``auth.passwd``: who may set passwords, and where they are never seen."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from saltern.errors import ArgumentError, CommandError, NotAuthorised
from saltern.ids import JidSource
from saltern.secret import Secret
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.eauth.configured import configured_drivers
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.judges.login import LoginJudge
from saltern_master.auth.need import Need
from saltern_master.auth.peers import Peers
from saltern_master.auth.powers import Powers
from saltern_master.bus import EventBus
from saltern_master.commands import auth_passwords
from saltern_master.commands.dispatcher import Dispatcher
from saltern_master.commands.registry import Command
from saltern_master.commands.runs import Runs
from support.doors import ROOT, Door, Users, minion

COMMANDS = [auth_passwords.passwd, auth_passwords.passwd_delete, auth_passwords.passwd_list]
ACL = {"ann": ["@runner", "@wheel", {"@runner": ["auth.*", "auth.passwd"]}, "*"]}


class Tokens:
    """Those of ``file:fred``."""

    def __init__(self) -> None:
        self.ended: list[Any] = []

    def of(self, principal: str) -> list[str]:
        return ["a token"] if principal == "file:fred" else []

    async def revoke(self, tokens: list[str]) -> None:
        self.ended += tokens


class Here(Door):
    """The door, a file of users, and what the bus and the job store are told."""

    def __init__(self, path: Path, **file: Any) -> None:
        section = {"^filename": str(path), "fred": ["test.*"], **{f"^{name}": value for name, value in file.items()}}
        self.options = {"config_dir": "/etc/saltern", "external_auth": {"file": section}}
        self.tokens = Tokens()
        super().__init__(ACL, COMMANDS, Users(ann=()), options=self.options, tokens=self.tokens)
        self.told: list[Any] = []
        inbox: Any = SimpleNamespace(put_job=self.told.append, put_return=lambda _, ret: self.told.append(ret))
        bus = EventBus(1000)
        publish = bus.publish
        bus.publish = lambda tag, data, **how: (self.told.append((tag, data)), publish(tag, data, **how))  # type: ignore
        runs = Runs(bus, inbox, JidSource().next)
        self.dispatcher = Dispatcher(self.registry, self.policy, self.services, runs)

    def lets_in(self, user: str, password: str) -> bool:
        found = configured_drivers(self.options)["file"].authenticate(user, password)
        return found == Identity(user)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path / "users")


def call(here: Here, name: str, *args: Any, who: str | Caller = ROOT, **kwargs: Any) -> Any:
    return asyncio.run(here.call(who, f"runner.auth.{name}", *args, **kwargs))


def test_a_password_is_made_and_shown_once_to_its_caller_alone(here: Here, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = call(here, "passwd", "fred")
    assert len(made) == 24
    assert here.lets_in("fred", made)
    assert len(here.told) == 2
    assert made not in str(here.told) + caplog.text
    assert call(here, "passwd", "fred") != made
    assert not here.lets_in("fred", made)
    assert call(here, "passwd_list") == ["fred"]


def test_a_program_gives_one_as_a_secret(here: Here, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert call(here, "passwd", "fred", Secret("hunter2")) is True
    assert call(here, "passwd", user="bob", password=Secret("hunter2")) is True
    assert here.lets_in("fred", "hunter2")
    assert here.lets_in("bob", "hunter2")
    assert "hunter2" not in str(here.told) + caplog.text


@pytest.mark.parametrize(
    "password", ["hunter2", 81528152, ["hunter2"], Secret(""), Secret("hunter2\n"), Secret("x" * 1025)]
)
def test_none_is_taken_as_plain_text_and_none_is_shown(
    here: Here, caplog: pytest.LogCaptureFixture, password: Any
) -> None:
    with pytest.raises(ArgumentError) as raised:
        call(here, "passwd", "fred", password)
    text = str(raised.value) + str(here.told) + caplog.text
    assert "hunter2" not in text
    assert "8152" not in text
    assert here.told == []


def test_what_runs_in_the_background_shows_none_either(here: Here) -> None:
    async def whole() -> None:
        await here.dispatcher.call(ROOT, "runner.async", [], {"fun": "auth.passwd", "arg": ["fred"]})
        while here.dispatcher._background:
            await asyncio.gather(*here.dispatcher._background)

    asyncio.run(whole())
    texts = [str(one) for one in here.told]
    assert any("***" in text for text in texts)
    hash_ = Path(str(here.options["external_auth"]["file"]["^filename"])).read_text()  # type: ignore[index]
    assert hash_.startswith("fred:$argon2id$")
    assert not any("argon2" in text for text in texts)


@pytest.mark.parametrize("name", ["passwd", "passwd_delete", "passwd_list"])
def test_no_grant_of_runners_covers_them(here: Here, name: str) -> None:
    arguments = [] if name == "passwd_list" else ["fred"]
    for who in ("ann", minion("web1"), Caller(Kind.LOGIN, "root", source="file")):
        with pytest.raises(NotAuthorised):
            call(here, name, *arguments, who=who)
    assert here.told == []
    here.policy._peer_run = Peers("peer_run", {".*": [".*", "auth.passwd"]})
    with pytest.raises(NotAuthorised):
        call(here, name, *arguments, who=minion("web1"))


def test_no_right_of_someone_who_logged_in_covers_them() -> None:
    judge = LoginJudge(MagicMock(), Powers(), lambda *_: frozenset(), expanded=True)
    assert not any(judge.may_call(one) for one in COMMANDS)
    assert judge.may_call(replace(COMMANDS[0], need=Need.RUNNER))


def test_that_is_what_they_say() -> None:
    for one in COMMANDS:
        assert isinstance(one, Command)
        assert one.need is Need.OWNER
    assert auth_passwords.passwd.private
    assert auth_passwords.passwd.changes


def test_who_is_taken_out_is_out_with_his_tokens(here: Here) -> None:
    made = call(here, "passwd", "fred")
    call(here, "passwd", "bob")
    assert call(here, "passwd_delete", "fred") is True
    assert here.tokens.ended == ["a token"]
    assert not here.lets_in("fred", made)
    assert call(here, "passwd_list") == ["bob"]
    with pytest.raises(CommandError, match=r"there is no user fred in .*: auth.passwd_list shows who is"):
        call(here, "passwd_delete", "fred")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ({"filename": ""}, r"no file of users is configured: put external_auth: \{file: \{\^filename: /etc"),
        ({"filetype": "htdigest", "realm": "x"}, "isn't of user:password lines"),
        ({"password_field": 3}, "isn't of user:password lines"),
        ({"field_separator": "$"}, "is a part of hashes: use ':'"),
        ({"field_separator": "a"}, "is a part of hashes"),
    ],
)
def test_a_file_that_cant_hold_them_is_told_of(tmp_path: Path, file: dict[str, Any], message: str) -> None:
    here = Here(tmp_path / "users", **file)
    with pytest.raises(CommandError, match=message):
        call(here, "passwd", "fred")
    assert not (tmp_path / "users").exists()


def test_another_separator_is_kept_to(tmp_path: Path) -> None:
    here = Here(tmp_path / "users", field_separator="|")
    made = call(here, "passwd", "fred")
    assert (tmp_path / "users").read_text().startswith("fred|$argon2id$")
    assert here.lets_in("fred", made)
