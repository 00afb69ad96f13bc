"""A level that is given to a complaint as an argument of its text is an error only when the line is to be written."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("core", "agent", "modules", "master", "graphite")
LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}


def levels_in_place_of_arguments(text: str) -> list[int]:
    """Return the lines of *text* in which ``say`` or ``over`` is called with a level that has no name."""
    return [
        argument.lineno
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ("say", "over")
        for argument in call.args
        if isinstance(argument, ast.Attribute) and argument.attr in LEVELS
    ]


@pytest.mark.parametrize("part", PARTS)
def test_no_level_is_an_argument_of_a_text(part: str) -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / part).rglob("*.py"))
        if (lines := levels_in_place_of_arguments(path.read_text()))
    }
    assert found == {}


def test_it_would_be_seen() -> None:
    assert levels_in_place_of_arguments("c.say('k', 't', logging.WARNING)\nc.say('k', 't', level=logging.INFO)") == [1]
