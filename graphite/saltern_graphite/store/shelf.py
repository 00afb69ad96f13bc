"""A shelf: the packed points of some metrics with neighbouring numbers, written to their files together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saltern_graphite.store.packed import Columns, Packed, Points, merged
from saltern_graphite.store.wal.mark import Place

METRICS = 4096
"""On one shelf: number *n* is on shelf ``n // METRICS``."""
BLOCKS_OF_A_LEVEL = 4
"""So many blocks of one size become one of the next: few to look through, and better packed."""


@dataclass(frozen=True, slots=True)
class Block:
    """Points that the log has from *place* on, the first of which came at *since* (``time.monotonic()``).

    *old*: they were read back, and are older than all that came since.
    """

    packed: Packed
    place: Place
    since: float
    level: int = 0
    old: bool = False


class Shelf:
    """The *blocks* of some metrics, oldest first; never none. It never changes: there will be another in its place.

    ``since`` is when its first point came (``time.monotonic()``), ``place`` where the log has it, ``points`` how many
    there are (of one second in two blocks there may be two), ``bytes`` the memory that they take, ``old`` how many
    blocks were read back.
    """

    __slots__ = ("_metrics", "blocks", "bytes", "old", "place", "points", "since")

    def __init__(self, blocks: tuple[Block, ...]) -> None:
        self.blocks = blocks
        self.since = min(block.since for block in blocks)
        self.place = min(block.place for block in blocks)
        self.points = sum(block.packed.points for block in blocks)
        self.bytes = sum(block.packed.bytes for block in blocks)
        self.old = sum(block.old for block in blocks)
        self._metrics = 0

    @property
    def metrics(self) -> int:
        """How many metrics have points here."""
        if not self._metrics:
            there = np.zeros(METRICS, np.bool_)
            for block in self.blocks:
                there[block.packed.numbers() % METRICS] = True
            self._metrics = int(np.count_nonzero(there))
        return self._metrics

    def of(self, number: int) -> Points:
        """Return the points of the metric *number* as they came: one second may be there again, the newest last."""
        return [point for block in self.blocks for point in block.packed.of(number)]

    def unpack(self) -> Columns:
        """Return all points."""
        return merged([block.packed for block in self.blocks])

    def with_block(self, block: Block) -> Shelf:
        """Return a shelf that has *block* too, behind those as old."""
        at = self.old if block.old else len(self.blocks)
        return Shelf((*self.blocks[:at], block, *self.blocks[at:]))

    def parted(self, points: int, *, old: bool = False) -> tuple[Shelf, Shelf | None]:
        """Return a shelf with the oldest points, *points* at the most unless a block has more, and one with the others.

        *old*: of those that were read back, which there are.
        """
        total, count = self.blocks[0].packed.points, 1
        most = self.old if old else len(self.blocks)
        while count < most and (total := total + self.blocks[count].packed.points) <= points:
            count += 1
        if count == len(self.blocks):
            return self, None
        return Shelf(self.blocks[:count]), Shelf(self.blocks[count:])

    def joinable(self, points: int) -> slice | None:
        """Return which blocks, of no more than *points* together, should be one; ``None`` when there are few enough."""
        for end in {self.old, len(self.blocks)}:
            begin = end - BLOCKS_OF_A_LEVEL
            last = self.blocks[max(begin, 0) : end]
            if begin < 0 or len({(block.level, block.old) for block in last}) > 1:
                continue
            if sum(block.packed.points for block in last) <= points:
                return slice(begin, end)
        return None

    def joined(self, which: slice) -> Shelf:
        """Return a shelf with the same points, those of the blocks *which* in one."""
        last = self.blocks[which]
        packed = Packed(merged([block.packed for block in last]))
        place, since = min(block.place for block in last), min(block.since for block in last)
        block = Block(packed, place, since, last[0].level + 1, last[0].old)
        return Shelf((*self.blocks[: which.start], block, *self.blocks[which.stop :]))
