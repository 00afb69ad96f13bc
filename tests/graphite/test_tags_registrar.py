"""Tagged series that the store meets, and those that are in its tree."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from saltern.complaints import Complaints
from saltern.errors import StoreError
from saltern_graphite.http.restricted.prefixes import Prefixes
from saltern_graphite.http.restricted.tags import RestrictedTags
from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.tags import scan as tag_scan
from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.registrar import BATCH, Registrar
from saltern_graphite.tags.registry import FILE, Registry
from saltern_graphite.tags.scan import scan
from saltern_graphite.tags.tagged_name import readable_path

WITHIN_S = 40.0


class FlakyIndex(TagIndex):
    """An index that fails for as long as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.failing = threading.Event()
        self.failed = threading.Event()

    def add(self, names: Iterable[str]) -> int:
        if self.failing.is_set():
            self.failed.set()
            raise StoreError("the tag index x: disk is full")
        return super().add(names)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_names_are_entered_soon_and_in_batches() -> None:
    index = TagIndex()
    registrar = Registrar(index)
    registrar.start()
    names = [f"cpu;host=w{number}" for number in range(2 * BATCH + 1)]
    for name in names:
        registrar.add(name)
    wait_for(lambda: registrar.entered == len(names))
    assert registrar.waiting == 0
    assert index.find(["name=cpu"]) == sorted(names)
    registrar.stop()


def test_a_series_is_in_the_lists_of_tags_and_values_with_its_first_point() -> None:
    index = TagIndex()
    registrar = Registrar(index)
    registrar.add("cpu;host=a")
    assert [tag for _, tag in index.tags()] == ["host", "name"]
    registrar.add("cpu;host=b")
    assert [row[1:] for row in index.values("name")[1]] == [("cpu", 2)]
    for number in range(BATCH + 1):
        registrar.add(f"cpu;many={number}")
    assert [tag for _, tag in index.tags()] == ["host", "name"]  # so many are left to the thread
    assert registrar.waiting == BATCH + 1


def test_a_restricted_request_sees_a_series_there_with_its_first_point_too() -> None:
    index = TagIndex()
    registrar, part = Registrar(index), RestrictedTags(index, Prefixes(["cpu"]))
    registrar.add("cpu;host=a")
    assert [tag for _, tag in part.tags()] == ["host", "name"]
    registrar.add("cpu;host=b")
    assert [row[1] for row in part.values("host")[1]] == ["a", "b"]


def test_series_that_are_being_entered_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    index, entering, go_on = TagIndex(), threading.Event(), threading.Event()
    registrar = Registrar(index)
    add = index.add

    def slow(names: Iterable[str]) -> int:
        entering.set()
        go_on.wait(WITHIN_S)
        return add(names)

    monkeypatch.setattr(index, "add", slow)
    registrar.add("cpu;host=a")
    thread = threading.Thread(target=registrar.flush)
    thread.start()
    assert entering.wait(WITHIN_S)
    threading.Timer(0.05, go_on.set).start()
    assert [tag for _, tag in index.tags()] == ["host", "name"]
    thread.join()


def test_what_could_not_be_entered_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    index = FlakyIndex()
    index.failing.set()
    registrar = Registrar(index, retry_s=0.01)
    registrar.start()
    with caplog.at_level(logging.ERROR):
        registrar.add("cpu;host=a")
        assert index.failed.wait(WITHIN_S)
        registrar.add("cpu;host=b")
        index.failed.clear()
        assert index.failed.wait(WITHIN_S)
    wait_for(lambda: registrar.last_error == "the tag index x: disk is full")
    assert [record.message for record in caplog.records] == [
        "tagged series can't be entered, it is tried again every 0.01 s: the tag index x: disk is full"
    ]
    index.failing.clear()
    wait_for(lambda: registrar.entered == 2)
    assert index.find(["name=cpu"]) == ["cpu;host=a", "cpu;host=b"]
    wait_for(lambda: registrar.last_error == "")
    registrar.stop()


def test_what_waits_at_the_end_is_entered() -> None:
    index = TagIndex()
    registrar = Registrar(index)
    registrar.start()
    registrar.add("cpu;host=last")
    registrar.stop(WITHIN_S)
    assert index.find(["name=cpu"]) == ["cpu;host=last"]


def test_what_is_not_entered_at_the_end_is_said(caplog: pytest.LogCaptureFixture) -> None:
    index = FlakyIndex()
    index.failing.set()
    registrar = Registrar(index, retry_s=60)
    registrar.start()
    registrar.add("cpu;host=lost")
    assert index.failed.wait(WITHIN_S)
    with caplog.at_level(logging.WARNING):
        registrar.stop(WITHIN_S)
    assert "1 tagged series are not in the tag index yet: the tag index x: disk is full" in caplog.text


