"""What is in the files of a Whisper tree, as the whisper library reads it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import whisper


def path_of(tree: Path, metric: str) -> Path:
    """Return where the file of a metric is."""
    return tree / (metric.replace(".", "/") + ".wsp")


def in_file(tree: Path, metric: str) -> dict[int, float]:
    """Return what the whisper library finds in the file of a metric, by time; nothing when there is no file."""
    now = int(time.time())
    try:
        (start, end, step), values = whisper.fetch(str(path_of(tree, metric)), now - 3599, now + 1)
    except (FileNotFoundError, whisper.WhisperException):
        return {}
    return {at: value for at, value in zip(range(start, end, step), values, strict=True) if value is not None}


def missing(tree: Path, acknowledged: Mapping[tuple[str, int], float]) -> list[tuple[str, int]]:
    """Return those of the acknowledged points that are not in the files of *tree*."""
    stored = {name: in_file(tree, name) for name in {name for name, _ in acknowledged}}
    return [(name, at) for (name, at), value in acknowledged.items() if stored[name].get(at) != value]


def unsound(paths: Iterable[Path]) -> list[str]:
    """Return those of *paths* that are no whole Whisper files."""
    bad = []
    for path in paths:
        try:
            found = whisper.info(str(path))
            end = max(archive["offset"] + archive["size"] for archive in found["archives"])
        except (whisper.WhisperException, TypeError) as error:  # info is None for an empty file
            bad.append(f"{path}: {error}")
            continue
        if path.stat().st_size != end:
            bad.append(f"{path}: {path.stat().st_size} of {end} bytes")
    return bad
