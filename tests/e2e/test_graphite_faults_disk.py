"""Disks that are full, out of inodes or read-only, under a running server.

In each: the server stays up and says what is wrong, once, and when the cause is gone it goes on by itself, with every
point that it had acknowledged.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.graphite_faults import QUIET_SCHEMAS, FaultServer, all_stored
from support.mounts import Mount, ext4, tmpfs
from support.stacks import wait_for
from support.whisper_trees import in_file, path_of, unsound

FULL = "No space left on device"
READ_ONLY = "Read-only file system"
OLD = [f"old.m{n}" for n in range(20)]
NEW = [f"new.m{n}" for n in range(20)]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def at() -> int:
    """The time of the first points: late enough to be in the finest archive at the end of the test."""
    return int(time.time()) - 120


@contextlib.contextmanager
def disk(kind: str, path: Path, image: Path) -> Iterator[Mount]:
    with tmpfs(path) if kind == "tmpfs" else ext4(path, image) as mount:
        yield mount


def is_told_once(server: FaultServer, words: str, most: int = 3) -> None:
    """The trouble is in the log, and not over and over: in *most* lines, for what fails differs a little."""
    wait_for(lambda: server.lines(words), f"the log to speak of {words}")  # it may come after /health has said so
    lines = server.lines(words)
    assert len(lines) <= most, lines


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_full_whisper_disk_only_delays(tmp_path: Path, at: int, kind: str) -> None:
    tree = tmp_path / "tree"
    with (
        disk(kind, tree, tmp_path / "image") as mount,
        FaultServer(tmp_path / "root", "--whisper", str(tree), console=tmp_path / "console") as server,
    ):
        sender = server.sender()
        assert sender.send(OLD, at, 1.0)
        all_stored(server, tree, sender)
        mount.fill()
        for n in range(1, 10):  # the log is elsewhere: everything is still accepted
            assert sender.send(OLD + NEW, at + n, float(n))
        server.ill(FULL)
        assert server.health()[1]["totals"]["errors"] > 0
        assert "\nsaltern_graphite_ok 0\n" in server.scrape()
        assert unsound(tree.rglob("*.wsp")) == []
        assert sender.send(NEW, at + 10, 10.0)
        is_told_once(server, FULL)
        mount.make_room()
        server.well()
        assert sender.send(OLD + NEW, at + 11, 11.0)
        all_stored(server, tree, sender)
        is_told_once(server, FULL)
        assert server.end() == 0


LINES = 40_000
PADDING = " " * 360
"""Together more than the sockets' buffers hold, while the points alone fill the log a few times."""


def test_senders_wait_when_the_log_is_at_its_bound_and_nothing_of_theirs_is_lost(tmp_path: Path, at: int) -> None:
    tree = tmp_path / "tree"
    bound = ("--log-max-bytes", "200000")
    with (
        tmpfs(tree) as mount,
        FaultServer(tmp_path / "root", "--whisper", str(tree), *bound, console=tmp_path / "console") as server,
    ):
        sender = server.sender()
        assert sender.send(OLD, at, 1.0)
        all_stored(server, tree, sender)
        mount.fill()
        sending = threading.Thread(target=_send_lines, args=(server, at), daemon=True)
        sending.start()
        wait_for(lambda: server.health()[1]["log"]["bytes"] >= 200_000, "the log to be full")
        server.ill(FULL)
        assert server.health()[1]["totals"]["metricsReceived"] < LINES
        assert sending.is_alive()  # TCP holds it back
        mount.make_room()
        sending.join(60)
        assert not sending.is_alive()
        for n in range(20):
            sent = {at + k: float(k) for k in range(100)}
            wait_for(lambda n=n, sent=sent: in_file(tree, f"slow.m{n}") == sent, "all lines", 30)  # type: ignore[misc]
        server.well()
        all_stored(server, tree, sender)


def _send_lines(server: FaultServer, at: int) -> None:
    with server.connect("line") as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        sock.settimeout(120)
        for start in range(0, LINES, 100):
            lines = [
                f"slow.m{n % 20} {n // 20 % 100}{PADDING} {at + n // 20 % 100}\n" for n in range(start, start + 100)
            ]
            sock.sendall("".join(lines).encode())


@pytest.mark.parametrize("whisper_too", [False, True], ids=["log", "log and tree"])
def test_a_full_log_disk_takes_nothing_and_loses_nothing(tmp_path: Path, at: int, whisper_too: bool) -> None:
    root = tmp_path / "root"
    tree = root / "whisper" if whisper_too else tmp_path / "tree"
    with (
        tmpfs(root) as mount,
        FaultServer(root, "--whisper", str(tree), console=tmp_path / "console") as server,
    ):
        sender = server.sender()
        assert sender.send(OLD, at, 1.0)
        all_stored(server, tree, sender)
        mount.fill()

        refused = 0
        for n in range(1, 200):  # what fits into the block that the log is in is still taken
            refused += not sender.send(OLD, at + n % 60, float(n))
            if refused == 3:
                break
        assert refused == 3
        with server.connect("line") as line:
            for n in range(200):
                line.sendall(f"line.m{n} {n} {at}\n".encode())
        server.ill(FULL)
        assert "\nsaltern_graphite_ok 0\n" in server.scrape()
        is_told_once(server, FULL, most=8)
        mount.make_room()
        sender.send_until_taken(OLD + NEW, at + 61, 61.0)
        server.well()
        all_stored(server, tree, sender)
        # The lines were held, not dropped: their sender got no answer to learn from.
        wait_for(lambda: all(in_file(tree, f"line.m{n}") == {at: float(n)} for n in range(200)), "the lines", 30)
        assert server.end() == 0


