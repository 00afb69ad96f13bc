"""What the commands share: a fault is one line."""

from __future__ import annotations

import pytest

from saltern.cli.command import run_command
from saltern.credentials import INVALID
from saltern.errors import (
    Busy,
    ConfigError,
    InternalError,
    MasterNotRunning,
    NotAuthorised,
    SalternError,
    TargetError,
    UnknownNodegroup,
    UsageError,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError, 78),
        (MasterNotRunning, 69),
        (NotAuthorised, 77),
        (TargetError, 1),
        (Busy, 75),
        (UsageError, 64),
        (InternalError, 70),
    ],
)
def test_a_fault_is_one_line_that_steers_no_terminal(
    error: type[SalternError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error("no\x1b[2J\u202e\nmore")

    assert run_command("saltern", work, traceback=False) == code
    assert capsys.readouterr().err == "saltern: no\\x1b[2J\\u202e\\nmore\n"


def test_an_unknown_nodegroup_is_told_as_salt_tells_it(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise UnknownNodegroup("Node group x\x1b unavailable in /etc/saltern/master")

    assert run_command("saltern", work, traceback=False) == 0
    assert capsys.readouterr() == ("Node group x\\x1b unavailable in /etc/saltern/master\n", "")


def test_a_login_that_is_over_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise NotAuthorised(INVALID)

    assert run_command("saltern", work, traceback=False) == 77
    assert capsys.readouterr().err.endswith(" is over: give -T and log in again\n")
