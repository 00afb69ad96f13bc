"""Faults of the process itself and of its host: killed in the middle, out of descriptors, the clock set back."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from saltern.segments import HEAD
from support.batch_sender import Sender
from support.graphite_faults import FaultServer, all_stored
from support.stacks import wait_for
from support.whisper_trees import in_file

pytestmark = pytest.mark.timeout(180)

FAKE_CLOCK = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
NAMES = [f"m{n}" for n in range(100)]
DESCRIPTORS = 64
CONNECTIONS = 150
SECONDS = 300
"""How many points each metric gets."""


@pytest.fixture
def at() -> int:
    """The time of the first points: late enough to be in the finest archive at the end of the test."""
    return int(time.time()) - 600


def test_kills_in_the_middle_of_heavy_ingest_lose_nothing(tmp_path: Path, at: int) -> None:
    root = tmp_path / "root"
    numbers = itertools.count()
    with FaultServer(root, console=tmp_path / "console") as server:
        sender = server.sender()

        def send_until_it_dies() -> None:
            with contextlib.suppress(OSError):
                for n in numbers:  # no point twice, however fast they go: one unacknowledged may be stored all the same
                    folder, second = divmod(n, SECONDS)
                    assert sender.send([f"g{folder}.{name}" for name in NAMES], at + second, float(n))

        for killed_after in (3, 40, 15):
            enough = sender.batches + killed_after
            sending = threading.Thread(target=send_until_it_dies, daemon=True)
            sending.start()
            wait_for(lambda: sender.batches >= enough, "batches", 60)  # noqa: B023  # it is called here alone
            assert sending.is_alive()
            server.end(signal.SIGKILL)
            sending.join(60)
            assert not sending.is_alive()
            server.start()
            sender.connect()
        assert sender.send(NAMES, at, 1.0)
        all_stored(server, root / "whisper", sender)
        server.well()


def test_a_torn_tail_of_the_log_is_cut_off_and_all_before_it_is_kept(tmp_path: Path, at: int) -> None:
    root = tmp_path / "root"
    with FaultServer(root, "--flush-interval", "600", console=tmp_path / "console") as server:
        sender = server.sender()
        for n in range(20):
            assert sender.send(NAMES, at + n, float(n))
        server.end(signal.SIGKILL)
        segment = max((path for path in (root / "log").iterdir() if path.stat().st_size), key=os.path.getmtime)
        data = segment.read_bytes()
        with open(segment, "ab") as file:
            file.write(data[HEAD.size :][:1000])  # the beginning of a record, as a power cut may leave it
        server.start()
        (line,) = server.lines("were cut")
        assert str(segment) in line
        sender.connect()
        assert sender.send(NAMES, at + 20, 20.0)
        assert server.end() == 0
        server.start()  # a clean stop takes no longer than a second: what it didn't get to write comes back now
        all_stored(server, root / "whisper", sender)


def test_running_out_of_descriptors_stops_neither_log_nor_writer(tmp_path: Path, at: int) -> None:
    root = tmp_path / "root"
    limit = ["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"]
    with FaultServer(root, console=tmp_path / "console", prefix=limit) as server:
        sender = server.sender()
        assert sender.send(NAMES, at, 1.0)
        all_stored(server, root / "whisper", sender)
        lines_before = len(server.log().splitlines())
        with contextlib.ExitStack() as crowd:
            for n in range(CONNECTIONS):
                with contextlib.suppress(ConnectionResetError):  # turned away before connect() came back
                    crowd.enter_context(server.connect("line" if n % 3 else "http"))
            new = [f"crowded.m{n}" for n in range(30)]
            for n in range(1, 30):  # the sender that was there goes on
                assert sender.send(NAMES + new, at + n, float(n))
            all_stored(server, root / "whisper", sender)
            told = server.log().splitlines()[lines_before:]
            assert len(told) < 20, told[:5]
            assert any("connections" in line or "Too many open files" in line for line in told), told
        wait_for(lambda: _line_arrives(server, root / "whisper", at), "a new sender to be let in")
        server.well()


def _line_arrives(server: FaultServer, tree: Path, at: int) -> bool:
    with contextlib.suppress(OSError), server.connect("line") as sock:
        sock.sendall(f"after.m 1 {at}\n".encode())
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)
    return in_file(tree, "after.m") == {at: 1.0}


def _shift_clock(offset: Path, shift: str) -> None:
    """Change the file in one step: a process that reads half of it gets times that the kernel refuses."""
    new = offset.with_suffix(".new")
    new.write_text(f"{shift}\n")
    new.replace(offset)


@pytest.mark.skipif(FAKE_CLOCK is None, reason="needs Debian's package faketime to set the clock of a process")
def test_a_clock_set_back_and_forth_loses_nothing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    offset = tmp_path / "offset"
    _shift_clock(offset, "+0")
    fake = {
        "LD_PRELOAD": str(FAKE_CLOCK),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with FaultServer(root, console=tmp_path / "console", environment=fake) as server:
        sender = server.sender()
        _send_for(sender, 1.0)
        for n, shift in enumerate(("-600", "-1800", "+600", "+0"), start=2):
            _shift_clock(offset, shift)
            _send_for(sender, float(n))
            all_stored(server, root / "whisper", sender)
            with server.connect("line") as sock:
                sock.sendall(f"clock.now{n} {n} N\n".encode())
            wait_for(lambda n=n: _seen(root / "whisper", f"clock.now{n}"), "a point of the server's time")  # type: ignore[misc]
            server.well()
        assert server.end() == 0


def _send_for(sender: Sender, value: float) -> None:
    """Send points of the right time: by the server's clock they are of the past or of the future."""
    now = int(time.time())
    for age in range(30):
        assert sender.send(NAMES, now - age, value + age)


def _seen(tree: Path, name: str) -> bool:
    return (tree / name.replace(".", "/")).with_suffix(".wsp").exists()
