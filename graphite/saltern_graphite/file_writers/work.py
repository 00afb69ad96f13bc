"""The work on Whisper files that a batch asks for: points written, missing files created, damaged ones set aside."""

from __future__ import annotations

import os
import time

import numpy as np

from saltern_graphite.file_writers.base import Batch, Failure, Kind, Outcome
from saltern_graphite.tags.tagged_files import TaggedFiles
from saltern_graphite.whisper.ahead import ReadAhead
from saltern_graphite.whisper.batch import update_batch
from saltern_graphite.whisper.create import NewFile, create_batch
from saltern_graphite.whisper.file import CompressedFile, CorruptFile, set_aside
from saltern_graphite.whisper.held import HeldFiles
from saltern_graphite.whisper.update import LateMode

SETTLED_S = 5.0
"""A damaged file that nobody has changed for so long won't get any better: whoever copies one here goes on writing."""


class FileWork:
    """Works on the tree at *whisper_dir*. With *sync* a new file survives a power cut.

    *late* says what becomes of points older than a file's first archive: see :mod:`saltern_graphite.whisper.update`.
    Up to *most_held* files stay open between batches.
    """

    def __init__(self, whisper_dir: str, *, sync: bool, late: LateMode, most_held: int = 0) -> None:
        self._prefix = os.path.join(whisper_dir, "")
        self._places = TaggedFiles(self._prefix)
        self._sync = sync
        self._late: LateMode = late
        self._held = HeldFiles(most_held)
        self._ahead = ReadAhead()

    def do(self, batch: Batch) -> Outcome:
        """Write *batch*; nothing is raised, what fails is in the outcome."""
        outcome = Outcome()
        try:
            self._update(batch, outcome)
        except Exception as error:  # a fault of ours with some files must not end the writing of all others
            if len(batch.names) == 1:
                return Outcome(failures=[_failure(0, "error", self._prefix + batch.names[0], error)])
            outcome = Outcome()
            for place in range(len(batch.names)):
                outcome.add(self.do(batch.part(np.array([place]))), [place])
        return outcome

    @property
    def holds_files(self) -> bool:
        """Whether files are open."""
        return len(self._held) > 0

    def let_files_go(self) -> None:
        """Close the files that are open."""
        self._held.close()

    def _update(self, batch: Batch, outcome: Outcome) -> None:
        paths = self._places.paths(batch.names)
        times = batch.times.astype(np.int64)
        result = update_batch(
            paths, batch.ends, times, batch.values, batch.now, late=self._late, held=self._held, ahead=self._ahead
        )
        outcome.late.update(result.open_spans)
        outcome.stored += int(result.stored.sum())
        outcome.outside += int(result.outside.sum())
        missing: list[int] = []
        for place, error in result.failures:
            if isinstance(error, CompressedFile):
                outcome.failures.append(Failure(place, "compressed", 0, str(error)))
            elif isinstance(error, CorruptFile):
                self._held.let_go(paths[place])
                outcome.failures.append(_aside(place, paths[place], error))
            elif not isinstance(error, FileNotFoundError):
                outcome.failures.append(_failure(place, "error", paths[place], error))
            elif batch.rules and batch.rules[place]:
                if self._places.elsewhere(batch.names[place]):  # to be updated there
                    outcome.failures.append(Failure(place, "missing", 0, ""))
                else:
                    missing.append(place)
            else:
                outcome.failures.append(Failure(place, "missing", 0, ""))
        if missing:
            self._create(batch, paths, missing, outcome)

    def _create(self, batch: Batch, paths: list[str], missing: list[int], outcome: Outcome) -> None:
        """Create the files of the metrics at the places *missing*, with their points."""
        requests = []
        for place in missing:
            rule = batch.rules and batch.rules[place]
            assert rule
            span = slice(int(batch.ends[place - 1]) if place else 0, int(batch.ends[place]))
            times = batch.times[span].astype(np.int64)
            layout = (rule.retentions, rule.method, rule.x_files_factor)
            requests.append(NewFile(paths[place], *layout, times, batch.values[span]))
        result = create_batch(requests, batch.now, sync=self._sync, late=self._late)
        outcome.late.update({missing[number]: spans for number, spans in result.open_spans.items()})
        outcome.stored += int(result.stored.sum())
        outcome.outside += int(result.outside.sum())
        outcome.created += len(requests) - len(result.failures)
        for number, error in result.failures:
            place = missing[number]
            if isinstance(error, FileExistsError) and not os.path.exists(paths[place]):
                why = f"{paths[place]} can't be written: it is a link to a file that isn't there"
                outcome.failures.append(Failure(place, "uncreated", error.errno or 0, why))
            elif isinstance(error, FileExistsError | BlockingIOError):  # someone was quicker: it is to be updated
                outcome.failures.append(Failure(place, "missing", 0, ""))
            else:
                outcome.failures.append(_failure(place, "uncreated", paths[place], error))


def _aside(place: int, path: str, damage: CorruptFile) -> Failure:
    try:
        if abs(time.time() - os.stat(path).st_mtime) < SETTLED_S:
            return Failure(place, "error", 0, f"{damage}; it was changed just now, and may still be on its way here")
        return Failure(place, "corrupt", 0, f"{damage}; set aside as {set_aside(path)} and begun anew")
    except FileNotFoundError:
        return Failure(place, "missing", 0, "")
    except OSError as error:
        return _failure(place, "error", path, error)


def _failure(place: int, kind: Kind, path: str, error: Exception) -> Failure:
    if isinstance(error, OSError):
        return Failure(place, kind, error.errno or 0, f"{path} can't be written: {error.strerror}")
    return Failure(place, kind, 0, f"{path} can't be written: {type(error).__name__}: {error}")
