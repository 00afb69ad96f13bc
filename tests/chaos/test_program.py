"""Programs that are started, ended, and end by themselves."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.disk import Disk
from chaos.program import Program
from support.stacks import wait_for


@contextlib.contextmanager
def running(tmp_path: Path, script: str) -> Iterator[Program]:
    program = Program(["/bin/sh", "-c", script], tmp_path / "log", {"WORD": "here"})
    program.start()
    try:
        yield program
    finally:
        program.kill()


def test_it_has_its_environment_and_its_log(tmp_path: Path) -> None:
    with running(tmp_path, "echo $WORD; sleep 60") as program:
        wait_for(lambda: program.log.read_text() == "here\n", "the log")
        assert program.pid is not None


def test_what_we_end_is_no_end_of_its_own(tmp_path: Path) -> None:
    with running(tmp_path, "sleep 60") as program:
        program.kill()
        program.supervise()
        assert program.pid is None
        assert program.ends == []
        assert len(program.ended_at) == 1


def test_what_ends_by_itself_is_noted_and_started_again(tmp_path: Path) -> None:
    with running(tmp_path, f"test -e {tmp_path}/again && exec sleep 60; touch {tmp_path}/again; exit 3") as program:
        wait_for(lambda: program.pid is None, "the end")
        program.supervise()
        assert [end.code for end in program.ends] == [3]
        wait_for(lambda: (program.supervise(), program.pid)[1], "another")
        assert len(program.ends) == 1


def test_one_that_stands_still_is_ended_too(tmp_path: Path) -> None:
    with running(tmp_path, "sleep 60") as program:
        program.send(signal.SIGSTOP)
        program.terminate()
        assert program.pid is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts disks")
def test_a_disk_is_full_until_there_is_room(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk", 1)
    disk.mount()
    if not disk.mounted:
        pytest.skip("mounting is not permitted")
    try:
        disk.fill()
        with pytest.raises(OSError, match="No space"):
            (disk.path / "x").write_bytes(bytes(10_000))
        disk.make_room()
        (disk.path / "x").write_bytes(bytes(10_000))
        assert disk.remount("ro")
        with pytest.raises(OSError, match="Read-only"):
            (disk.path / "y").write_bytes(b"1")
        assert disk.remount("rw")
        (disk.path / "y").write_bytes(b"1")
    finally:
        disk.unmount()
    assert list(disk.path.iterdir()) == []
