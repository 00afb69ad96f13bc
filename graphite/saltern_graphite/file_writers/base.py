"""What writes batches of points into Whisper files, on behalf of the writer.

Drivers in :mod:`saltern_graphite.file_writers`: ``local`` does it in the calling thread; ``process`` spreads it over
worker processes, each of which always has the same metrics. Batches are answered in the order in which they were
submitted. Writing a batch a second time does no harm, so whatever fails may be submitted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from saltern_graphite.rules.schemas import Retention

WRITER_NICE = 5
"""How far whatever writes stands back (see nice(1)): where processors are few, who receives or asks goes first."""

Kind = Literal["missing", "corrupt", "compressed", "uncreated", "error"]


class Rule(NamedTuple):
    """How a new file is laid out."""

    retentions: tuple[Retention, ...]
    method: str
    x_files_factor: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Points of some metrics: those of ``names[i]``, number ``numbers[i]``, are ``times[ends[i - 1]:ends[i]]``, sorted.

    *now*, epoch seconds, is what ages are counted from. A missing file is created if the metric has one of *rules*.
    """

    numbers: npt.NDArray[np.uint32]
    names: list[str]
    ends: npt.NDArray[np.int64]
    times: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float64]
    now: int
    rules: Sequence[Rule | None] | None = None

    def with_points(
        self, ends: npt.NDArray[np.int64], times: npt.NDArray[np.uint32], values: npt.NDArray[np.float64]
    ) -> Batch:
        """Return a batch of the same metrics with other points."""
        return replace(self, ends=ends, times=times, values=values)

    def part(self, places: npt.NDArray[np.int64]) -> Batch:
        """Return the batch of the metrics at *places* alone."""
        begins = np.where(places > 0, self.ends[places - 1], 0)
        lengths = self.ends[places] - begins
        ends = np.cumsum(lengths)
        rows = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(begins - ends + lengths, lengths)
        rules = None if self.rules is None else [self.rules[place] for place in places.tolist()]
        names = [self.names[place] for place in places.tolist()]
        return Batch(self.numbers[places], names, ends, self.times[rows], self.values[rows], self.now, rules)


class Failure(NamedTuple):
    """The metric at *place* was not written: its file is ``missing`` and there was no rule to create it by, or was
    ``corrupt`` and is set aside, or is ``compressed`` by go-carbon and stays as it is, or it could not be created
    (``uncreated``), or there was another ``error``.

    *code* is the ``errno`` or 0, *text* says what happened, for the log.
    """

    place: int
    kind: Kind
    code: int
    text: str


@dataclass(slots=True)
class Outcome:
    """What became of a batch: points *stored*, points *outside* every archive, files *created*, and *failures*.

    *late* says for places that got late points from when to when these are to be passed again with later ones.
    """

    stored: int = 0
    outside: int = 0
    created: int = 0
    failures: list[Failure] = field(default_factory=list)
    late: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, part: Outcome, places: Sequence[int]) -> None:
        """Take in what became of a *part* of the batch; *places* are where its metrics are in the whole."""
        self.stored += part.stored
        self.outside += part.outside
        self.created += part.created
        self.failures += [failure._replace(place=int(places[failure.place])) for failure in part.failures]
        self.late.update({int(places[place]): spans for place, spans in part.late.items()})


class FileWriter(Protocol):
    """A driver; for one thread."""

    def submit(self, batch: Batch) -> None:
        """Have *batch* written; at most :attr:`depth` may be submitted before :meth:`collect`."""
        ...

    def collect(self) -> Outcome:
        """Wait for the batch submitted first and return what became of it."""
        ...

    @property
    def depth(self) -> int:
        """How many batches may be under way."""
        ...

    def close(self) -> None:
        """Give everything up."""
        ...
