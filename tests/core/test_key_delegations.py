"""``saltern-key --delegate`` and ``--undelegate`` where no master runs: they act on what they showed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from saltern.cli import key as command
from saltern.key_functions import KeyFunctions
from saltern.keystore import ACCEPTED, PENDING, KeyStore
from saltern.pillar_delegations import PillarDelegations
from saltern.pki import fingerprint, own_keys

A, B, C = "A" * 40, "B" * 40, "C" * 40

Keys = Callable[..., int]


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    (tmp_path / "master").write_text(
        f"root_dir: {tmp_path}\npki_dir: {tmp_path}/pki\nsock_dir: {tmp_path}/run\ncachedir: {tmp_path}/cache\n"
    )
    own_keys(str(tmp_path / "pki"), "master")
    store = KeyStore(str(tmp_path / "pki"))
    store.create()
    store.put(ACCEPTED, "h1", A)
    store.put(ACCEPTED, "h2", B)
    return store


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return lambda *words: command.main(["-c", str(tmp_path), *words])


def answered(monkeypatch: pytest.MonkeyPatch, answer: str, happens: Callable[[], None] = lambda: None) -> None:
    def asked(prompt: str) -> str:
        happens()
        return answer

    monkeypatch.setattr("builtins.input", asked)


def test_a_device_is_delegated_as_shown(
    store: KeyStore, keys: Keys, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answered(monkeypatch, "")
    assert keys("--delegate", "sw1,sw2", "--to", "h1") == 0
    assert store.delegated.all() == {"sw1": ("h1",), "sw2": ("h1",)}
    out, err = capsys.readouterr()
    assert out == (
        "The following devices are going to be delegated:\nProxied Minions:\nsw1 via h1\nsw2 via h1\n"
        "Device sw1 delegated to h1.\nDevice sw2 delegated to h1.\n"
    )
    assert err == f"h1:  {fingerprint(A)}\n"
    assert keys("--delegate", "sw1", "--to", "h2,h1") == 0
    out, err = capsys.readouterr()
    assert "sw1 via h1, h2\n" in out
    assert err.endswith("sw1:  now via h1\n")
    assert store.delegated.hosts("sw1") == ("h1", "h2")


def test_nothing_is_delegated_without_a_yes(store: KeyStore, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, "n")
    assert keys("--delegate", "sw1", "--to", "h1") == 0
    assert store.delegated.all() == {}


def test_a_host_whose_key_changed_while_it_asked_gets_nothing(
    store: KeyStore, keys: Keys, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answered(monkeypatch, "y", lambda: store.put(ACCEPTED, "h1", C))
    assert keys("--delegate", "sw1", "--to", "h1") != 0
    assert store.delegated.all() == {}
    assert "h1: its accepted key changed meanwhile: look at it again" in capsys.readouterr().err


def test_devices_are_taken_away_as_shown(
    store: KeyStore, keys: Keys, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys("--delegate", "sw1,sw2", "--to", "h1", "-y") == 0
    capsys.readouterr()
    answered(monkeypatch, "")
    assert keys("--undelegate", "sw1") == 0
    assert store.delegated.hosts("sw1") == ("h1",)
    answered(monkeypatch, "y", lambda: store.delegated.put("sw1", ["h2"]))
    assert keys("--undelegate", "sw1") != 0
    assert "sw1: its hosts changed meanwhile: look at it again" in capsys.readouterr().err
    assert store.delegated.hosts("sw1") == ("h2",)
    answered(monkeypatch, "y")
    assert keys("--undelegate", "sw1") == 0
    assert capsys.readouterr().out.endswith(
        "The following devices are going to be taken from their hosts:\nProxied Minions:\nsw1 via h2\n"
        "Device sw1 taken from h2.\n"
    )
    assert store.delegated.all() == {"sw2": ("h1",)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--delegate", "sw1", "--to", "web09"), "web09: no key is accepted for it"),
        (("--delegate", "h2", "--to", "h1"), "h2: a key is accepted for it, and speaks for it"),
        (("--delegate", "h1", "--to", "h1"), "h1: no host is its own device"),
        (("--delegate", "*", "--to", "h1"), "minion id '*' is not valid"),
        (("--delegate", "../x", "--to", "h1"), "minion id '../x' is not valid"),
        (("--delegate", "sw1", "--to", "h*"), "minion id 'h*' is not valid"),
        (("--delegate", "sw1,sw2", "--to", ""), "minion id '' is not valid"),
        (("--delegate", "sw.1,sw_1", "--to", "h1"), "sw_1: its metrics would have the names of those of 'sw.1'"),
        (("--undelegate", "sw1"), "sw1: no operator gave it a host"),
        (("--undelegate", "h?"), "minion id 'h?' is not valid"),
    ],
)
def test_what_cant_be_is_one_line(
    store: KeyStore, keys: Keys, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert keys(*words, "-y") != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert store.delegated.all() == {}


@pytest.mark.parametrize("words", [("--delegate", "sw1"), ("--to", "h1"), ("-L", "--to", "h1")])
def test_a_device_needs_a_host_and_a_host_a_device(
    keys: Keys, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit):
        keys(*words)
    assert "--delegate and --to go together" in capsys.readouterr().err


def test_devices_are_listed_beside_keys_and_only_when_there_are_any(
    store: KeyStore, keys: Keys, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put(PENDING, "new", C)
    assert keys("-L", "--out", "json") == 0
    assert list(json.loads(capsys.readouterr().out)) == [
        "minions_pre",
        "minions_rejected",
        "minions",
        "minions_denied",
    ]
    store.delegated.put("sw2", ["h1", "h2"])
    store.delegated.put("sw9", ["gone"])
    PillarDelegations(str(tmp_path / "cache")).write("h1", {"sw1": True, "h2": False, "SW3": False})
    PillarDelegations(str(tmp_path / "cache")).write("gone", {"sw8": True})
    assert keys("-L", "--out", "json") == 0
    assert json.loads(capsys.readouterr().out)["minions_proxied"] == {"sw1": "h1", "sw2": ["h1", "h2"], "SW3": "h1"}
    assert keys("-L") == 0
    assert capsys.readouterr().out == (
        "Accepted Keys:\nh1\nh2\nDenied Keys:\nUnaccepted Keys:\nnew\nProxied Minions:\nSW3 via h1\nsw1 via h1\n"
        "sw2 via h1, h2\nRejected Keys:\n"
    )
    assert keys("-l", "proxied") == 0
    assert capsys.readouterr().out == "Proxied Minions:\nSW3 via h1\nsw1 via h1\nsw2 via h1, h2\n"
    assert keys("-l", "acc") == 0
    assert capsys.readouterr().out == "Accepted Keys:\nh1\nh2\n"


def test_programs_get_what_was_done(store: KeyStore, keys: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    assert keys("--delegate", "sw1", "--to", "h2,h1", "-y", "--out", "json") == 0
    assert json.loads(capsys.readouterr().out) == {"sw1": ["h1", "h2"]}
    assert keys("--undelegate", "sw1", "-y", "--out", "json") == 0
    assert json.loads(capsys.readouterr().out) == {"sw1": ["h1", "h2"]}


def test_functions_note_what_they_did(store: KeyStore) -> None:
    functions = KeyFunctions(store)
    table = functions.table()
    assert table["key.delegate"](devices="sw1, sw2", hosts="h1") == {"sw1": ["h1"], "sw2": ["h1"]}
    assert table["key.delegated"]() == {"sw1": ["h1"], "sw2": ["h1"]}
    assert table["key.delegated"]("*1") == {"sw1": ["h1"]}
    assert table["key.undelegate"]("sw1") == {"sw1": ["h1"]}
    assert table["key.list"]("proxied") == {"minions_proxied": {"sw2": "h1"}}
    assert functions.changed == [("delegate", "sw1"), ("delegate", "sw2"), ("undelegate", "sw1")]
