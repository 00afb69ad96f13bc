"""From returns to metric names."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern.errors import ConfigError
from saltern.metric_segment import clean
from saltern_master.shipping.names import Pattern, flatten, masters_own


def test_the_default_pattern() -> None:
    pattern = Pattern("saltern.[minion_id].[module]")
    assert pattern.prefix("web01.example.com", "stats.collect") == "saltern.web01_example_com.stats"


def test_every_placeholder() -> None:
    pattern = Pattern("x.[minion_id].[module].[function].[schedule]")
    assert pattern.prefix("a", "m.f", "every.minute") == "x.a.m.f.every_minute"


def test_a_minion_called_master_does_not_write_among_the_masters_metrics() -> None:
    assert Pattern("saltern.[minion_id].[module]").prefix("master", "bus.x") == "saltern.master_.bus"


@pytest.mark.parametrize(
    "bad",
    [
        *("", "a..b", ".a", "a.", "a.[minion]", "a/b"),
        *(
            "saltern.master",
            "Saltern.MASTER.[minion_id]",
            "saltern.[minion_id].schedule",
            "saltern.x.Schedule.[module]",
        ),
    ],
)
def test_bad_patterns(bad: str) -> None:
    with pytest.raises(ConfigError, match="metric_pattern"):
        Pattern(bad)


def test_leaves_and_what_is_none() -> None:
    value = {
        "a": 1,
        "b": {"c d": 2.5, "up": True, "e.f": False},
        "text": "12",
        "nothing": None,
        "many": [1, 2],
        "nan": math.nan,
        "inf": math.inf,
        "huge": 10**400,
        3: 4,
    }
    flat = flatten("p", "m.f", value)
    assert flat.values == {"p.a": 1.0, "p.b.c_d": 2.5, "p.b.up": 1.0, "p.b.e_f": 0.0, "p.3": 4.0}
    assert dict(flat.skipped) == {
        "p.text": "text",
        "p.nothing": "empty",
        "p.many": "a list",
        "p.nan": "not finite",
        "p.inf": "not finite",
        "p.huge": "too large or too many",
    }
    assert flat.skipped_count == 6


@pytest.mark.parametrize("backwards", [False, True])
def test_of_keys_that_make_one_name_the_same_one_has_it_whatever_their_order(backwards: bool) -> None:
    """Not the last one that comes along, as where dots, blanks or other alphabets become ``_`` (diamond#66)."""
    items = [
        ("eth0.1", 1),
        ("eth0_1", 2),
        ("eth0:1", 3),
        ("/mnt/Дом", 4),
        ("/mnt/Дым", 5),
        ("a b", {"x": 6}),
        ("a.b", {"x": 7, "y": 8}),
        (5, 9),
        ("5", 10),
        ("note 1", "text"),
        ("note_1", 11),
        ("n" * 200 + "one", 12),
        ("n" * 200 + "two", 13),
    ]
    flat = flatten("p", "m.f", dict(reversed(items) if backwards else items))
    assert flat.values == {
        "p.eth0_1": 2.0,
        "p.eth0:1": 3.0,
        "p._mnt____": 4.0,
        "p.a_b.x": 6.0,
        "p.5": 9.0,
        "p.note_1": 11.0,
        f"p.{'n' * 200}": 12.0,
    }
    skipped = dict(flat.skipped)
    assert skipped.pop(f"p.{'n' * 200}").startswith("another key has this name; left out: 'nnn")
    assert skipped == {
        "p.eth0_1": "another key has this name; left out: 'eth0.1'",
        "p._mnt____": "another key has this name; left out: '/mnt/Дым'",
        "p.a_b": "another key has this name; left out: 'a.b'",
        "p.5": "another key has this name; left out: '5'",
        "p.note_1": "text",
    }
    assert flat.skipped_count == 6


def test_many_keys_of_one_name_are_counted_and_some_are_named() -> None:
    flat = flatten("p", "m.f", {"\0" * 199 + chr(0x4E00 + number): number for number in range(20_000)})
    assert flat.values == {f"p.{'_' * 200}": 0.0}
    assert flat.skipped_count == 19_999
    ((_, why),) = flat.skipped
    assert why.endswith(" and 19,996 more")
    assert len(why) < 400


def test_keys_that_are_words_elsewhere_are_made_names_too() -> None:
    flat = flatten("p", "m.f", {"größe": 1, "ß": True, "a_b": 2.5, "x" * 250: 3, 7: 4, "a-b": 5, "": 6})
    assert flat.values == {"p.gr__e": 1, "p._": 6, "p.a_b": 2.5, f"p.{'x' * 200}": 3, "p.7": 4, "p.a-b": 5}
    assert {type(value) for value in flat.values.values()} == {float}


def test_a_bare_number_goes_by_the_functions_name() -> None:
    assert flatten("p", "m.load", 3).values == {"p.load": 3.0}


def test_depth_is_bounded() -> None:
    deep: dict[str, Any] = {"x": 1}
    for _ in range(100):
        deep = {"d": deep}
    flat = flatten("p", "m.f", deep)
    assert flat.values == {}
    assert flat.skipped[0][1] == "nested too deeply"


@pytest.mark.parametrize(
    ("prefix", "names", "own"),
    [
        ("saltern.web.stats", ["saltern.web.stats.schedule.x"], []),
        (
            "saltern.web.schedule",
            ["saltern.web.schedule.x.missing"],
            ["saltern.web.schedule.x.missing"],
        ),
        ("saltern.web", ["saltern.web.schedule.x", "saltern.web.Schedule", "saltern.web.a.schedule"], None),
        ("saltern.master", ["saltern.master.bus.dropped"], ["saltern.master.bus.dropped"]),
        ("SALTERN", ["SALTERN.Master.x", "SALTERN.web.schedule", "SALTERN.web.x", "SALTERN.x"], None),
        ("saltern2.web.schedule", ["saltern2.web.schedule.x"], []),
        ("x.saltern.master", ["x.saltern.master.y"], []),
    ],
)
def test_where_only_the_master_writes(prefix: str, names: list[str], own: list[str] | None) -> None:
    assert masters_own(prefix, names) == (names[:2] if own is None else own)


@given(st.text())
def test_a_clean_segment_is_one_segment(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_\-:%#@+=]{1,200}", clean(text))


def test_a_few_long_keys_cost_no_more_than_themselves() -> None:
    value: dict[str, Any] = {str(number): number for number in range(20_000)}
    for _ in range(30):
        value = {"k" * 200: value}
    flat = flatten("p", "m.f", {"a": 1, "deep": value})
    assert flat.values == {"p.a": 1.0}
    assert [what for _, what in flat.skipped] == ["nested too deeply"]
    assert max(len(name) for name, _ in flat.skipped) < 1300
