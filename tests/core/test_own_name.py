"""How this host is called, whatever it is called."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from saltern.cli import key
from saltern.config import minion_config
from saltern.config.minion import own_name
from saltern.join_token import read_token
from saltern.pki import own_keys


def called(monkeypatch: pytest.MonkeyPatch, full: str, short: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: short)
    monkeypatch.setattr(socket, "getfqdn", lambda: full)


@pytest.mark.parametrize(
    ("full", "short", "name"),
    [
        ("Web01.Example.com", "web01", "web01.example.com"),
        ("localhost.localdomain", "Web01", "web01"),
        ("localhost", "localhost", "localhost"),
        ("web01.", "web01.", "web01"),  # a full name may be written with its last dot
        ("web01.example.com.", "web01", "web01.example.com"),
    ],
)
def test_full_names(monkeypatch: pytest.MonkeyPatch, full: str, short: str, name: str) -> None:
    called(monkeypatch, full, short)
    assert own_name() == name


@pytest.mark.parametrize("name", ["a..b", ".web01", "x" * 64 + ".example.com"])
def test_a_name_that_no_resolver_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The kernel has any 64 bytes for a name; asking for it must not end whoever asks."""
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    assert own_name() == name
    (tmp_path / "master").write_text(f"root_dir: {tmp_path}\npki_dir: {tmp_path}/pki\nsock_dir: {tmp_path}/run\n")
    own_keys(str(tmp_path / "pki"), "master")
    key.main(["-c", str(tmp_path), "--invite"])
    printed, complaint = capsys.readouterr()
    assert read_token(printed.split()[-1]).host == name if printed else name in complaint


def test_it_is_the_id_of_a_minion_without_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    called(monkeypatch, "web01.", "web01.")
    (tmp_path / "minion").write_text(f"master: 127.0.0.1\nroot_dir: {tmp_path}\n")
    assert minion_config(str(tmp_path / "minion"))["id"] == "web01"
