"""A device's voice: whom the keyring takes it for, and whom it doesn't."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from saltern.keystore import ACCEPTED, PENDING
from saltern_master.delegations import Assignments, parts, voice
from saltern_master.keyring import Keyring
from support.keys import A, B, C, CountingStore, D, made_store


class Ring:
    """A keyring with the accepted keys A of h1 and B of h2, over a store on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: CountingStore = made_store(folder / "pki")
        self.store.put(ACCEPTED, "h1", A)
        self.store.put(ACCEPTED, "h2", B)
        self.start()

    def start(self) -> Keyring:
        self.keys = Keyring(
            self.store, auto_accept=False, max_pending=100, cachedir=str(self.folder / "cache"), clock=lambda: 1e10
        )
        self.keys.refresh(force=True)
        return self.keys

    def ids(self, host: str, *devices: str) -> None:
        pillar: dict[str, Any] = {"proxy": {"proxytype": "deltaproxy", "ids": list(devices)}}
        self.keys.delegations.from_pillar(host, pillar, claimed=False)


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring(tmp_path)


def test_a_voice_is_of_its_device_and_a_key_of_its_minion(ring: Ring) -> None:
    ring.ids("h1", "d1", "d2")
    keys = ring.keys
    assert keys.minion_of(voice(A, "d1")) == "d1"
    assert keys.minion_of(A) == "h1"
    assert keys.minions() == ["d1", "d2", "h1", "h2"]
    assert keys.keys() == {"h1": A, "h2": B, "d1": voice(A, "d1"), "d2": voice(A, "d2")}
    assert parts(voice(A, "d1")) == (A, "d1")
    assert parts(A) is None


def test_a_voice_for_a_device_of_another_host_is_nobodys(ring: Ring) -> None:
    ring.ids("h1", "d1")
    for stranger in (
        voice(B, "d1"),
        voice(C, "d1"),
        voice(A, "d2"),
        voice("", "d1"),
        f"{A}|",
        f"{A}|d1|d1",
        "|",
        "|d1",
    ):
        assert ring.keys.minion_of(stranger) is None, stranger


def test_no_host_is_taken_for_a_minion_with_a_key(ring: Ring) -> None:
    ring.ids("h1", "h2", "h1")
    assert ring.keys.minion_of(voice(A, "h2")) is None
    assert ring.keys.minion_of(voice(A, "h1")) is None
    assert ring.keys.minions() == ["h1", "h2"]
    assert ring.keys.keys() == {"h1": A, "h2": B}


def test_a_voice_ends_with_the_key_of_its_host(ring: Ring) -> None:
    ring.ids("h1", "d1")
    os.unlink(ring.folder / "pki" / ACCEPTED / "h1")
    ring.store.settle()
    change = ring.keys.refresh()
    assert change.removed == {A: "h1"}
    assert ring.keys.minion_of(voice(A, "d1")) is None
    assert ring.keys.minions() == ["h2"]
    assert list(ring.keys.keys()) == ["h2"]
    ring.store.put(ACCEPTED, "h1", C)
    ring.keys.refresh()
    assert ring.keys.minion_of(voice(A, "d1")) is None
    assert ring.keys.minion_of(voice(C, "d1")) is None


def test_a_key_that_changes_hands_takes_no_device_along(ring: Ring) -> None:
    ring.ids("h1", "d1")
    os.rename(ring.folder / "pki" / ACCEPTED / "h1", ring.folder / "pki" / ACCEPTED / "h3")
    ring.keys.refresh()
    assert ring.keys.minion_of(voice(A, "d1")) is None
    assert ring.keys.minions() == ["h2", "h3"]


def test_a_replaced_key_has_the_voices_and_the_old_one_has_none(ring: Ring) -> None:
    ring.ids("h1", "d1")
    ring.store.put(ACCEPTED, "h1", C)
    ring.keys.refresh()
    assert ring.keys.minion_of(voice(A, "d1")) is None
    assert ring.keys.minion_of(voice(C, "d1")) == "d1"
    assert ring.keys.keys()["d1"] == voice(C, "d1")


def test_of_two_ids_with_one_key_one_has_devices(ring: Ring) -> None:
    ring.ids("h1", "d1")
    ring.store.put(ACCEPTED, "h0", A)
    ring.keys.refresh()
    assert ring.keys.minion_of(voice(A, "d1")) is None
    assert ring.keys.minions() == ["h0", "h2"]
    os.unlink(ring.folder / "pki" / ACCEPTED / "h0")
    ring.keys.refresh()
    assert "h1" in ring.keys.minions()


def test_a_key_that_is_accepted_for_a_device_takes_its_id(ring: Ring) -> None:
    ring.ids("h1", "d1")
    ring.store.put(ACCEPTED, "d1", D)
    ring.keys.refresh()
    assert ring.keys.minion_of(voice(A, "d1")) is None
    assert ring.keys.minion_of(D) == "d1"
    assert ring.keys.keys()["d1"] == D
    assert ring.keys.minions() == ["d1", "h1", "h2"]
    os.unlink(ring.folder / "pki" / ACCEPTED / "d1")
    ring.keys.refresh()
    assert ring.keys.minion_of(voice(A, "d1")) == "d1"


