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


def test_a_damaged_key_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "minion.key").write_text("x y\n")
    os.chmod(tmp_path / "minion.key", 0o600)
    with pytest.raises(KeyStoreError, match=r"'x' is not a public key"):
        own_keys(str(tmp_path), "minion")


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
