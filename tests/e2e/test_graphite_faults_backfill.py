"""A backfill over the death of who writes files, and a log that is damaged: real processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
import whisper

from support.graphite_faults import QUIET_SCHEMAS, FaultServer
from support.stacks import wait_for
from support.whisper_trees import path_of

SCHEMAS = "[own]\npattern = ^carbon\\.\nretentions = 1d:7d\n[all]\npattern = .*\nretentions = 1s:1m,10s:1h\n"

pytestmark = pytest.mark.timeout(180)


def coarse(tree: Path, metric: str, slot: int) -> float | None:
    """Return what the coarser archive has for the slot."""
    try:
        _, values = whisper.fetch(str(path_of(tree, metric)), slot - 10, slot + 1, archiveToSelect=10)
    except (FileNotFoundError, whisper.WhisperException):
        return None
    return values[-1]  # type: ignore[no-any-return]  # the library has no types


def kill_writer(server: FaultServer) -> None:
    (writer,) = [child for child in psutil.Process(server.pid).children() if "worker" in " ".join(child.cmdline())]
    writer.kill()


def kill(server: FaultServer) -> None:
    server.end(signal.SIGKILL)
    server.start()


def stop(server: FaultServer) -> None:
    assert server.end() == 0
    server.start()


@pytest.mark.parametrize("dies", [kill_writer, kill, stop])
@pytest.mark.parametrize("known", [False, True], ids=["new file", "known file"])
def test_a_backfill_survives_who_writes_it(tmp_path: Path, dies: object, known: bool) -> None:
    root = tmp_path / "root"
    options = ("--writers", "1", "--flush-interval", "0.5")
    with FaultServer(root, *options, console=tmp_path / "console", schemas=SCHEMAS) as server:
        tree = root / "whisper"
        slot = (int(time.time()) - 300) // 10 * 10
        sender = server.sender()
        if known:
            assert sender.send(["a.b"], slot - 60, 1.0)
            wait_for(lambda: coarse(tree, "a.b", slot - 60) == 1.0, "the file")
        for n in range(4):
            assert sender.send(["a.b"], slot + n, float(n))
        wait_for(lambda: coarse(tree, "a.b", slot) == 1.5, "the first part")
        dies(server)  # type: ignore[operator]  # one of the functions above
        sender.connect()
        for n in range(4, 10):
            assert sender.send(["a.b"], slot + n, float(n))
        wait_for(lambda: coarse(tree, "a.b", slot) == 4.5, f"the whole: {coarse(tree, 'a.b', slot)}, {server.log()}")
        assert server.end() == 0
        assert coarse(tree, "a.b", slot) == 4.5


def test_a_damaged_log_costs_what_is_damaged_and_is_counted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    names = [f"m{n}" for n in range(50)]
    at = int(time.time()) - 600
    with FaultServer(root, "--flush-interval", "600", console=tmp_path / "console", schemas=QUIET_SCHEMAS) as server:
        sender = server.sender()
        assert sender.send(names, at - 1, 1.0)
        wait_for(lambda: server.health()[1]["cache"]["points"] == 0, "new files")
        for n in range(30):
            assert sender.send(names, at + n, float(n))
        server.end(signal.SIGKILL)
        segment = max((root / "log").glob("*.wal"), key=os.path.getsize)
        data = bytearray(segment.read_bytes())
        data[-3000:-2992] = bytes(byte ^ 255 for byte in data[-3000:-2992])
        segment.write_bytes(data)
        server.start()
        health = server.health()[1]
        assert health["ok"] is True
        assert health["totals"]["drops.log_damaged"] == 50
        assert ".damaged-" in str(health["warnings"])
        assert len(server.lines("50 points are lost")) == 1
        for name in names:
            (found,) = server.get(f"/render?target={name}&format=json&from={at - 1}&until={at + 29}")
            assert sum(value is not None for value, _ in found["datapoints"]) == 29
