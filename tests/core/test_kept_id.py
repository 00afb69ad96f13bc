"""The id that a key was accepted with goes on when the host is called otherwise."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from saltern.config import minion_config
from saltern.errors import ConfigError
from saltern.kept_id import NAME, keep_id, kept_id
from saltern.pki import own_keys


@pytest.fixture
def pki(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "minion").write_text(f"root_dir: {tmp_path}\npki_dir: {tmp_path}/pki\n")
    named(monkeypatch, "old")
    own_keys(str(tmp_path / "pki"), "minion")
    return str(tmp_path / "pki")


def named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: f"{name}.example")
    monkeypatch.setattr(socket, "gethostname", lambda: name)


def test_a_renamed_host_keeps_its_id(pki: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = minion_config(tmp_path)
    assert (options["id"], options["id_from"]) == ("old.example", "host")
    keep_id(pki, "old.example", own_keys(pki, "minion").public)
    named(monkeypatch, "new")
    options = minion_config(tmp_path)
    assert (options["id"], options["id_from"]) == ("old.example", "kept")
    assert os.stat(Path(pki) / NAME).st_mode & 0o777 == 0o600


def test_what_is_configured_comes_first(pki: str, tmp_path: Path) -> None:
    keep_id(pki, "old.example", own_keys(pki, "minion").public)
    with (tmp_path / "minion").open("a") as options:
        options.write("id: chosen\n")
    assert (minion_config(tmp_path)["id"], minion_config(tmp_path)["id_from"]) == ("chosen", "configured")


def test_a_new_key_starts_with_the_hosts_name(pki: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_id(pki, "old.example", own_keys(pki, "minion").public)
    for name in ("minion.key", "minion.pub"):
        (Path(pki) / name).unlink()
    assert kept_id(pki) == ""
    own_keys(pki, "minion")
    named(monkeypatch, "new")
    assert minion_config(tmp_path)["id"] == "new.example"


@pytest.mark.parametrize("content", ["", "old", "a/b KEY", "x y z", "\xff KEY", "old " + "k" * 40])
def test_what_is_no_kept_id(pki: str, content: str) -> None:
    text = content.replace("KEY", own_keys(pki, "minion").public)
    (Path(pki) / NAME).write_text(text, encoding="latin-1")
    assert kept_id(pki) == ""


def test_it_is_written_once(pki: str) -> None:
    key = own_keys(pki, "minion").public
    keep_id(pki, "old", key)
    before = (Path(pki) / NAME).stat().st_ino
    keep_id(pki, "old", key)
    assert (Path(pki) / NAME).stat().st_ino == before
    keep_id(pki, "new", key)
    assert kept_id(pki) == "new"


def test_a_host_without_a_usable_name_hears_what_to_set(
    pki: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: "(none)")
    with pytest.raises(ConfigError, match=r"minion: id: minion id '\(none\)' is not valid.*set id: there to another"):
        minion_config(tmp_path)
