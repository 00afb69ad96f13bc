"""The module ``config``: each answer as Salt's, over recorded ones."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from saltern.secret import Secret
from saltern.traverse import traverse

RECORDED = json.loads((Path(__file__).parents[1] / "support/salt_answers/config.json").read_text())


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "answer"), RECORDED["answers"], ids=lambda value: str(value)[:40] or "-"
)
def test_it_answers_as_salt_does(
    minion: Any, function: str, args: list[Any], kwargs: dict[str, Any], answer: str
) -> None:
    minion.opts, minion.grains, minion.pillar = ast.literal_eval(RECORDED["sources"])
    config = minion.load("config")
    got = getattr(config, function)(*args, **kwargs)
    assert got == ast.literal_eval(answer)
    assert type(got) is type(ast.literal_eval(answer))


def test_items_are_the_options_without_services_and_secrets(minion: Any) -> None:
    minion.opts |= {"__agent__": object(), "mysql.pass": Secret("hunter2")}
    items = minion.load("config").items()
    assert items == {"id": "minion", "cachedir": minion.opts["cachedir"], "mysql.pass": "***"}


def test_services_are_found_by_no_function(minion: Any) -> None:
    minion.opts["__agent__"] = object()
    config = minion.load("config")
    assert config.get("__agent__") == config.option("__agent__") == config.merge("__agent__") == ""
    assert config.option("__*", wildcard=True) == {}


def test_a_merge_changes_no_source(minion: Any) -> None:
    minion.opts["x"] = {"a": 1}
    minion.pillar["x"] = {"b": 2}
    config = minion.load("config")
    assert config.merge("x") == {"a": 1, "b": 2}
    assert config.get("x", merge="recurse") == {"a": 1, "b": 2}
    assert (minion.opts["x"], minion.pillar["x"]) == ({"a": 1}, {"b": 2})


def test_a_path_may_be_a_list_or_a_number() -> None:
    assert traverse({"a": [1, {"b": 2}]}, ["a", "b"]) == 2
    assert traverse([5, 6], 1) == 6