def file_at(folder: Path, relative: str) -> None:
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_files_that_tell_their_series_are_found(tmp_path: Path) -> None:
    names = ["disk.used;dc=a;rack=1.2", "cpu;dc=b", "ü.x;host=é"]
    for name in names:
        file_at(tmp_path, readable_path(name))
    file_at(tmp_path, relative_path("mem;dc=a"))
    file_at(tmp_path, "_tagged/000/000/not a metric.wsp")
    file_at(tmp_path, "_tagged/000/000/cpu;dc=elsewhere.wsp")
    file_at(tmp_path, readable_path("cpu;dc=c") + ".tmp")
    file_at(tmp_path, "plain/metric.wsp")
    (tmp_path / "_tagged" / "stray").touch()
    found: list[str] = []
    scanned = scan(str(tmp_path), found.append, threading.Event())
    assert sorted(found) == sorted(names)
    assert (scanned.named, scanned.hashed) == (3, 3)


def test_only_what_changed_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = readable_path("cpu;dc=a"), readable_path("cpu;dc=b")
    for relative in (one, other):
        file_at(tmp_path, relative)
    status = os.stat
    changed_at = {os.path.dirname(one): 1000.0, os.path.dirname(os.path.dirname(one)): 1000.0}

    def at(path: str) -> SimpleNamespace:
        status(path)
        return SimpleNamespace(st_ctime=changed_at.get(os.path.relpath(path, tmp_path), 10.0))

    monkeypatch.setattr(os, "stat", at)
    found: list[str] = []
    scan(str(tmp_path), found.append, threading.Event(), 500.0)
    assert found == ["cpu;dc=a"]
    scan(str(tmp_path), found.append, threading.Event(), 1000.0 + tag_scan.SLACK_S + 1)
    assert found == ["cpu;dc=a"]
    changed_at["_tagged"] = 2000.0
    scan(str(tmp_path), found.append, threading.Event(), 1500.0)
    assert sorted(found) == ["cpu;dc=a", "cpu;dc=a", "cpu;dc=b"]


def test_a_file_that_comes_while_it_runs_is_found(tmp_path: Path) -> None:
    file_at(tmp_path, readable_path("old;dc=a"))
    registry = Registry(str(tmp_path), str(tmp_path), read_only=True, again_s=0.02)
    registry.start()
    wait_for(lambda: registry.index.find(["dc=a"]) == ["old;dc=a"])
    file_at(tmp_path, readable_path("copied;dc=a"))
    wait_for(lambda: registry.index.find(["dc=a"]) == ["copied;dc=a", "old;dc=a"])
    registry.stop()


def test_folders_that_can_not_be_read_are_a_line_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(9):
        file_at(tmp_path, readable_path(f"cpu;dc={number}"))
    real = os.listdir

    def refuse(path: str) -> list[str]:
        if len(os.path.relpath(path, tmp_path).split("/")) == 2:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "listdir", refuse)
    complaints = Complaints(logging.getLogger("saltern_graphite.tags.scan"), logging.WARNING)
    for _ in range(3):
        scan(str(tmp_path), lambda name: None, threading.Event(), complaints=complaints)
    assert caplog.text.count("can't be read: Permission denied") == 1


def test_a_tree_without_tags_has_none(tmp_path: Path) -> None:
    scanned = scan(str(tmp_path / "none"), lambda name: pytest.fail(name), threading.Event())
    assert (scanned.named, scanned.hashed) == (0, 0)


def test_a_scan_ends_when_it_is_told(tmp_path: Path) -> None:
    file_at(tmp_path, readable_path("cpu;dc=b"))
    stop = threading.Event()
    stop.set()
    assert scan(str(tmp_path), lambda name: pytest.fail(name), stop).named == 0


def test_the_registry_keeps_tagged_names_alone(tmp_path: Path) -> None:
    whisper_dir = tmp_path / "whisper"
    file_at(whisper_dir, readable_path("old;dc=a"))
    registry = Registry(str(tmp_path), str(whisper_dir))
    registry.start()
    registry.met("plain.metric")
    registry.met("new;dc=a")
    wait_for(lambda: registry.index.find(["dc=a"]) == ["new;dc=a", "old;dc=a"])
    registry.stop()
    assert (tmp_path / FILE).exists()
    again = Registry(str(tmp_path), str(whisper_dir), read_only=True)
    assert again.index.find(["name=~.+"]) == ["new;dc=a", "old;dc=a"]
    again.index.close()


def test_what_waits_is_entered_before_the_log_is_freed(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path), str(tmp_path))
    registry.met("cpu;dc=a")  # its thread is not even started
    registry.settle()
    assert registry.index.find(["dc=a"]) == ["cpu;dc=a"]
    assert registry.registrar.waiting == 0
    registry.settle()
    registry.stop()  # as when the server could not start


def test_a_read_only_registry_touches_no_file(tmp_path: Path) -> None:
    file_at(tmp_path, readable_path("old;dc=a"))
    before = sorted(tmp_path.rglob("*"))
    registry = Registry(str(tmp_path), str(tmp_path), read_only=True)
    registry.start()
    registry.index.add(["posted;dc=a"])
    wait_for(lambda: registry.index.find(["dc=a"]) == ["old;dc=a", "posted;dc=a"])
    registry.stop()
    assert sorted(tmp_path.rglob("*")) == before
