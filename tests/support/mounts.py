"""Small file systems of a test's own, which it fills, makes read-only and heals again."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.disk import Disk


class Mount(Disk):
    """A mounted file system."""

    def remount(self, mode: str) -> bool:
        """Make it read-only (``ro``) or writable (``rw``); a writer in the middle of a file is waited for."""
        assert super().remount(mode), f"{self.path} could not be made {mode}"
        return True


def tmpfs(path: Path, options: str = "size=4m") -> contextlib.AbstractContextManager[Mount]:
    """Mount an empty tmpfs at *path* until the end of the block; skip the test where that is not permitted."""
    return _mounted(Mount(path, options=options))


def ext4(path: Path, image: Path, megabytes: int = 8) -> contextlib.AbstractContextManager[Mount]:
    """Mount an empty ext4 kept in the file *image* at *path*, as :func:`tmpfs` does."""
    with open(image, "wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True, capture_output=True)
    return _mounted(Mount(path, image=image))


@contextlib.contextmanager
def _mounted(disk: Mount) -> Iterator[Mount]:
    disk.mount()
    if not disk.mounted:
        pytest.skip(f"this test needs a file system of its own, and mounting is not permitted: {disk.why_not}")
    try:
        yield disk
    finally:
        disk.unmount()


@contextlib.contextmanager
def fuse_without_answers(path: Path) -> Iterator[None]:
    """Mount a FUSE file system whose daemon never answers at *path*; those who wait for it are let go at the end."""
    path.mkdir(parents=True, exist_ok=True)
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        pytest.skip(f"this test needs a FUSE mount: {error}")
    try:
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        if libc.mount(b"saltern-test", os.fsencode(path), b"fuse", 0, options):
            pytest.skip(f"this test needs a FUSE mount: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(path)], check=True)
    finally:
        os.close(device)
