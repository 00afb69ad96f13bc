"""What programs of ours pass on to those that they start."""

from __future__ import annotations

import os
import pwd

import pytest

from saltern.own_environment import settle


def test_the_accounts_variables_are_there_and_the_services_are_not() -> None:
    environment = {"PATH": "/bin", "NOTIFY_SOCKET": "/run/x", "INVOCATION_ID": "1", "LISTEN_FDS": "2", "HOME": "/mine"}
    settle(environment)
    account = pwd.getpwuid(os.geteuid())
    assert environment == {
        "PATH": "/bin",
        "HOME": "/mine",
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "SHELL": account.pw_shell or "/bin/sh",
    }


def test_a_user_without_an_account_has_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 2_000_000_001)
    environment = {"PATH": "/bin", "JOURNAL_STREAM": "8:9"}
    settle(environment)
    assert environment == {"PATH": "/bin"}