def test_a_device_that_moves_has_the_voices_of_both_until_the_first_has_left(ring: Ring) -> None:
    ring.keys.delegations.delegate(["d1"], ["h1"])
    ring.keys.delegations.delegate(["d1"], ["h2"])
    assert ring.keys.minion_of(voice(A, "d1")) == "d1"
    assert ring.keys.minion_of(voice(B, "d1")) == "d1"
    ring.keys.delegations.left("h1", "d1")
    assert ring.keys.minion_of(voice(A, "d1")) is None


def test_the_voice_of_a_device_is_that_of_the_host_that_serves_it(ring: Ring) -> None:
    assignments = Assignments(ring.keys.delegations, lambda host: None, lambda: 1.0)
    assignments.host_came("h2")
    ring.keys.delegations.delegate(["d1"], ["h1", "h2"])
    assert assignments.server_of("d1") == "h2"
    assert ring.keys.keys()["d1"] == voice(B, "d1")
    before = ring.keys.keys()
    assert ring.keys.keys() is before
    assert ring.keys.minions() == ["d1", "h1", "h2"]


@pytest.mark.parametrize("minion_id", ["d1", "D1", "d.1"])
def test_a_key_that_says_hello_as_a_device_is_denied(ring: Ring, minion_id: str) -> None:
    ring.ids("h1", "d1", "d_1")
    verdict = ring.keys.judge(minion_id, C, "")
    assert (verdict.state, verdict.act) == ("denied", "")
    if minion_id == "d1":
        assert verdict.reason == (
            "'d1' is a device that h1 speaks for: give this host a name of its own (id: in its configuration), or take "
            "it out of the pillar of h1"
        )
    assert ring.store.ids(PENDING) == []


def test_no_invitation_lets_a_key_in_as_a_device(ring: Ring) -> None:
    ring.keys.delegations.delegate(["d1"], ["h1"])
    secret = ring.store.invites.new(60)
    verdict = ring.keys.judge("d1", C, secret)
    assert (verdict.state, verdict.reason.rpartition(", or ")[2]) == ("denied", "run saltern-key --undelegate d1")
    assert ring.keys.judge("web01", C, secret).state == "accepted"


def test_what_operators_put_into_the_store_is_noticed(ring: Ring) -> None:
    ring.store.delegated.put("d1", ["h1"])
    ring.keys.refresh()
    assert ring.keys.minion_of(voice(A, "d1")) == "d1"
    ring.store.delegated.put("d1", ["h2"])
    ring.keys.refresh()
    assert ring.keys.delegations.hosts("d1") == ("h2",)
    ring.store.delegated.remove("d1")
    ring.keys.refresh()
    assert ring.keys.minion_of(voice(B, "d1")) is None
    assert ring.keys.minions() == ["h1", "h2"]


def test_what_operators_put_into_the_store_is_not_read_again_and_again(ring: Ring) -> None:
    ring.store.delegated.put("d1", ["h1"])
    ring.keys.refresh()
    ring.store.settle()
    ring.keys.refresh()
    ring.store.listings.clear()
    ring.keys.refresh()
    assert ring.store.listings == []


def test_files_among_the_delegations_that_are_none_delegate_nothing(ring: Ring) -> None:
    folder = ring.folder / "pki" / "delegated"
    folder.mkdir()
    for name, content in (
        ("d1", b""),
        ("d2", b"../h1\n"),
        ("d3", b"\xff\xfe"),
        ("d4", b"h1\n" * 1000),
        ("..x", b"h1\n"),
    ):
        (folder / name).write_bytes(content)
    (folder / "d5").mkdir()
    ring.keys.refresh()
    assert ring.keys.delegations.all() == {"d4": ("h1",)}


def test_delegations_are_known_after_a_restart(ring: Ring) -> None:
    ring.ids("h1", "d1")
    ring.store.delegated.put("d2", ["h2"])
    assert ring.start().minions() == ["d1", "d2", "h1", "h2"]


def test_a_host_whose_key_went_while_no_master_ran_has_no_devices_by_its_next_one(ring: Ring) -> None:
    ring.ids("h1", "d1")
    os.unlink(ring.folder / "pki" / ACCEPTED / "h1")
    keys = ring.start()
    ring.store.put(ACCEPTED, "h1", C)
    keys.refresh()
    assert keys.minions() == ["h1", "h2"]


def test_who_comes_and_goes_among_ten_thousand_devices_reads_nothing_of_the_others(ring: Ring) -> None:
    ring.ids("h1", *(f"d{number}" for number in range(10_000)))
    assert len(ring.keys.minions()) == 10_002
    ring.store.settle()
    ring.keys.refresh()
    ring.store.reads.clear()
    ring.store.put(ACCEPTED, "web01", C)
    ring.keys.refresh()
    assert ring.store.reads == [f"{ACCEPTED}/web01"]
    assert len(ring.keys.minions()) == 10_003
    assert ring.keys.minion_of(voice(A, "d9999")) == "d9999"
