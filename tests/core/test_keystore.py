"""A master's keys on disk: whole, found by globs, moved and deleted only as they were shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern.errors import IdError, KeyStoreError, MasterNotRunning
from saltern.join_token import read_token
from saltern.keystore import ACCEPTED, DENIED, PENDING, REJECTED, KeyRef, KeyStore
from saltern.pki import fingerprint
from saltern.wheel import Wheel

KEY = "A" * 40
OTHER = "B" * 40


def test_keys_are_resolved_with_their_fingerprints(store: KeyStore) -> None:
    store.put(PENDING, "web01", KEY)
    store.put(DENIED, "web01", OTHER)
    store.put(PENDING, "db01", KEY)
    assert store.resolve("web*") == [
        KeyRef(PENDING, "web01", fingerprint(KEY)),
        KeyRef(DENIED, "web01", fingerprint(OTHER)),
    ]
    assert store.resolve("*", [DENIED]) == [KeyRef(DENIED, "web01", fingerprint(OTHER))]


def test_a_key_moves_and_goes_as_it_was_shown(store: KeyStore) -> None:
    store.put(PENDING, "web01", KEY)
    store.move(KeyRef(PENDING, "web01", fingerprint(KEY)), ACCEPTED)
    assert store.list_all() == {ACCEPTED: ["web01"], PENDING: [], REJECTED: [], DENIED: []}
    assert store.key(ACCEPTED, "web01") == KEY
    store.delete(KeyRef(ACCEPTED, "web01", fingerprint(KEY)))
    assert store.key(ACCEPTED, "web01") is None
    assert [name for name in os.listdir(store.pki_dir) if name.startswith(".")] == []


@pytest.mark.parametrize("change", ["another", "gone"])
def test_a_key_that_changed_since_it_was_shown_is_left_alone(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    shown = KeyRef(PENDING, "web01", fingerprint(KEY))
    if change == "another":
        store.put(PENDING, "web01", OTHER)
    monkeypatch.setattr(os, "rename", None)  # not even for a moment is it away
    with pytest.raises(KeyStoreError, match="web01: its pending key changed meanwhile"):
        store.move(shown, ACCEPTED)
    with pytest.raises(KeyStoreError, match="web01: its pending key changed meanwhile"):
        store.delete(shown)
    assert store.key(ACCEPTED, "web01") is None
    assert store.key(PENDING, "web01") == (OTHER if change == "another" else None)


def test_a_key_put_there_at_the_last_moment_is_not_taken_for_the_shown_one(
    store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(PENDING, "web01", KEY)
    rename = os.rename

    def swapped(source: str, target: str) -> None:
        store.put(PENDING, "web01", OTHER)
        rename(source, target)

    monkeypatch.setattr(os, "rename", swapped)
    with pytest.raises(KeyStoreError, match="changed meanwhile"):
        store.move(KeyRef(PENDING, "web01", fingerprint(KEY)), ACCEPTED)
    assert store.key(ACCEPTED, "web01") is None
    assert store.key(PENDING, "web01") == OTHER


def test_a_move_never_replaces_another_key(store: KeyStore) -> None:
    store.put(ACCEPTED, "web01", KEY)
    store.put(DENIED, "web01", OTHER)
    with pytest.raises(KeyStoreError, match=r"another key is accepted .*saltern-key -d web01 --state accepted"):
        store.move(KeyRef(DENIED, "web01", fingerprint(OTHER)), ACCEPTED)
    assert store.key(ACCEPTED, "web01") == KEY
    assert store.key(DENIED, "web01") == OTHER


def test_a_file_that_holds_no_key_can_be_deleted(store: KeyStore) -> None:
    (Path(store.pki_dir) / PENDING / "web01").write_text("nonsense")
    assert store.resolve("web01") == [KeyRef(PENDING, "web01", "")]
    store.delete(KeyRef(PENDING, "web01", ""))
    assert store.ids(PENDING) == []


def test_files_that_are_not_ids_are_not_ours(store: KeyStore) -> None:
    (Path(store.pki_dir) / PENDING / ".hidden").write_text(KEY)
    assert store.ids(PENDING) == []


@pytest.mark.parametrize("bad", ["../minions/x", "a/b", ""])
def test_no_path_is_built_from_an_id_outside_the_grammar(store: KeyStore, bad: str) -> None:
    with pytest.raises(IdError):
        store.put(PENDING, bad, KEY)
    with pytest.raises(IdError):
        store.delete(KeyRef(PENDING, bad, fingerprint(KEY)))


def test_a_key_that_is_none_is_refused(store: KeyStore) -> None:
    with pytest.raises(KeyStoreError, match="is not a public key"):
        store.put(PENDING, "web01", "short")


def test_the_stamp_changes_with_any_change(store: KeyStore) -> None:
    os.utime(Path(store.pki_dir) / PENDING, (1, 1))
    before = store.stamp(PENDING)
    store.put(PENDING, "web01", KEY)
    assert store.stamp(PENDING) != before


def test_where_no_master_kept_keys_that_is_said(tmp_path: Path) -> None:
    store = KeyStore(str(tmp_path / "pki"))
    for ask in (store.list_all, lambda: store.resolve("*"), lambda: store.match("*")):
        with pytest.raises(KeyStoreError, match="pki: no master ever kept keys here"):
            ask()


def test_an_invitation_says_where_the_master_is(store: KeyStore) -> None:
    invite = store.invite("master.example", 4505, 4506)
    read = read_token(invite.token())
    assert read == invite
    assert read.master_key == store.master_key()


def test_the_wheel_works_without_a_master(store: KeyStore) -> None:
    store.put(PENDING, "jerry", KEY)
    wheel = Wheel({"sock_dir": store.pki_dir, "pki_dir": store.pki_dir})
    assert wheel.call_func("key.list_all")["minions_pre"] == ["jerry"]
    assert wheel.call_func("key.accept", match="jerry") == {"minions": ["jerry"]}
    assert wheel.call_func("key.finger", match="*") == {"minions": {"jerry": fingerprint(KEY)}}
    assert wheel.call_func("key.list", match="acc") == {"minions": ["jerry"]}
    assert wheel.cmd("key.name_match", ["je*"]) == {"minions": ["jerry"]}
    for call in (wheel.cmd, wheel.call_func):
        with pytest.raises(KeyError, match="nosuch' is not a wheel function"):
            call("key.nosuch")
    assert wheel.cmd("key.accept", [1, 2, 3, 4]).startswith("\nPassed invalid arguments: key.accept was called wrongly")
    with pytest.raises(MasterNotRunning):
        wheel.cmd("minions.connected")
