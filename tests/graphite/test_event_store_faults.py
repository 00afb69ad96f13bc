"""The event store when its file is broken, taken away, another's, full or can't be written: it goes on, and heals."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from saltern.errors import StoreError
from saltern_graphite.events import store as store_module
from saltern_graphite.events.event import Event
from saltern_graphite.events.store import EventStore
from support.mounts import tmpfs

T = 1_700_000_000
NO_DATABASE = b"a text that somebody put here, long enough to be taken for the header of a database " * 20


class Opened:
    """A store on *path*, and what it counted."""

    def __init__(self, path: Path) -> None:
        self.counted: Counter[str] = Counter()
        self.store = EventStore.open(str(path), count=lambda name, number: self.counted.update({name: number}))

    def whats(self) -> list[str]:
        return [event.what for event in self.store.find(0, T * 2)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a store that holds some events, closed."""
    path = tmp_path / "db" / "events.sqlite"
    store = EventStore.open(str(path))
    for number in range(50):
        store.add(Event(T, f"old {number}", ("a",), "x" * 1000))
    store.close()
    return path


def text(path: Path) -> None:
    path.unlink()
    path.write_bytes(NO_DATABASE)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def anothers(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE events (id INTEGER, title TEXT)")


def deleted(path: Path) -> None:
    for one in path.parent.glob("events*"):
        one.unlink()


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def pages_overwritten(path: Path) -> None:
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))


@pytest.mark.parametrize("harm", [text, folder, anothers], ids=lambda harm: harm.__name__)
def test_what_is_no_store_at_the_start_is_set_aside(
    path: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    harm(path)
    opened = Opened(path)
    opened.store.add(Event(T, "new"))
    assert opened.whats() == ["new"]
    assert opened.store.health() == {"count": 1, "error": ""}
    assert (opened.counted["eventStoreBegunAnew"], opened.counted["eventStoreFailures"]) == (1, 0)
    opened.store.close()
    assert path.with_name("events.sqlite.unreadable").exists()
    (line,) = caplog.messages
    assert line.startswith(f"{path}: the event store can't be used: ")
    again = Opened(path)
    assert (again.whats(), again.counted["eventStoreBegunAnew"]) == (["new"], 0)
    again.store.close()


@pytest.mark.parametrize(
    "harm", [text, folder, anothers, deleted, emptied, pages_overwritten], ids=lambda harm: harm.__name__
)
@pytest.mark.parametrize("first", ["add", "find"])
def test_what_breaks_at_work_is_begun_anew(path: Path, harm: Callable[[Path], None], first: str) -> None:
    opened = Opened(path)
    harm(path)
    if first == "find":
        with contextlib.suppress(StoreError):
            opened.store.find(0, T * 2, ["a"])
    for number in range(5):
        opened.store.add(Event(T, f"new {number}", ("b",)))
    found = [event.what for event in opened.store.find(0, T * 2, ["b"])]
    assert found == [f"new {number}" for number in range(5)]
    assert opened.store.health()["error"] == ""
    opened.store.close()
    again = Opened(path)
    assert [event.what for event in again.store.find(0, T * 2, ["b"])] == found
    again.store.close()


def test_what_can_not_be_opened_is_in_memory_and_taken_up_with_what_came_meanwhile(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store_module, "RETRY_S", 0.0)
    elsewhere = path.parent.with_name("away")
    path.parent.rename(elsewhere)
    path.parent.touch()
    with caplog.at_level(logging.INFO):
        opened = Opened(path)
        assert "can't be opened: File exists" in str(opened.store.health()["error"])
        for number in range(3):
            opened.store.add(Event(T, f"new {number}"))
        assert opened.whats() == ["new 0", "new 1", "new 2"]
        path.parent.unlink()
        elsewhere.rename(path.parent)
        assert len(opened.whats()) == 53
    assert opened.store.health() == {"count": 53, "error": ""}
    assert opened.counted["eventStoreFailures"] > 3
    assert len([line for line in caplog.messages if "events are in memory until" in line]) == 1
    assert caplog.messages[-1] == "the event store works again"
    opened.store.close()
    assert len(Opened(path).whats()) == 53


def test_a_full_or_read_only_disk_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "RETRY_S", 0.0)
    with tmpfs(tmp_path / "db", "size=1m") as mount:
        opened = Opened(mount.path / "events.sqlite")
        opened.store.add(Event(T, "old"))
        mount.fill()
        with pytest.raises(StoreError, match="full"):
            opened.store.add(Event(T, "x" * 300_000))
        assert opened.whats() == ["old"]
        mount.make_room()
        opened.store.add(Event(T, "new"))
        opened.store.close()
        mount.remount("ro")
        opened = Opened(mount.path / "events.sqlite")
        assert "Read-only file system" in str(opened.store.health()["error"])
        opened.store.add(Event(T, "meanwhile"))
        assert opened.whats() == ["old", "new", "meanwhile"]
        mount.remount("rw")
        assert opened.whats() == ["old", "new", "meanwhile"]
        assert opened.store.health() == {"count": 3, "error": ""}
        assert opened.counted["eventStoreBegunAnew"] == 0
        opened.store.close()
        assert Opened(mount.path / "events.sqlite").whats() == ["old", "new", "meanwhile"]
