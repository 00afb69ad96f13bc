"""Who may speak for which device: what pillars and operators say, as far as keys, ids and metrics allow it."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern.errors import IdError, KeyStoreError
from saltern.keystore import ACCEPTED
from saltern.pillar_delegations import PillarDelegations
from saltern.secret import Secret
from saltern_master.delegations import Changed, Delegations
from saltern_master.delegations.forms import MAX_DEVICES, read_form
from saltern_master.key_table import KeyTable
from support.keys import A, B, C, CountingStore, made_store

NONE: frozenset[str] = frozenset()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Kit:
    """Delegations over the accepted keys of h1 and h2, and what was told of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: CountingStore = made_store(folder / "pki")
        self.clock = Clock()
        self.keys = KeyTable()
        self.told: list[Changed] = []
        for name, key in (("h1", A), ("h2", B)):
            self.store.put(ACCEPTED, name, key)
            self.keys.put(name, key)
        self.start()

    def start(self) -> Delegations:
        self.delegations = Delegations(self.keys, self.store, PillarDelegations(str(self.folder / "cache")), self.clock)
        self.delegations.keys_changed(["h1", "h2"])
        self.delegations.on_changed.append(self.told.append)
        return self.delegations

    def pillar(self, host: str, proxy: Any, *, claimed: bool = False, more: bool = False) -> None:
        self.delegations.from_pillar(host, {} if proxy is None else {"proxy": proxy}, claimed=claimed, more=more)

    def ids(self, host: str, *devices: Any, **how: bool) -> None:
        self.pillar(host, {"proxytype": "deltaproxy", "ids": list(devices)}, **how)

    def accept(self, minion_id: str, key: str) -> None:
        self.keys.put(minion_id, key)
        self.delegations.keys_changed([minion_id])

    def delete(self, minion_id: str) -> None:
        self.keys.drop(minion_id)
        self.delegations.keys_changed([minion_id])

    def news(self) -> list[Changed]:
        told, self.told[:] = list(self.told), []
        return told


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path)


def changed(added: str = "", removed: str = "", moved: str = "", altered: str = "") -> Changed:
    return Changed(*(frozenset(names.split()) for names in (added, removed, moved, altered)))


def test_a_pillar_delegates_by_ids_and_by_entries(kit: Kit) -> None:
    kit.ids("h1", "d2", "d1")
    entry = {"proxytype": "rest_sample", "url": "http://x/"}
    kit.pillar("h2", {"sw1": entry, "other": {**entry, "id": "sw2"}})
    d = kit.delegations
    assert d.all() == {"d1": ("h1",), "d2": ("h1",), "sw1": ("h2",), "sw2": ("h2",)}
    assert (d.devices("h1"), d.devices("h2"), d.devices("h3")) == (["d1", "d2"], ["sw1", "sw2"], [])
    assert (d.named("d1"), d.named("sw1"), d.named("sw2")) == (None, entry, {**entry, "id": "sw2"})
    assert kit.news() == [changed(added="d1 d2"), changed(added="sw1 sw2")]


def test_a_minion_with_a_proxy_of_its_own_delegates_nothing(kit: Kit) -> None:
    kit.pillar("h1", {"proxytype": "rest_sample", "ids": ["d1"]})
    assert kit.delegations.all() == {}


def test_what_a_pillar_says_no_more_is_over_at_once(kit: Kit) -> None:
    kit.ids("h1", "d1", "d2")
    kit.news()
    kit.ids("h1", "d2")
    assert kit.news() == [changed(removed="d1")]
    assert not kit.delegations.may_speak("h1", "d1")
    kit.pillar("h1", None)
    assert kit.news() == [changed(removed="d2")]
    assert kit.delegations.all() == {}


def test_a_pillar_with_errors_changes_nothing(kit: Kit) -> None:
    kit.ids("h1", "d1")
    kit.delegations.from_pillar("h1", {"_errors": ["it can't be rendered"]}, claimed=False)
    assert kit.delegations.hosts("d1") == ("h1",)


