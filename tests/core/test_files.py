"""Files that are whole or not there, and whose they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern.errors import KeyStoreError
from saltern.files import make_private_folder, write_atomic, write_private
from saltern.pki import STATES, KeyStore, own_keys

OTHER = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def owner(path: Path) -> tuple[int, int, int]:
    status = os.lstat(path)
    return status.st_uid, status.st_gid, status.st_mode & 0o777


def test_private_from_the_first_moment(tmp_path: Path) -> None:
    write_private(str(tmp_path / "key"), b"x")
    assert owner(tmp_path / "key") == (os.geteuid(), os.getegid(), 0o600)
    write_private(str(tmp_path / "key"), b"y")
    assert (tmp_path / "key").read_bytes() == b"y"
    assert os.listdir(tmp_path) == ["key"]


def test_what_stands_at_the_temporary_name_is_not_written_to(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / f"key.{os.getpid()}.tmp").symlink_to(victim)
    write_atomic(str(tmp_path / "key"), b"x")
    os.link(victim, tmp_path / f"key.{os.getpid()}.tmp")
    write_private(str(tmp_path / "key"), b"x")
    assert victim.read_bytes() == b"precious"
    assert (tmp_path / "key").read_bytes() == b"x"


def test_a_folder_stands_or_is_made(tmp_path: Path) -> None:
    make_private_folder(str(tmp_path / "a" / "b"))
    make_private_folder(str(tmp_path / "a" / "b"))
    assert owner(tmp_path / "a" / "b")[2] == 0o700
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_private_folder(str(tmp_path / "file"))


@as_root
def test_what_root_makes_in_the_folder_of_a_user_is_that_users(tmp_path: Path) -> None:
    pki = tmp_path / "pki"
    pki.mkdir()
    os.chown(pki, OTHER, OTHER)
    store = KeyStore(str(pki))
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
