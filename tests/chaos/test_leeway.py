"""What a set clock excuses in the comparison is what it does to an account, and no more."""

from __future__ import annotations

import random

import pytest

from chaos.account import LESS_A_STEP, leeway
from chaos.history import Spell
from saltern_master.account.tally import DUE_INTERVALS, Tally

T0 = 1_800_000_000
HOUR_S = 3600
QUIET_S = 120
SUM = ("received", "missing", "lost", "dropped", "skipped", "failed")


def went(seed: int, faults: int) -> tuple[float, list[Spell]]:
    """Have a clock be an hour wrong a few times; return how many more slots are expected than have passed, and when.

    The master looks at its clock every second, as in ``AccountKeeper``; each sample arrives within two.
    """
    choice = random.Random(seed)
    spells, at = [], float(T0)
    events: list[tuple[float, str, float]] = []
    for _ in range(faults):
        began = at + choice.uniform(3, 40)
        at = began + choice.uniform(5, 20)
        spells.append(Spell("clock", "master", frozenset(["clock"]), began, at))
        events += [(began, "set", choice.choice((-HOUR_S, HOUR_S))), (at, "set", 0)]
    end = int(at) + QUIET_S
    events += [(slot + choice.uniform(0, 2), "sample", slot) for slot in range(T0, end)]
    events += [(float(second), "look", 0) for second in range(T0, end)]
    tally = Tally.begun(1.0, T0)
    off = seen = 0.0
    for now, what, value in sorted(events):
        if what == "set":
            off = value
        elif what == "sample":
            tally.ran(value, now + off, failed=False)
        elif off != seen:
            tally.stepped(now + seen, now + off)
            seen = off
    numbers = tally.numbers(end)
    assert numbers["expected"] == sum(numbers[name] for name in SUM)
    return numbers["expected"] - (end - T0 - DUE_INTERVALS), spells


@pytest.mark.parametrize("faults", [0, 1, 2, 5, 13])
def test_no_account_expects_more_or_less_than_that(faults: int) -> None:
    found = [went(seed, faults) for seed in range(60)]
    for more, spells in found:
        less_is_fine, more_is_fine = leeway(spells)
        assert -less_is_fine <= more <= more_is_fine + DUE_INTERVALS  # what came before it is due is expected too
    if faults:
        assert max(more for more, _ in found) > 5, "slots of the hour before are expected once more"
        assert min(more for more, _ in found) < 0 or faults > LESS_A_STEP
