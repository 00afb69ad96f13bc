"""The state of every slot, against a dict of them."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_master.account import slot_states as module
from saltern_master.account.slot_states import SlotStates, State

SLOTS = st.integers(0, 60)
STATES = st.sampled_from(State)
PUTS = st.lists(st.tuples(SLOTS, SLOTS, STATES), max_size=40)


def made(puts: list[tuple[int, int, State]]) -> tuple[SlotStates, dict[int, State]]:
    """Return the states that some ranges were given, and the same as a dict."""
    states, model = SlotStates(), dict.fromkeys(range(-5, 70), State.MISSING)
    for one, other, state in puts:
        first, last = min(one, other), max(one, other)
        states.put(first, last, state)
        model.update(dict.fromkeys(range(first, last + 1), state))
    return states, model


def kept_in_order(states: SlotStates) -> None:
    assert states.starts == sorted(set(states.starts))
    assert all(one is not other for one, other in pairwise([State.MISSING, *states.states]))
    assert not states.states or states.states[-1] is State.MISSING


@given(PUTS, SLOTS, SLOTS)
def test_it_is_a_dict_of_slots(puts: list[tuple[int, int, State]], one: int, other: int) -> None:
    states, model = made(puts)
    kept_in_order(states)
    assert {slot: states.at(slot) for slot in model} == model
    first, last = min(one, other), max(one, other)
    in_range = [model[slot] for slot in range(first, last + 1)]
    assert states.count(first, last) == Counter(in_range)
    runs = list(states.runs(first, last))
    assert [state for start, end, state in runs for _ in range(start, end + 1)] == in_range


@given(PUTS, SLOTS, SLOTS, STATES, STATES)
def test_only_those_with_the_state_before_change(
    puts: list[tuple[int, int, State]], one: int, other: int, state: State, before: State
) -> None:
    states, model = made(puts)
    first, last = min(one, other), max(one, other)
    states.put_where(first, last, state, before)
    kept_in_order(states)
    for slot, found in model.items():
        assert states.at(slot) is (state if first <= slot <= last and found is before else found)


@given(st.lists(st.tuples(SLOTS, STATES), max_size=100), PUTS)
def test_what_is_settled_counts_and_never_changes(
    slots: list[tuple[int, State]], later: list[tuple[int, int, State]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_RUNS", 6)
        states, model = SlotStates(), dict.fromkeys(range(61), State.MISSING)
        puts = [(slot, slot, state) for slot, state in slots] + [(min(a, b), max(a, b), s) for a, b, s in later]
        for first, last, state in puts:
            states.put(first, last, state)
            begin = first if states.settled_to is None else max(first, states.settled_to)
            model.update(dict.fromkeys(range(begin, last + 1), state))
            states.settle(0)
            assert len(states.starts) <= 6
        assert states.count(0, 60) == Counter(model.values())


@given(PUTS, SLOTS, SLOTS)
def test_what_is_forgotten_counts_once_more(puts: list[tuple[int, int, State]], last: int, horizon: int) -> None:
    states, model = made(puts)
    states.forget_beyond(last, horizon, 0)
    kept_in_order(states)
    for slot, found in model.items():
        assert states.at(slot) is (found if slot <= last else State.MISSING)
    seen_before = Counter(model[slot] for slot in range(last + 1, horizon + 1))
    again = Counter({State.MISSING: max(0, horizon - last)})
    upto = Counter(model[slot] for slot in range(min(last, horizon) + 1))
    assert Counter(states.count(0, horizon)) == seen_before + again + upto
