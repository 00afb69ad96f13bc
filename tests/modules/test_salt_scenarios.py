"""Execution modules come to what the real Salt's were recorded to come to, but for what a scenario's file names.

``DIFFERENT`` of ``tests/support/salt_answers/scenarios/NAME.py`` has the reasons, by the call as one line or by the
scenario's title (then the files that it leaves aren't compared either).
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from saltern.config.minion import DEFAULTS
from saltern_agent import grains
from saltern_agent.jobs import Current
from saltern_agent.loader import Loader

ANSWERS = Path(__file__).parent.parent / "support" / "salt_answers"
NAMES = sorted(path.stem for path in (ANSWERS / "scenarios").glob("*.json"))


def loaded(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # the scenarios import it by this name
    spec.loader.exec_module(module)
    return module


scenarios = loaded("scenario", ANSWERS / "scenario.py")
FILES = {name: loaded(f"scenarios_{name}", ANSWERS / "scenarios" / f"{name}.py") for name in NAMES}
CASES = [(name, title) for name, file in FILES.items() for title in scenarios.scenarios_of(file)]


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def functions_of(scenario: Any, folder: Path) -> Any:
    etc = folder / ".salt" / "etc"
    etc.mkdir(parents=True)
    opts: dict[str, Any] = {
        **DEFAULTS,
        "id": "minion",
        "master": "127.0.0.1",
        "conf_file": str(etc / "minion"),
        "cachedir": str(folder / ".salt" / "cache"),
        "file_client": "local",
        "file_roots": {"base": [str(folder / "roots")]},
        **scenarios.filled(dict(scenario.opts), str(folder)),
    }
    loader = Loader(opts, [], Current())
    loader.set_grains({**grains.collect(opts), **scenario.grains})  # type: ignore[arg-type]
    loader.set_pillar(dict(scenario.pillar))
    return loader.salt


@pytest.mark.parametrize(("name", "title"), CASES, ids=[f"{name}-{title}" for name, title in CASES])
def test_what_modules_come_to_is_what_salts_come_to(name: str, title: str, tmp_path: Path) -> None:
    file = FILES[name]
    scenario = scenarios.scenarios_of(file)[title]
    if scenario.root and os.geteuid() != 0:
        pytest.skip("only root can do this")
    if scenario.without and os.path.exists(scenario.without):
        pytest.skip(f"it is otherwise where {scenario.without} is")
    recorded = json.loads((ANSWERS / "scenarios" / f"{name}.json").read_text())[title]
    functions = functions_of(scenario, tmp_path)
    scenarios.prepare(scenario, str(tmp_path))
    answers = scenarios.run(scenario, functions, str(tmp_path), scenarios.kept_of(file))
    compared = [
        (scenarios.label(call), ours, salts)
        for call, ours, salts in zip(scenario.calls, answers, recorded["answers"], strict=True)
        if scenarios.label(call) not in file.DIFFERENT
    ]
    assert [(call, ours) for call, ours, _ in compared] == [(call, salts) for call, _, salts in compared]
    if scenario.tree and title not in file.DIFFERENT:
        assert scenarios.tree(str(tmp_path)) == recorded["tree"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_named_as_different_is_asked(name: str) -> None:
    every = scenarios.scenarios_of(FILES[name])
    asked = set(every) | {scenarios.label(call) for scenario in every.values() for call in scenario.calls}
    assert set(FILES[name].DIFFERENT) <= asked
