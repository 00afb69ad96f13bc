"""``saltern.client.Caller`` on a host without the agent."""

from __future__ import annotations

import sys

import pytest

import saltern.client
from saltern.errors import ModuleError


@pytest.mark.parametrize("missing", ["saltern_agent.caller", "psutil"])
def test_it_says_in_one_line_what_to_install(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    def refuse(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr("saltern.client.caller.import_module", refuse)
    with pytest.raises(ModuleError, match=r"Caller needs (psutil|the agent): run pip install 'saltern\[agent\]'$"):
        _ = saltern.client.Caller


def test_a_fault_in_the_agent_is_not_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ModuleNotFoundError("No module named 'somebodys'", name="somebodys")

    monkeypatch.setattr("saltern.client.caller.import_module", fail)
    with pytest.raises(ModuleNotFoundError, match="somebodys"):
        _ = saltern.client.Caller


def test_what_is_asked_for_alone_is_loaded() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = saltern.client.Nothing
    assert saltern.client.LocalClient.__module__ in sys.modules
