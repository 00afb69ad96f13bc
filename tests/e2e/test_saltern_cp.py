"""``saltern-cp`` through all that is between: command, master, wire, module."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.stacks import Parts, wait_for

LARGE = os.urandom(5 * 1024 * 1024 + 17)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    parts = Parts(tmp_path_factory.mktemp("stack"), minions=2, master="schedule: {stats: false}\n")
    with parts.running():
        yield parts


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def start(parts: Parts, *words: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "saltern.cli.cp", "-c", parts.stack.config_dir, "--out", "json", *words]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def send(parts: Parts, *words: str, code: int = 0) -> tuple[str, str]:
    out, err = (process := start(parts, *words)).communicate(timeout=50)
    assert process.returncode == code, (out, err)
    return out, err


def uploads(parts: Parts) -> list[Path]:
    """Return what the master keeps of what is on its way."""
    return list(Path(parts.stack.root).rglob("uploads/*.data"))


def test_files_and_folders_arrive_whole_with_their_permissions(parts: Parts, tmp_path: Path, there: Path) -> None:
    here = tmp_path / "here"
    (here / "conf/empty").mkdir(parents=True)
    (here / "large").write_bytes(LARGE)
    (here / "conf/run.sh").write_text("#!/bin/sh\n")
    (here / "conf/run.sh").chmod(0o750)
    (here / "conf/none").write_bytes(b"")
    os.symlink("nowhere", here / "conf/dangling")
    os.mkfifo(here / "conf/fifo")
    first, _ = parts.stack.minion_ids
    out, err = send(parts, first, str(here / "large"), str(here / "conf"), f"{there}/")
    assert out == f'{{\n    "{first}": {{\n        "{there}/large": true,\n        "{there}/conf": true\n    }}\n}}\n'
    assert "conf/dangling" in err
    assert "conf/fifo" in err
    assert (there / "large").read_bytes() == LARGE
    assert stat.S_IMODE((there / "conf/run.sh").stat().st_mode) == 0o750
    assert sorted(path.name for path in (there / "conf").iterdir()) == ["empty", "none", "run.sh"]
    assert sorted(path.name for path in there.iterdir()) == ["conf", "large"]
    assert uploads(parts) == []  # what has arrived is forgotten


def test_one_file_goes_to_the_name_it_is_given(parts: Parts, tmp_path: Path, there: Path) -> None:
    (tmp_path / "motd").write_text("grüezi\n")
    send(parts, "-L", ",".join(parts.stack.minion_ids), str(tmp_path / "motd"), str(there / "deep/motd.txt"))
    assert (there / "deep/motd.txt").read_text() == "grüezi\n"
    assert [path.name for path in (there / "deep").iterdir()] == ["motd.txt"]
    inode = (there / "deep/motd.txt").stat().st_ino
    send(parts, parts.stack.minion_ids[0], str(tmp_path / "motd"), str(there / "deep/motd.txt"))
    assert (there / "deep/motd.txt").stat().st_ino == inode  # what is there with this content is left


def test_a_transfer_that_was_interrupted_goes_on_where_it_stopped(parts: Parts, tmp_path: Path, there: Path) -> None:
    (tmp_path / "huge").write_bytes(os.urandom(1 << 20) * 64)
    first = parts.stack.minion_ids[0]
    process = start(parts, "--rate-limit", "8M", first, str(tmp_path / "huge"), f"{there}/")
    wait_for(lambda: any(path.stat().st_size > 1 << 20 for path in uploads(parts)), "some of it to be here")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (upload,) = set(uploads(parts))
    had = upload.stat().st_size
    send(parts, first, str(tmp_path / "huge"), f"{there}/")
    assert had > 0
    assert (there / "huge").read_bytes() == (tmp_path / "huge").read_bytes()
    # a part that an agent's end left, half of it right
    digest = subprocess.run(["sha256sum", tmp_path / "huge"], check=True, capture_output=True, text=True).stdout[:32]
    (there / "huge").unlink()
    (there / f".saltern-{digest}.part").write_bytes((tmp_path / "huge").read_bytes()[: 32 << 20])
    send(parts, first, str(tmp_path / "huge"), f"{there}/")
    assert [path.name for path in there.iterdir()] == ["huge"]


def test_a_part_that_is_not_what_it_seems_is_begun_anew(parts: Parts, tmp_path: Path, there: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    digest = subprocess.run(["sha256sum", tmp_path / "large"], check=True, capture_output=True, text=True).stdout[:32]
    (there / f".saltern-{digest}.part").write_bytes(b"x" * 1000)
    out, _ = send(parts, parts.stack.minion_ids[0], str(tmp_path / "large"), f"{there}/", code=1)
    assert "was damaged on its way: send it again" in out
    assert uploads(parts)  # what didn't arrive is kept for the next try
    send(parts, parts.stack.minion_ids[0], str(tmp_path / "large"), f"{there}/")
    assert (there / "large").read_bytes() == LARGE


def test_what_cannot_be_is_said_in_one_line(parts: Parts, tmp_path: Path, there: Path) -> None:
    first = parts.stack.minion_ids[0]
    _, err = send(parts, first, str(tmp_path / "nothing"), "/tmp/x", code=64)
    assert err == f"saltern-cp: {tmp_path}/nothing: can't be read: No such file or directory\n"
    _, err = send(parts, first, "/tmp", code=64)
    assert err.endswith("a target, sources and a destination are needed\n")
    (tmp_path / "motd").write_text("x")
    out, _ = send(parts, "nobody*", str(tmp_path / "motd"), "/tmp/x", code=2)
    assert out.startswith("No minions matched the target.")
    out, _ = send(parts, first, str(tmp_path / "motd"), "relative", code=1)
    assert "must be an absolute path, not 'relative'" in out
    (there / "file").write_text("")
    out, _ = send(parts, first, str(tmp_path / "motd"), str(there / "file/below"), code=1)
    assert "can't write" in out
    asked = {"upload": "0" * 32, "hsum": "0" * 64, "listing_size": 10, "dest": "/tmp/x"}
    (answer,) = parts.client.cmd(first, "cp.recv", kwarg=asked).values()
    assert "the master has no more of this" in answer
