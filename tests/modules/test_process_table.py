"""Which processes there are and what they do, with as few files opened as that takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern_modules.collectors.reading.process_table import KEPT, LIST_EVERY, RECOGNISE_EVERY, ProcessTable
from support.descriptors import open_ones

PROGRAM = "{pid} (a) b) S 1 1 1 0 -1 4194560 7"
KERNEL = "{pid} (kworker/0:1) I 2 0 0 0 -1 69238880 7"


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for child in started:
        child.kill()
        child.communicate()


def sleeper(children: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """Return a program that sleeps until it is killed, once it does."""
    program = "import signal; print(flush=True); signal.pause()"
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    children.append(child)
    assert child.stdout is not None
    child.stdout.readline()
    until(child.pid, b"S")
    return child


def until(pid: int, state: bytes) -> None:
    """Wait until the kernel says that a process is in *state*."""
    while Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] != state:
        os.sched_yield()


def show(root: Path, pid: int) -> None:
    """Show a real process in the folder *root*, and only those that are shown so."""
    (root / str(pid)).symlink_to(f"/proc/{pid}")


def write(root: Path, pid: int, text: str) -> Path:
    (root / str(pid)).mkdir(exist_ok=True)
    (root / str(pid) / "stat").write_text(text.format(pid=pid))
    return root / str(pid) / "stat"


def test_real_processes_come_change_and_go(tmp_path: Path, children: list[subprocess.Popen[bytes]]) -> None:
    first, second = sleeper(children), sleeper(children)
    table = ProcessTable(str(tmp_path))
    show(tmp_path, first.pid)
    assert (table.look(1, 1), table.states(), table.kernel) == (1, b"S", 0)
    show(tmp_path, second.pid)
    assert (table.look(2, 2), table.states()) == (2, b"SS")
    second.send_signal(signal.SIGSTOP)
    until(second.pid, b"T")
    assert sorted(table.states()) == sorted(b"ST")
    first.kill()
    until(first.pid, b"Z")
    assert sorted(table.states()) == sorted(b"ZT")
    first.wait()
    assert table.states() == b"T", "it has ended since the folder was listed"
    (tmp_path / str(first.pid)).unlink()
    assert (table.look(2, 1), table.states()) == (1, b"T")


def test_one_that_has_anothers_number_is_told_at_once(tmp_path: Path, children: list[subprocess.Popen[bytes]]) -> None:
    first, second = sleeper(children), sleeper(children)
    (tmp_path / "4242").symlink_to(f"/proc/{first.pid}")
    table = ProcessTable(str(tmp_path))
    table.look(1, 1)
    assert table.states() == b"S"
    second.send_signal(signal.SIGSTOP)
    until(second.pid, b"T")
    first.kill()
    first.wait()
    (tmp_path / "4242").unlink()
    (tmp_path / "4242").symlink_to(f"/proc/{second.pid}")
    table.look(2, 1)
    assert table.states() == b"T"
    assert table.states() == b"T", "and it is known from then on"


def test_the_folder_is_listed_when_the_kernel_says_that_something_changed(tmp_path: Path) -> None:
    write(tmp_path, 1, PROGRAM)
    table = ProcessTable(str(tmp_path))
    assert table.look(10, 5) == 1
    write(tmp_path, 2, PROGRAM)
    assert table.look(10, 5) == 1, "none was begun, none has ended"
    assert table.look(11, 5) == 2
    write(tmp_path, 3, PROGRAM)
    assert table.look(11, 6) == 3
    for unknown in ((None, 6), (11, None), (0, 6), (11, 0)):
        write(tmp_path, 10 + table.look(11, 6), PROGRAM)
        listed = len([name for name in os.listdir(tmp_path) if name.isdigit()])
        assert table.look(*unknown) == listed, unknown
        write(tmp_path, 100 + listed, PROGRAM)
        assert table.look(*unknown) == listed + 1, "the same again says nothing"


def test_the_folder_is_listed_now_and_then_whatever_the_numbers_say(tmp_path: Path) -> None:
    write(tmp_path, 1, PROGRAM)
    table = ProcessTable(str(tmp_path))
    table.look(10, 5)
    write(tmp_path, 2, PROGRAM)
    assert [table.look(10, 5) for _ in range(LIST_EVERY)] == [1] * (LIST_EVERY - 1) + [2]


def test_kernel_threads_are_read_once(tmp_path: Path) -> None:
    write(tmp_path, 1, PROGRAM)
    stat = write(tmp_path, 2, KERNEL)
    table = ProcessTable(str(tmp_path))
    assert (table.look(1, 2), table.states(), table.kernel) == (2, b"S", 1)
    write(tmp_path, 2, PROGRAM)
    assert (table.look(2, 2), table.states(), table.kernel) == (2, b"S", 1)
    for number in range(2, RECOGNISE_EVERY):
        table.look(1 + number, 2)
    assert table.kernel == 1
    table.look(0, 2)
    assert (table.states(), table.kernel) == (b"SS", 0), "its number was a program's by then"
    stat.unlink()
    assert table.states() == b"SS", "the file of a program stays open"


def test_kernel_threads_end(tmp_path: Path) -> None:
    write(tmp_path, 1, PROGRAM)
    stat = write(tmp_path, 2, KERNEL)
    table = ProcessTable(str(tmp_path))
    assert (table.look(1, 2), table.states(), table.kernel) == (2, b"S", 1)
    stat.unlink()
    stat.parent.rmdir()
    assert (table.look(1, 1), table.states(), table.kernel) == (1, b"S", 0)


def test_as_many_files_stay_open_as_may(tmp_path: Path) -> None:
    stats = [write(tmp_path, pid, PROGRAM) for pid in range(1, KEPT + 11)]
    before = open_ones()
    table = ProcessTable(str(tmp_path))
    table.look(1, 1)
    assert table.states() == b"S" * (KEPT + 10)
    assert len(os.listdir("/proc/self/fd")) == before + KEPT
    for stat in stats:
        stat.write_text(stat.read_text().replace(") S", ") D"))
    assert table.states() == b"D" * (KEPT + 10), "those that don't are read all the same"
    for stat in stats[:20]:
        stat.unlink()
        stat.parent.rmdir()
    assert (table.look(2, 1), table.states()) == (KEPT - 10, b"D" * (KEPT - 10))
    kept = len(os.listdir("/proc/self/fd")) - before
    for pid in range(1000, 1100):
        write(tmp_path, pid, PROGRAM)
    table.look(3, 1)
    table.states()
    assert kept < len(os.listdir("/proc/self/fd")) - before == KEPT, "room that became free is used again"
    table.forget()
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_no_process_is_neither(tmp_path: Path) -> None:
    write(tmp_path, 1, "")
    write(tmp_path, 2, "garbage")
    write(tmp_path, 3, "3 (x) S 1")
    write(tmp_path, 4, PROGRAM)
    (tmp_path / "5").mkdir()
    (tmp_path / "acpi").mkdir()
    before = open_ones()
    table = ProcessTable(str(tmp_path))
    assert (table.look(1, 1), table.states(), table.kernel) == (5, b"S", 0)
    assert len(os.listdir("/proc/self/fd")) == before + 1
    write(tmp_path, 4, "4 (x)")
    assert table.states() == b""
    del table
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_process_that_may_not_be_read_now_may_be_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 1, PROGRAM)
    table = ProcessTable(str(tmp_path))
    table.look(1, 1)

    def refuse(*_: object) -> None:
        raise OSError("too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert table.states() == b""
    assert table.states() == b"S"
