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
    assert keys.accept("nobody") == {}
    untouched = {REJECTED: ["web02"], DENIED: ["web03"]}
    assert keys.accept("web*") == keys.accept("web*") == {ACCEPTED: ["web01"], **untouched}
    assert keys.changed == [("accept", "web01")]
    everybody = {ACCEPTED: ["web01", "web02", "web03"]}
    assert keys.accept("web*", include_rejected=True, include_denied=True) == everybody
    assert keys.list_state("acc") == keys.list_state("accepted") == everybody
    own = ["master.key", "master.pub"]
    everything = {**everybody, PENDING: [], REJECTED: [], DENIED: [], "local": own}
    assert keys.list_state("all") == keys.list_all() == everything
    assert keys.list_state("x") == {}
    assert keys.reject("web01", include_accepted=True) == {REJECTED: ["web01"]}
    assert keys.name_match("*1") == {REJECTED: ["web01"]}
    assert keys.delete("*") == {ACCEPTED: ["web02", "web03"], REJECTED: ["web01"]}


def test_keys_by_their_names(store: KeyStore, keys: KeyFunctions) -> None:
    store.put(PENDING, "a", A)
    store.put(PENDING, "b", B)
    store.put(REJECTED, "b", C)
    assert keys.accept_dict({"minions_pre": ["a"], "minions": ["b"]}) == {
        ACCEPTED: ["a"],
        PENDING: ["b"],
        REJECTED: ["b"],
    }
    assert keys.reject_dict({"minions": ["a"]}) == {ACCEPTED: ["a"]}
    assert keys.reject_dict({"minions": ["a"]}, include_accepted=True) == {REJECTED: ["a"]}
    assert keys.accept_dict({"rejected": ["a"]}, include_rejected=True) == {ACCEPTED: ["a"]}
    assert keys.delete_dict({"minions": ["a", "b", "nobody"], "minions_rejected": ["b"]}) == {
        ACCEPTED: ["a"],
        REJECTED: ["b"],
    }
    assert keys.list_all()[PENDING] == ["b"]
    for wrong in ({"nosuch": ["a"]}, {"minions": "a"}):
        with pytest.raises(KeyStoreError, match=r"is not a state of keys|is no list of ids"):
            keys.delete_dict(wrong)  # type: ignore[arg-type]


def test_a_pair_is_made_and_accepted_once(store: KeyStore, keys: KeyFunctions) -> None:
    made = keys.gen_accept("new1")
    public, secret = made["priv"].split()
    assert made["pub"] == f"{public}\n"
    assert store.key(ACCEPTED, "new1") == public != secret
    assert keys.gen_accept("new1") == {}
    assert keys.changed == [("accept", "new1")]
    again = keys.gen_accept("new1", force=True)
    assert store.key(ACCEPTED, "new1") == again["pub"].strip() != public
    store.put(DENIED, "new2", A)
    assert keys.gen_accept("new2") == {}
    assert keys.gen()["pub"] != keys.gen("name")["pub"]
    with pytest.raises(KeyStoreError, match="its metrics would have"):
        keys.gen_accept("NEW1")
    with pytest.raises(IdError):
        keys.gen_accept("../x")
    assert keys.finger("new1", "sha256")["minions"] == {"new1": fingerprint(again["pub"].strip())}
    with pytest.raises(KeyStoreError, match="fingerprints are SHA-256"):
        keys.finger("new1", "md5")


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
