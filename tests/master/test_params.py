"""What parameters of commands accept."""

from __future__ import annotations

import math
from typing import Any

import pytest

from saltern.errors import ArgumentError
from saltern_master.commands.context import Context
from saltern_master.commands.params import bind, params_of


def handler(context: Context, number: float = 1.0, maybe: float | None = None, any_: Any = None) -> None: ...


PARAMS = params_of(handler)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["number", "maybe"])
def test_a_number_is_finite(name: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=f"{name} must be a finite number, not -?(nan|inf)"):
        bind(PARAMS, [], {name: value})


def test_a_whole_number_is_a_number_too() -> None:
    assert bind(PARAMS, [2], {"maybe": -0.0, "any_": math.inf}) == {"number": 2.0, "maybe": 0.0, "any_": math.inf}


def test_a_refusal_shows_the_beginning_of_a_value() -> None:
    with pytest.raises(ArgumentError, match=r"number must be a number, not \[0, 0, 0, 0, …\]$"):
        bind(PARAMS, [[0] * 1_000_000], {})
