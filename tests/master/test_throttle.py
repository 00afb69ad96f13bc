"""How long someone must wait who failed, against a model that keeps everything."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_master.auth.throttle import (
    FORGET_S,
    OF_AN_ACCOUNT,
    OF_AN_ADDRESS,
    Failures,
    Limits,
    Throttle,
    account_of,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Event(NamedTuple):
    at: float
    good: bool
    account: str
    address: str


class Model:
    """All that ever happened, gone through from its beginning for each question."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def wait_s(self, account: str, address: str, now: float) -> int:
        placed = any(e.good and (e.account, e.address) == (account, address) for e in self.events)
        ours = [
            e
            for number, e in enumerate(self.events)
            if e.account == account and self.counts_apart(number) == placed and (not placed or e.address == address)
        ]
        of_account = self.wait(ours, OF_AN_ACCOUNT, now)
        of_address = self.wait([e for e in self.events if e.address == address and not e.good], OF_AN_ADDRESS, now)
        return math.ceil(max(of_account, of_address))

    def counts_apart(self, number: int) -> bool:
        """Return whether event *number* was at a place of which a success was known already."""
        event = self.events[number]
        return any(e.good and e[2:] == event[2:] for e in self.events[:number])

    @staticmethod
    def wait(events: list[Event], limits: Limits, now: float) -> float:
        count, last = 0, -math.inf
        for event in events:
            if event.at - last >= FORGET_S:
                count = 0
            count = 0 if event.good else count + 1
            last = event.at if not event.good else last
        if now - last >= FORGET_S or count <= limits.free:
            return 0.0
        wait = limits.first_s
        for _ in range(count - limits.free - 1):
            wait = min(limits.most_s, wait * 2)
        return max(0.0, last + wait - now)


STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.5, 1.0, 7.0, 61.0, 700.0, FORGET_S - 1, FORGET_S]),
        st.sampled_from([False] * 9 + [True]),
        st.sampled_from("ab"),
        st.sampled_from("xyz"),
    ),
    max_size=60,
)


@given(STEPS)
def test_it_does_what_a_model_does_that_keeps_everything(steps: list[tuple[float, bool, str, str]]) -> None:
    clock, model = Clock(), Model()
    throttle = Throttle(clock)
    for wait, good, account, address in steps:
        clock.now += wait
        (throttle.succeeded if good else throttle.failed)(account, address)
        model.events.append(Event(clock.now, good, account, address))
        for asked in "ab":
            for where in "xyz":
                assert throttle.wait_s(asked, where) == model.wait_s(asked, where, clock.now), (asked, where)


def test_waits_double_up_to_a_bound_and_are_forgotten() -> None:
    failures = Failures(Limits(2, 1.0, 60.0))
    waits = []
    for _ in range(12):
        failures.add("fred", 0.0)
        waits.append(failures.wait_s("fred", 0.0))
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert failures.wait_s("fred", 59.5) == 0.5
    assert failures.wait_s("fred", 60) == 0
    failures.add("fred", FORGET_S)
    assert failures.wait_s("fred", FORGET_S) == 0


def test_an_account_that_failed_a_million_times_waits_no_longer() -> None:
    failures = Failures(Limits(0, 1.0, 60.0))
    for _ in range(100_000):
        failures.add("fred", 0.0)
    assert failures.wait_s("fred", 0.0) == 60


def test_memory_is_bounded_and_who_failed_last_is_remembered() -> None:
    throttle = Throttle(Clock(), known=100)
    for _ in range(60):
        throttle.failed("admin", "10.0.0.1")
    for number in range(1000):
        throttle.failed(f"user{number}", f"10.1.{number // 250}.{number % 250}")
        throttle.succeeded(f"friend{number}", "10.0.0.2")
        if number % 50 == 0:
            throttle.failed("admin", "10.0.0.1")
        assert max(throttle.sizes()) <= 100
    assert throttle.wait_s("admin", "10.0.0.9") > 0
    assert throttle.wait_s("other", "10.0.0.1") > 0


def test_who_fails_elsewhere_shuts_nobody_out_of_where_he_is_at_home() -> None:
    throttle = Throttle(Clock())
    throttle.succeeded("fred", "home")
    for number in range(20):
        throttle.failed("fred", f"elsewhere{number}")
    assert throttle.wait_s("fred", "home") == 0
    assert throttle.wait_s("fred", "elsewhere99") > 0
    for _ in range(11):
        throttle.failed("fred", "home")
    assert throttle.wait_s("fred", "home") > 0


def test_a_success_makes_up_for_the_failures_of_its_own_place_alone() -> None:
    throttle = Throttle(Clock())
    throttle.succeeded("fred", "home")
    for _ in range(15):
        throttle.failed("fred", "home")
        throttle.failed("fred", "elsewhere")
    throttle.succeeded("fred", "home")
    assert throttle.wait_s("fred", "home") == 0
    assert throttle.wait_s("fred", "elsewhere") > 0


def test_an_account_of_ones_own_doesnt_make_up_for_others() -> None:
    throttle = Throttle(Clock())
    for number in range(51):
        throttle.failed(f"user{number}", "there")
        throttle.succeeded("mallory", "there")
    assert throttle.wait_s("fred", "there") > 0


@pytest.mark.parametrize(
    "name", ["FRED", "Fred", "ｆｒｅｄ", "fred ", " fred", "fr\u00aded", "f\ufe00red", "fred\u200b", "fred"]
)
def test_an_account_is_one_however_it_is_written(name: str) -> None:
    assert account_of("ldap", name) == "ldap:fred"


def test_accounts_of_different_drivers_are_different() -> None:
    assert account_of("ldap", "fred") != account_of("pam", "fred")
    assert account_of("ldap", "a  b") == account_of("ldap", "A b") != account_of("ldap", "ab")
