"""Whisper files without points, made as the server makes them."""

from __future__ import annotations

import time

from saltern_graphite.rules.schemas import Retention
from saltern_graphite.whisper.create import NewFile, create_batch


def create(
    path: str, retentions: tuple[Retention, ...], method: str, x_files_factor: float, *, sync: bool = False
) -> None:
    """Create the file *path* and the folders above it."""
    result = create_batch([NewFile(path, retentions, method, x_files_factor)], int(time.time()), sync=sync)
    for _, error in result.failures:
        raise error
