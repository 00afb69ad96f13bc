"""``login.*``, ``auth.token_*`` and ``auth.explain`` at the one door: whose tokens are whose, who is told what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import ArgumentError, ConfigError, NotAuthorised, SalternError
from saltern_master.auth.audit import Audit
from saltern_master.auth.caller import Caller, Kind
from saltern_master.auth.logins import Logins, caller_of
from saltern_master.auth.token import Use
from saltern_master.auth.tokens import Tokens
from saltern_master.commands import auth_explain, logins, manage, metrics, past_jobs, roles, tokens
from saltern_master.commands.registry import Command
from saltern_master.commands.tokens import seconds_of
from support.doors import OPTIONS, ROOT, Door, Users, minion

USERS = Users(joe=["ops"], eve=())
FRED, ANN, WANDA, NOBODY = (Caller(Kind.LOGIN, name, source="file") for name in ("fred", "ann", "wanda", "nobody"))
JOE, EVE = USERS.caller("joe"), USERS.caller("eve")
AUTH: Any = {
    "publisher_acl": {"joe": ["test.*", {"web*": ["cmd.run"]}, "@jobs"]},
    "publisher_acl_blacklist": {"modules": ["git"]},
    "external_auth": {
        "file": {"fred": ["test.ping", {"web*": [{"cmd.run": {"args": ["df"]}}]}], "ops%": [r"pkg\..*"]},
        "ldap": {"ops%": ["test.echo"]},
    },
    "roles": {
        "admin": {"members": ["file:ann"]},
        "watcher": {"members": ["file:wanda", "token:board"], "on": ["web"]},
        "deployer": {"grants": ["cmd.run", {"@runner": ["my.deploy"]}], "members": ["token:ci"], "on": ["web"]},
    },
    "groups": {"web": ["web*"]},
}


class Here(Door):
    def __init__(self, folder: Path) -> None:
        modules = (auth_explain, logins, tokens, past_jobs, manage, metrics, roles)
        commands = [one for module in modules for one in vars(module).values() if isinstance(one, Command)]
        self.tokens = Tokens(str(folder / "tokens.db"))
        options: Any = {**OPTIONS, **AUTH, "config_dir": str(folder), "api_user": ""}
        options |= {"token_expire": 60, "token_expire_user_override": False}
        book = Logins(options, None, self.tokens, Audit())  # type: ignore[arg-type]  # nobody shows a password here
        super().__init__({}, commands, USERS, tokens=self.tokens, logins=book, options=options)
        self.policy.covered_by = self.services.targets.covered_by
        self.policy.checked(options)()

    async def ask(self, who: Caller, name: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return await self.call(who, name, *args, **kwargs)
        except SalternError as error:
            return error

    def by(self, text: str) -> Caller:
        """Return who shows this token."""
        return caller_of(self.tokens.find(text, tuple(Use)), "192.0.2.1")


Scenario = Callable[[Here], Coroutine[Any, Any, None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scenario], None]:
    def played(scenario: Scenario) -> None:
        here = Here(tmp_path)
        try:
            asyncio.run(scenario(here))
        finally:
            here.dispatcher.close()

    return played


# sessions


def test_a_login_begins_says_what_it_may_and_ends(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        begun = await here.ask(FRED, "login.begin")
        assert begun.keys() == {"token", "expire", "start", "user", "eauth", "perms"}
        assert (begun["user"], begun["eauth"], begun["expire"] - begun["start"]) == ("fred", "file", pytest.approx(60))
        assert begun["perms"] == ["test.ping", {"web*": [{"cmd.run": {"args": ["df"]}}]}]
        session = here.by(begun["token"])
        about = await here.ask(session, "login.about")
        assert (about["principal"], about["perms"]) == ("file:fred", begun["perms"])
        assert await here.ask(session, "login.end") is True
        with pytest.raises(NotAuthorised):
            here.by(begun["token"])

    play(scenario)


def test_a_token_makes_no_token_and_who_may_nothing_no_login(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        for name in ("login.begin", "login.token", "login.passing"):
            assert isinstance(await here.ask(NOBODY, name), NotAuthorised)
            assert isinstance(await here.ask(JOE, name), NotAuthorised)  # of this host: he has no need of one
            assert isinstance(await here.ask(minion("web1"), name), NotAuthorised)
        made = {name: (await here.ask(FRED, name))["token"] for name in ("login.begin", "login.token", "login.passing")}
        for text in made.values():
            for name in made:
                assert isinstance(await here.ask(here.by(text), name), NotAuthorised)
        assert isinstance(await here.ask(here.by(made["login.token"]), "runner.auth.token_create", "x"), NotAuthorised)
        assert isinstance(await here.ask(here.by(made["login.begin"]), "runner.auth.token_create", "x"), dict)

    play(scenario)


def test_a_passing_token_ends_by_itself_alone(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        passing = (await here.ask(FRED, "login.passing"))["token"]
        session = (await here.ask(FRED, "login.begin"))["token"]
        assert await here.ask(here.by(session), "login.pass") is True
        assert here.by(session)
        assert await here.ask(here.by(passing), "login.pass") is True
        with pytest.raises(NotAuthorised):
            here.by(passing)

    play(scenario)


# tokens for programs


def test_a_program_is_its_maker_within_its_scope(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        made = await here.ask(JOE, "runner.auth.token_create", "backup", scope=["@jobs", "test.ping"], expires="30d")
        program = here.by(made["token"])
        assert (program.kind, program.uid, program.principal) == (Kind.LOCAL, JOE.uid, "local:joe")
        policy = here.policy
        assert policy.covers(program, ["test.ping"], ["db1"])
        assert policy.refused_functions(program, ["test.echo", "cmd.run"]) == ["test.echo", "cmd.run"]
        (token,) = here.tokens.of("local:joe")
        assert token.expires - token.created == pytest.approx(30 * 86400)
        assert isinstance(await here.ask(program, "runner.auth.token_create", "more"), NotAuthorised)
        wide = await here.ask(WANDA, "runner.auth.token_create", "wide", scope=["role:admin"])
        assert not policy.sees_all(here.by(wide["token"]))
        assert isinstance(await here.ask(here.by(wide["token"]), "runner.jobs.print_job", "2" * 20), NotAuthorised)
        roots = await here.ask(ROOT, "runner.auth.token_create", "narrow", scope=["test.ping", {"web*": ["cmd.run"]}])
        root = here.by(roots["token"])
        assert (policy.covers(root, ["cmd.run"], ["web1"]), policy.covers(root, ["cmd.run"], ["db1"])) == (True, False)
        assert not policy.sees_all(root)
        assert isinstance(await here.ask(root, "runner.auth.roles"), NotAuthorised)
        told = await here.ask(root, "runner.auth.explain", "local:root", "cmd.run", "*")
        assert (told["allowed"], "the token's scope" in told["because"]) == (False, True)
        all_of_it = await here.ask(ROOT, "runner.auth.token_create", "all", scope=["role:admin"])
        assert policy.sees_all(here.by(all_of_it["token"]))

    play(scenario)


@pytest.mark.parametrize("scope", [["@nonsense!"], ["role:gone"], [5], ["("], [{"web*": "("}], [{}], [["x"]]])
def test_a_scope_is_understood_where_it_is_made(play: Callable[[Scenario], None], scope: list[Any]) -> None:
    async def scenario(here: Here) -> None:
        refused = await here.ask(JOE, "runner.auth.token_create", "x", scope=scope)
        assert isinstance(refused, ConfigError)
        assert "the scope of token x" in str(refused)
        assert here.tokens.of() == []

    play(scenario)


def test_services_are_made_by_who_may_everything(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        for who in (JOE, FRED, WANDA):
            assert isinstance(await here.ask(who, "runner.auth.token_create", "ci", service=True), NotAuthorised)
        for who, name in ((ROOT, "ci"), (ANN, "board")):
            made = await here.ask(who, "runner.auth.token_create", name, service=True)
            caller = here.by(made["token"])
            assert (caller.principal, caller.uid, caller.groups) == (f"token:{name}", -1, frozenset())
            assert not here.policy.sees_all(caller)
        assert here.policy.covers(here.by(made["token"]), ["cmd.run"], ["web1"]) is False

    play(scenario)


def test_ones_own_tokens_are_listed_and_revoked_and_no_others(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        made = {who.name: await here.ask(who, "runner.auth.token_create", f"of_{who.name}") for who in (JOE, FRED)}
        assert [one["label"] for one in await here.ask(FRED, "runner.auth.token_list")] == ["of_fred"]
        assert {one["label"] for one in await here.ask(ANN, "runner.auth.token_list")} == {"of_fred", "of_joe"}
        everything = repr(await here.ask(ROOT, "runner.auth.token_list"))
        assert not any(one["token"] in everything for one in made.values())
        for name in ("of_joe", made["joe"]["id"]):
            assert isinstance(await here.ask(FRED, "runner.auth.token_revoke", name), ArgumentError)
        assert here.by(made["joe"]["token"])
        assert isinstance(await here.ask(JOE, "runner.auth.token_create", "of_joe"), ArgumentError)
        assert await here.ask(JOE, "runner.auth.token_revoke", "of_joe") is True
        with pytest.raises(NotAuthorised):
            here.by(made["joe"]["token"])
        assert isinstance(await here.ask(FRED, "runner.auth.logout", "file:fred"), NotAuthorised)
        assert await here.ask(ANN, "runner.auth.logout", "file:fred") == 1
        assert here.tokens.of() == []
        for who in (NOBODY, EVE, minion("web1")):
            for name, args in (("token_create", ["x"]), ("token_list", []), ("token_revoke", ["x"])):
                assert isinstance(await here.ask(who, f"runner.auth.{name}", *args), NotAuthorised)

    play(scenario)


def test_two_at_once_make_one_token_of_a_name(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        both = await asyncio.gather(*(here.ask(JOE, "runner.auth.token_create", "x") for _ in range(2)))
        assert sorted(type(one).__name__ for one in both) == ["ArgumentError", "dict"]

    play(scenario)


@pytest.mark.parametrize(
    ("span", "seconds"), [("3600", 3600.0), (60, 60.0), ("12h", 43200.0), ("1.5d", 129600.0), ("2w", 1209600.0)]
)
def test_spans(span: Any, seconds: float) -> None:
    assert seconds_of(span) == seconds


@pytest.mark.parametrize("span", ["", "0", "-1", "x", "1y", "1e9", 0, "1 h", float("nan"), float("inf"), "٣"])
def test_what_is_no_span(span: Any) -> None:
    with pytest.raises(ArgumentError):
        seconds_of(span)


# why


def test_a_line_says_why(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        async def why(*args: Any, **kwargs: Any) -> tuple[bool, str]:
            told = await here.ask(ROOT, "runner.auth.explain", *args, **kwargs)
            assert isinstance(told, dict), told
            assert told.keys() >= {"user", "function", "target", "minions", "allowed", "because", "also"}
            assert told["allowed"] is not told["because"].startswith("refused") or "blacklist" in told["because"]
            return told["allowed"], told["because"]

        assert await why("file:fred", "test.ping") == (True, "external_auth: file: fred: test.ping")
        allowed, because = await why("file:fred", "cmd.run", "web*", arg=["df"])
        assert (allowed, because) == (True, "external_auth: file: fred: cmd.run with these arguments on web*")
        assert await why("file:fred", "cmd.run", "web*", arg=["reboot"]) == (
            False,
            "refused: external_auth: file: fred: cmd.run doesn't allow these arguments",
        )
        assert (await why("file:fred", "cmd.run", "*", arg=["df"]))[1].startswith("refused: no single entry covers all")
        assert await why("file:fred", "pkg.install") == (False, "refused: nothing grants pkg.install")
        assert (await why("file:fred", "pkg.list_pkgs", groups="ops"))[0] is True
        assert (await why("file:fred", "git.pull"))[1].startswith("git.pull may be run by nobody")
        up = "runner.manage.up"
        allowed, because = await why("file:wanda", up)
        assert (allowed, because.startswith("role watcher: "), because.endswith(" on group web")) == (True, True, True)
        assert await why("file:wanda", "runner.jobs.print_job") == (
            False,
            "refused: nothing grants runner.jobs.print_job",
        )
        assert (await why("file:wanda", "test.ping"))[1] == "refused: nothing grants test.ping"
        assert (await why("file:ann", "wheel.key.accept"))[0] is True
        assert (await why("local:root", "cmd.run"))[0] is True
        told = await here.ask(ROOT, "runner.auth.explain", "file:fred", "cmd.run", "web*")
        assert (told["minions"], told["also"]) == (2, "runs")

    play(scenario)


def test_a_token_is_explained_by_its_roles_and_its_scope(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        assert isinstance(await here.ask(ROOT, "runner.auth.explain", "token:ci", "cmd.run"), ArgumentError)
        await here.ask(ROOT, "runner.auth.token_create", "ci", service=True, scope=["cmd.run", "test.ping"])
        told = await here.ask(ROOT, "runner.auth.explain", "token:ci", "cmd.run", "web*", arg=["df"])
        assert (told["allowed"], told["because"]) == (True, "role deployer: cmd.run on group web")
        told = await here.ask(ROOT, "runner.auth.explain", "token:ci", "runner.my.deploy")
        assert (told["allowed"], "the token's scope" in told["because"]) == (False, True)
        told = await here.ask(ROOT, "runner.auth.explain", "token:ci", "cmd.run", "*", arg=["df"])
        assert told["allowed"] is False
        await here.ask(ROOT, "runner.auth.logout", "token:ci")
        await here.ask(ROOT, "runner.auth.token_create", "ci", service=True)
        told = await here.ask(ROOT, "runner.auth.explain", "token:ci", "runner.my.deploy")
        assert (told["allowed"], told["because"].startswith("refused: it is about all minions")) == (False, True)

    play(scenario)


def test_a_name_without_its_source_is_tried_in_each(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        told = await here.ask(ROOT, "runner.auth.explain", "fred", "test.ping")
        assert (told["user"], told["tried"], told["allowed"]) == ("file:fred", ["file:fred", "ldap:fred"], True)
        told = await here.ask(ROOT, "runner.auth.explain", "fred", "test.echo", groups=["ops"])
        assert (told["user"], told["allowed"]) == ("ldap:fred", True)
        await here.tokens.make(Use.SESSION, "ldap", "fred", seconds=60.0, groups=frozenset({"ops"}))
        told = await here.ask(ROOT, "runner.auth.explain", "ldap:fred", "test.echo")
        assert told["allowed"] is True
        assert (await here.ask(ROOT, "runner.auth.explain", "ldap:fred", "test.echo", groups=""))["allowed"] is False
        for user in ("minion:web1", "local:", "local:no-such-user-here", "file:"):
            assert isinstance(await here.ask(ROOT, "runner.auth.explain", user, "test.ping"), ArgumentError), user

    play(scenario)


def test_who_may_not_everything_is_told_of_himself_alone(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        told = await here.ask(WANDA, "runner.auth.explain", "file:wanda", "test.ping", "*")
        assert (told["allowed"], told["minions"]) == (False, 2)  # of those that she knows of
        told = await here.ask(JOE, "runner.auth.explain", "local:joe", "cmd.run", "web*")
        assert (told["allowed"], told["because"]) == (True, "publisher_acl: cmd.run on web*")
        told = await here.ask(JOE, "runner.auth.explain", "local:joe", "cmd.run", "*")
        assert (told["allowed"], told["because"].startswith("refused: publisher_acl: 1 minions")) == (False, True)
        told = await here.ask(JOE, "runner.auth.explain", "local:joe", "runner.jobs.list_jobs")
        assert (told["allowed"], told["because"]) == (True, "publisher_acl: jobs.* on @runner")
        for who, user in ((WANDA, "file:ann"), (JOE, "joe"), (JOE, "local:root"), (FRED, "fred"), (FRED, "ldap:fred")):
            assert isinstance(await here.ask(who, "runner.auth.explain", user, "test.ping"), NotAuthorised)
        for who in (NOBODY, EVE, minion("web1")):
            assert isinstance(await here.ask(who, "runner.auth.explain", who.principal, "test.ping"), NotAuthorised)

    play(scenario)


def test_roles_are_listed_to_who_may_everything(play: Callable[[Scenario], None]) -> None:
    async def scenario(here: Here) -> None:
        for who in (JOE, FRED, WANDA, NOBODY):
            assert isinstance(await here.ask(who, "runner.auth.roles"), NotAuthorised)
        found = {one["role"]: one for one in await here.ask(ANN, "runner.auth.roles")}
        assert found.keys() == {"admin", "deployer", "operator", "watcher"}
        assert found["deployer"] == {
            "role": "deployer",
            "from": "the options",
            "may": ["cmd.run", {"@runner": ["my.deploy"]}],
            "on": ["web"],
            "minions": {"web": ["web*"]},
            "members": ["token:ci"],
            "kept": [],
        }
        assert (found["operator"]["from"], found["operator"]["members"]) == ("built in", [])

    play(scenario)


def test_what_is_explained_is_what_is_done(play: Callable[[Scenario], None]) -> None:
    """The door and the explanation never differ."""

    async def scenario(here: Here) -> None:
        policy = here.policy
        for who in (FRED, ANN, WANDA, JOE, ROOT):
            for function in ("test.ping", "cmd.run", "pkg.install", "git.pull"):
                for target in ("*", "web*", "db1"):
                    told = await here.ask(who, "runner.auth.explain", who.principal, function, target)
                    minions = [
                        one for one in ("db1", "web1", "web2") if target == "*" or one.startswith(target.rstrip("*"))
                    ]
                    may = not policy.refused_functions(who, [function]) and policy.covers(who, [function], minions)
                    if function != "cmd.run" or who is not FRED:  # which his arguments decide
                        assert told["allowed"] is (may and not policy.blacklisted(who, [function])), (
                            who,
                            function,
                            target,
                        )

    play(scenario)
