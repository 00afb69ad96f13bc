"""Archives that try to get out of their folder, or to fill the disk; programs that are missing."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from saltern.errors import CommandError
from saltern_modules import _archives


@pytest.fixture
def archive(minion: Any) -> ModuleType:
    return minion.load("archive_members")  # type: ignore[no-any-return]  # the fixture's class lives in conftest


def zipped(path: Path, *members: tuple[str, bytes | str, int]) -> str:
    with zipfile.ZipFile(path, "w") as file:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            file.writestr(info, content)
    return str(path)


def test_names_stay_in_the_folder(archive: ModuleType, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("../../up", "1", 0o644), ("/etc/abs", "2", 0o644), ("a/../../b", "3", 0o644))
    archive.unzip(path, str(tmp_path / "out" / "in"))
    found = sorted(str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file())
    assert found == ["a.zip", "out/in/a/b", "out/in/etc/abs", "out/in/up"]


def test_a_link_in_the_archive_leads_nothing_out(archive: ModuleType, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    path = zipped(tmp_path / "a.zip", ("l", str(outside), 0o120777), ("l/evil", "1", 0o644))
    with pytest.raises(CommandError, match="unpacking zipfile"):
        archive.unzip(path, str(tmp_path / "out"))
    assert list(outside.iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_member_replaces_a_link_and_is_not_written_through_it(archive: ModuleType, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    path = zipped(tmp_path / "a.zip", ("f", str(victim), 0o120777), ("f", "evil", 0o644))
    archive.unzip(path, str(tmp_path / "out"))
    assert victim.read_text() == "mine"
    assert (tmp_path / "out" / "f").read_text() == "evil"


def test_set_id_bits_are_left_out(archive: ModuleType, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("f", "x", stat.S_IFREG | 0o6755))
    archive.unzip(path, str(tmp_path / "out"))
    assert stat.S_IMODE((tmp_path / "out" / "f").stat().st_mode) == 0o755


def test_what_does_not_fit_is_not_begun(archive: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", ("f", "x" * 100, 0o644))
    usage = type("Usage", (), {"free": 99})
    monkeypatch.setattr(_archives.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(CommandError, match="it needs 100 bytes, and 99 are free"):
        archive.unzip(path, str(tmp_path / "out"))
    assert list((tmp_path / "out").iterdir()) == []


def test_a_member_may_not_be_larger_than_it_says() -> None:
    with pytest.raises(zipfile.BadZipFile, match="larger than it says"):
        _archives._copy(io.BytesIO(b"12345"), io.BytesIO(), 4)


def test_members_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_archives, "MAX_MEMBERS", 2)
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for name in "abc":
            file.addfile(tarfile.TarInfo(name))
    with pytest.raises(CommandError, match="more than 2 members"):
        _archives.tar_members(str(tmp_path / "a.tar"))


def test_a_password_is_asked_for(archive: ModuleType, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("f", "x", 0o644))
    data = bytearray(Path(path).read_bytes())
    data[6] |= 1  # the flag of the member
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # and of the directory
    Path(path).write_bytes(data)
    assert archive.is_encrypted(path) is True
    with pytest.raises(CommandError, match="password"):
        archive.unzip(path, str(tmp_path / "out"))


def test_nothing_is_left_of_a_zip_file_that_can_not_be_written(archive: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    os.mkfifo(tmp_path / "d")
    with pytest.raises(CommandError, match="creating zipfile"):
        archive.zip_(str(tmp_path / "no" / "a.zip"), str(tmp_path / "f"))
    (tmp_path / "old.zip").write_text("old")
    assert archive.zip_(str(tmp_path / "old.zip"), "f", cwd=str(tmp_path)) == ["f"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["d", "f", "old.zip"]


def test_what_is_not_here_is_said(archive: ModuleType, minion: Any, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("f", "x", 0o644))
    for function in (archive.unzip, archive.zip_):
        with pytest.raises(CommandError, match=r"runas isn't here: archive\.cmd_"):
            function(path, str(tmp_path), runas="root")
    minion.functions.update({"cmd.which": lambda name: None, "cmd.which_bin": lambda names: None})
    for name, given in (
        ("tar", ("cf", "x")),
        ("gzip", ("x",)),
        ("gunzip", ("x",)),
        ("cmd_zip", ("x", "y")),
        ("cmd_unzip", ("x", "y")),
        ("rar", ("x", "y")),
        ("unrar", ("x", "y")),
    ):
        with pytest.raises(CommandError, match=r"were? (not )?found in \$PATH|was not found"):
            getattr(minion.load("archive"), name)(*given)
    with pytest.raises(CommandError, match="rar command not available"):
        archive.list_(path, "rar")


def test_names_are_no_options(minion: Any) -> None:
    ran: list[list[str]] = []
    minion.functions.update(
        {
            "cmd.which": lambda name: f"/usr/bin/{name}",
            "cmd.run": lambda argv, **_: ran.append(argv) or "",
            "cmd.run_all": lambda argv, **_: ran.append(argv) or {"retcode": 0, "stdout": ""},
        }
    )
    programs = minion.load("archive")
    programs.gzip("-S")
    programs.cmd_zip("-T", "-TT,x")
    programs.cmd_unzip("-x", "/out")
    assert ran == [["gzip", "./-S"], ["zip", "-r", "./-T", "./-TT", "x"], ["unzip", "./-x", "-d", "/out"]]


@pytest.mark.parametrize("count", ["x", -1, "0.5"])
def test_strip_components(archive: ModuleType, tmp_path: Path, count: Any) -> None:
    path = zipped(tmp_path / "a.zip", ("f", "x", 0o644))
    with pytest.raises(CommandError, match="'strip_components' must be a positive integer"):
        archive.list_(path, strip_components=count)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.zip", "x", "is not a ZIP file"),
        ("a.tar", "x", "Unable to list contents"),
        ("a.txt", "x", "Unable to guess archive format"),
        ("a.rar5", "x", "Unable to guess"),
    ],
)
def test_what_is_no_archive(archive: ModuleType, tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(CommandError, match=says):
        archive.list_(str(tmp_path / name))
    with pytest.raises(CommandError, match="Unsupported archive format 'cpio'"):
        archive.list_(str(tmp_path / name), "cpio")
    with pytest.raises(CommandError, match="Failed to cache"):
        archive.list_(str(tmp_path / "nowhere.zip"))


def test_clean_leaves_a_file_of_the_host(archive: ModuleType, minion: Any, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("f", "x", 0o644))
    archive.list_(path, clean=True)
    assert os.path.exists(path)
    minion.functions["cp.cache_file"] = lambda name, saltenv, **_: path
    assert archive.list_("salt://a.zip", clean=True) == ["f"]
    assert not os.path.exists(path)
