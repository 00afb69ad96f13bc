"""``saltern-key`` as an operator meets it where no master runs: it acts on the keys that it showed."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from saltern.cli import host_doubts
from saltern.cli import key as command
from saltern.join_token import read_token
from saltern.keystore import ACCEPTED, DENIED, PENDING, REJECTED, KeyStore
from saltern.pki import fingerprint, own_keys

A, B, C = "A" * 40, "B" * 40, "C" * 40

Keys = Callable[..., int]


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\npki_dir: {tmp_path}/pki\nsock_dir: {tmp_path}/run\n")
    own_keys(str(tmp_path / "pki"), "master")
    store = KeyStore(str(tmp_path / "pki"))
    store.create()
    return store


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return lambda *words: command.main(["-c", str(tmp_path), *words])


def while_it_asks(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    def asked(prompt: str) -> str:
        happens()
        return "y"

    monkeypatch.setattr("builtins.input", asked)


@pytest.mark.parametrize("words", [("-a", "*"), ("-A",), ("-r", "*"), ("-R",), ("-d", "*"), ("-D",)])
def test_a_key_that_comes_while_it_asks_is_left_alone(
    store: KeyStore,
    keys: Keys,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    store.put(PENDING, "good", A)
    while_it_asks(monkeypatch, lambda: store.put(PENDING, "evil", B))
    assert keys(*words) == 0
    assert store.key(PENDING, "evil") == B
    assert store.key(PENDING, "good") is None
    out, err = capsys.readouterr()
    assert err == f"good:  {fingerprint(A)}\n"
    done = {"a": "accepted", "r": "rejected", "d": "deleted"}[words[0][1].lower()]
    assert out.endswith(f"Key for minion good {done}.\n")
    assert "evil" not in out


@pytest.mark.parametrize("flag", ["-a", "-r", "-d"])
def test_a_key_that_changed_while_it_asked_is_refused_and_the_others_are_done(
    store: KeyStore, keys: Keys, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    store.put(PENDING, "good", A)
    store.put(PENDING, "turned", B)
    while_it_asks(monkeypatch, lambda: store.put(PENDING, "turned", C))
    assert keys(flag, "*") == 1
    said = capsys.readouterr()
    assert said.err.endswith("saltern-key: turned: its pending key changed meanwhile: look at it again\n")
    assert "Key for minion good" in said.out
    assert "Key for minion turned" not in said.out
    assert store.ids(PENDING) == ["turned"]


def test_yes_sends_the_resolved_keys_too(
    store: KeyStore, keys: Keys, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put(PENDING, "good", A)
    resolve = KeyStore.resolve

    def resolved(self: KeyStore, *args: object) -> object:
        try:
            return resolve(self, *args)  # type: ignore[arg-type]  # passed on as they came
        finally:
            store.put(PENDING, "evil", B)

    monkeypatch.setattr(KeyStore, "resolve", resolved)
    assert keys("-A", "-y") == 0
    assert capsys.readouterr().out == (
        "The following keys are going to be accepted:\nUnaccepted Keys:\ngood\nKey for minion good accepted.\n"
    )
    assert store.list_all() == {ACCEPTED: ["good"], PENDING: ["evil"], REJECTED: [], DENIED: []}


def test_deleting_a_denied_key_leaves_the_good_one(
    store: KeyStore, keys: Keys, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put(ACCEPTED, "web", A)
    store.put(DENIED, "web", B)
    while_it_asks(monkeypatch, lambda: None)
    assert keys("-d", "web", "--state", "den") == 0
    assert store.list_all() == {ACCEPTED: ["web"], PENDING: [], REJECTED: [], DENIED: []}
    store.put(DENIED, "web", B)
    capsys.readouterr()
    assert keys("-d", "web") == 0
    said = capsys.readouterr()
    assert "Accepted Keys:\nweb\nDenied Keys:\nweb\n" in said.out
    assert said.err == f"web:  {fingerprint(A)}\nweb:  {fingerprint(B)}\n"
    assert store.list_all() == {ACCEPTED: [], PENDING: [], REJECTED: [], DENIED: []}


def test_a_denied_key_can_be_accepted(store: KeyStore, keys: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    store.put(DENIED, "web", B)
    assert keys("-a", "web", "-y", "--include-all") == 0
    assert "The key glob 'web' does not match any unaccepted or rejected keys.\n" in capsys.readouterr().out
    assert keys("-a", "web", "-y", "--include-denied") == 0
    assert store.key(ACCEPTED, "web") == B
    store.put(DENIED, "web", C)
    assert keys("-a", "web", "-y", "--state", "denied") == 1
    assert "another key is accepted for it: delete that one first" in capsys.readouterr().err
    assert store.key(ACCEPTED, "web") == B


def test_one_metric_name_is_one_minions(store: KeyStore, keys: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    store.put(ACCEPTED, "web.1", A)
    store.put(PENDING, "web_1", B)
    assert keys("-a", "web_1", "-y") == 1
    assert "its metrics would have the names of those of 'web.1'" in capsys.readouterr().err


def test_machines_read_the_same_as_before(store: KeyStore, keys: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    store.put(PENDING, "web", A)
    assert keys("-a", "web", "-y", "--out", "json") == 0
    assert json.loads(capsys.readouterr().out) == {ACCEPTED: ["web"]}


@pytest.mark.parametrize("words", [(), ("-L",), ("-l", "acc"), ("-A", "-y"), ("-F",), ("-f", "web"), ("-d", "x", "-y")])
def test_where_no_master_ever_was(
    tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\npki_dir: {tmp_path}/pki\nsock_dir: {tmp_path}/run\n")
    assert keys(*words) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert str(tmp_path / "pki") in said.err


def test_a_state_that_is_none(store: KeyStore, keys: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    assert keys("-d", "*", "-y", "--state", "nowhere") == 1
    assert "'nowhere' is not a state of keys: use accepted, pending, rejected, denied" in capsys.readouterr().err


@pytest.fixture
def known_names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Names that this test's resolver knows, and their addresses."""
    names = {"master.example": "192.0.2.1"}

    def lookup(host: str, port: object, **_: object) -> list[tuple[object, ...]]:
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, 1, 6, "", (names[host], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return names


def test_an_invitation_says_for_whom_where_and_until_when(
    store: KeyStore, keys: Keys, known_names: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys("--invite", "--host", "master.example", "--id", "web10") == 0
    said = capsys.readouterr()
    first, join, token = said.out.split()
    assert (first, join) == ("saltern-agent", "--join")
    assert "run saltern-agent --join - as root on the new host and paste this line" in said.err
    assert "good once, until 20" in said.err
    assert "for web10; it sends agents to master.example, ports 4505 and 4506" in said.err
    assert "warning" not in said.err
    secret = read_token(said.out).secret
    assert secret == read_token(token).secret
    assert store.invites.redeem(secret, "other").another
    assert store.invites.redeem(secret, "web10").good


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--host", "bad host"), "'bad host' is not a host name or an address"),
        (("--host", "master.example:4506"), "give the name or the address alone"),
        (("--host", "300.1.1.1"), "'300.1.1.1' is not a host name or an address"),
        (("--host", "master.example", "--id", "localhost"), "every host calls itself"),
        (("--host", "master.example", "--id", "a b"), "minion id 'a b' is not valid"),
        (("--host", "master.example", "--id", ""), "minion id '' is not valid"),
        (("--host", ""), "host '' is not a host name or an address"),
    ],
)
def test_an_invitation_that_would_lead_nowhere(
    store: KeyStore,
    keys: Keys,
    known_names: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    text: str,
) -> None:
    assert keys("--invite", *words) == 1
    said = capsys.readouterr()
    assert text in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("host", "interface", "text"),
    [
        ("nosuch.example", "0.0.0.0", "the name 'nosuch.example' has no address here (Name or service not known)"),
        ("localhost", "0.0.0.0", "localhost is another host for each agent, its own"),
        ("::", "::", ":: is another host for each agent, its own"),
        ("[::1]", "::", "::1 is another host for each agent, its own"),
        ("master.example", "127.0.0.1", "the master listens on 127.0.0.1 alone"),
        ("master.example", "::", ""),
    ],
)
def test_an_invitation_that_may_lead_nowhere_is_warned_of(
    store: KeyStore,
    keys: Keys,
    known_names: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    host: str,
    interface: str,
    text: str,
) -> None:
    with (tmp_path / "master").open("a") as options:
        options.write(f"interface: '{interface}'\n")
    known_names["::1"] = "::1"
    assert keys("--invite", "--host", host) == 0
    said = capsys.readouterr()
    assert read_token(said.out).host == host.strip("[]")
    warnings = [line for line in said.err.splitlines() if "warning" in line]
    assert len(warnings) == (1 if text else 0)
    assert text in said.err


def test_a_lookup_that_hangs_holds_up_no_invitation(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(host_doubts, "LOOKUP_S", 0.05)
    try:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(20))
        (doubt,) = host_doubts.doubts("master.example", "::")
    finally:
        over.set()
    assert "could not be looked up here within 0.05 s" in doubt


def test_a_pair_is_made_for_a_minion_to_come(tmp_path: Path, keys: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "pairs"
    assert keys("--gen-keys", "web10", "--gen-keys-dir", str(folder), "--keysize", "4096") == 0
    public = (folder / "web10.pub").read_text().strip()
    assert capsys.readouterr().out == f"return:\n    {fingerprint(public)}\n"
    assert (folder / "web10.key").stat().st_mode & 0o777 == 0o600
    assert keys("--gen-keys", "../web10", "--gen-keys-dir", str(folder)) == 1
    assert "can't be a file's name" in capsys.readouterr().err


def test_one_thing_is_done_at_a_time(store: KeyStore, keys: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        keys("-a", "web3", "-d", "web4", "-y")
    assert end.value.code == 64
    assert "The options --accept/--delete are mutually exclusive." in capsys.readouterr().err
