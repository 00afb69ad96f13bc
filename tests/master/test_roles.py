"""Roles and groups: who has them, where from, and what the built-in ones may, seen against the master's commands."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ConfigError
from saltern_master import commands
from saltern_master.auth.built_in_roles import OPERATED, WATCHED
from saltern_master.auth.members import parse_member
from saltern_master.auth.minion_groups import GroupBook
from saltern_master.auth.need import Need
from saltern_master.auth.rights import LoginRights
from saltern_master.auth.roles import RoleBook, Source, read_roles, roles_stamp
from saltern_master.commands.manage import presence_commands
from saltern_master.commands.registry import Command

ROLES: dict[str, Any] = {
    "admin": {"members": ["file:anna", "local:joe"]},
    "operator": {"members": ["ldap:ops%"], "on": ["web"]},
    "watcher": {"members": ["ldap:*"]},
    "dba": {"grants": [r"mysql\..*", "cmd.run"], "on": ["db"], "members": ["file:fr*", "token:ci", "*:dba"]},
}
GROUPS = {"web": ["web*"], "db": ["db1", "db2"]}


def book(roles: Any = None, groups: Any = None) -> RoleBook:
    return RoleBook(
        [Source("roles", "", ROLES if roles is None else roles)],
        [Source("groups", "", GROUPS if groups is None else groups)],
    )


def all_commands() -> dict[str, Command]:
    found: dict[str, Command] = {}
    for module in pkgutil.iter_modules(commands.__path__, f"{commands.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Command):
                found[value.name] = value
    return found | {one.name: one for one in presence_commands()}


# who


@pytest.mark.parametrize(
    ("source", "name", "groups", "roles"),
    [
        ("file", "anna", (), ["admin"]),
        ("ldap", "anna", (), ["watcher"]),
        ("local", "joe", (), ["admin"]),
        ("file", "joe", (), []),
        ("ldap", "x", ("ops",), ["operator", "watcher"]),
        ("file", "x", ("ops",), []),
        ("ldap", "ops%", (), ["watcher"]),
        ("file", "fred", (), ["dba"]),
        ("token", "ci", (), ["dba"]),
        ("token", "dba", (), []),  # no glob means the source of tokens
        ("minion", "dba", (), []),
        ("pam", "dba", (), ["dba"]),
        ("local", "file:anna", (), []),
        ("file:anna", "", (), []),
        ("", "", (), []),
    ],
)
def test_members_are_names_of_one_source(source: str, name: str, groups: tuple[str, ...], roles: list[str]) -> None:
    assert sorted(book().held_by(source, name, groups)) == roles


@given(st.sampled_from(["file", "ldap", "f*"]), st.sampled_from(["a", "b", "*"]), st.sampled_from(["file", "ldap"]))
def test_two_names_are_never_equal_unless_their_sources_are(source: str, name: str, other: str) -> None:
    member = parse_member("x", f"{source}:{name}")
    assert member.means(other, "a") == (
        (source in (other, "f*") and not (source == "f*" and other == "ldap")) and (name in "a*")
    )


# what the built-in ones may


def rights(role: str, on: list[str] | None = None) -> LoginRights:
    made = book({role: {"members": ["file:fred"], **({"on": on} if on else {})}})
    return LoginRights(made.rights_of("file", "fred"), made.groups)


OFTEN = ("manage.overview", "manage.health")
"""Consoles ask for it again and again: it isn't private for what it shows, events have no room for it."""


def test_a_watcher_may_what_is_there_and_only_reads() -> None:
    there = all_commands()
    for name in WATCHED:
        command = there[f"runner.{name}"]
        assert command.need is Need.RUNNER
        assert not command.changes
        assert not command.private or name in OFTEN