def test_another_entry_is_told_of(kit: Kit) -> None:
    kit.pillar("h1", {"d1": {"proxytype": "x"}})
    kit.news()
    kit.pillar("h1", {"d1": {"proxytype": "x"}})
    assert kit.news() == []
    kit.pillar("h1", {"d1": {"proxytype": "x", "port": 2}})
    assert kit.news() == [changed(altered="d1")]
    kit.ids("h1", "d1")
    assert kit.news() == [changed(altered="d1")]
    assert kit.delegations.named("d1") is None


def test_a_device_of_two_pillars_is_of_both_hosts(kit: Kit) -> None:
    kit.ids("h2", "d1")
    kit.ids("h1", "d1")
    assert kit.delegations.hosts("d1") == ("h1", "h2")
    assert kit.news() == [changed(added="d1"), changed(moved="d1")]
    assert kit.delegations.may_speak("h1", "d1")
    assert kit.delegations.may_speak("h2", "d1")


@pytest.mark.parametrize("first", ["h1", "h2"])
def test_a_move_in_whatever_order_pillars_are_compiled_leaves_the_old_host_its_voice_until_it_left(
    kit: Kit, first: str
) -> None:
    kit.ids("h1", "d1")
    kit.news()
    if first == "h1":
        kit.pillar("h1", None, more=True)
        assert kit.news() == []
        kit.ids("h2", "d1")
    else:
        kit.ids("h2", "d1", more=True)
        kit.pillar("h1", None)
    assert kit.delegations.hosts("d1") == ("h2",)
    assert not any(change.removed for change in kit.news())
    assert kit.delegations.may_speak("h1", "d1")
    kit.delegations.left("h1", "d1")
    assert not kit.delegations.may_speak("h1", "d1")


def test_a_device_of_two_hosts_waits_for_no_pillar(kit: Kit) -> None:
    kit.ids("h1", "d1")
    kit.ids("h2", "d1")
    kit.pillar("h1", None, more=True)
    assert kit.delegations.hosts("d1") == ("h2",)


def test_what_an_operator_gives_another_host_waits_for_no_pillar(kit: Kit) -> None:
    kit.ids("h1", "d1")
    kit.pillar("h1", None, more=True)
    kit.delegations.delegate(["d1"], ["h2"])
    assert kit.delegations.hosts("d1") == ("h2",)
    assert kit.delegations.may_speak("h1", "d1")


def test_a_device_that_waits_ends_with_the_key_of_its_host(kit: Kit) -> None:
    kit.ids("h1", "d1")
    kit.pillar("h1", None, more=True)
    kit.delete("h1")
    assert kit.delegations.all() == {}
    kit.ids("h2", "d1")
    assert kit.delegations.hosts("d1") == ("h2",)


def test_a_device_waits_for_other_pillars_a_minute_at_most(kit: Kit) -> None:
    kit.ids("h1", "d1", "d2")
    kit.ids("h1", "d2", more=True)
    assert kit.delegations.hosts("d1") == ("h1",)
    kit.clock.now += 59
    kit.delegations.tick()
    assert kit.delegations.hosts("d1") == ("h1",)
    kit.clock.now += 2
    kit.delegations.tick()
    assert kit.delegations.all() == {"d2": ("h1",)}


def test_a_device_that_waits_is_gone_when_all_pillars_are_there(kit: Kit) -> None:
    kit.ids("h1", "d1")
    kit.pillar("h1", None, more=True)
    kit.delegations.from_pillar("web01", {}, claimed=False)
    assert kit.delegations.all() == {}


def test_a_device_that_waits_and_is_named_again_stays(kit: Kit) -> None:
    kit.ids("h1", "d1")
    kit.news()
    kit.pillar("h1", None, more=True)
    kit.ids("h1", "d1")
    kit.clock.now += 100
    kit.delegations.tick()
    assert kit.delegations.hosts("d1") == ("h1",)
    assert kit.news() == []


