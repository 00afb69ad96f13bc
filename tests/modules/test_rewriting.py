"""Files are given another content whole or not at all, and keep what they are."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from saltern_modules import _rewriting
from saltern_modules._rewriting import overwrite, rewrite
from support.folders import open_to_all
from support.mounts import tmpfs
from support.strangers import NAME, folder_of_a_stranger, give_away, link_of_a_stranger, needs_root

LARGE = b"old line\n" * 20_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"old\n")
    path.chmod(0o640)
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_has_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        rewrite(f"{tmp_path}/usual", b"new\n")
        rewrite(f"{tmp_path}/private", b"new\n", mode=0o600)
    finally:
        os.umask(before)
    found = {path.name: (path.read_bytes(), path.stat().st_mode & 0o7777) for path in tmp_path.iterdir()}
    assert found == {"usual": (b"new\n", 0o644), "private": (b"new\n", 0o600)}


@pytest.mark.parametrize("change", [rewrite, overwrite])
def test_mode_and_attributes_stay(file: Path, change: object) -> None:
    try:
        os.setxattr(file, "user.saltern", b"kept")
    except OSError:
        pytest.skip("this file system has no attributes")
    change(str(file), b"new\n")  # type: ignore[operator]  # either of the two functions
    assert file.read_bytes() == b"new\n"
    assert file.stat().st_mode & 0o7777 == 0o640
    assert os.getxattr(file, "user.saltern") == b"kept"
    assert names_in(file.parent) == ["file"]


def test_set_id_bits_go(file: Path) -> None:
    file.chmod(0o6755)
    rewrite(str(file), b"new\n")
    assert file.stat().st_mode & 0o7777 == 0o755


def test_the_inode_goes_or_stays(file: Path) -> None:
    other = file.with_name("other")
    os.link(file, other)
    overwrite(str(file), b"shorter")
    assert other.read_bytes() == b"shorter"
    rewrite(str(file), b"new\n")
    assert (other.read_bytes(), file.read_bytes()) == (b"shorter", b"new\n")


def test_an_open_file_may_be_the_content(file: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(LARGE)
    for change in (rewrite, overwrite):
        with source.open("rb") as stream:
            stream.read(100)
            change(str(file), stream.fileno())
        assert file.read_bytes() == LARGE
        file.write_bytes(LARGE * 2)


def test_links_are_followed(file: Path) -> None:
    file.with_name("link").symlink_to("file")
    file.with_name("second").symlink_to("link")
    file.with_name("dangling").symlink_to("made")
    rewrite(f"{file.parent}/second", b"new\n")
    rewrite(f"{file.parent}/dangling", b"made\n")
    assert file.with_name("second").is_symlink()
    assert (file.read_bytes(), file.with_name("made").read_bytes()) == (b"new\n", b"made\n")


def test_a_circle_of_links_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="Too many levels") as caught:
        rewrite(f"{tmp_path}/a", b"x")
    assert caught.value.filename == f"{tmp_path}/a"


@pytest.mark.parametrize(("name", "number"), [("", errno.EISDIR), ("sub", errno.EISDIR), ("no/file", errno.ENOENT)])
def test_what_can_not_be_written_is_said(tmp_path: Path, name: str, number: int) -> None:
    (tmp_path / "sub").mkdir()
    with pytest.raises(OSError, match=r"directory") as caught:
        rewrite(f"{tmp_path}/{name}", b"x")
    assert caught.value.errno == number
    assert names_in(tmp_path) == ["sub"]


def test_what_is_no_regular_file_is_written_to(tmp_path: Path) -> None:
    rewrite("/dev/null", b"x")
    rewrite(f"/proc/{os.getpid()}/comm", b"saltern-test")
    assert Path(f"/proc/{os.getpid()}/comm").read_text() == "saltern-test\n"


def test_backups(file: Path, tmp_path: Path) -> None:
    rewrite(str(file), b"new\n", backup=".bak")
    bak = file.with_name("file.bak")
    assert (bak.read_bytes(), bak.stat().st_mode & 0o7777) == (b"old\n", 0o640)
    overwrite(str(file), b"newer\n", backup=".bak")
    assert bak.read_bytes() == b"new\n"
    rewrite(str(file), b"newest\n", backup="minion", cachedir=f"{tmp_path}/cache")
    (kept,) = (tmp_path / "cache/file_backup").rglob("file_*")
    assert (kept.read_bytes(), kept.stat().st_mode & 0o7777) == (b"newer\n", 0o640)
    with pytest.raises(OSError, match="slash"):
        rewrite(str(file), b"x", backup="/../x")


def test_a_link_at_the_backups_name_is_not_followed(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"other")
    file.with_name("file.bak").symlink_to(other)
    rewrite(str(file), b"new\n", backup=".bak")
    assert other.read_bytes() == b"other"
    assert not file.with_name("file.bak").is_symlink()


@pytest.mark.parametrize("change", [rewrite, overwrite])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, change: object) -> None:
    with tmpfs(tmp_path / "disk", "size=1m"):
        folder = tmp_path / "disk"
        file = folder / "file"
        file.write_bytes(LARGE)
        with pytest.raises(OSError, match="No space") as caught:
            change(str(file), b"n" * (2 << 20))  # type: ignore[operator]  # either of the two functions
        assert caught.value.errno == errno.ENOSPC
        assert file.read_bytes() == LARGE
        assert names_in(folder) == ["file"]


def test_a_disk_without_room_for_the_copy_leaves_the_old_file(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk", "size=256k"):
        file = tmp_path / "disk/file"
        file.write_bytes(LARGE[:150_000])
        with pytest.raises(OSError, match="No space"):
            overwrite(str(file), b"short")
        assert file.read_bytes() == LARGE[:150_000]
        assert names_in(tmp_path / "disk") == ["file"]


@needs_root
def test_a_file_that_is_mounted_by_itself_is_overwritten(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "mounted"
    target.touch()
    if subprocess.run(["mount", "--bind", file, target], check=False, capture_output=True).returncode:
        pytest.skip("mounting isn't permitted here")
    try:
        rewrite(str(target), b"new\n")
        assert file.read_bytes() == b"new\n"
    finally:
        subprocess.run(["umount", target], check=True)
    assert names_in(tmp_path) == ["file", "mounted"]


KILLED = """
import os, sys
from saltern_modules import _rewriting

