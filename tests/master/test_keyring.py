"""The keyring: equal to the disk at the cost of what changed, and just to those who aren't accepted."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from saltern.errors import KeyStoreError
from saltern.keystore import ACCEPTED, DENIED, PENDING, REJECTED, FileStamp
from saltern_master.keyring import Keyring
from support.keys import A, B, C, CountingStore, D, made_store


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    return made_store(tmp_path / "pki")


class Clock:
    def __init__(self) -> None:
        self.now = 1e10  # later than any file's own time, so that this clock alone decides

    def __call__(self) -> float:
        return self.now


def keyring(store: CountingStore, **more: object) -> Keyring:
    made = Keyring(store, **{"auto_accept": False, "max_pending": 1000, **more})  # type: ignore[arg-type]
    made.refresh(force=True)
    return made


def key(number: int) -> str:
    return f"{number:040}"


def test_of_five_thousand_keys_the_one_that_changed_is_read(store: CountingStore) -> None:
    for number in range(5000):
        (Path(store.pki_dir) / ACCEPTED / f"m{number}").write_text(key(number))
    ring = keyring(store)
    store.settle()
    ring.refresh()
    assert ring.minion_of(key(4321)) == "m4321"
    store.reads.clear()
    store.listings.clear()
    assert ring.refresh() == ({}, {})
    assert (store.reads, store.listings) == ([], [])
    store.put(ACCEPTED, "m4321", A)
    assert ring.refresh() == ({A: "m4321"}, {key(4321): "m4321"})
    assert (store.reads, store.listings) == ([f"{ACCEPTED}/m4321"], [ACCEPTED])
    store.reads.clear()
    os.unlink(Path(store.pki_dir) / ACCEPTED / "m77")
    assert ring.refresh() == ({}, {key(77): "m77"})
    assert store.reads == []


def test_a_hello_lists_nothing_and_reads_at_most_its_own_place(store: CountingStore) -> None:
    ring = keyring(store)
    store.reads.clear()
    store.listings.clear()
    for number in range(20):
        for _ in range(3):
            assert ring.judge(f"m{number}", key(number), "").state == "pending"
    assert store.reads == [f"{PENDING}/m{number}" for number in range(20)]
    assert store.listings == []


def test_a_change_within_the_file_systems_clock_step_is_not_missed(
    store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp = time.time_ns() + 10**12
    monkeypatch.setattr(store, "stamp", lambda state: stamp)  # a clock that stands still
    ring = keyring(store)
    store.put(ACCEPTED, "web", A)
    assert ring.refresh().added == {A: "web"}


def test_an_edit_that_keeps_the_time_of_change_is_seen(store: CountingStore) -> None:
    store.put(ACCEPTED, "web", A)
    ring = keyring(store)
    path = Path(store.pki_dir) / ACCEPTED / "web"
    status = path.stat()
    store.put(ACCEPTED, "web", B)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert ring.refresh() == ({B: "web"}, {A: "web"})


def test_what_was_written_while_a_look_was_made_stays(store: CountingStore) -> None:
    ring = keyring(store)
    secret = store.invites.new()
    store.put(PENDING, "old", C)
    look = ring.look()
    assert ring.judge("web", A, secret).state == "accepted"
    assert ring.judge("db", B, "").state == "pending"
    assert ring.take(look) == ({}, {})
    assert ring.minion_of(A) == "web"
    assert ring.judge("db", C, "").state == "denied"
    assert ring.refresh() == ({}, {})
    assert ring.minion_of(A) == "web"
    os.unlink(Path(store.pki_dir) / ACCEPTED / "web")
    assert ring.refresh().removed == {A: "web"}


def test_looks_taken_in_another_order_than_made(store: CountingStore) -> None:
    ring = keyring(store)
    store.put(ACCEPTED, "web", A)
    first = ring.look()
    store.put(ACCEPTED, "web", B)
    second = ring.look()
    assert ring.take(second).added == {B: "web"}
    assert ring.take(first) == ({}, {})
    assert ring.minion_of(A) is None
    store.put(ACCEPTED, "db", C)
    third = ring.look()
    store.remove(ACCEPTED, "db")
    fourth = ring.look()  # finds what it knew: no difference to the look it began from
    assert ring.take(third).added == {C: "db"}
    assert ring.take(fourth).removed == {C: "db"}


def test_what_was_removed_while_a_look_was_made_is_not_back(store: CountingStore) -> None:
    ring = keyring(store, max_pending=1)
    ring.judge("web", A, "")
    look = ring.look()
    assert ring.judge("web", A, store.invites.new()).state == "accepted"
    ring.take(look)
    assert ring.judge("other", B, "").state == "pending"


@pytest.mark.parametrize("state", [ACCEPTED, PENDING])
def test_a_key_that_an_operator_put_there_a_moment_ago_stays(store: CountingStore, state: str) -> None:
    ring = keyring(store)
    store.put(state, "web", A)
    with pytest.raises(KeyStoreError, match="another key was put into"):
        ring.judge("web", B, store.invites.new() if state == ACCEPTED else "")
    assert store.key(state, "web") == A
    ring.refresh()
    assert ring.judge("web", B, "").state == "denied"


def test_ids_change_hands_in_one_look(store: CountingStore) -> None:
    store.put(ACCEPTED, "a", A)
    store.put(ACCEPTED, "b", B)
    ring = keyring(store)
    store.put(ACCEPTED, "a", B)
    store.put(ACCEPTED, "b", A)
    assert ring.refresh() == ({B: "a", A: "b"}, {A: "a", B: "b"})
    os.rename(Path(store.pki_dir) / ACCEPTED / "a", Path(store.pki_dir) / ACCEPTED / "c")
    assert ring.refresh() == ({B: "c"}, {B: "a"})
    assert ring.minions() == ["b", "c"]


def test_a_key_copied_to_a_second_id_is_one_minions_still(store: CountingStore) -> None:
    store.put(ACCEPTED, "a", A)
    ring = keyring(store)
    store.put(ACCEPTED, "b", A)
    ring.refresh()
    assert (ring.minions(), ring.minion_of(A)) == (["a"], "a")
    os.unlink(Path(store.pki_dir) / ACCEPTED / "a")
    assert ring.refresh() == ({A: "b"}, {A: "a"})


def test_a_store_that_is_gone_accepts_nobody(store: CountingStore) -> None:
    store.put(ACCEPTED, "a", A)
    ring = keyring(store)
    os.rename(Path(store.pki_dir) / ACCEPTED, Path(store.pki_dir) / "away")
    assert ring.refresh().removed == {A: "a"}


@pytest.mark.parametrize("state", [ACCEPTED, PENDING])
def test_a_second_key_never_replaces_the_first(store: CountingStore, state: str) -> None:
    ring = keyring(store)
    store.put(state, "web", A)
    ring.refresh()
    verdict = ring.judge("web", B, "")
    assert (verdict.state, verdict.act) == ("denied", "denied")
    word = {ACCEPTED: "accepted", PENDING: "pending"}[state]
    assert f"saltern-key -d web --state {word}" in verdict.reason
    assert store.key(state, "web") == A
    assert store.key(DENIED, "web") == B
    assert ring.judge("web", C, "").act == ""
    assert store.key(DENIED, "web") == B


def test_one_key_holds_one_place_whatever_it_calls_itself(store: CountingStore) -> None:
    ring = keyring(store)
    verdicts = [ring.judge(f"e{number}", A, "") for number in range(1000)]
    assert [verdict.state for verdict in verdicts] == ["pending"] + ["denied"] * 999
    assert "this key waits on the master as 'e0' already" in verdicts[5].reason
    assert store.list_all() == {ACCEPTED: [], PENDING: ["e0"], REJECTED: [], DENIED: []}


def test_one_key_is_denied_in_one_place(store: CountingStore) -> None:
    ring = keyring(store)
    for number in range(5):
        store.put(ACCEPTED, f"m{number}", key(number))
    ring.refresh()
    for number in range(5):
        assert ring.judge(f"m{number}", A, "").state == "denied"
    assert store.ids(DENIED) == ["m0"]


def test_an_address_has_a_share_of_the_places(store: CountingStore) -> None:
    ring = keyring(store, max_pending_per_address=3, max_pending=5)
    states = [ring.judge(f"e{number}", key(number), "", "10.0.0.9").state for number in range(6)]
    assert states == ["pending"] * 3 + ["full"] * 3
    assert "3 keys from 10.0.0.9 are waiting" in ring.judge("e9", key(9), "", "10.0.0.9").reason
    assert ring.judge("honest", A, "", "10.0.0.10").state == "pending"
    assert ring.judge("e0", key(0), "", "10.0.0.9").state == "pending"
    assert ring.judge("more", B, "", "10.0.0.11").state == "pending"
    assert "too many keys" in ring.judge("most", C, "", "10.0.0.12").reason
    assert ring.refused_full == 5
    os.unlink(Path(store.pki_dir) / PENDING / "e1")
    ring.refresh()
    assert ring.judge("e7", key(7), "", "10.0.0.9").state == "pending"


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("", "", False),
        ("nonsense", "nonsense", False),
    ],
)
def test_what_counts_as_one_address(store: CountingStore, one: str, other: str, shared: bool) -> None:
    ring = keyring(store, max_pending_per_address=1)
    assert ring.judge("a", A, "", one).state == "pending"
    assert ring.judge("b", B, "", other).state == ("full" if shared else "pending")


def test_a_pending_key_expires_unless_its_agent_is_there(store: CountingStore) -> None:
    clock = Clock()
    ring = keyring(store, pending_ttl_s=3600.0, clock=clock)
    ring.judge("gone", A, "")
    ring.judge("there", B, "")
    store.put(ACCEPTED, "web", D)
    ring.refresh()
    ring.judge("web", C, "")
    for _ in range(3):
        clock.now += 1800
        ring.judge("there", B, "")
        ring.refresh()
    assert store.list_all() == {ACCEPTED: ["web"], PENDING: ["there"], REJECTED: [], DENIED: []}
    assert ring.judge("gone", C, "").act == "pend"


@pytest.mark.parametrize("step_s", [86400.0, -86400.0])
def test_a_clock_that_is_set_forgets_no_key_before_its_time_and_none_later(store: CountingStore, step_s: float) -> None:
    clock, steady = Clock(), Clock()
    ring = keyring(store, pending_ttl_s=3600.0, clock=clock, steady=steady)

    def after(seconds: float) -> list[str]:
        clock.now += seconds
        steady.now += seconds
        ring.refresh()
        return store.list_all()[PENDING]

    ring.judge("gone", A, "")
    assert after(1800) == ["gone"]
    clock.now += step_s
    assert after(1) == ["gone"]
    assert after(1700) == ["gone"]
    assert after(200) == []
    ring.judge("there", B, "")
    clock.now -= step_s
    ring.judge("there", B, "")  # before anybody looked
    assert after(1) == ["there"]
    assert after(3700) == []


def test_a_sign_of_life_is_kept_over_a_restart(store: CountingStore) -> None:
    ring = keyring(store, pending_ttl_s=3600.0)
    ring.judge("web", A, "")
    path = Path(store.pki_dir) / PENDING / "web"
    os.utime(path, (1, 1))
    later = Clock()
    later.now = path.stat().st_ctime + 1000
    ring = keyring(store, pending_ttl_s=3600.0, clock=later)
    ring.judge("web", A, "")
    assert path.stat().st_mtime > 1


def test_a_token_wins_over_a_pending_stranger(store: CountingStore) -> None:
    ring = keyring(store)
    assert ring.judge("prod", A, "").state == "pending"
    verdict = ring.judge("prod", B, store.invites.new())
    assert (verdict.state, verdict.act, verdict.displaced) == ("accepted", "accept", A)
    assert store.list_all() == {ACCEPTED: ["prod"], PENDING: [], REJECTED: [], DENIED: ["prod"]}
    assert store.key(DENIED, "prod") == A
    assert ring.judge("prod", A, "").state == "denied"
    assert ring.minion_of(B) == "prod"


def test_a_token_never_wins_over_an_accepted_or_rejected_key(store: CountingStore) -> None:
    ring = keyring(store)
    store.put(ACCEPTED, "prod", A)
    store.put(REJECTED, "bad", B)
    ring.refresh()
    secret = store.invites.new()
    assert ring.judge("prod", C, secret).state == "denied"
    assert ring.judge("prod_", A, secret).state == "denied"
    assert ring.judge("bad", B, secret).state == "rejected"
    assert ring.judge("other", B, secret).state == "rejected"
    assert ring.judge("new", D, secret).state == "accepted"


def test_a_token_for_one_id_is_not_used_up_by_another(store: CountingStore) -> None:
    ring = keyring(store)
    secret = store.invites.new(minion_id="prod")
    refused = ring.judge("evil", A, secret)
    assert refused.state == "denied"
    assert "'prod' alone" in refused.reason
    assert store.ids(PENDING) == []
    assert ring.judge("prod", B, secret).state == "accepted"


def test_a_token_that_is_no_good_is_told_while_waiting(store: CountingStore) -> None:
    ring = keyring(store)
    secret = store.invites.new()
    assert ring.judge("first", A, secret).state == "accepted"
    late = ring.judge("late", B, secret)
    assert (late.state, late.act) == ("pending", "pend")
    assert "was used before" in late.reason
    assert "ended at" in ring.judge("late", B, store.invites.new(ttl_s=-2)).reason


def test_a_pending_host_may_join_by_token_under_a_new_id(store: CountingStore) -> None:
    ring = keyring(store)
    ring.judge("localhost", A, "")
    assert ring.judge("web", A, store.invites.new()).state == "accepted"
    assert store.list_all() == {ACCEPTED: ["web"], PENDING: [], REJECTED: [], DENIED: []}


@pytest.mark.parametrize(("first", "second"), [("web.1", "web_1"), ("VM-3", "vm-3"), ("x" * 200, "x" * 201)])
@pytest.mark.parametrize("state", [ACCEPTED, PENDING])
def test_two_ids_with_one_metric_name(store: CountingStore, state: str, first: str, second: str) -> None:
    ring = keyring(store)
    store.put(state, first, A)
    ring.refresh()
    verdict = ring.judge(second, B, "")
    assert verdict.state == "denied"
    assert f"its metrics would have the names of those of {first!r}" in verdict.reason
    assert store.ids(DENIED) == []
    by_token = ring.judge(second, B, store.invites.new())
    assert by_token.state == ("denied" if state == ACCEPTED else "accepted")
    assert by_token.displaced == ("" if state == ACCEPTED else A)


def test_a_metric_name_is_free_again_with_its_key(store: CountingStore) -> None:
    ring = keyring(store)
    store.put(ACCEPTED, "web.1", A)
    ring.refresh()
    os.unlink(Path(store.pki_dir) / ACCEPTED / "web.1")
    ring.refresh()
    assert ring.judge("web_1", B, "").state == "pending"


def test_a_denied_host_waits_when_its_place_is_free(store: CountingStore) -> None:
    ring = keyring(store)
    store.put(ACCEPTED, "web", A)
    ring.refresh()
    ring.judge("web", B, "")
    os.unlink(Path(store.pki_dir) / ACCEPTED / "web")
    ring.refresh()
    assert ring.judge("web", B, "").act == "pend"
    assert store.list_all() == {ACCEPTED: [], PENDING: ["web"], REJECTED: [], DENIED: []}


def test_a_renamed_host_hears_why(store: CountingStore) -> None:
    ring = keyring(store)
    store.put(ACCEPTED, "old", A)
    ring.refresh()
    verdict = ring.judge("new", A, "")
    assert (verdict.state, verdict.act) == ("denied", "")
    assert "this key is accepted for 'old', not for 'new': set id: old in" in verdict.reason
    assert "saltern-key -d old" in verdict.reason


def test_stamps_tell_files_apart(store: CountingStore) -> None:
    store.put(PENDING, "a", A)
    before = store.listing(PENDING)["a"]
    store.put(PENDING, "a", B)
    assert isinstance(before, FileStamp)
    assert store.listing(PENDING)["a"] != before


@pytest.mark.parametrize("name", ["localhost", "localhost.localdomain", "LOCALHOST", "ip6-localhost", "127.0.0.1"])
def test_a_name_that_every_host_has_is_no_minions(store: CountingStore, name: str) -> None:
    ring = keyring(store, auto_accept=True)
    secret = store.invites.new()
    for token in ("", secret):
        verdict = ring.judge(name, A, token)
        assert (verdict.state, verdict.act) == ("invalid", "")
        assert "set id: in that host's configuration" in verdict.reason
    assert store.invites.redeem(secret, "web").good
    store.put(ACCEPTED, name, B)
    ring.refresh()
    assert ring.judge(name, B, "").state == "accepted", "an operator put it there"


def test_a_second_key_hears_both_ways_out(store: CountingStore) -> None:
    store.put(ACCEPTED, "web", A)
    reason = keyring(store).judge("web", B, "").reason
    assert "saltern-key -d web --state accepted" in reason
    assert "give this host a name of its own (id: in its configuration)" in reason


def test_which_keys_an_operator_can_accept(store: CountingStore) -> None:
    ring = keyring(store)
    for number, state in enumerate((ACCEPTED, PENDING, REJECTED, DENIED)):
        assert not ring.holds(key(number))
        store.put(state, f"m{number}", key(number))
        ring.refresh()
        assert ring.holds(key(number))
        store.remove(state, f"m{number}")
        ring.refresh()
        assert not ring.holds(key(number))
