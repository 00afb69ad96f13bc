"""The parts of ``salt.utils`` that modules import answer as the real ones were recorded to, but for ``DIFFERENT``."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

ANSWERS = Path(__file__).parent.parent / "support" / "salt_answers"
RECORDED: dict[str, Any] = json.loads((ANSWERS / "salt_utils.json").read_text())
DIFFERENT = {
    "data.compare_dicts 2": "nothing is taken for an empty mapping; Salt has None as a default and fails with it",
    "data.compare_lists 3": "as for mappings",
    "data.decode 7": "the class is kept, as is asked for; Salt 3008 forgets it",
    "files.human_size_to_bytes 2": "0 for what is no size, as its text says",
}


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    before = list(sys.path)
    sys.path.insert(0, str(ANSWERS))
    try:
        asked = importlib.import_module("salt_utils_asked")
    finally:
        sys.path[:] = before
    found = asked.answers(lambda name: importlib.import_module(f"saltern_compat.utils.{name}"))
    read: dict[str, Any] = json.loads(json.dumps(found))
    return read


def test_the_same_calls_are_asked(answers: dict[str, Any]) -> None:
    assert answers.keys() == RECORDED.keys()
    assert DIFFERENT.keys() <= RECORDED.keys()


@pytest.mark.parametrize("call", [call for call in RECORDED if call not in DIFFERENT])
def test_it_answers_as_salt(answers: dict[str, Any], call: str) -> None:
    assert answers[call] == RECORDED[call]
