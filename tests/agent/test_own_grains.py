"""Grains that a host's owner adds: whose win, what hangs or fails, and what the real Salt makes of the same."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from saltern.config.minion import DEFAULTS
from saltern_agent import grains, own_grains
from saltern_agent.facts import Facts
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader, slot
from saltern_agent.own_grains import OwnGrains


@pytest.fixture
def opts(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "minion").write_text("id: host01\n")
    return {**DEFAULTS, "id": "host01", "conf_file": str(tmp_path / "minion"), "cachedir": str(tmp_path / "cache")}


@pytest.fixture
def loader(opts: dict[str, Any], tmp_path: Path) -> Loader:
    (tmp_path / "_grains").mkdir()
    return Loader(opts, [], Current(), grains=[str(tmp_path / "_grains")])


def with_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "_grains" / f"{name}.py").write_text(text)


def test_later_sources_win(opts: dict[str, Any], loader: Loader, tmp_path: Path) -> None:
    with_file(tmp_path, "a", "def one():\n    return {'os': 'module', 'a': 1, 'b': 1, 'c': 1}\n")
    with_file(tmp_path, "b", "def two(grains):\n    return {'seen': grains['a'], 'kernel_too': __grains__['kernel']}\n")
    (tmp_path / "grains").write_text("b: 2\nc: 2\n")
    opts["grains"] = {"c": 3, "id": "other"}
    loader.forget()
    found = grains.of_a_call(opts, loader)
    assert [found[name] for name in ("os", "a", "b", "c", "seen", "kernel_too", "id")] == [
        "module", 1, 2, 3, 1, "Linux", "host01",
    ]  # fmt: skip


def test_mappings_are_replaced_or_merged_and_names_kept_out(
    opts: dict[str, Any], loader: Loader, tmp_path: Path
) -> None:
    with_file(tmp_path, "a", "def one():\n    return {'m': {'x': 1, 'y': {'z': 1}}, 'cpu_flags': []}\n")
    (tmp_path / "grains").write_text("m: {y: {q: 2}}\n")
    loader.forget()
    assert grains.of_a_call(opts, loader)["m"] == {"y": {"q": 2}}
    opts.update(grains_deep_merge=True, grains_blacklist=["cpu_*", "os"])
    found = grains.of_a_call(opts, loader)
    assert found["m"] == {"x": 1, "y": {"z": 1, "q": 2}}
    assert not {"cpu_flags", "cpu_model", "os"} & set(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [\n", "line 2"),
        ("- a\n", "must be a mapping"),
        ("x" * (own_grains.MAX_FILE_BYTES + 1), "is over"),
        ("a: !!python/object/apply:os.getpid []\n", "could not determine a constructor"),
    ],
)
def test_a_file_that_can_not_be_used_is_named(
    opts: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str, said: str
) -> None:
    (tmp_path / "grains").write_text(text)
    assert grains.collect(opts)["id"] == "host01"
    assert said in caplog.text
    assert str(tmp_path / "grains") in caplog.text


def test_an_empty_file_and_none_are_none(
    opts: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert own_grains.static(opts) == {}
    (tmp_path / "grains").write_text("")
    assert own_grains.static(opts) == {}
    opts["conf_file"] = str(tmp_path)
    (tmp_path / "grains").write_text("a: 1\n")
    assert own_grains.static(opts) == {"a": 1}
    assert caplog.text == ""


def failing() -> dict[str, Any]:
    raise SystemExit(3)


class TestFunctions:
    @pytest.fixture
    def release(self) -> Iterator[threading.Event]:
        event = threading.Event()
        yield event
        event.set()

    def added(self, opts: dict[str, Any], own: OwnGrains, within_s: float = 5.0) -> dict[str, Any]:
        found: dict[str, Any] = {}
        own.add(found, opts, within_s)
        return found

    def test_one_that_fails_hurts_no_other(self, opts: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
        functions: dict[str, Callable[..., Any]] = {
            "a.bad": failing, "a.text": lambda: "no mapping", "b.good": lambda: {"x": 1}
        }  # fmt: skip
        own = OwnGrains(lambda: functions)
        assert self.added(opts, own) == {"x": 1}
        assert not own.late
        assert "a.bad failed: SystemExit: 3" in caplog.text
        assert "a.text returned str, no mapping of grains: it is left out" in caplog.text

    def test_one_that_hangs_is_left_behind_and_not_called_again(
        self, opts: dict[str, Any], release: threading.Event, caplog: pytest.LogCaptureFixture
    ) -> None:
        calls: list[int] = []

        def hanging() -> dict[str, Any]:
            calls.append(1)
            release.wait(30)
            return {"late": 1}

        own = OwnGrains(lambda: {"a.hanging": hanging, "b.good": lambda: {"x": 1}})
        assert self.added(opts, own, 0.05) in ({"x": 1}, {})  # of the second nobody waits longer either
        assert own.late
        assert "a.hanging takes over" in caplog.text
        assert self.added(opts, own) == {"x": 1}
        assert calls == [1]
        release.set()
        own._running["a.hanging"].join(30)
        assert self.added(opts, own) == {"late": 1, "x": 1}
        assert not own.late

    def test_what_is_given_goes_by_the_parameters_names(self, opts: dict[str, Any]) -> None:
        functions: dict[str, Callable[..., Any]] = {
            "a.both": lambda proxy, grains: {"proxy": proxy, "known": dict(grains)},
            "b.other": lambda other=4: {"other": other},
        }
        assert self.added(opts, OwnGrains(lambda: functions)) == {"proxy": None, "known": {}, "other": 4}


def test_files_that_hang_when_they_are_loaded_take_no_longer_than_all_may(
    opts: dict[str, Any], loader: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot, "LOCK_TIMEOUT_S", 30.0)
    gate = threading.Event()
    monkeypatch.setattr(threading, "_gate", gate, raising=False)
    for name in "abc":
        with_file(tmp_path, name, "import threading\nthreading._gate.wait()\ndef f():\n    return {'x': 1}\n")
    with_file(tmp_path, "d", "def f():\n    return {'d': 1}\n")
    loader.forget()
    assert loader.adds_grains
    own = OwnGrains(loader.grain_functions)
    try:
        began = time.monotonic()
        found: dict[str, Any] = {}
        own.add(found, opts, 0.2)
        assert time.monotonic() - began < 20
        assert (found, own.late) == ({}, True)
        monkeypatch.setattr(slot, "LOCK_TIMEOUT_S", 0.5)
        own.add(found, opts, 10)
        assert (found, own.late) == ({"d": 1}, False)
    finally:
        gate.set()


def test_a_module_that_can_not_be_loaded_hurts_no_other(
    opts: dict[str, Any], loader: Loader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with_file(tmp_path, "a", "import no_such_library\n")
    with_file(tmp_path, "b", "def __virtual__():\n    return False, 'not here'\ndef f():\n    return {'b': 1}\n")
    with_file(tmp_path, "c", "def f():\n    return {'c': 1}\n")
    loader.forget()
    with caplog.at_level(logging.WARNING):
        found = grains.of_a_call(opts, loader)
    assert (found.get("b"), found["c"]) == (None, 1)
    assert "no_such_library" in caplog.text


def test_a_clock_that_is_off_changes_no_other_grain(opts: dict[str, Any], loader: Loader) -> None:
    skews = [None, 7.4, 7.9, 9.0]
    told: list[int] = []
    opts["grains"] = {"id": "other", "role": "web"}
    facts = Facts(opts, None, loader, None, lambda: skews[0], lambda: told.append(facts.grains["clock_skew"]))  # type: ignore[arg-type]  # neither loop nor background is needed
    facts.begin()
    assert "clock_skew" not in facts.grains
    while len(skews) > 1:
        skews.pop(0)
        facts.skew_learned()
    assert told == [7, 9]
    assert (facts.grains["id"], facts.grains["role"]) == ("host01", "web")


class Asked:
    """A background that only remembers what it is asked."""

    def __init__(self) -> None:
        self.what: list[str] = []

    def do(self, failure: str, *_: object) -> None:
        self.what.append(failure)


def test_a_file_that_hangs_when_it_is_loaded_keeps_no_agent_from_connecting(
    opts: dict[str, Any], loader: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_file(tmp_path, "hanging", "import time\ntime.sleep(8)\ndef f():\n    return {'late': 1}\n")
    loader.forget()
    monkeypatch.setattr("saltern_agent.facts.AT_START_S", 0.2)
    asked = Asked()
    facts = Facts(opts, None, loader, asked, lambda: None, lambda: None)  # type: ignore[arg-type]  # likewise
    facts.begin()
    assert asked.what == ["not all grains were collected"]  # so it wasn't waited for
    assert facts.grains["id"] == "host01"
