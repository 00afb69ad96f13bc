"""``salt.utils.validate.path``: places that can be used."""

from __future__ import annotations

import os


def is_writeable(path: str, check_parent: bool = False) -> bool:
    """Return whether *path* can be written, or with *check_parent* made."""
    if os.path.exists(path):
        return os.access(path, os.W_OK)
    return check_parent and os.access(os.path.dirname(path) or os.curdir, os.W_OK)


def is_readable(path: str) -> bool:
    """Return whether *path* can be read."""
    return os.access(path, os.R_OK)


def is_executable(path: str) -> bool:
    """Return whether *path* can be run."""
    return os.access(path, os.X_OK)
