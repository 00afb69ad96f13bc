"""One process a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from saltern.errors import FolderInUse, exit_code
from saltern.folder_lock import locked
from support.stacks import wait_for

HOLD = """
import sys, time
from saltern.folder_lock import locked
with locked(sys.argv[1], 0o755):
    print("held", flush=True)
    time.sleep(60)
"""


def held(folder: Path) -> bool:
    try:
        with locked(str(folder), 0o755):
            return False
    except FolderInUse:
        return True


def test_the_second_is_told_who_has_it_until_that_one_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "f"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        before = sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*"))
        with pytest.raises(FolderInUse) as refused, locked(str(folder), 0o755):
            pass
        assert str(refused.value).startswith(f"{folder} is in use by pid {process.pid}: ")
        assert exit_code(refused.value) == 1
        assert sorted((path, path.stat().st_mtime_ns) for path in folder.rglob("*")) == before
        process.kill()
    wait_for(lambda: not held(folder), "the lock of one that was killed")


def test_it_is_free_after_the_block_and_nobody_else_can_open_it(tmp_path: Path) -> None:
    with locked(str(tmp_path), 0o755):
        assert held(tmp_path)
        assert (tmp_path / ".lock").stat().st_mode & 0o777 == 0o600
    assert not held(tmp_path)


@pytest.mark.parametrize("what", ["a link", "another name of a file", "a folder", "a pipe"])
def test_what_stands_in_its_place_is_not_touched(tmp_path: Path, what: str) -> None:
    folder, other = tmp_path / "f", tmp_path / "other"
    folder.mkdir()
    other.write_text("keep me")
    match what:
        case "a link":
            (folder / ".lock").symlink_to(other)
        case "another name of a file":
            os.link(other, folder / ".lock")
        case "a folder":
            (folder / ".lock").mkdir()
        case _:
            os.mkfifo(folder / ".lock")
    with locked(str(folder), 0o755):
        assert other.read_text() == "keep me"


def test_a_folder_that_cannot_be_made_is_somebody_elses_to_tell(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with locked(str(tmp_path / "file" / "folder"), 0o755):
        assert not (tmp_path / "file" / "folder").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_locks_is_its_owners(tmp_path: Path) -> None:
    os.chown(tmp_path, 61234, 61234)
    with locked(str(tmp_path), 0o755):
        assert (tmp_path / ".lock").stat().st_uid == 61234