def test_operators_delegate_and_take_away(kit: Kit) -> None:
    kit.delegations.delegate(["d1", "d2"], ["h2", "h1"])
    assert kit.delegations.all() == {"d1": ("h1", "h2"), "d2": ("h1", "h2")}
    assert kit.store.delegated.all() == {"d1": ("h1", "h2"), "d2": ("h1", "h2")}
    kit.delegations.delegate(["d1"], ["h2"])
    assert kit.delegations.hosts("d1") == ("h2",)
    assert kit.delegations.may_speak("h1", "d1")
    kit.delegations.undelegate("d1")
    assert kit.news()[-1] == changed(removed="d1")
    assert not kit.delegations.may_speak("h1", "d1")
    assert not kit.delegations.may_speak("h2", "d1")
    with pytest.raises(KeyStoreError, match="no operator gave it a host"):
        kit.delegations.undelegate("d1")


def test_whoever_an_operator_takes_a_device_from_may_not_say_a_word_more_though_it_has_another_host(kit: Kit) -> None:
    kit.ids("h2", "d1")
    kit.delegations.delegate(["d1"], ["h1"])
    kit.delegations.undelegate("d1")
    assert kit.delegations.hosts("d1") == ("h2",)
    assert not kit.delegations.may_speak("h1", "d1")


@pytest.mark.parametrize(
    ("devices", "hosts", "why"),
    [
        (["d1"], ["h3"], "h3: no key is accepted for it"),
        (["h2"], ["h1"], "h2: a key is accepted for it"),
        (["h1"], ["h1"], "no host is its own device"),
        (["H-1", "H_1"], ["h1"], None),
        (["d.1", "d_1"], ["h1"], "d_1: its metrics would have the names of those of 'd.1'"),
        (["H1"], ["h1"], "H1: its metrics would have the names of those of 'h1'"),
        ([], ["h1"], "devices: .* names none"),
        (["d1"], [f"h{number}" for number in range(17)], "a device has 16 hosts at most"),
    ],
)
def test_operators_delegate_only_what_can_be(kit: Kit, devices: list[str], hosts: list[str], why: str | None) -> None:
    if why is None:
        kit.delegations.delegate(devices, hosts)
        return
    with pytest.raises(KeyStoreError, match=why):
        kit.delegations.delegate(devices, hosts)
    assert kit.delegations.all() == {}
    assert kit.store.delegated.all() == {}


@pytest.mark.parametrize("device", ["../h1", "a/b", "", "a\nb", "a|b", "*", "a" * 254, "\x1b[31m"])
def test_no_operator_delegates_what_is_no_id(kit: Kit, device: str) -> None:
    with pytest.raises(IdError):
        kit.delegations.delegate([device], ["h1"])


# keys that come and go


def test_a_host_without_an_accepted_key_speaks_for_nothing_until_it_has_one(kit: Kit) -> None:
    kit.store.put(ACCEPTED, "h3", C)
    kit.delegations.delegate(["d1"], ["h3"])
    assert kit.delegations.all() == {}
    kit.accept("h3", C)
    assert kit.delegations.all() == {"d1": ("h3",)}
    kit.delete("h3")
    assert kit.delegations.all() == {}
    assert kit.news() == [changed(added="d1"), changed(removed="d1")]


def test_what_the_pillar_of_a_host_said_is_forgotten_with_its_key(kit: Kit) -> None:
    kit.ids("h1", "d1")
    kit.delete("h1")
    assert not kit.delegations.may_speak("h1", "d1")
    kit.accept("h1", C)
    assert kit.delegations.all() == {}
    assert kit.start().all() == {}


def test_a_host_that_leaves_a_device_and_loses_its_key_has_no_voice_by_the_next_one(kit: Kit) -> None:
    kit.delegations.delegate(["d1"], ["h1"])
    kit.delegations.delegate(["d1"], ["h2"])
    kit.delete("h1")
    kit.accept("h1", C)
    assert not kit.delegations.may_speak("h1", "d1")


def test_a_host_of_a_shared_device_that_loses_its_key_has_no_voice_by_the_next_one(kit: Kit) -> None:
    kit.ids("h1", "d1")
    kit.ids("h2", "d1")
    kit.delete("h1")
    kit.accept("h1", C)
    assert kit.delegations.hosts("d1") == ("h2",)
    assert not kit.delegations.may_speak("h1", "d1")


