"""The tree of files read into the index, here and by a process beside."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_graphite.index import Index, build, scan
from saltern_graphite.index.scan import Message, Scan

NAMES = [f"fleet.host{host}.cpu.{cpu}.{kind}" for host in range(20) for cpu in range(4) for kind in ("user", "idle")]
NAMES += ["fleet.host3.cpu.3", "fleet.host3.more.x", "own"]


def make_files(folder: Path, names: list[str]) -> None:
    for name in names:
        path = folder / f"{name.replace('.', '/')}.wsp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    make_files(tmp_path, NAMES)
    return tmp_path


def test_what_is_equal_is_told_once(tree: Path) -> None:
    messages = list(Scan(str(tree)).messages())
    kinds = [message[0] for message in messages]
    # a cpu, one that is a metric too, a folder of cpus with each, host and host3, "more", the fleet
    assert kinds.count("node") == 8
    assert kinds.count("graft") == 1
    assert messages[-2:] == [("progress", len(NAMES), 1 + 1 + 20 + 20 + 80 + 1), ("end", 0)]


def test_telling_early_changes_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "TELL_EVERY_S", 0.0)
    index = Index()
    index.build(str(tree))
    assert index.names() == sorted(NAMES)
    assert len(index) == len(NAMES)
    assert index.progress.metrics == len(NAMES)


elements = st.sampled_from(["a", "b", "c-d"])
trees = st.lists(st.lists(elements, min_size=1, max_size=4).map(".".join), max_size=15)


@given(trees, trees, st.booleans())
@settings(max_examples=40, deadline=None)
def test_any_tree_over_any_index(
    tmp_path_factory: pytest.TempPathFactory, on_disk: list[str], known: list[str], early: bool
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    make_files(folder, on_disk)
    index = Index()
    for name in known:
        index.add(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "TELL_EVERY_S", 0.0 if early else 60.0)
        index.build(str(folder))
        index.build(str(folder))
    assert index.names() == sorted({*on_disk, *known})
    assert len(index) == len({*on_disk, *known})


def test_what_can_be_no_metric(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_files(tmp_path, ["good.one"])
    for name in ("a.b.wsp", ".hidden.wsp", ".wsp", "cpu;host=a.wsp"):
        (tmp_path / name).touch()
    (tmp_path / os.fsdecode(b"not\xffutf8.wsp")).touch()
    (tmp_path / "dotted.folder").mkdir()
    (tmp_path / "dotted.folder" / "x.wsp").touch()
    (tmp_path / "good" / "back").symlink_to(tmp_path)
    index = Index()
    index.build(str(tmp_path))
    assert index.names() == ["good.one"]
    assert "6 files or folders are left out" in caplog.text


def test_a_folder_that_cannot_be_read(
    tree: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    listdir = os.listdir

    def refuse(path: str) -> list[str]:
        if path.endswith("host3"):
            raise PermissionError(13, "Permission denied", path)
        return listdir(path)

    monkeypatch.setattr("saltern_graphite.index.scan.os.listdir", refuse)  # root may read everything
    index = Index()
    index.build(str(tree))
    assert index.names() == sorted(name for name in NAMES if ".host3." not in name)
    assert f"{tree}/fleet/host3 can't be read: Permission denied" in caplog.text


def test_a_process_beside(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "HERE_S", 0.0)
    index = Index()
    index.add("fleet.host3")
    index.start_build(str(tree)).join(60)
    assert index.progress.complete
    assert not index.progress.running
    assert index.names() == sorted({*NAMES, "fleet.host3"})


def test_a_process_that_fails(tree: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(build, "HERE_S", 0.0)
    monkeypatch.setattr(build.sys, "executable", "/bin/false")
    index = Index()
    index.start_build(str(tree)).join(60)
    assert index.names() == sorted(NAMES)
    assert "failed (it ended too soon); reading it here" in caplog.text


def test_a_build_beside_can_be_stopped(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "HERE_S", 0.0)
    stop = threading.Event()

    def endless(folder: str) -> Iterator[Message]:
        while True:
            yield ("progress", 0, 0)

    monkeypatch.setattr(build, "_messages_from_beside", endless)
    index = Index()
    thread = index.start_build(str(tree), stop)
    assert index.progress.running
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert (index.progress.running, index.progress.complete) == (False, False)


def test_the_program_ends_when_nobody_reads(tree: Path) -> None:
    command = [sys.executable, "-m", "saltern_graphite.index.scan_program", str(tree)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""
    whole = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60).stdout
    unpacker = msgpack.Unpacker()
    unpacker.feed(whole)
    assert list(unpacker)[-1] == ["end", 0]


def test_progress_is_logged(tree: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "TELL_EVERY_S", 0.0)
    caplog.set_level(logging.INFO)
    began = time.monotonic()
    index = Index()
    index.build(str(tree))
    assert f"index: {len(NAMES)} metrics in 123 folders so far" in caplog.text
    assert 0 < index.progress.seconds <= time.monotonic() - began