def test_a_watcher_may_no_runner_that_is_not_listed_no_wheel_and_nothing_on_minions() -> None:
    watcher = rights("watcher")
    for command in all_commands().values():
        assert watcher.own(command.client, command.function, [], {}) == (
            command.client == "runner" and command.function in WATCHED
        )
    for name in ("cache.pillar", "cache.grains", "pillar.show_pillar", "config.get", "jobs.anything_new", "manage.new"):
        assert not watcher.own("runner", name, [], {})
    assert not watcher.on_minions
    assert (watcher.events, watcher.hooks, watcher.everything) == (False, False, False)


def test_an_operator_may_read_all_of_the_masters_and_change_nothing_of_it_but_what_alerts_say() -> None:
    operator = rights("operator")
    his = {f"alerts.{name}" for name in ("acknowledge", "unacknowledge", "silence", "unsilence")}
    for command in all_commands().values():
        if command.client == "wheel" or command.changes:
            may = command.client == "runner" and command.function in his
            assert operator.own(command.client, command.function, [], {}) is may, command.name
    for name in ("jobs.active", "manage.up", "alerts.list", "returns.query", "fileserver.file_list", "mine.get"):
        assert operator.own("runner", name, [], {})
    for name in ("fileserver.update", "saltutil.sync_all", "pillar.show_pillar", "config.get", "auth.explain"):
        assert not operator.own("runner", name, [], {})
    assert not operator.own("runner", "manage.key_regen", [], {})
    assert not operator.own_named("runner", "jobs.active")
    assert all("." in pattern for pattern in OPERATED)
    assert (operator.events, operator.hooks, operator.everything) == (True, True, False)


def test_an_admin_may_everything() -> None:
    admin = rights("admin")
    assert admin.everything
    for command in all_commands().values():
        assert admin.own(command.client, command.function, [], {}, by_name=True)
    assert (admin.events, admin.hooks) == (True, True)
    assert admin.perms() == [".*", "@events", "@hooks", "@runner", "@wheel"]


# files


def test_roles_and_groups_are_read_from_files_beside_the_configuration(tmp_path: Path) -> None:
    options = {"roles": {"watcher": {"members": ["ldap:*"]}}, "groups": {"web": ["web*"]}, "config_dir": str(tmp_path)}
    before = roles_stamp(str(tmp_path))
    assert read_roles(options).names == ["admin", "operator", "watcher"]
    folder = tmp_path / "roles.d"
    folder.mkdir()
    (folder / "b.yaml").write_text('roles:\n  dba: {grants: ["mysql\\\\..*"], on: [db], members: ["file:fred"]}\n')
    (folder / "a.yml").write_text("groups:\n  db: [db1]\n")
    (folder / ".hidden.yaml").write_text("nonsense")
    (folder / "notes.txt").write_text("nonsense")
    assert roles_stamp(str(tmp_path)) != before
    made = read_roles(options)
    assert made.held_by("file", "fred") == ["dba"]
    assert made.groups.names == ["db", "web"]
    assert made.rights_of("file", "fred")[0].where == "role dba (roles.d/b.yaml)"
    (folder / "c.yaml").write_text("roles:\n  dba: {grants: []}\n")
    with pytest.raises(ConfigError, match=r"c\.yaml: roles: dba: is a role of roles.d/b.yaml already"):
        read_roles(options)
    (folder / "c.yaml").write_text("role:\n  x: {grants: []}\n")
    with pytest.raises(ConfigError, match=r"c\.yaml: line 1: role is not a key of such a file: use roles and groups"):
        read_roles(options)
    (folder / "c.yaml").write_text("roles: [")
    with pytest.raises(ConfigError, match="is not YAML"):
        read_roles(options)


# what is written wrongly


