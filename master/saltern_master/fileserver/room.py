"""What files that somebody sends leave of a disk: the journal may be on it."""

from __future__ import annotations

import os

from saltern.errors import FileServerError, os_errors
from saltern.files import make_private_folder

MIN_FREE_BYTES, MIN_FREE_SHARE = 1 << 30, 0.05
"""What is left free, the smaller of both."""


def check_room(folder: str, more: int, what: str) -> None:
    """Raise ``FileServerError`` when *more* bytes in *folder* would leave too little; *what* wants them."""
    with os_errors(FileServerError, folder, f"can't keep {what}"):
        make_private_folder(folder)
        disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    least = int(min(MIN_FREE_BYTES, MIN_FREE_SHARE * disk.f_blocks * disk.f_frsize))
    if free - more < least:
        raise FileServerError(
            f"{folder}: {free:,} bytes are free on the master, of which {what} leave {least:,}: {more:,} more don't fit"
        )
