"""A tree of Whisper files with nine days of numbers in them, for servers that only read it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import whisper

NOW = 1_767_225_600
"""Midnight of 2026-01-01 UTC, the end of the numbers; requests fix their clock to it."""
ARCHIVES = [(15, 11_520), (60, 10_080), (900, 35_040)]
"""Two days of 15 s, so that a day with a function's look-back before it is still read at 15 s; 7 days; a year."""
FILLED_S = (26 * 3600, 7 * 86400, 9 * 86400)
"""How far back each archive has numbers: a day and what functions look back, all, and what holtWinters asks for."""
CPUS = 10
GAP_EVERY = 7
"""Of so many metrics one was silent for a while each hour."""

Numbers = npt.NDArray[np.float64]
_SLOT = np.dtype([("time", ">u4"), ("value", ">f8")])


def name(host: int, cpu: int) -> str:
    """Return the name of one metric."""
    return f"saltern.host{host:03d}.stats.cpu.{cpu}.user"


def make(root: Path, hosts: int) -> int:
    """Create ``CPUS`` files for each of *hosts* below *root*, full, and return how many.

    The whisper library makes the header and reads one file back. Raises ``ValueError`` if that has other numbers.
    """
    root.mkdir(parents=True, exist_ok=True)
    sample = root / "sample.wsp"
    whisper.create(str(sample), ARCHIVES, xFilesFactor=0.0, aggregationMethod="average", sparse=True)
    size, header = sample.stat().st_size, sample.read_bytes()[: 16 + 12 * len(ARCHIVES)]
    offsets = [archive["offset"] for archive in whisper.info(str(sample))["archives"]]
    sample.unlink()
    random = np.random.default_rng(1)
    for number in range(hosts * CPUS):
        path = root / (name(number // CPUS, number % CPUS).replace(".", "/") + ".wsp")
        path.parent.mkdir(parents=True, exist_ok=True)
        values = _values(random, gaps=number % GAP_EVERY == 0)
        with path.open("wb") as file:
            file.write(header)
            for (step, _), offset, span in zip(ARCHIVES, offsets, FILLED_S, strict=True):
                file.seek(offset)
                file.write(_slots(values, step, span))
            file.truncate(size)
    _check(root / (name(0, 1).replace(".", "/") + ".wsp"))
    return hosts * CPUS


def _values(random: np.random.Generator, *, gaps: bool) -> Numbers:
    """A load between 0 and 100 every 15 s, with all the digits that averages have; NaN for none."""
    count = FILLED_S[-1] // ARCHIVES[0][0]
    at = np.arange(count) * (2 * np.pi * ARCHIVES[0][0] / 86400)
    values: Numbers = 50 + 30 * np.sin(at + random.random()) + 20 * (random.random(count) - 0.5)
    if gaps:  # none where a ring begins: a file whose first slot is empty counts as empty
        values[np.arange(count) % 240 // 5 == 20] = np.nan
    return values


def _slots(values: Numbers, step: int, span: int) -> bytes:
    """The slots of one archive, from the first on, for the last *span* seconds before :data:`NOW`."""
    cells = values[-span // ARCHIVES[0][0] :].reshape(-1, step // ARCHIVES[0][0])
    known = ~np.isnan(cells)
    counts = known.sum(axis=1)
    slots = np.zeros(len(cells), _SLOT)
    slots["time"] = np.arange(NOW - span + step, NOW + step, step)
    slots["value"] = np.where(known, cells, 0).sum(axis=1) / np.maximum(counts, 1)
    slots[counts == 0] = 0
    return slots.tobytes()


def _check(path: Path) -> None:
    (start, end, step), points = whisper.fetch(str(path), NOW - 86400, NOW, now=NOW)
    if (start, end, step) != (NOW - 86400 + 15, NOW + 15, 15) or None in points:
        raise ValueError(f"{path}: not what was written: {start}, {end}, {step}, {points[:4]}")
