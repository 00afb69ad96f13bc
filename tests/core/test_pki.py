"""A daemon's own keys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern.errors import KeyStoreError
from saltern.pki import own_keys


def test_own_keys_are_made_once_and_private(tmp_path: Path) -> None:
    keys = own_keys(str(tmp_path / "pki"), "minion")
    assert own_keys(str(tmp_path / "pki"), "minion") == keys
    assert os.stat(tmp_path / "pki" / "minion.key").st_mode & 0o777 == 0o600
    assert os.stat(tmp_path / "pki").st_mode & 0o777 == 0o700


def test_a_readable_secret_key_is_refused(tmp_path: Path) -> None:
    own_keys(str(tmp_path), "minion")
    os.chmod(tmp_path / "minion.key", 0o644)
    with pytest.raises(KeyStoreError, match="others may read this secret key: run chmod 600"):
        own_keys(str(tmp_path), "minion")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),  # as a full disk or a power cut leaves it
        (b" \n", "is empty"),
        (b"x y\n", "holds no key pair"),
        (b"\xfe\xff" * 40, "holds no key pair"),
        (b"a" * 40 + b"\n", "holds no key pair"),
        (b"a" * 40 + b"\n" + b"s" * 39 + b"\n", "holds no key pair"),
        (b"a" * 40 + b" " + b"b" * 40 + b" c", "holds no key pair"),
    ],
)
def test_a_damaged_key_file_is_named_and_not_shown(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "minion.key").write_bytes(content)
    os.chmod(tmp_path / "minion.key", 0o600)
    with pytest.raises(KeyStoreError) as caught:
        own_keys(str(tmp_path), "minion")
    assert str(caught.value).startswith(f"{tmp_path}/minion.key: {what}: bring it back from a backup, or move it away")
    assert "ssss" not in str(caught.value)
    assert (tmp_path / "minion.key").read_bytes() == content


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
@pytest.mark.parametrize("made", [True, False])
def test_a_user_who_may_not_is_told_what_would_do(tmp_path: Path, made: bool) -> None:
    if made:
        own_keys(str(tmp_path), "minion")
    os.chmod(tmp_path, 0o700)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgid(61234)
            os.setuid(61234)
            own_keys(str(tmp_path), "minion")
        except KeyStoreError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with open(read) as stream:
        assert stream.read().endswith("permission denied: run as root, or set pki_dir to a folder of this user's")
