"""Who gets in: what is read again is in force as a whole or not at all, and a right that is taken away ends at once."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import ConfigError, NotAuthorised
from saltern.wire import unpack_value
from saltern_master.auth.audit import Audit
from saltern_master.auth.call import Call
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.doorkeeper import MAX_SAID, Doorkeeper
from saltern_master.auth.need import Need, Needed
from saltern_master.auth.powers import Powers
from saltern_master.auth.token import Use
from saltern_master.commands.stream import Stream
from support.masters import running, until

FRED, ANN = (Caller(Kind.LOGIN, name, source="file") for name in ("fred", "ann"))
JOE = Caller(Kind.LOCAL, "joe", 60001)
EAUTH = {"file": {"^filename": "/nowhere/users", "fred": ["test.ping", {"web*": ["cmd.run"]}]}}


def opened(options: MasterOptions, **more: Any) -> Doorkeeper:
    given: Any = {**options, "external_auth": EAUTH, "publisher_acl": {"joe": ["test.ping"]}, **more}
    return Doorkeeper(given, Powers(), Audit())


def may(door: Doorkeeper, caller: Caller, function: str = "test.ping") -> bool:
    return not door.policy.refused_functions(caller, [function])


@pytest.mark.parametrize(
    "fault",
    [
        {"publisher_acl": {"joe": "test.ping"}},
        {"publisher_acl_blacklist": {"nonsense": []}},
        {"external_auth": {"file": {"^filename": "/nowhere/users", "fred": ["@nonsense!"]}}},
        {"external_auth": {"file": {"^filename": "/nowhere/users", "fred": ["role:nobody"]}}},
        {"external_auth": {"no_such_driver": {"fred": ["test.ping"]}}},
        {"external_auth": {"file": {"fred": ["test.ping"]}}},
        {"roles": {"watcher": {"members": ["fred"]}}},
        {"roles": {"own": {"grants": ["role:own"]}}},
        {"groups": {"web": "web*"}},
    ],
)
def test_a_fault_in_any_part_changes_nothing(options: MasterOptions, fault: dict[str, Any]) -> None:
    door = opened(options)
    version, sources = door.policy.version, door.authenticator.sources
    fresh: Any = {
        **options,
        "external_auth": {"file": {"^filename": "/nowhere/users", "ann": ["test.ping"]}},
        "publisher_acl": {},
        "token_expire": 5,
        **fault,
    }
    with pytest.raises(ConfigError):
        door.checked(fresh)
    assert (may(door, FRED), may(door, JOE), may(door, ANN)) == (True, True, False)
    assert (door.policy.version, door.authenticator.sources) == (version, sources)
    assert door.logins.seconds(FRED, None) == options["token_expire"]
    door.close()


def test_what_is_checked_is_in_force_only_when_it_is_put(options: MasterOptions) -> None:
    door = opened(options)
    fresh: Any = {
        **options,
        "external_auth": {"file": {"^filename": "/nowhere/users", "ann": [".*"]}},
        "token_expire": 5,
    }
    put = door.checked(fresh)
    assert (may(door, FRED), may(door, ANN)) == (True, False)
    put()
    assert (may(door, FRED), may(door, JOE), may(door, ANN, "cmd.run")) == (False, False, True)
    assert door.logins.seconds(FRED, None) == 5
    assert door.policy.version == 1
    door.close()


def test_faulty_roles_in_a_file_keep_everything_as_it_was(options: MasterOptions) -> None:
    folder = Path(options["config_dir"]) / "roles.d"
    folder.mkdir()
    door = opened(options)
    (folder / "x.yaml").write_text("roles: {ops: {grants: [nonsense], members: ['file:ann']}}")
    given: Any = {**options, "external_auth": EAUTH}
    with pytest.raises(ConfigError, match=r"x\.yaml"):
        door.checked(given)
    assert may(door, FRED)
    (folder / "x.yaml").write_text("roles: {ops: {grants: [test.ping], members: ['file:ann']}}")
    door.checked(given)()
    assert may(door, ANN)
    door.close()


def test_targets_that_mean_nobody_are_said_with_their_place(
    options: MasterOptions, caplog: pytest.LogCaptureFixture
) -> None:
    more: Any = {
        "external_auth": {"file": {"^filename": "/nowhere/users", "fred": [{"N@gone": ["test.ping"]}]}},
        "roles": {"dba": {"grants": [{"( db1": ["test.ping"]}, {"db*": ["test.echo"]}]}},
    }
    options.update(more)

    async def scenario() -> None:
        async with running(options) as master:
            lines = [record.getMessage() for record in caplog.records if "means no minion" in record.getMessage()]
            assert len(lines) == 2
            assert "external_auth: file: fred" in lines[0]
            assert "'N@gone'" in lines[0]
            assert "roles: dba: grants" in lines[1]
            assert "'( db1'" in lines[1]
            assert not master.policy.covers(FRED, ["test.ping"], ["web1"])
            caplog.clear()
            conf = Path(options["conf_file"])
            conf.write_text(
                conf.read_text() + "roles: {dba: {grants: [{'G@': [test.ping]}]}}\nnodegroups: {gone: web1}\n"
            )
            master.reload()
            assert [r.getMessage() for r in caplog.records if "means no minion" in r.getMessage()] == []

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())


def test_so_many_faulty_targets_are_said(options: MasterOptions, caplog: pytest.LogCaptureFixture) -> None:
    roles = {f"r{n}": {"grants": [{f"x{n}": ["test.ping"]}]} for n in range(MAX_SAID + 5)}
    door = opened(options, roles=roles)
    door.say_faulty_targets(lambda target: "no" if target.startswith("x") else "")
    assert len(caplog.records) == MAX_SAID + 1
    assert "5 more" in caplog.records[-1].getMessage()
    door.close()


# scopes of tokens


def scoped(*scope: Any, name: str = "fred") -> Caller:
    return Caller(Kind.LOGIN, name, source="file", scope=scope)


def test_a_scope_that_cannot_be_understood_allows_nothing_and_is_said_once(
    options: MasterOptions, caplog: pytest.LogCaptureFixture
) -> None:
    door = opened(options)
    for scope in (("@nonsense!", "test.ping"), (5,), ("(", ".*"), ({"web*": []}, {})):
        caplog.clear()
        caller = scoped(*scope)
        for _ in range(3):
            assert not may(door, caller)
            assert not door.policy.has_rights(caller)
            assert door.policy.perms(caller) == []
        assert len([one for one in caplog.records if "scope" in one.getMessage()]) <= 1
    assert may(door, FRED)
    assert not may(door, scoped("role:gone"))
    assert may(door, scoped("role:gone", "test.ping"))
    door.close()


def test_a_scope_of_everything_is_what_its_owner_may_and_no_more(options: MasterOptions) -> None:
    roles = {"admin": {"members": ["file:ann"]}, "watcher": {"members": ["file:fred"]}}
    door = opened(options, roles=roles)
    policy = door.policy
    up, key = Needed(Need.RUNNER, "manage.up"), Needed(Need.WHEEL, "key.accept")
    for scope in (["role:admin"], [".*", "@runner", "@wheel"]):
        fred, ann = scoped(*scope), scoped(*scope, name="ann")
        assert (may(door, fred), may(door, fred, "cmd.shell"), policy.may_call(fred, key)) == (True, False, False)
        assert policy.may_call(fred, up)
        assert not policy.sees_all(fred)
        assert policy.sees_all(ann)
        assert policy.may_call(ann, Needed(Need.OWNER, "auth.passwd"))
    functions = scoped(".*")  # as it is written: all functions of minions, none of the master's
    assert (may(door, functions), may(door, functions, "cmd.run"), may(door, functions, "cmd.shell")) == (
        True,
        True,
        False,
    )
    assert not policy.may_call(functions, up)
    assert not policy.sees_all(scoped(".*", name="ann"))
    assert policy.covers(functions, ["test.ping"], ["db1"])
    root = Caller(Kind.LOCAL, "root", 0, scope=("test.ping",))
    assert (may(door, root), may(door, root, "test.echo"), policy.sees_all(root)) == (True, False, False)
    door.close()


def test_a_watcher_posts_to_no_hook(options: MasterOptions) -> None:
    hooks = Needed(Need.HOOKS, "hook")
    roles = {
        "watcher": {"members": ["file:wanda"]},
        "operator": {"members": ["file:otto"]},
        "hooks": {"grants": ["@hooks"], "members": ["token:ci"]},
    }
    door = opened(options, roles=roles)
    named = {name: Caller(Kind.LOGIN, name, source="file") for name in ("wanda", "otto", "nobody")}
    ci = Caller(Kind.LOGIN, "ci", source="token")
    may_post = door.policy.may_call
    assert not may_post(named["wanda"], hooks)
    assert not may_post(named["nobody"], hooks)
    assert may_post(named["otto"], hooks)
    assert may_post(FRED, hooks)  # any session with a grant on minions, as in Salt
    assert may_post(ci, hooks)
    assert not may_post(scoped("role:watcher"), hooks)
    assert may_post(scoped("@hooks"), hooks)
    assert not may_post(scoped("test.ping"), hooks)
    door.close()


# what ends at once


def test_what_is_taken_away_ends_at_once_for_who_follows_too(options: MasterOptions) -> None:
    more: Any = {"external_auth": EAUTH, "roles": {"own": {"grants": ["@events", "@runner"], "members": ["file:ann"]}}}
    options.update(more)

    async def scenario() -> None:
        async with running(options) as master:
            text, token = await master.tokens.make(Use.SESSION, "file", "ann", seconds=60.0)
            auth = {"token": text, "for": "session"}
            caller = await master.logins.caller(auth, Caller(Kind.LOCAL, "root", 0), "192.0.2.1", owner=True)
            assert await master.dispatcher.call(caller, "runner.manage.up", [], {}) == []
            stream: Stream = await master.dispatcher.call(caller, "event.subscribe", ["x/"], {})
            master.bus.publish("x/1", {})
            assert [unpack_value(one)["tag"] for one in await stream.source.batch()] == ["x/1"]
            fresh: Any = {**options, "roles": {}}
            master.doorkeeper.checked(fresh)()
            master.bus.publish("x/2", {"a": "not hers any more"})
            with pytest.raises(NotAuthorised):
                await master.dispatcher.call(caller, "runner.manage.up", [], {})
            with pytest.raises(NotAuthorised):
                await master.dispatcher.call(caller, "event.subscribe", ["x/"], {})
            master.doorkeeper.checked(options)()
            master.bus.publish("x/3", {})
            assert [unpack_value(one)["tag"] for one in await stream.source.batch()] == ["x/3"]
            ends = master.logins.ended(caller)
            assert ends is not None
            await master.tokens.revoke([token])
            await until(ends.is_set)
            with pytest.raises(NotAuthorised):
                await master.logins.caller(auth, Caller(Kind.LOCAL, "root", 0), "", owner=True)

    asyncio.run(scenario())


def test_a_call_is_explained_by_the_line_that_decides(options: MasterOptions) -> None:
    door = opened(options, publisher_acl_blacklist={"modules": ["git"]})
    explained = door.policy.explained
    door.policy.covered_by = lambda target, minions: [one for one in minions if one.startswith(target.rstrip("*"))]
    assert explained(FRED, Call("test.ping"), ["db1"]) == (True, "external_auth: file: fred: test.ping")
    allowed, because = explained(FRED, Call("cmd.run", ["df"]), ["web1"])
    assert (allowed, because) == (True, "external_auth: file: fred: cmd.run on web*")
    assert explained(FRED, Call("cmd.run", ["df"]), ["db1"])[0] is False
    assert explained(FRED, Call("git.pull"), ["web1"]) == (False, door.policy.blacklisted(FRED, ["git.pull"]))
    door.close()
