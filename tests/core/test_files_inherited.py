"""What root writes into the folder of a daemon that runs as another user is the daemon's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern.errors import KeyStoreError
from saltern.files import write_private
from saltern.keystore import STATES, KeyStore
from saltern.pki import own_keys

OTHER = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def owner(path: Path) -> tuple[int, int, int]:
    status = os.lstat(path)
    return status.st_uid, status.st_gid, status.st_mode & 0o777


@as_root
def test_what_root_makes_in_the_folder_of_a_user_is_that_users(tmp_path: Path) -> None:
    pki = tmp_path / "pki"
    pki.mkdir()
    os.chown(pki, OTHER, OTHER)
    store = KeyStore(str(pki))
    store.create()
    own_keys(str(pki), "master")
    store.invite("host", 1, 2)
    (invite,) = (pki / "invites").iterdir()
    for path in (pki / "master.key", invite):
        assert owner(path) == (OTHER, OTHER, 0o600)
    for state in (*STATES, "invites"):
        assert owner(pki / state) == (OTHER, OTHER, 0o700)


@as_root
def test_what_stands_already_keeps_its_owner(tmp_path: Path) -> None:
    pki = tmp_path / "pki"
    KeyStore(str(pki)).create()
    os.chown(pki, OTHER, OTHER)
    KeyStore(str(pki)).create()
    assert owner(pki / "minions")[0] == 0


@as_root
def test_nothing_of_roots_is_given_to_a_group(tmp_path: Path) -> None:
    os.chown(tmp_path, 0, OTHER)
    write_private(str(tmp_path / "key"), b"x")
    assert owner(tmp_path / "key") == (0, 0, 0o600)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "minions").write_bytes(b"")
    with pytest.raises(KeyStoreError, match="folders for keys can't be made: File exists"):
        KeyStore(str(tmp_path)).create()
