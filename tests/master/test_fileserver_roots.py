"""The roots backend: several folders, changes seen by status, hashes computed once."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest

from saltern.errors import ConfigError, FileServerError
from saltern_master.fileserver.backend import FileEntry
from saltern_master.fileserver.roots import hash_cache
from saltern_master.fileserver.roots.backend import RootsBackend
from saltern_master.fileserver.roots.confined import Identity


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    return tmp_path / "first", tmp_path / "second"


def settle(path: Path) -> None:
    """Make a file look long untouched, but for ctime, which nobody can set."""
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))


def test_the_first_folder_wins(folders: tuple[Path, Path]) -> None:
    first, second = folders
    (first / "both").write_text("first")
    (second / "both").write_text("second")
    (second / "only").write_text("x")
    backend = RootsBackend({"base": [str(first), str(second)], "dev": [str(second)]})
    assert backend.paths("base") == ["both", "only"]
    assert backend.entry("base", "both") == FileEntry("both", sha256(b"first"), 5, None)
    assert backend.entry("dev", "both") == FileEntry("both", sha256(b"second"), 6, None)
    assert backend.entry("base", "none") is None
    assert backend.entry("other", "both") is None
    assert backend.envs() == ["base", "dev"]


def test_update_sees_every_change_and_nothing_else(folders: tuple[Path, Path]) -> None:
    first, second = folders
    backend = RootsBackend({"base": [str(first), str(second)]})
    assert backend.update() is False
    (first / "a").write_text("1")
    assert backend.update() is True
    assert backend.update() is False
    (first / "a").write_text("2")
    assert backend.update() is True
    (second / "a").write_text("2")
    assert backend.update() is True
    (first / "a").unlink()
    assert backend.update() is True
    assert backend.update() is False
    assert backend.counts() == {"files": 1, "skipped": 0, "hashed": 0}


def test_a_file_is_hashed_once_per_content(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_cache, "SETTLED_NS", -1)
    first, _ = folders
    file = first / "a"
    file.write_text("one")
    backend = RootsBackend({"base": [str(first)]})
    for _ in range(3):
        backend.update()
        backend.entry("base", "a")
    assert backend.counts()["hashed"] == 1
    file.write_text("two")
    settle(file)
    entry = backend.entry("base", "a")
    assert entry is not None
    assert entry.hsum == sha256(b"two")
    assert backend.counts()["hashed"] == 2


def test_a_file_just_written_is_not_trusted_to_stay(folders: tuple[Path, Path]) -> None:
    first, _ = folders
    (first / "a").write_text("one")
    backend = RootsBackend({"base": [str(first)]})
    backend.entry("base", "a")
    backend.entry("base", "a")
    assert backend.counts()["hashed"] == 2


def test_the_hash_cache_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_cache, "SETTLED_NS", -1)
    cache = hash_cache.HashCache(limit=2)
    for name in "abc":
        (tmp_path / name).write_text(name)
        with open(tmp_path / name, "rb") as stream:
            identity = Identity.of(os.fstat(stream.fileno()))
            assert cache.hsum(name, stream.fileno(), identity) == sha256(name.encode())
    assert len(cache) == 2


def test_read_gives_the_content_asked_for_or_nothing(folders: tuple[Path, Path]) -> None:
    first, _ = folders
    (first / "a").write_bytes(b"0123456789")
    backend = RootsBackend({"base": [str(first)]})
    hsum = sha256(b"0123456789")
    assert backend.read("base", "a", hsum, 0, 4) == b"0123"
    assert backend.read("base", "a", hsum, 8, 4) == b"89"
    assert backend.read("base", "a", hsum, 50, 4) == b""
    (first / "a").write_bytes(b"9876543210")
    assert backend.read("base", "a", hsum, 0, 4) is None
    (first / "a").unlink()
    assert backend.read("base", "a", hsum, 0, 4) is None


def test_a_file_over_the_limit_is_refused(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = folders
    with open(first / "huge", "wb") as stream:
        stream.truncate(1024**3 + 1)
    with pytest.raises(FileServerError, match=r"salt://huge is over 1,073,741,824 bytes"):
        RootsBackend({"base": [str(first)]}).entry("base", "huge")


def test_what_is_left_out_is_said_once(folders: tuple[Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    first, _ = folders
    (first / "leak").symlink_to("/etc/passwd")
    backend = RootsBackend({"base": [str(first)]}, max_files=1)
    with caplog.at_level(logging.WARNING):
        backend.update()
        backend.update()
        assert len(caplog.records) == 1
        assert "not served: leak: it is a link to a place out of its root: /etc/passwd" in caplog.text
        (first / "a").write_text("")
        (first / "b").write_text("")
        backend.update()
        backend.update()
    assert len(caplog.records) == 2
    assert "over 1 files are there" in caplog.text
    assert backend.counts()["skipped"] <= 1


@pytest.mark.parametrize(
    ("file_roots", "message"),
    [
        ({"base": "/srv"}, "file_roots: base: must be a list of folders"),
        ({"base": [5]}, "file_roots: base: must be a list of folders"),
        ({"base": [""]}, "file_roots: base: must be a list of folders"),
        ({"base": ["srv/x"]}, "file_roots: base: 'srv/x' must be an absolute path"),
        ({"../x": ["/srv"]}, "file_roots: environment '../x' is not valid"),
    ],
)
def test_configuration_faults_name_the_environment(file_roots: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as fault:
        RootsBackend(file_roots)
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)