def test_a_kill_while_the_disk_is_full_loses_nothing(tmp_path: Path, at: int) -> None:
    tree = tmp_path / "tree"
    with (
        tmpfs(tree) as mount,
        FaultServer(tmp_path / "root", "--whisper", str(tree), console=tmp_path / "console") as server,
    ):
        sender = server.sender()
        assert sender.send(OLD, at, 1.0)
        all_stored(server, tree, sender)
        mount.fill()
        for n in range(1, 5):
            assert sender.send(OLD + NEW, at + n, float(n))
        server.ill(FULL)
        server.end(signal.SIGKILL)
        server.start()  # the disk is still full: that is no reason not to start
        sender.connect()
        assert sender.send(OLD + NEW, at + 5, 5.0)
        server.ill(FULL)
        mount.make_room()
        server.well()
        all_stored(server, tree, sender)


def test_no_inodes_left_stops_new_files_alone(tmp_path: Path, at: int) -> None:
    tree = tmp_path / "tree"
    with (
        tmpfs(tree, "size=16m,nr_inodes=40") as mount,
        FaultServer(
            tmp_path / "root", "--whisper", str(tree), console=tmp_path / "console", schemas=QUIET_SCHEMAS
        ) as server,
    ):
        sender = server.sender()
        assert sender.send(OLD, at, 1.0)
        all_stored(server, tree, sender)
        many = [f"many.m{n}" for n in range(60)]
        assert sender.send(many, at, 1.0)
        server.ill(FULL)
        assert sender.send(OLD, at + 1, 2.0)
        wait_for(lambda: all(in_file(tree, name).get(at + 1) == 2.0 for name in OLD), "files that exist to be written")
        assert unsound(tree.rglob("*.wsp")) == []
        is_told_once(server, FULL)
        mount.remount("rw,nr_inodes=400")
        server.well()
        all_stored(server, tree, sender)


def test_a_read_only_tree_only_delays(tmp_path: Path, at: int) -> None:
    tree = tmp_path / "tree"
    with (
        tmpfs(tree) as mount,
        # worker processes hold files open, which the kernel doesn't let become read-only unless itself finds a fault
        FaultServer(
            tmp_path / "root", "--whisper", str(tree), "--writers", "0", console=tmp_path / "console"
        ) as server,
    ):
        sender = server.sender()
        assert sender.send(OLD, at, 1.0)
        all_stored(server, tree, sender)
        mount.remount("ro")
        for n in range(1, 5):
            assert sender.send(OLD + NEW, at + n, float(n))
        server.ill(READ_ONLY)
        is_told_once(server, READ_ONLY)
        assert not path_of(tree, NEW[0]).exists()
        mount.remount("rw")
        server.well()
        all_stored(server, tree, sender)
        assert server.end() == 0


@pytest.mark.parametrize("how", ["read-only", "full"])
def test_folders_that_can_not_be_written_at_the_start_only_delay(tmp_path: Path, at: int, how: str) -> None:
    """Log and tree are on one disk, which is full or read-only when the server starts."""
    root, small = tmp_path / "root", tmp_path / "small"
    words = READ_ONLY if how == "read-only" else FULL
    with tmpfs(small) as mount:
        root.mkdir()
        (small / "log").mkdir()
        (root / "log").symlink_to(small / "log")
        with FaultServer(root, "--whisper", str(small / "tree"), console=tmp_path / "console") as server:
            sender = server.sender()
            assert sender.send(OLD, at, 1.0)
            all_stored(server, small / "tree", sender)
            assert sender.send(OLD, at + 1, 2.0)
            server.end(signal.SIGKILL)
            if how == "read-only":
                mount.remount("ro")
            else:
                mount.fill()
            server.start()
            sender.connect()
            server.ill(words)
            is_told_once(server, words, most=4)
            sent = [sender.send(OLD, at + n, float(n)) for n in range(2, 60)]
            assert how == "full" or not any(sent)
            if how == "read-only":
                mount.remount("rw")
            else:
                mount.make_room()
            server.well()  # though nothing comes
            sender.send_until_taken(OLD + NEW, at + 61, 61.0)
            all_stored(server, small / "tree", sender)
            assert server.end() == 0


def test_a_read_only_root_is_read_and_heals(tmp_path: Path, at: int) -> None:
    root = tmp_path / "root"
    with tmpfs(root, "size=16m") as mount, FaultServer(root, console=tmp_path / "console") as server:
        sender = server.sender()
        assert sender.send(OLD, at, 1.0)
        all_stored(server, root / "whisper", sender)
        assert server.end() == 0
        mount.remount("ro")
        server.start(any_state=True)
        server.ill(READ_ONLY)
        sender.connect()
        assert not sender.send(OLD, at + 1, 2.0)
        found = server.get(f"/render?target={OLD[0]}&format=json&from={at - 1}&until={at + 1}")
        assert [value for value, _ in found[0]["datapoints"] if value is not None] == [1.0]
        mount.remount("rw")
        server.well()
        assert sender.send(OLD, at + 2, 3.0)
        all_stored(server, root / "whisper", sender)
        assert server.end() == 0


def test_a_tree_that_vanishes_comes_back(tmp_path: Path, at: int) -> None:
    root = tmp_path / "root"
    with FaultServer(root, console=tmp_path / "console") as server:
        sender = server.sender()
        assert sender.send(OLD, at, 1.0)
        all_stored(server, root / "whisper", sender)
        (root / "whisper").rename(tmp_path / "gone")
        sender.acknowledged.clear()
        assert sender.send(OLD + NEW, at + 1, 2.0)
        all_stored(server, root / "whisper", sender)
        server.well()
