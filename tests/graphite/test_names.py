"""The table of names: every metric one number, whatever its spelling; refusals counted, nothing unbounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_graphite.rules.metric_name import BadName, canonical
from saltern_graphite.store import names as names_module
from saltern_graphite.store.names import Names, Refusals


def numbers_of(names: Names, *raw: str) -> list[int | None]:
    numbers, good = names.numbers(raw, Refusals())
    mask = [True] * len(raw) if good is None else good.tolist()
    return [number if fine else None for number, fine in zip(numbers.tolist(), mask, strict=True)]


def spelled(raw: str) -> str | None:
    try:
        return canonical(raw)
    except BadName:
        return None


@given(
    st.lists(st.sampled_from(["a.b", ".a.b", "c", "c;x=1;y=2", "c;y=2;x=1", "bad..name", "", "é", 'c{x="1",y="2"}']))
)
def test_one_number_for_every_spelling_of_a_name(raw: list[str]) -> None:
    names = Names()
    met: list[str] = []
    names.on_new = met.append
    for _ in range(2):
        for text, number in zip(raw, numbers_of(names, *raw), strict=True):
            assert (None if number is None else names.name(number)) == spelled(text)
    assert len(met) == len(set(met)) == len(names)
    assert names.of(range(len(names))) == met
    assert all(names.find(name) == number for number, name in enumerate(met))


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6), max_size=12))
def test_many_at_once_have_the_same_numbers_and_are_told_once(runs: list[list[str]]) -> None:
    names, one_by_one, told = Names(), Names(), list[str]()
    names.on_many_new = told.extend
    for run in runs:
        assert names.add_all(run).tolist() == [one_by_one.add(name) for name in run]
    assert told == list(dict.fromkeys(name for run in runs for name in run))
    known = told.copy()
    names.announce_again(known[:1])
    assert names.add_all(known).tolist() == list(range(len(known)))
    assert told == known + known[:1]


def test_refused_names_are_counted_with_a_sample() -> None:
    names, refusals = Names(), Refusals()
    _, good = names.numbers(["a..b", "ok", "c..d", "x/y"], refusals)
    assert good is not None
    assert good.tolist() == [False, True, False, False]
    assert refusals.counts == {"empty_segment": 2, "bad_character": 1}
    assert refusals.samples == {"empty_segment": "a..b", "bad_character": "x/y"}


def test_rules_that_change_hold_for_known_names_too() -> None:
    denied: set[str] = set()
    names = Names(lambda name: "denied" if name in denied else None)
    assert numbers_of(names, "a", "b", "..a") == [0, 1, 0]
    denied.add("a")
    names.check_again()
    assert numbers_of(names, "a", "b", "..a") == [None, 1, None]
    assert names.name(0) == "a"  # its points may still be waiting
    denied.clear()
    names.check_again()
    number = numbers_of(names, "a", "..a")
    assert number[0] == number[1] is not None
    assert names.name(number[0] or 0) == "a"


def test_other_spellings_and_refused_names_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_module, "MAX_OTHERS", 3)
    names = Names()
    for dots in range(1, 50):
        assert numbers_of(names, "." * dots + "a", f"b..{dots}") == [0, None]
    assert len(names._ids) <= 4
    assert len(names._refused) <= 3
