"""Who calls by a token or a password: which tokens count where, who may say an origin, how long a login holds."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import ArgumentError, ConfigError, NotAuthorised
from saltern_master.auth.audit import Audit
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.logins import MAX_ADDRESS_CHARS, Logins
from saltern_master.auth.token import Use
from saltern_master.auth.tokens import Tokens

OPTIONS: Any = {"api_user": "", "token_expire": 43200, "token_expire_user_override": False}
OWNER, STRANGER, SPEAKER = (
    Caller(Kind.LOCAL, name, uid) for name, uid in (("root", 0), ("joe", 60001), ("api", 60002))
)
CREDENTIALS = {"username": "fred", "password": "right", "eauth": "ldap"}


class Driver:
    """Knows fred; ``asked`` lists from where it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def authenticate(self, source: str, username: str, password: str, address: str) -> Identity:
        self.asked.append(address)
        if (source, username, password) != ("ldap", "fred", "right"):
            raise NotAuthorised("Could not authenticate using provided credentials")
        return Identity("fred", frozenset({"ops"}), [{"web*": ["test.ping"]}])


class Book:
    def __init__(self) -> None:
        self.records: list[Any] = []

    def put(self, record: Any, arguments: Any = None) -> None:
        self.records.append(record)


class Here:
    def __init__(self, folder: Path, **options: Any) -> None:
        self.driver, self.book = Driver(), Book()
        self.tokens = Tokens(str(folder / "tokens.db"))
        self.logins = Logins({**OPTIONS, **options}, self.driver, self.tokens, Audit(self.book))
        self.logins.speaker_uid = SPEAKER.uid

    async def caller(self, auth: dict[str, Any], via: Caller = OWNER, origin: str = "192.0.2.7") -> Caller:
        return await self.logins.caller(auth, via, origin, owner=via is OWNER)


@pytest.mark.parametrize(
    ("wanted", "counts"),
    [
        ({}, {Use.CALL, Use.PASSING, Use.PERSONAL, Use.SERVICE}),
        ({"for": ""}, {Use.CALL, Use.PASSING, Use.PERSONAL, Use.SERVICE}),
        ({"for": "session"}, {Use.SESSION, Use.PERSONAL, Use.SERVICE}),
        ({"for": "any"}, set(Use)),
    ],
)
def test_which_tokens_count_where(tmp_path: Path, wanted: dict[str, str], counts: set[Use]) -> None:
    async def scenario() -> None:
        here = Here(tmp_path)
        for use in Use:
            text, _ = await here.tokens.make(use, "ldap", "fred", seconds=60.0)
            if use in counts:
                assert (await here.caller({"token": text, **wanted})).principal == "ldap:fred"
            else:
                with pytest.raises(NotAuthorised, match="No permission"):
                    await here.caller({"token": text, **wanted})
        with pytest.raises(ArgumentError):
            await here.caller({"token": text, "for": "everything"})

    asyncio.run(scenario())


def test_who_may_say_where_a_call_is_from(tmp_path: Path) -> None:
    async def scenario() -> None:
        here = Here(tmp_path)
        text, token = await here.tokens.make(Use.CALL, "ldap", "fred", seconds=60.0)
        for via, address in ((OWNER, "192.0.2.7"), (SPEAKER, "192.0.2.7"), (STRANGER, "local:joe")):
            caller = await here.caller({"token": text}, via)
            assert (caller.address, token.used_from) == (address, address)
            assert (await here.caller(CREDENTIALS, via)).address == address
            assert here.driver.asked[-1] == address
        assert (await here.caller({"token": text}, origin="")).address == "local:root"
        assert len((await here.caller({"token": text}, origin="x" * 1000)).address) == MAX_ADDRESS_CHARS

    asyncio.run(scenario())


def test_a_program_that_speaks_for_others_gives_none_of_its_rights(tmp_path: Path) -> None:
    async def scenario() -> None:
        here = Here(tmp_path)
        for via in (OWNER, SPEAKER, STRANGER):
            caller = await here.caller(CREDENTIALS, via)
            assert (caller.kind, caller.principal, caller.uid) == (Kind.LOGIN, "ldap:fred", -1)
            assert (caller.groups, caller.entries) == (frozenset({"ops"}), ({"web*": ["test.ping"]},))
            assert (caller.token, caller.scope) == ("", None)

    asyncio.run(scenario())


