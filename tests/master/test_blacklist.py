"""What nobody runs, whatever is granted."""

from __future__ import annotations

from typing import Any

import pytest

from saltern.errors import ConfigError
from saltern_master.auth.blacklist import Blacklist
from saltern_master.auth.name_pattern import NamePattern


def refuses(modules: list[str], *functions: str) -> bool:
    return Blacklist({"modules": modules}).refuses("fred", functions) is not None


@pytest.mark.parametrize(
    ("listed", "function", "refused"),
    [
        ("cmd.run", "cmd.run", True),
        ("cmd.run", "cmd.run_all", False),
        ("cmd.run", "cmdXrun", False),
        ("cmd.*", "cmd.run", True),
        ("cmd.*", "xcmd.run", False),
        (r"cmd\..*", "cmd.run", True),
        ("*.run", "cmd.run", True),
        ("cmd", "cmd.run", True),
        ("cmd", "cmdmod.run", False),
        ("cmd|git", "git", True),
        (r"(cmd|git)\..*", "git.clone", True),
        (r"^(?!test\.).*$", "cmd.run", True),
        (r"^(?!test\.).*$", "test.ping", False),
        ("(a|a)*[bc]", "a" * 300, True),  # in doubt
    ],
)
def test_modules_are_names_globs_and_expressions_of_functions(listed: str, function: str, refused: bool) -> None:
    assert refuses([listed], function) is refused


def test_every_function_of_a_job_counts() -> None:
    assert refuses(["cmd.*"], "test.ping", "cmd.run")
    assert not refuses(["cmd.*"], "test.ping", "test.echo")
    line = Blacklist({"modules": ["cmd.*"]}).refuses("root", ["test.ping", "cmd.run"])
    assert line == "cmd.run may be run by nobody: publisher_acl_blacklist has it among its modules"


@pytest.mark.parametrize(
    ("listed", "user", "refused"),
    [
        ("fred", "fred", True),
        ("fred", "freda", False),
        ("fr*", "freda", True),
        ("fred|ann", "ann", True),
        ("^(?!sudo_).*$", "fred", True),
        ("^(?!sudo_).*$", "sudo_fred", False),
    ],
)
def test_users(listed: str, user: str, refused: bool) -> None:
    assert (Blacklist({"users": [listed]}).refuses(user, ["test.ping"]) is not None) is refused


def test_without_the_option_nothing_is_refused() -> None:
    assert Blacklist({}).refuses("root", ["cmd.run"]) is None
    assert Blacklist({"users": None, "modules": []}).refuses("root", ["cmd.run"]) is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"user": ["x"]}, "'user' is not known: use users and modules"),
        ({"users": "x"}, "users: 'x' must be a list"),
        ({"modules": [1]}, "modules: [1] must be a list"),
        ({"modules": [""]}, "must be a list"),
        ({"modules": [r"(cmd\..*"]}, "is not a regular expression"),  # one that is passed over would refuse nothing
    ],
)
def test_what_can_not_be_understood(given: Any, says: str) -> None:
    with pytest.raises(ConfigError, match="publisher_acl_blacklist: ") as raised:
        Blacklist(given)
    assert says in str(raised.value)


def test_a_name_with_a_backslash_is_a_name() -> None:
    assert NamePattern("x", r"DOMAIN\user").means(r"DOMAIN\user")
