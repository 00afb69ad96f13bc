"""What may be done with keys: by glob for Salt's users, and exactly as shown."""

from __future__ import annotations

import pytest

from saltern.errors import IdError, KeyStoreError
from saltern.join_token import read_token
from saltern.key_functions import KeyFunctions, state_named
from saltern.keystore import ACCEPTED, DENIED, PENDING, REJECTED, KeyStore
from saltern.pki import fingerprint

A, B, C = "A" * 40, "B" * 40, "C" * 40


@pytest.fixture
def keys(store: KeyStore) -> KeyFunctions:
    return KeyFunctions(store)


def test_what_was_shown_is_accepted_and_nothing_that_came_later(store: KeyStore, keys: KeyFunctions) -> None:
    store.put(PENDING, "good", A)
    store.put(PENDING, "turned", B)
    shown = keys.resolve("*", ["un"])
    assert shown == [[PENDING, "good", fingerprint(A)], [PENDING, "turned", fingerprint(B)]]
    store.put(PENDING, "evil", C)
    store.put(PENDING, "turned", C)
    answer = keys.accept_keys(shown)
    assert answer["done"] == {ACCEPTED: ["good"]}
    assert len(answer["refused"]) == 1
    assert "turned: its pending key changed meanwhile" in answer["refused"][0]
    assert store.list_all() == {ACCEPTED: ["good"], PENDING: ["evil", "turned"], REJECTED: [], DENIED: []}


def test_rejecting_and_deleting_are_exact_too(store: KeyStore, keys: KeyFunctions) -> None:
    store.put(PENDING, "a", A)
    store.put(PENDING, "b", B)
    shown = keys.resolve("*")
    store.put(PENDING, "b", C)
    assert keys.reject_keys(shown)["done"] == {REJECTED: ["a"]}
    store.put(DENIED, "a", B)
    denied = keys.resolve("a", ["denied"])
    assert keys.delete_keys(denied)["done"] == {DENIED: ["a"]}
    assert store.key(REJECTED, "a") == A
    assert keys.delete_keys(denied)["refused"]


def test_globs_as_salts_users_know_them(store: KeyStore, keys: KeyFunctions) -> None:
    store.put(PENDING, "web01", A)
    store.put(REJECTED, "web02", B)
    store.put(DENIED, "web03", C)
    assert keys.accept("web*") == {ACCEPTED: ["web01"]}
    assert keys.accept("web*") == {ACCEPTED: []}
    assert keys.accept("web*", include_rejected=True, include_denied=True) == {ACCEPTED: ["web02", "web03"]}
    assert keys.list_state("acc") == keys.list_state("all") == ["web01", "web02", "web03"]
    assert keys.reject("web01", include_accepted=True) == {REJECTED: ["web01"]}
    assert keys.name_match("*1") == {REJECTED: ["web01"]}
    assert keys.delete("*") == {ACCEPTED: ["web02", "web03"], REJECTED: ["web01"]}


@pytest.mark.parametrize(("first", "second"), [("web.1", "web_1"), ("VM-3", "vm-3"), ("master_", "MASTER")])
def test_two_ids_with_one_metric_name_are_not_both_accepted(
    store: KeyStore, keys: KeyFunctions, first: str, second: str
) -> None:
    store.put(PENDING, first, A)
    store.put(PENDING, second, B)
    answer = keys.accept_keys(keys.resolve(first) + keys.resolve(second))
    assert answer["done"] == {ACCEPTED: [first]}
    assert f"{second}: its metrics would have the names of those of {first!r}" in answer["refused"][0]
    with pytest.raises(KeyStoreError, match="its metrics would have"):
        keys.accept("*")
    assert keys.delete_keys(keys.resolve(first))["refused"] == []
    assert keys.accept(second) == {ACCEPTED: [second]}


@pytest.mark.parametrize("bad", [["x"], "abc", [PENDING, "a", 3], ["nowhere", "a", "b"], None])
def test_what_is_no_key_is_refused_before_anything_is_done(store: KeyStore, keys: KeyFunctions, bad: object) -> None:
    store.put(PENDING, "a", A)
    with pytest.raises(KeyStoreError, match="is not a"):
        keys.delete_keys([[PENDING, "a", fingerprint(A)], bad])  # type: ignore[list-item]
    assert store.key(PENDING, "a") == A


def test_an_id_outside_the_grammar_is_refused_by_a_line(keys: KeyFunctions) -> None:
    answer = keys.delete_keys([[PENDING, "../../x", fingerprint(A)]])
    assert "is not valid" in answer["refused"][0]


def test_an_invitation(keys: KeyFunctions) -> None:
    assert read_token(keys.invite("::1", 1, 2)).host == "::1"
    for host in ("bad host", "", "a\nb", "-x"):
        with pytest.raises(IdError, match="is not a host name or an address"):
            keys.invite(host, 1, 2)
    with pytest.raises(IdError, match="give the name or the address alone"):
        keys.invite("m:4506", 1, 2)
    for ttl in (0, -1, float("nan"), float("inf"), 1e300):
        with pytest.raises(KeyStoreError, match="give a number of seconds above 0, at most 31,622,400"):
            keys.invite("m", 1, 2, ttl)
    for ports in ((0, 4506), (4505, 65536)):
        with pytest.raises(KeyStoreError, match="agents can't be sent there"):
            keys.invite("m", *ports)


@pytest.mark.parametrize("state", [[], {}, None, 5, ["acc"], b"acc"])
def test_a_state_that_is_no_text_is_refused(state: object) -> None:
    with pytest.raises(KeyStoreError, match="is not a state of keys: use accepted, pending"):
        state_named(state)
