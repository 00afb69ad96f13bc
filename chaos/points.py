"""Every sample against every archive: is each where it belongs, once, and is everything there one of them?

A sample that is nowhere may be explained:

* *in the making*: its agent was killed before the sample could be on any disk, one sample for each kill;
* *on no disk*: its agent was killed while its own disk took nothing, or when its spool had just vanished;
* *not in the log*: the store was killed after its log was deleted, moved away or damaged, and before the point was in
  its file: the account has it as received, the store tells of it;
* *not in the journal*: the master's journal was deleted, or moved away, while the master was down, after its disk had
  been full, so that the notes, which tell whose a lost record was, may lack it: the account has it as received or
  missing;
* *counted*: the account says of so many that they were lost or dropped. ``account.py`` holds that to the last number.

What was stored while a clock was wrong may be at a wrong time, and then over another.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from chaos import rings
from chaos.finding import POINTS, ROLLUPS, Finding
from chaos.history import History
from chaos.stack import MASTER, STORE, Stack
from chaos.truth import AGGREGATION, INTERVAL_S, LEAVES, Sample

MAKING_S = 1.5
"""From a sample's being written down to its being in the spool, at most, on a loaded machine."""
DISK_HEALS_S = 6.0
CLOCK_HEALS_S = 60.0
AGREE_WITHIN_S = 3.0
"""Between a sample's slot and when it really ran: an interval of phase, and a loaded machine."""
IN_FILES_S = 30.0
"""From a sample to its being in its file, at most, also when the store was away in between."""
NO_DISK = "full", "read-only", "away", "deleted"
VANISHED = "away", "deleted"
WAITED_S = 60.0
"""So long a sample may have been in a spool that vanished."""
DOWN_S = 10.0
"""So long a program that was killed may be down."""
NOTICED_S = 3.0
"""Until a running master has noticed, on a loaded machine."""
LOG_GONE = "away", "deleted", "flip"


@dataclass
class Stored:
    """What became of one minion's samples."""

    minion: str
    sampled: int = 0
    first: int = 0
    """The slot of its first sample."""
    slots: set[int] = field(default_factory=set)
    """Those with a point in the finest archive."""
    nowhere: list[Sample] = field(default_factory=list)
    """Samples that are not stored and not explained by a kill."""
    explained: int = 0
    """Samples that a kill took."""
    taken: int = 0
    """Samples that the store had, and lost with its log."""
    gone: int = 0
    """Samples that the master had, and lost with its journal."""
    findings: list[Finding] = field(default_factory=list)


