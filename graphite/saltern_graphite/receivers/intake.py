"""What receivers share, and what they tell about the points that came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from saltern.complaints import Complaints
from saltern_graphite.receivers.formats.line import Block
from saltern_graphite.receivers.gate import Gate
from saltern_graphite.receivers.read_buffer import ReadBuffer
from saltern_graphite.rules.name_lists import CAUSES as LISTED
from saltern_graphite.store.store import Accepted, Store


@dataclass(frozen=True, slots=True)
class Intake:
    """The *store*, the *gate* that closes when it is full, *notices* for bad input, and what TCP is read into."""

    store: Store
    gate: Gate
    notices: Complaints
    buffer: ReadBuffer = field(default_factory=ReadBuffer, repr=False)

    def accept(self, block: Block) -> Accepted:
        """Give the points of *block* to the store. Raises ``StoreError`` as it does."""
        # The store makes arrays of these columns; those of a large block are arrays already.
        times, values = cast("list[float]", block.times), cast("list[float]", block.values)
        return self.store.accept(block.names, times, values)

    def received(self, accepted: Accepted, peer: str) -> None:
        """Count what the store took from *peer*, and log a sample of what it refused."""
        self.store.counters.add("metricsReceived", accepted.accepted)
        for cause, name in accepted.samples.items():
            count = accepted.refused[cause]
            if cause in LISTED:  # Carbon's counters; a name that is not wanted is no news
                self.store.counters.add(cause, count)
            else:
                self.notices.say(cause, "%s: %d points refused (%s), such as %.200r", peer, count, cause, name)

    def refused(self, block: Block, peer: str) -> None:
        """Count what was bad in a *block* of *peer*'s, and log a sample of each kind."""
        if not block.bad:
            return
        self.store.counters.drop(block.bad)
        for cause, sample in block.samples:
            self.notices.say(cause, "%s: refused (%s): %r", peer, cause, sample)
