"""Keys on disk: private, whole, moved between states, and tokens that are good once."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from saltern.errors import IdError, KeyStoreError
from saltern.pki import ACCEPTED, DENIED, PENDING, REJECTED, KeyStore, fingerprint, own_keys, read_token
from saltern.wheel import Wheel

KEY = "A" * 40
OTHER = "B" * 40


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    own_keys(str(tmp_path), "master")
    store = KeyStore(str(tmp_path))
    store.create()
    return store


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


def test_keys_move_between_states(store: KeyStore) -> None:
    store.put(PENDING, "web01", KEY)
    store.put(PENDING, "web02", OTHER)
    assert store.move("web*", [PENDING], ACCEPTED) == ["web01", "web02"]
    assert store.list_all() == {ACCEPTED: ["web01", "web02"], PENDING: [], REJECTED: [], DENIED: []}
    assert store.delete("web01") == {ACCEPTED: ["web01"]}
    assert store.key(ACCEPTED, "web01") is None


def test_files_that_are_not_ids_are_not_ours(store: KeyStore) -> None:
    (Path(store.pki_dir) / PENDING / ".hidden").write_text(KEY)
    assert store.ids(PENDING) == []


@pytest.mark.parametrize("bad", ["../minions/x", "a/b", ""])
def test_no_path_is_built_from_an_id_outside_the_grammar(store: KeyStore, bad: str) -> None:
    with pytest.raises(IdError):
        store.put(PENDING, bad, KEY)


def test_a_key_that_is_none_is_refused(store: KeyStore) -> None:
    with pytest.raises(KeyStoreError, match="is not a public key"):
        store.put(PENDING, "web01", "short")


def test_the_stamp_changes_with_any_change(store: KeyStore) -> None:
    before = store.stamp()
    store.put(PENDING, "web01", KEY)
    assert store.stamp() != before


def test_an_invitation_is_good_once(store: KeyStore) -> None:
    invite = store.invite("master.example", 4505, 4506)
    read = read_token(invite.token())
    assert read == invite
    assert read.master_key == store.master_key()
    assert store.redeem(read.secret)
    assert not store.redeem(read.secret)


def test_an_invitation_ends(store: KeyStore) -> None:
    invite = store.invite("m", 1, 2, ttl_s=-2)
    assert time.time() > 0
    assert not store.redeem(invite.secret)


def test_the_secret_of_an_invitation_is_not_on_disk(store: KeyStore) -> None:
    invite = store.invite("m", 1, 2)
    names = os.listdir(Path(store.pki_dir) / "invites")
    assert len(names) == 1
    assert invite.secret not in names[0] + (Path(store.pki_dir) / "invites" / names[0]).read_text()


@pytest.mark.parametrize("bad", ["", "x", "saltern1.", "saltern1.AAAA", "saltern1.!!!", "saltern1.kZGRkZE"])
def test_what_is_no_token(bad: str) -> None:
    with pytest.raises(KeyStoreError, match="this is not a join token"):
        read_token(bad)


def test_the_wheel_works_without_a_master(store: KeyStore) -> None:
    store.put(PENDING, "jerry", KEY)
    wheel = Wheel({"sock_dir": store.pki_dir, "pki_dir": store.pki_dir})
    assert wheel.call_func("key.list_all")["minions_pre"] == ["jerry"]
    assert wheel.call_func("key.accept", match="jerry") == {"minions": ["jerry"]}
    assert wheel.call_func("key.finger", match="*") == {"minions": {"jerry": fingerprint(KEY)}}
    assert wheel.call_func("key.list", match="acc") == ["jerry"]