def test_a_token_carries_what_its_owner_had(tmp_path: Path) -> None:
    async def scenario() -> None:
        here = Here(tmp_path)
        text, token = await here.tokens.make(
            Use.PERSONAL, "local", "joe", seconds=60.0, scope=["test.ping"], uid=STRANGER.uid, label="x"
        )
        caller = await here.caller({"token": text})
        assert (caller.kind, caller.uid, caller.principal) == (Kind.LOCAL, STRANGER.uid, "local:joe")
        assert (caller.scope, caller.token) == (("test.ping",), token.digest)
        text, _ = await here.tokens.make(Use.SERVICE, "token", "ci", seconds=60.0, scope=[])
        caller = await here.caller({"token": text})
        assert (caller.kind, caller.principal, caller.scope, caller.uid) == (Kind.LOGIN, "token:ci", (), -1)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "auth",
    [
        {},
        {"username": "fred", "password": "right"},
        {"username": "fred", "eauth": "ldap"},
        {**CREDENTIALS, "password": None},
        {**CREDENTIALS, "username": ["fred"]},
        {**CREDENTIALS, "eauth": 5},
        {"token": ""},
        {"token": None},
        {"token": 5, **CREDENTIALS},
    ],
)
def test_half_of_it_is_nothing(tmp_path: Path, auth: dict[str, Any]) -> None:
    here = Here(tmp_path)
    with pytest.raises(NotAuthorised):
        asyncio.run(here.caller(auth))
    assert here.driver.asked == []


def test_a_refused_login_is_in_the_audit_without_its_password(tmp_path: Path) -> None:
    here = Here(tmp_path)
    with pytest.raises(NotAuthorised):
        asyncio.run(here.caller({**CREDENTIALS, "password": "hunter2"}))
    (record,) = here.book.records
    assert "ldap:fred" in repr(record)
    assert "192.0.2.7" in repr(record)
    assert "hunter2" not in repr(record)


def test_how_long_a_login_holds(tmp_path: Path) -> None:
    fred, ann = (Caller(Kind.LOGIN, name, source="ldap") for name in ("fred", "ann"))
    here = Here(tmp_path)
    assert here.logins.seconds(fred, 5) == 43200
    assert here.logins.seconds(fred, None) == 43200
    assert Here(tmp_path, token_expire_user_override=True).logins.seconds(fred, "90") == 90
    some = Here(tmp_path, token_expire_user_override={"ldap": ["fred"], "pam": ["ann"], "file": "ann"}).logins
    assert (some.seconds(fred, 90), some.seconds(ann, 90)) == (90, 43200)
    assert some.seconds(Caller(Kind.LOGIN, "ann", source="file"), 90) == 43200
    for wanted in (0, -1, "x", [], float("nan"), 0.5, {}):
        with pytest.raises(ArgumentError, match="token_expire"):
            some.seconds(fred, wanted)


def test_the_user_of_the_api_is_one_of_this_host(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="api_user"):
        Here(tmp_path, api_user="no-such-user-here")
    driver, tokens = Driver(), Tokens(str(tmp_path / "t"))
    root: Any = {**OPTIONS, "api_user": "root"}
    assert Logins(root, driver, tokens, Audit()).speaker_uid == 0
    assert Logins(OPTIONS, driver, tokens, Audit()).speaker_uid == -1
    assert os.geteuid() != -1


def test_what_ends_with_a_token_is_told_and_with_a_password_nothing_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        here = Here(tmp_path)
        text, token = await here.tokens.make(Use.SESSION, "ldap", "fred", seconds=60.0)
        ends = here.logins.ended(await here.caller({"token": text, "for": "session"}))
        assert ends is not None
        assert not ends.is_set()
        await here.tokens.revoke([token])
        assert ends.is_set()
        assert here.logins.ended(await here.caller(CREDENTIALS)) is None

    asyncio.run(scenario())
