"""The account to the last number: what it says of each minion, against what was written down and what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from chaos.finding import ACCOUNT, POINTS, Finding
from chaos.history import History, Spell
from chaos.points import Stored
from chaos.stack import MASTER
from chaos.truth import INTERVAL_S

PARTS = "received", "missing", "lost", "dropped", "skipped", "failed"
SHOWN = 5
EXPECTED_LESS, EXPECTED_MORE = 10, 60
"""Slots that needn't be expected yet, and those that were before the first sample."""
LESS_A_STEP, MORE_A_STEP = 5, 5
"""Slots that may not be expected, or twice, each time that the master's clock was set, beyond those in which it was."""
UNSURE_S = 60.0
"""So long before and after a time with a wrong clock a sample may be, that was on its way then."""


def compared(stored: Stored, told: Mapping[str, float] | None, at: float, history: History) -> Iterator[Finding]:
    """Yield what is wrong with a minion's account of the schedule, *told* at *at* (epoch s), and unexplained losses."""
    minion = stored.minion
    if told is None:
        yield Finding(ACCOUNT, minion, "there is no account")
        told = {}
    parts = {name: int(told.get(name, 0)) for name in PARTS}
    expected = int(told.get("expected", 0))
    if expected != sum(parts.values()):
        words = " + ".join(f"{name} {count}" for name, count in parts.items())
        yield Finding(ACCOUNT, minion, f"expected {expected} is not {words} = {sum(parts.values())}")
    counted = parts["lost"] + parts["dropped"]
    nowhere = stored.nowhere
    clocks = history.of(["clock"], [MASTER])
    unsure = [
        any(spell.began - UNSURE_S <= one.really <= spell.ended + UNSURE_S for spell in clocks) for one in nowhere
    ]
    if len(nowhere) - sum(unsure) > counted:
        text = f"{len(nowhere)} samples are not stored, and {counted} are counted as lost or dropped: "
        text += ", ".join(f"{one.number} at {one.slot}" for one in nowhere[:SHOWN])
        yield Finding(POINTS, minion, text, history.around(nowhere[0].really, minion))
    due = (at - stored.first) / INTERVAL_S if stored.first else 0
    less, more = leeway(clocks)
    if not due - EXPECTED_LESS - less <= expected <= due + EXPECTED_MORE + more:
        yield Finding(ACCOUNT, minion, f"expected {expected}, and about {due:.0f} slots have passed since the first")
    if history.counts()["clock"]:
        return  # which slots were due while it was wrong, nobody can say
    # What a fault may have taken before anybody could count it may be counted all the same, and as one thing only.
    more_lost, more_received = counted - len(nowhere), parts["received"] - len(stored.slots)
    may = stored.explained + stored.taken + stored.gone
    if more_lost > may:
        text = f"{counted} are counted as lost or dropped, and {len(nowhere)} are not stored"
        yield Finding(ACCOUNT, minion, text + (f", and {may} that a fault may have taken" if may else ""))
        more_lost = 0
    if not 0 <= more_received <= min(stored.taken + stored.gone, may - max(more_lost, 0)):
        text = f"received {parts['received']}, and {len(stored.slots)} slots are stored"
        if stored.gone:
            text += f", {stored.gone} may have been lost with the master's journal"
        if stored.taken:
            text += f", {stored.taken} may have been lost with the store's log"
        yield Finding(ACCOUNT, minion, text)
    if parts["failed"]:
        yield Finding(ACCOUNT, minion, f"failed {parts['failed']}, and no sample failed")


def leeway(clocks: Iterable[Spell]) -> tuple[float, float]:
    """Return how many slots less, and more, than passed an account may expect, after the master's *clocks* were set.

    While one is an hour behind, slots of the hour before are expected once more.
    """
    lengths = [spell.ended - spell.began for spell in clocks]
    return LESS_A_STEP * len(lengths), sum(lengths) / INTERVAL_S + MORE_A_STEP * len(lengths)
