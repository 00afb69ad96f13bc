"""Values that aliases make large, or endless."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from saltern.unfolding import bounded

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize("value", [1, "a", None, [], {"a": [1, {"b": 2}]}, [[0] * 1000] * 500])
def test_what_is_small_passes(value: Any) -> None:
    assert bounded(value) is value


def test_aliases_that_multiply_are_refused() -> None:
    with pytest.raises(ValueError, match="repeat so much"):
        bounded(yaml.safe_load(LAUGHS))


def test_what_holds_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="holds itself"):
        bounded(yaml.safe_load("&a [1, *a]"))
