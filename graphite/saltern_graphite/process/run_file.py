"""Where a running server listens, for whoever started it: ``run/graphite.json``."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping

from saltern.errors import StoreError, os_errors
from saltern.files import make_folder, write_atomic

RUN_FILE = "graphite.json"


def write_run_file(root: str, endpoints: Mapping[str, object]) -> None:
    """Write ``run/graphite.json`` under *root* so that a reader finds all of it or nothing.

    Raises ``StoreError``.
    """
    folder = os.path.join(root, "run")
    path = os.path.join(folder, RUN_FILE)
    with os_errors(StoreError, path, "can't be written"):
        make_folder(folder, 0o755)
        write_atomic(path, json.dumps(endpoints).encode())


def remove_run_file(root: str) -> None:
    """Remove it: the server has gone."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(root, "run", RUN_FILE))
