"""Files and folders: whole or not at all, with the permissions that were asked for, and never somebody else's."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern import files
from saltern.files import make_folder, open_file, open_folder, replacement, write_atomic, write_private
from support.strangers import folder_of_a_stranger, give_away, link_of_a_stranger, needs_root


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_permissions_do_not_hang_on_the_umask(tmp_path: Path, umask: int) -> None:
    make_folder(str(tmp_path / "a/b/c"), 0o700)
    make_folder(f"{tmp_path}/d/", 0o750)
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c", "d")] == [0o755, 0o755, 0o700, 0o750]
    write_atomic(str(tmp_path / "open"), b"1")
    write_private(str(tmp_path / "secret"), b"2")
    assert (mode(tmp_path / "open"), mode(tmp_path / "secret")) == (0o644, 0o600)


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files._warn_of.cache_clear()
    for name, permissions in (("shut", 0o750), ("sticky", 0o1777), ("open", 0o777)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(permissions)
    with caplog.at_level(logging.WARNING):
        for name in ("shut", "sticky", "open", "open"):
            make_folder(str(tmp_path / name), 0o700)
    assert mode(tmp_path / "shut") == 0o750
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/open: every user of this host may write here: run chmod o-w {tmp_path}/open"
    ]


@needs_root
def test_a_folder_put_in_the_place_of_the_new_one_keeps_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = os.mkdir

    def exchanged(name: str, permissions: int, *, dir_fd: int) -> None:
        mkdir(tmp_path / name, 0o700)
        give_away(tmp_path / name)

    monkeypatch.setattr(os, "mkdir", exchanged)
    make_folder(str(tmp_path / "new"), 0o755)
    assert mode(tmp_path / "new") == 0o700


def test_a_group_that_folders_pass_on_is_passed_on(tmp_path: Path) -> None:
    tmp_path.chmod(0o2755)
    make_folder(str(tmp_path / "a/b"), 0o750)
    assert (mode(tmp_path / "a"), mode(tmp_path / "a/b")) == (0o2755, 0o2750)


def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "x"):
        with pytest.raises(OSError, match=r"exists|Not a directory") as caught:
            make_folder(str(path), 0o700)
        assert str(caught.value.filename).startswith(str(tmp_path / "file"))
    with pytest.raises(FileNotFoundError) as missing:
        write_atomic(str(tmp_path / "no/file"), b"")
    assert missing.value.filename == str(tmp_path / "no")


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), replacement(str(path), 0o600) as stream:
        stream.write("no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_can_lay_a_file_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary name can't be known, and nothing is written when there is something under it all the same."""
    names = set()
    for _ in range(3):
        with replacement(str(tmp_path / "f"), 0o600):
            (temporary,) = (path for path in tmp_path.iterdir() if path.name != "f")
            assert mode(temporary) == 0o600
            names.add(temporary.name)
    assert len(names) == 3

    monkeypatch.setattr(os, "urandom", bytes)
    (tmp_path / "secret").write_text("secret")
    for lay in (Path.symlink_to, Path.hardlink_to):
        lay(tmp_path / f".saltern-{bytes(8).hex()}.tmp", tmp_path / "secret")
        with pytest.raises(FileExistsError) as caught:
            write_atomic(str(tmp_path / "f"), b"x")
        assert caught.value.filename == str(tmp_path / "f")
        (tmp_path / f".saltern-{bytes(8).hex()}.tmp").unlink()
    assert (tmp_path / "secret").read_text() == "secret"


def test_the_old_files_permissions_can_be_kept_but_no_set_id_bit(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(0o6751)
    with replacement(str(path), 0o600, keep_mode=True) as stream:
        stream.write(b"new")
    assert (mode(path), path.read_bytes()) == (0o751, b"new")
    with replacement(str(tmp_path / "new"), 0o640, keep_mode=True):
        pass
    assert mode(tmp_path / "new") == 0o640


def test_a_folder_that_is_exchanged_meanwhile_is_still_the_one_that_was_opened(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    (tmp_path / "other").mkdir()
    with replacement(str(tmp_path / "place/f"), 0o600) as stream:
        (tmp_path / "place").rename(tmp_path / "moved")
        (tmp_path / "place").symlink_to(tmp_path / "other")
        stream.write(b"x")
    assert list((tmp_path / "other").iterdir()) == []
    assert (tmp_path / "moved/f").read_bytes() == b"x"


def test_links_of_our_own_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real/deep").mkdir(parents=True)
    (tmp_path / "absolute").symlink_to(tmp_path / "real")
    (tmp_path / "relative").symlink_to("absolute/deep/../deep")
    write_atomic(str(tmp_path / "relative/f"), b"x")
    assert (tmp_path / "real/deep/f").read_bytes() == b"x"
    with open(open_file(str(tmp_path / "relative/./f")), "rb") as stream:
        assert stream.read() == b"x"
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(OSError, match="Too many levels") as caught:
        open_folder(str(tmp_path / "round"))
    assert caught.value.filename == str(tmp_path / "round")


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, message in ((tmp_path / "fifo", "no regular file"), (tmp_path, "no regular file")):
        with pytest.raises(OSError, match=message):
            open_file(str(path))
    with pytest.raises(NotADirectoryError):
        open_folder(str(tmp_path / "fifo"))


@needs_root
def test_a_strangers_link_leads_to_what_is_his_alone(tmp_path: Path) -> None:
    theirs = folder_of_a_stranger(tmp_path / "theirs")
    ours = tmp_path / "ours"
    ours.mkdir()
    (ours / "secret").write_text("secret")
    link_of_a_stranger(theirs / "folder", ours)
    link_of_a_stranger(theirs / "secret", ours / "secret")
    with pytest.raises(PermissionError, match="another user's"):
        write_atomic(str(theirs / "folder/f"), b"x")
    with pytest.raises(PermissionError, match="another user's"):
        make_folder(str(theirs / "folder/new/folder"), 0o755)
    with pytest.raises(PermissionError, match="another user's"):
        open_file(str(theirs / "secret"))
    assert [path.name for path in ours.iterdir()] == ["secret"]

    folder_of_a_stranger(theirs / "own")
    link_of_a_stranger(theirs / "to-own", theirs / "own")
    write_atomic(str(theirs / "to-own/f"), b"x")
    assert (theirs / "own/f").read_bytes() == b"x"
