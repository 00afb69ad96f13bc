"""Another user of this host, who owns a folder and does there as he likes while root works in it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

NAME = "nobody"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root meets files of other users")


def give_away(path: Path) -> Path:
    """Make *path* (a link itself, not what it means) the stranger's."""
    entry = pwd.getpwnam(NAME)
    os.lchown(path, entry.pw_uid, entry.pw_gid)
    return path


def folder_of_a_stranger(path: Path) -> Path:
    """Make a folder that is the stranger's."""
    path.mkdir()
    return give_away(path)


def link_of_a_stranger(path: Path, target: Path) -> Path:
    """Make *path* the stranger's link to *target*, in the place of what is there."""
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return give_away(path)