def half(fd, data):
    _rewriting.write_all(fd, data[: len(data) // 2])
    os.kill(os.getpid(), 9)

_rewriting.fill = half
getattr(_rewriting, sys.argv[1])(sys.argv[2], b"n" * 500_000)
"""


@pytest.mark.parametrize("function", ["rewrite", "overwrite"])
def test_a_kill_midway_loses_nothing(file: Path, function: str) -> None:
    file.write_bytes(LARGE)
    done = subprocess.run([sys.executable, "-c", KILLED, function, file], check=False, timeout=60)
    assert done.returncode == -9
    if function == "rewrite":
        assert file.read_bytes() == LARGE
    else:
        (kept,) = file.parent.glob(".file.saltern-kept-*")
        assert (kept.read_bytes(), kept.stat().st_mode & 0o7777) == (LARGE, 0o600)


@needs_root
def test_the_owner_stays(file: Path) -> None:
    give_away(file)
    owner = file.stat().st_uid
    rewrite(str(file), b"new\n", backup=".bak")
    assert owner != 0
    assert file.stat().st_uid == file.with_name("file.bak").stat().st_uid == owner


@needs_root
@pytest.mark.parametrize("change", [rewrite, overwrite])
def test_a_strangers_link_does_not_lead_to_what_is_not_his(tmp_path: Path, change: object) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    theirs = folder_of_a_stranger(tmp_path / "theirs")
    link_of_a_stranger(theirs / "link", secret)
    link_of_a_stranger(theirs / "new", tmp_path / "made")
    for name in ("link", "new"):
        with pytest.raises(OSError, match="a link of another user's") as caught:
            change(f"{theirs}/{name}", b"x")  # type: ignore[operator]  # either of the two functions
        assert caught.value.errno in (errno.EPERM, errno.ENOENT)
    own = theirs / "own"
    own.write_bytes(b"old")
    link_of_a_stranger(theirs / "link", give_away(own))
    change(f"{theirs}/link", b"x")  # type: ignore[operator]  # either of the two functions
    assert (secret.read_bytes(), own.read_bytes(), (tmp_path / "made").exists()) == (b"secret", b"x", False)


@needs_root
def test_what_was_exchanged_meanwhile_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    theirs = folder_of_a_stranger(tmp_path / "theirs")
    file = theirs / "file"
    file.write_bytes(b"old")
    checked = _rewriting._check

    def exchange(place: _rewriting.Place) -> None:
        checked(place)
        file.unlink()
        os.link(secret, file)

    monkeypatch.setattr(_rewriting, "_check", exchange)
    with pytest.raises(OSError, match="another file in its place"):
        overwrite(str(file), b"x")
    assert secret.read_bytes() == b"secret"


ANOTHERS = """
import os, sys, pwd
from saltern_modules import _rewriting
os.setgroups([]); entry = pwd.getpwnam(sys.argv[2]); os.setgid(entry.pw_gid); os.setuid(entry.pw_uid)
_rewriting.rewrite(sys.argv[1], b"new")
"""


@needs_root
def test_who_can_not_give_the_owner_back_writes_over_the_file() -> None:
    with open_to_all() as folder:
        folder.chmod(0o777)
        file = folder / "file"
        file.write_bytes(b"old")
        file.chmod(0o666)
        subprocess.run([sys.executable, "-c", ANOTHERS, file, NAME], check=True, timeout=60)
        assert (file.read_bytes(), file.stat().st_uid) == (b"new", 0)
        assert names_in(folder) == ["file"]