@pytest.mark.parametrize(
    ("roles", "says"),
    [
        ([], "roles: must be a map"),
        ({"a b": {}}, "is no name for a role"),
        ({"x": []}, "roles: x: must be a map with grants, members, on"),
        ({"x": {"grant": []}}, "'grant' is not a key of a role: did you mean 'grants'?"),
        ({"x": {}}, "roles: x: has no grants"),
        ({"x": {"grants": ["@"]}}, "roles: x: grants: @ is not known"),
        ({"admin": {"grants": ["test.ping"]}}, "what admin may is fixed"),
        ({"watcher": {"grants": []}}, "what watcher may is fixed"),
        ({"admin": {"on": ["web"]}}, "may it everywhere"),
        ({"watcher": {"members": ["fred"]}}, "roles: watcher: members: fred doesn't say where"),
        ({"watcher": {"members": ["fred"]}}, "write local:fred"),
        ({"watcher": {"members": "file:fred"}}, "must be a list"),
        ({"watcher": {"members": [5]}}, "is no member"),
        ({"watcher": {"members": [":fred"]}}, "names nobody"),
        ({"watcher": {"members": ["file:"]}}, "names nobody"),
        ({"watcher": {"members": ["file:%"]}}, "names nobody"),
        ({"watcher": {"members": ["minion:web1"]}}, "minions have no roles"),
        ({"watcher": {"on": ["wed"]}}, "roles: watcher: on: there is no group 'wed': did you mean 'web'?"),
        ({"watcher": {"on": []}}, "must be a list of groups"),
        ({"watcher": {"on": "web"}}, "must be a list of groups"),
        ({"x": {"grants": ["role:wacher"]}}, "there is no role wacher: did you mean 'watcher'?"),
        ({"x": {"grants": ["role:x"]}}, "in a circle: x → x"),
        (
            {"x": {"grants": ["role:y"]}, "y": {"grants": ["a.b", "role:z"]}, "z": {"grants": ["role:x"]}},
            "x → y → z → x",
        ),
        ({"z": {"grants": ["role:x"]}, "x": {"grants": ["role:y"]}, "y": {"grants": ["role:x"]}}, "x → y → x"),
        ({f"r{n}": {"grants": [f"role:r{n + 1}"]} for n in range(30)} | {"r30": {"grants": []}}, "over 20 deep"),
    ],
)
def test_what_can_not_be_understood_is_said_with_its_place(roles: Any, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        book(roles)
    assert says in str(raised.value)


def test_a_role_granted_by_two_is_no_circle() -> None:
    made = book({"a": {"grants": ["role:b", "role:c"]}, "b": {"grants": ["role:c"]}, "c": {"grants": ["x.y"]}})
    assert len(made.rights((), ["a"])) == 2


def test_a_role_that_is_not_there_grants_nothing() -> None:
    assert book().rights((), ["nothing"]) == ()


# groups


def test_groups_are_ids_and_globs_of_ids() -> None:
    groups = book(groups={"web": ["web*", "edge-[12]"], "db": ["db1", 7], "none": []}, roles={}).groups
    minions = ["web1", "edge-1", "edge-3", "db1", "db12", "7", "xweb1"]
    assert groups.minions_of(["web"], minions) == {"web1", "edge-1"}
    assert groups.minions_of(["db"], minions) == {"db1", "7"}
    assert groups.minions_of(["web", "db"], minions) == {"web1", "edge-1", "db1", "7"}
    assert groups.minions_of(["none", "unknown"], minions) == frozenset()
    assert groups.minions_of([], minions) == frozenset()


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ([], "groups: must be a map"),
        ({"web": "web*"}, "groups: web: 'web*' must be a list"),
        ({"web": ["G@os:Debian"]}, "groups know no grains"),
        ({"web": ["web1,web2"]}, "is no minion id"),
        ({"web": [True]}, "is no minion id"),
        ({"web": [""]}, "is no minion id"),
        ({"a/b": []}, "is no name for a group"),
    ],
)
def test_groups_that_can_not_be_understood(groups: Any, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        book(roles={}, groups=groups)
    assert says in str(raised.value)


def test_a_group_is_said_once() -> None:
    groups = GroupBook()
    groups.take("groups", {"web": []})
    with pytest.raises(ConfigError, match="x: web: is a group of groups already"):
        groups.take("x", {"web": []})
