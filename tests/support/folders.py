"""Folders that are not a test's usual ones."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def open_to_all() -> Iterator[Path]:
    """Make a folder that every user gets to, as ``tmp_path`` isn't, until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="saltern-test-"))
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)
