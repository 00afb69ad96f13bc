"""Whichever way a template reads a grain, it is noted: what hangs on it is the minion's own claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from saltern_master.pillar.claims import ALL, Grains

WAYS: dict[str, tuple[Callable[[Grains], Any], str]] = {
    "item": (lambda grains: grains["role"], "role"),
    "get": (lambda grains: grains.get("role"), "role"),
    "in": (lambda grains: "role" in grains, "role"),
    "setdefault": (lambda grains: grains.setdefault("role", "none"), "role"),
    "pop": (lambda grains: grains.pop("role"), "role"),
    "pop of none": (lambda grains: grains.pop("rack", None), "rack"),
    "popitem": (lambda grains: grains.popitem(), ALL),
    "reversed": (lambda grains: list(reversed(grains)), ALL),
    "format": (lambda grains: "{role}".format_map(grains), "role"),
    "iter": (lambda grains: list(grains), ALL),
    "unpacked": (lambda grains: {**grains}, ALL),
    "joined": (lambda grains: grains | {}, ALL),
    "shown": (str, ALL),
    "true": (bool, ALL),
    "equal": (lambda grains: grains == {}, ALL),
    "copied": (lambda grains: grains.copy(), ALL),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_read_grains_is_noted(way: str) -> None:
    read, name = WAYS[way]
    grains = Grains({"role": "gateway"}, "minion")
    assert not grains.used
    read(grains)
    assert name in grains.used
