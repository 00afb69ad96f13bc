"""The master's schedule: compiled once, held against each minion that comes, within bounds."""

from __future__ import annotations

from typing import Any

import pytest

from saltern.errors import ConfigError
from saltern_master.schedules import Schedules
from saltern_master.targeting import DataFacts, Known, pattern

OPTION = {
    "all": {"function": "stats.collect", "seconds": 15, "metrics": True},
    "web": {"function": "web.stats", "seconds": 60, "target": "G@roles:web and E@web\\d+", "target_type": "compound"},
    "some": {"function": "test.ping", "seconds": 60, "target": ["db1", "db2"]},
    "off": False,
}


def _names(schedules: Schedules, minion_id: str, grains: dict[str, Any]) -> list[str]:
    return sorted(schedules.of(minion_id, Known(DataFacts(lambda _: grains))))


def test_each_minion_gets_what_is_meant_for_it() -> None:
    schedules = Schedules(OPTION, "master")
    assert _names(schedules, "web1", {"roles": ["web"]}) == ["all", "web"]
    assert _names(schedules, "web1", {}) == ["all"]
    assert _names(schedules, "db2", {"roles": ["web"]}) == ["all", "some"]


def test_nothing_is_compiled_for_a_minion_that_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    schedules = Schedules(OPTION, "master")

    def compile_(text: str, flags: int = 0) -> Any:
        raise AssertionError(f"{text} is compiled again")

    assert _names(schedules, "web0", {"roles": ["web"]}) == ["all", "web"]
    monkeypatch.setattr(pattern.regex, "compile", compile_)
    monkeypatch.setattr(pattern.re, "compile", compile_)
    for number in range(100):
        assert _names(schedules, f"web{number}", {"roles": ["web"]}) == ["all", "web"]


def test_a_claim_that_takes_too_long_costs_its_own_minion_one_entry(caplog: pytest.LogCaptureFixture) -> None:
    slow = {"function": "test.ping", "seconds": 60, "target": "os:(a|a)+!", "target_type": "grain_pcre"}
    schedules = Schedules({**OPTION, "slow": slow}, "master")
    assert _names(schedules, "web1", {"os": "a" * 250}) == ["all"]
    assert "schedule slow: left out for web1: target 'os:(a|a)+!' takes over 0.02 s" in caplog.text
    assert _names(schedules, "web2", {"os": "aa!"}) == ["all", "slow"]


def test_a_target_that_is_none_is_a_fault_of_the_configuration() -> None:
    bad = {"function": "test.ping", "seconds": 60, "target": "(", "target_type": "pcre"}
    with pytest.raises(ConfigError, match=r"master: schedule: bad: target: '\(' is not a regular expression"):
        Schedules({"bad": bad}, "master")
    with pytest.raises(ConfigError, match=r"master: schedule: bad: target: '\(' is not a regular expression"):
        Schedules({"bad": {**bad, "target": "os:(", "target_type": "grain_pcre"}}, "master")


def test_a_target_may_name_a_nodegroup() -> None:
    one = {"function": "test.ping", "seconds": 60, "target": "N@web", "target_type": "compound"}
    assert _names(Schedules({"one": one}, "master", {"web": "web*"}), "web1", {}) == ["one"]
    with pytest.raises(ConfigError, match="schedule: one: target: Node group web unavailable in master"):
        Schedules({"one": one}, "master")