class Points:
    """Looks at what the store of *stack* has from *since* on (epoch s)."""

    def __init__(self, stack: Stack, history: History, since: float, until: float) -> None:
        self._stack = stack
        self._history = history
        self._since, self._until = int(since), int(until)

    def look(self, minion: str) -> Stored:
        """Return what became of a minion's samples."""
        samples = self._stack.truth.samples(minion)
        stored = Stored(minion, len(samples), samples[0].slot if samples else 0)
        archives = {}
        for leaf in LEAVES:
            try:
                archives[leaf] = rings.read(self._stack.file_of(minion, leaf), self._since, self._until)
            except struct.error as error:
                stored.findings.append(Finding(POINTS, minion, f"the file of {leaf} is none: {error}"))
                archives[leaf] = []
        values = archives["value"][0].points if archives["value"] else {}
        stored.slots = set(values)
        stored.findings += self._compared(stored, samples, values)
        stored.findings += self._leaves(minion, values, archives)
        stored.findings += self._rolled_up(minion, archives)
        return stored

    def _compared(self, stored: Stored, samples: list[Sample], values: dict[int, float]) -> Iterator[Finding]:
        minion = stored.minion
        places: dict[int, list[int]] = {}
        for slot, value in values.items():
            places.setdefault(int(value), []).append(slot)
        kills = self._ends(minion)
        numbers = {sample.number for sample in samples}
        for sample in samples:
            at = places.get(sample.number, [])
            faults = self._history.around(sample.really, minion)
            if not at:
                other = values.get(sample.slot)
                if other is not None and other in numbers:
                    if not self._clock_was_wrong(minion, sample.really):
                        text = f"slot {sample.slot}: sampled twice: {other:g} is stored, {sample.number} isn't"
                        yield Finding(POINTS, minion, text, faults)
                elif self._killed(minion, sample, kills):
                    stored.explained += 1
                elif self._log_gone(sample):
                    stored.taken += 1
                elif self._journal_gone(sample):
                    stored.gone += 1
                else:
                    stored.nowhere.append(sample)
            elif len(at) > 1:
                yield Finding(POINTS, minion, f"sample {sample.number} is stored at each of {at}", faults)
            elif abs(at[0] - sample.really) > AGREE_WITHIN_S and not self._clock_was_wrong(minion, sample.really):
                text = f"sample {sample.number} is stored at {at[0]}, and was made at {sample.really:.1f}"
                yield Finding(POINTS, minion, text, faults)
        for slot, value in values.items():
            if value not in numbers:
                yield Finding(POINTS, minion, f"slot {slot}: {value:g} is stored, which nobody sampled")

    def _killed(self, minion: str, sample: Sample, kills: list[float]) -> bool:
        """Tell whether a kill explains that a sample is nowhere; a kill explains one in the making."""
        for number, kill in enumerate(kills):
            if sample.really - 0.1 <= kill <= sample.really + MAKING_S:
                del kills[number]
                return True
        return any(
            spell.began - (WAITED_S if spell.kind in VANISHED else MAKING_S) <= sample.really <= kill
            for spell in self._history.of(NO_DISK, [minion])
            for kill in self._ends(minion)
            if spell.began - MAKING_S <= kill <= spell.ended + DISK_HEALS_S
        )

    def _ends(self, name: str) -> list[float]:
        """Return when a program ended, by us or by itself, in order."""
        program = self._stack.programs[name]
        return sorted(program.ended_at + [end.at for end in program.ends])

    def _log_gone(self, sample: Sample) -> bool:
        """Tell whether the store may have lost a sample with its log."""
        return any(
            spell.began - IN_FILES_S <= sample.really <= kill
            for spell in self._history.of(LOG_GONE, [STORE])
            for kill in self._ends(STORE)
            if spell.began <= kill <= spell.ended + IN_FILES_S
        )

    def _journal_gone(self, sample: Sample) -> bool:
        """Tell whether the master may have lost a sample with its journal, which vanished, without a note of it."""
        fulls = self._history.of(["full"], [MASTER])
        return any(
            kill - WAITED_S <= sample.really <= kill
            and any(full.began - WAITED_S <= kill <= full.ended + WAITED_S for full in fulls)
            for spell in self._history.of(VANISHED, [MASTER])
            for kill in self._ends(MASTER)
            if spell.began - DOWN_S <= kill <= spell.ended + NOTICED_S
        )

    def _clock_was_wrong(self, minion: str, at: float) -> bool:
        return any(
            spell.began - AGREE_WITHIN_S <= at <= spell.ended + CLOCK_HEALS_S
            for spell in self._history.of(["clock"], [minion, MASTER])
        )

    def _leaves(
        self, minion: str, values: dict[int, float], archives: dict[str, list[rings.Ring]]
    ) -> Iterator[Finding]:
        for leaf, of_number in LEAVES.items():
            found = archives[leaf][0].points if archives[leaf] else {}
            right = {at: float(of_number(int(value))) for at, value in values.items()}
            for at in sorted(found.items() ^ right.items())[:1]:
                slot = at[0]
                text = f"slot {slot}: {leaf} is {found.get(slot)}, and {right.get(slot)} was sampled"
                yield Finding(POINTS, minion, text, self._history.around(slot, minion))

    def _rolled_up(self, minion: str, archives: dict[str, list[rings.Ring]]) -> Iterator[Finding]:
        for leaf, found in archives.items():
            if not found:
                continue
            right = found[0].points
            for ring in found[1:]:
                right = rings.rolled_up(right, ring.step, AGGREGATION[leaf])
                wrong = [
                    at for at in right.keys() | ring.points.keys() if not _same(right.get(at), ring.points.get(at))
                ]
                for at in sorted(wrong):
                    text = f"{leaf}, {ring.step} s, {at}: {ring.points.get(at)} is stored, {right.get(at)} is right"
                    yield Finding(ROLLUPS, minion, text, self._history.around(at, minion))


def _same(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and abs(one - other) <= 1e-9 * max(1.0, abs(other))


assert INTERVAL_S == 1  # the finest archive has a slot for each sample
