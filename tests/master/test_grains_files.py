"""Grains on disk: what is broken is set aside, and what can't be written now is written later."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from saltern.wire import pack_value
from saltern_master.grains_files import GrainsFiles, Kept
from support.mounts import tmpfs


def packed(number: int = 1) -> bytes:
    return pack_value({"key": "K", "grains": {"n": number}})


def having(folder: Path) -> dict[str, Any]:
    return {kept.minion_id: kept.grains["n"] for kept in GrainsFiles(str(folder)).read()}


def test_what_is_no_grains_is_set_aside_once_and_the_others_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "grains"
    (folder / "dir").mkdir(parents=True)
    broken = {"junk": b"\xff", "empty": b"", "list": b"\x90", "text": b"x" * 100, "nokey": pack_value({"key": 1})}
    broken["torn"] = packed()[:-1]
    for name, data in broken.items():
        (folder / name).write_bytes(data)
    (folder / "web1").write_bytes(packed(7))
    files = GrainsFiles(str(folder))
    assert list(files.read()) == [Kept("web1", "K", {"n": 7})]
    assert files.metrics() == {"grains_unwritten": 0, "grains_set_aside": 7}
    assert len(caplog.messages) == 7
    for name, data in broken.items():
        assert (folder / f"{name}.unreadable").read_bytes() == data
    caplog.clear()
    assert having(folder) == {"web1": 7}
    assert caplog.messages == []


def test_a_file_in_the_folders_place_and_a_folder_in_a_files_place_give_way(tmp_path: Path) -> None:
    (tmp_path / "grains").write_text("mine")
    files = GrainsFiles(str(tmp_path / "grains"))
    assert list(files.read()) == []
    (tmp_path / "grains" / "web1").mkdir()
    assert files.write("web1", packed(3))
    assert files.metrics()["grains_set_aside"] == 2
    assert having(tmp_path / "grains") == {"web1": 3}
    assert (tmp_path / "grains.unreadable").read_text() == "mine"


def test_what_a_read_only_or_full_disk_did_not_take_is_written_when_it_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), tmpfs(tmp_path / "mount", "size=1m") as mount:
        mount.remount("ro")
        files = GrainsFiles(str(mount.path / "grains"))
        assert list(files.read()) == []
        names = [f"web{number}" for number in range(30)]
        for name in names:
            assert not files.write(name, packed())
        files.write("web0", packed(2))  # the newest counts
        files.delete("web1")
        asyncio.run(files.write_again())
        assert files.metrics()["grains_unwritten"] == 29
        assert len(caplog.messages) == 2  # at the start, and when one was to be written
        mount.remount("rw")
        asyncio.run(files.write_again())
        assert files.metrics() == {"grains_unwritten": 0, "grains_set_aside": 0}
        assert having(mount.path / "grains") == {name: 2 if name == "web0" else 1 for name in names if name != "web1"}
        assert caplog.messages[2:] == [f"{mount.path}/grains: all grains are on disk again"]
        mount.fill()
        assert not files.write("web2", packed(5))
        mount.make_room()
        asyncio.run(files.write_again())
        assert having(mount.path / "grains")["web2"] == 5


def test_a_folder_that_is_deleted_at_work_is_made_again(tmp_path: Path) -> None:
    files = GrainsFiles(str(tmp_path / "cache" / "grains"))
    list(files.read())
    (tmp_path / "cache" / "grains").rmdir()
    (tmp_path / "cache").rmdir()
    assert files.write("web1", packed(4))
    assert having(tmp_path / "cache" / "grains") == {"web1": 4}
