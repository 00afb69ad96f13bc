"""Small file systems of a test's own, which it fills, makes read-only and heals again."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.stacks import wait_for

_CHUNK_BYTES = 65_536


class Mount:
    """A mounted file system at *path*."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        """Leave no free byte."""
        fd = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            size = _CHUNK_BYTES
            while size:
                try:
                    os.write(fd, bytes(size))
                    os.fsync(fd)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2
        finally:
            os.close(fd)

    def make_room(self) -> None:
        """Free what :meth:`fill` took."""
        self._ballast.unlink()

    def remount(self, mode: str) -> None:
        """Make it read-only (``ro``) or writable (``rw``); a writer in the middle of a file is waited for."""
        command = ["mount", "-o", f"remount,{mode}", str(self.path)]
        wait_for(lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, "the remount")


@contextlib.contextmanager
def tmpfs(path: Path, options: str = "size=4m") -> Iterator[Mount]:
    """Mount an empty tmpfs at *path* until the end of the block; skip the test where that is not permitted."""
    path.mkdir(parents=True, exist_ok=True)
    _mount(["mount", "-t", "tmpfs", "-o", options, "saltern-test", str(path)])
    try:
        yield Mount(path)
    finally:
        _unmount(path)


@contextlib.contextmanager
def ext4(path: Path, image: Path, megabytes: int = 8) -> Iterator[Mount]:
    """Mount an empty ext4 kept in the file *image* at *path*, as :func:`tmpfs` does."""
    path.mkdir(parents=True, exist_ok=True)
    with open(image, "wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True, capture_output=True)
    _mount(["mount", "-o", "loop", str(image), str(path)])
    try:
        yield Mount(path)
    finally:
        _unmount(path)


def _mount(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this test needs a file system of its own, and mounting is not permitted: {done.stderr.strip()}")


def _unmount(path: Path) -> None:
    """Unmount even when something still has a file open there: it is gone from the tree at once."""
    if subprocess.run(["umount", str(path)], capture_output=True, check=False).returncode:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


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
