"""What the commands share: a fault is one line."""

from __future__ import annotations

import pytest

from saltern.cli.command import EX_CONFIG, EX_GENERIC, EX_NOPERM, EX_UNAVAILABLE, run_command
from saltern.errors import ConfigError, MasterNotRunning, NotAuthorised, SalternError, TargetError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError, EX_CONFIG),
        (MasterNotRunning, EX_UNAVAILABLE),
        (NotAuthorised, EX_NOPERM),
        (TargetError, EX_GENERIC),
    ],
)
def test_a_fault_is_one_line_that_steers_no_terminal(
    error: type[SalternError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error("no\x1b[2J\u202e\nmore")

    assert run_command("saltern", work, traceback=False) == code
    assert capsys.readouterr().err == "saltern: no\\x1b[2J\\u202e\\nmore\n"
