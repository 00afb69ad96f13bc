"""What is damage, and what says nothing of a file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from saltern.set_aside import of_the_file
from support.descriptors import exhausted


@pytest.mark.parametrize("code", [errno.EIO, errno.EISDIR, errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EUCLEAN])
def test_an_error_of_the_file_itself(code: int) -> None:
    assert of_the_file(OSError(code, os.strerror(code)))


@pytest.mark.parametrize(
    "code",
    [
        errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT,
        errno.ESTALE, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOENT,
    ],
)  # fmt: skip
def test_an_error_that_passes(code: int) -> None:
    assert not of_the_file(OSError(code, os.strerror(code)))


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with exhausted(), pytest.raises(OSError, match="Too many open files") as caught:
        os.open(tmp_path / "file", os.O_RDONLY)
    assert not of_the_file(caught.value)


def test_an_error_without_a_number_is_no_damage() -> None:
    assert not of_the_file(OSError("whatever"))