def test_a_host_that_left_and_came_back_has_no_voice_when_it_is_revoked(kit: Kit) -> None:
    kit.ids("h2", "d1")
    for host in ("h1", "h2", "h1"):
        kit.delegations.delegate(["d1"], [host])
    kit.delegations.undelegate("d1")
    assert kit.delegations.hosts("d1") == ("h2",)
    assert not kit.delegations.may_speak("h1", "d1")


def test_an_id_that_has_an_accepted_key_is_no_device(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    kit.ids("h1", "h2", "d1")
    kit.ids("h1", "h2", "d1")
    kit.delegations.keys_changed(["h1", "h2"])
    assert kit.delegations.all() == {"d1": ("h1",)}
    assert [line for line in caplog.messages if "h2: a key is accepted for it" in line] == [
        "h2: a key is accepted for it, so that h1 doesn't speak for it: delete that key (saltern-key -d h2), or take "
        "it out of the pillar of h1"
    ]
    kit.delete("h2")
    assert kit.delegations.all() == {"d1": ("h1",), "h2": ("h1",)}
    kit.accept("h2", C)
    assert kit.delegations.all() == {"d1": ("h1",)}


def test_a_key_that_is_accepted_for_the_metrics_of_a_device_takes_its_place(kit: Kit) -> None:
    kit.ids("h1", "d.1")
    kit.accept("d_1", C)
    assert kit.delegations.all() == {}
    kit.delete("d_1")
    assert kit.delegations.all() == {"d.1": ("h1",)}


def test_of_two_devices_that_would_write_the_same_metrics_the_first_stays(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    kit.ids("h2", "d_1")
    kit.ids("h1", "d.1", "D.1")
    assert kit.delegations.all() == {"d_1": ("h2",)}
    assert len(caplog.messages) == 2
    kit.pillar("h2", None)
    assert kit.delegations.all() == {"D.1": ("h1",)}


# attacks


def test_the_pillar_of_a_device_delegates_nothing(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    kit.ids("h1", "d1")
    for _ in range(3):
        kit.ids("d1", "web01")
        kit.pillar("d1", {"web02": {"proxytype": "x"}})
        kit.ids("d1", "web01")
    assert kit.delegations.all() == {"d1": ("h1",)}
    assert caplog.messages == [
        "the pillar of d1: proxy: it names devices, and a device speaks for none: name them in the pillar of a minion "
        "with a key"
    ]


def test_a_pillar_that_hangs_on_grains_delegates_nothing_and_takes_away_what_was(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    kit.ids("h1", "d1")
    kit.ids("h1", "d1", "d2", claimed=True)
    kit.ids("h1", "d1", "d2", claimed=True)
    assert kit.delegations.all() == {}
    assert len(caplog.messages) == 1
    assert "it hangs on grains, which the host can claim" in caplog.messages[0]


@pytest.mark.parametrize(
    "device", ["../../etc/passwd", "a/b", "..", "", "a\nb", "\x1b[2J", "a|b", "d1\0", None, ["d1"], b"d1", "a" * 300]
)
def test_an_id_outside_the_grammar_is_refused_in_one_line(
    kit: Kit, caplog: pytest.LogCaptureFixture, device: object
) -> None:
    kit.ids("h1", device, "good")
    assert kit.delegations.all() == {"good": ("h1",)}
    (line,) = caplog.messages
    assert line.startswith("the pillar of h1: proxy: minion id ")
    assert line.isprintable()


def test_a_host_is_not_its_own_device(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    kit.ids("h1", "h1", "d1")
    assert kit.delegations.all() == {"d1": ("h1",)}
    assert caplog.messages == ["the pillar of h1: proxy: h1: it is the host's own id"]


def test_of_a_hundred_thousand_ids_a_host_gets_twenty_thousand_and_the_log_few_lines(
    kit: Kit, caplog: pytest.LogCaptureFixture
) -> None:
    kit.ids("h1", *(f"d{number}" for number in range(100_000)))
    assert len(kit.delegations.all()) == MAX_DEVICES
    assert len(caplog.messages) == 4
    assert caplog.messages[-1] == "the pillar of h1: proxy: 79,997 more are refused"


def test_thousands_of_refused_devices_are_a_few_lines(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1000):
        kit.keys.put(f"d{number}", f"{number:040}")
    kit.ids("h1", *(f"d{number}" for number in range(1000)))
    assert kit.delegations.all() == {}
    assert len(caplog.messages) == 21
    assert caplog.messages[-1] == "980 more devices are refused like these"


def test_all_pillars_together_are_bounded(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("saltern_master.delegations.delegations.MAX_PAIRS", 10)
    kit.ids("h1", *(f"d{number}" for number in range(8)))
    kit.ids("h2", "x1", "x2", "x3")
    assert kit.delegations.devices("h2") == []
    assert "all pillars name over 10 devices" in caplog.messages[-1]
    kit.ids("h1", "d1")
    kit.ids("h2", "x1", "x2", "x3")
    assert kit.delegations.devices("h2") == ["x1", "x2", "x3"]


def test_a_device_has_so_many_hosts_and_no_more(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(20):
        kit.accept(f"x{number:02}", f"{number:040}")
        kit.ids(f"x{number:02}", "d1")
    assert kit.delegations.hosts("d1") == tuple(f"x{number:02}" for number in range(16))
    assert "the first 16 speak for it" in caplog.messages[-1]


@pytest.mark.parametrize(
    ("proxy", "fault"),
    [
        ("x", "it is no map"),
        ([], "it is no map"),
        ({"proxytype": "deltaproxy"}, "ids: it is no list"),
        ({"proxytype": "deltaproxy", "ids": "d1"}, "ids: it is no list"),
        ({"d1": None}, "'d1': it has no proxytype"),
        ({"d1": {"proxytype": 7}}, "'d1': it has no proxytype"),
        ({"d1": {"proxytype": "x", "id": "d2"}, "d2": {"proxytype": "x"}}, "d2: it is named twice"),
        ({"proxytype": "deltaproxy", "ids": [101]}, "101: an id is a text, and this is none to YAML: put it in quotes"),
        ({10.5: {"proxytype": "x"}}, "10.5: an id is a text, and this is none to YAML: put it in quotes"),
    ],
)
def test_what_is_wrong_in_a_pillar_is_said_once(
    kit: Kit, caplog: pytest.LogCaptureFixture, proxy: Any, fault: str
) -> None:
    kit.pillar("h1", proxy)
    kit.pillar("h1", proxy)
    (line,) = caplog.messages
    assert line.startswith(f"the pillar of h1: proxy: {fault}")
    kit.pillar("h1", None)
    kit.pillar("h1", proxy)
    assert len(caplog.messages) == 2


def test_no_secret_of_an_entry_is_logged_or_kept(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = Secret("hunter2")
    kit.pillar("h1", {"d1": {"proxytype": "x", "password": secret}, "d2": {"password": secret}})
    kit.pillar("h1", {"d1": {"proxytype": "x", "id": secret}})
    kit.pillar("h1", {"d1": {"proxytype": "x", "password": secret}})
    assert "hunter2" not in caplog.text
    for path in (kit.folder / "cache").rglob("*"):
        assert path.is_dir() or "hunter2" not in path.read_text()
    assert (kit.folder / "cache/delegations/h1").stat().st_mode & 0o777 == 0o600


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["proxytype", "ids", "id"]), inner),
        max_leaves=10,
    )
)
@settings(max_examples=60)
def test_no_pillar_breaks_the_reading(proxy: Any) -> None:
    devices, faults = read_form("h1", proxy)
    assert "h1" not in devices
    assert all(line.isprintable() for line in faults)


# a restart


def test_a_full_disk_takes_no_device_away_and_is_said_once(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: str, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr("saltern.pillar_delegations.write_private", full)
        kit.ids("h1", "d1")
        kit.ids("h1", "d1", "d2")
        kit.ids("h2", "d3")
    assert kit.delegations.all() == {"d1": ("h1",), "d2": ("h1",), "d3": ("h2",)}
    said = [record.getMessage() for record in caplog.records if "can't be kept" in record.getMessage()]
    assert len(said) == 1
    assert "No space left on device" in said[0]
    kit.ids("h1", "d1", "d2", "d4")
    assert kit.start().all() == {"d1": ("h1",), "d2": ("h1",), "d4": ("h1",)}


def test_devices_are_known_after_a_restart_and_their_entries_when_the_pillar_is(kit: Kit) -> None:
    entry: Mapping[str, Any] = {"proxytype": "x"}
    kit.ids("h1", "d1")
    kit.pillar("h2", {"sw1": entry})
    kit.delegations.delegate(["d3"], ["h1"])
    kit.store.settle()
    d = kit.start()
    assert d.all() == {"d1": ("h1",), "sw1": ("h2",)}
    assert (d.named("sw1"), d.awaited("sw1"), d.awaited("d1")) == (None, "h2", None)
    kit.news()
    kit.pillar("h2", {"sw1": entry})
    assert kit.news() == [changed(altered="sw1")]
    assert (d.named("sw1"), d.awaited("sw1")) == (entry, None)


def test_devices_that_were_known_before_the_start_are_told_as_such(kit: Kit) -> None:
    kit.ids("h1", "d1")
    d = Delegations(kit.keys, kit.store, PillarDelegations(str(kit.folder / "cache")), kit.clock)
    told: list[Changed] = []
    d.on_changed.append(told.append)
    d.keys_changed(["h1"])
    assert told == [changed(added="d1")._replace(kept=frozenset({"d1"}))]
    d.from_pillar("h1", {"proxy": {"proxytype": "deltaproxy", "ids": ["d1", "d2"]}}, claimed=False)
    assert told[1:] == [changed(added="d2")]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ids": ["../x"], "named": []}', '{"ids": 7, "named": []}', "\xff"])
def test_a_file_that_is_none_of_ours_is_set_aside(kit: Kit, text: str) -> None:
    kit.ids("h1", "d1")
    kit.ids("h2", "d2")
    (kit.folder / "cache/delegations/h1").write_text(text, encoding="latin-1")
    assert kit.start().all() == {"d2": ("h2",)}
    assert (kit.folder / "cache/delegations/h1.unreadable").exists()
    kit.ids("h1", "d1")
    assert kit.start().all() == {"d1": ("h1",), "d2": ("h2",)}


def test_a_folder_that_cant_be_written_stops_nobody(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    (kit.folder / "cache").write_text("a file")
    kit.ids("h1", "d1")
    assert kit.delegations.all() == {"d1": ("h1",)}
    assert "can't be kept, so that a restart won't know them" in caplog.text


def test_what_is_kept_is_what_the_pillar_says(kit: Kit) -> None:
    kit.ids("h1", "d1")
    kit.pillar("h1", {"d1": {"proxytype": "x"}})
    assert PillarDelegations(str(kit.folder / "cache")).read() == {"h1": {"d1": True}}
    kit.pillar("h1", None)
    assert PillarDelegations(str(kit.folder / "cache")).read() == {}


def test_who_serves_a_device_is_a_host_of_it(kit: Kit) -> None:
    kit.delegations.delegate(["d1"], ["h1", "h2"])
    assert kit.delegations.server_of("d1") == "h1"
    kit.delegations.served("d1", "h2")
    assert kit.delegations.server_of("d1") == "h2"
    kit.ids("h1", "d1")
    kit.delegations.undelegate("d1")
    assert kit.delegations.server_of("d1") == "h1"
    assert kit.delegations.server_of("d2") is None


def test_changes_may_be_told_later_together(kit: Kit) -> None:
    with kit.delegations.later():
        kit.ids("h1", "d1")
        with kit.delegations.later():
            kit.ids("h2", "d2")
        assert kit.news() == []
    assert kit.news() == [changed(added="d1"), changed(added="d2")]
