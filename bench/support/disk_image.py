"""A file system in a file, for millions of files: it is gone at once, where removing each of them can take hours.

On an ext4 mounted with ``discard`` and without a journal, each piece of each file is told to the disk and waited for:
on a busy machine 200 files a second were removed. An image takes root, a loop device, and its whole size at once.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

FILES_BESIDE = 100_000
BYTES_A_FILE = 6 * 4096
"""A block of each archive that has points, one more now and then, and what the folders take."""
LEAST_BYTES = 2 << 30
UNMOUNTS, UNMOUNT_EVERY_S = 20, 0.5


@contextlib.contextmanager
def disk_image(below: Path, files: int) -> Iterator[Path]:
    """Mount a fresh ext4 for so many files in the folder *below* until the block ends; yield where.

    Raises ``subprocess.CalledProcessError``, whose message names the program that could not.
    """
    image, where = below / "disk.img", below / "disk"
    where.mkdir()
    with image.open("wb") as file:
        os.posix_fallocate(
            file.fileno(), 0, LEAST_BYTES + files * BYTES_A_FILE
        )  # in one piece it is removed in a moment
    _run("mkfs.ext4", "-q", "-F", "-N", str(files * 5 // 4 + FILES_BESIDE), str(image))
    device = _run("losetup", "--find", "--show", "--direct-io=on", str(image))
    try:
        _run("mount", "-o", "nodiscard", device, str(where))
        try:
            yield where
        finally:
            _unmount(where)
    finally:
        _run("losetup", "--detach", device)
        image.unlink()


def _unmount(where: Path) -> None:
    """Unmount; what was killed may still be on its way out."""
    for _ in range(UNMOUNTS):
        if subprocess.run(["umount", str(where)], check=False, start_new_session=True).returncode == 0:
            return
        time.sleep(UNMOUNT_EVERY_S)
    _run("umount", "--lazy", str(where))


def _run(*argv: str) -> str:
    return subprocess.run(argv, check=True, start_new_session=True, stdout=subprocess.PIPE, text=True).stdout.strip()
