"""The tag index when its file can't be had, is damaged or goes away: nothing is forgotten, and it heals by itself."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from saltern.database_file import DatabaseFile
from saltern.errors import StoreError
from saltern_graphite.tags import registrar as registrar_module
from saltern_graphite.tags import registry as registry_module
from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.mend import mend
from saltern_graphite.tags.registrar import Registrar
from saltern_graphite.tags.registry import FILE, Registry
from saltern_graphite.tags.salvage import salvaged
from saltern_graphite.tags.schema import LAYOUT
from saltern_graphite.tags.tagged_name import readable_path
from saltern_graphite.telemetry.counters import Counters
from support.stacks import wait_for

NAMES = [f"cpu;host=w{number:04}" for number in range(3_000)]
PAGE_BYTES = 4096


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "RETRY_S", 0.02)


@contextlib.contextmanager
def running(
    root: Path, known: Callable[[], Iterable[str]] = tuple, counters: Counters | None = None
) -> Iterator[Registry]:
    registry = Registry(str(root), str(root / "whisper"), known=known, counters=counters)
    registry.start()
    try:
        yield registry
    finally:
        registry.stop()


def found(registry: Registry) -> list[str]:
    try:
        return registry.index.find(["name=~.+"])
    except StoreError:
        return []


def told(registry: Registry) -> tuple[object, ...]:
    health = registry.health()
    return health["series"], health["waiting"], health["error"]


def in_file(root: Path) -> list[str]:
    """What another program finds in the file."""
    with contextlib.closing(sqlite3.connect(root / FILE)) as connection:
        return [row[0] for row in connection.execute("SELECT path FROM series ORDER BY path")]


def filled(path: Path, names: list[str] = NAMES) -> None:
    """A closed index of *names*."""
    index = TagIndex.open(str(path))
    index.add(names)
    index.close()


def overwrite(path: Path, page: int, pages: int = 1) -> None:
    """Damage pages, the first being 0."""
    with open(path, "r+b") as file:
        file.seek(page * PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES * pages)


def damage_of(path: Path) -> str:
    return DatabaseFile(str(path), LAYOUT.what, LAYOUT.tables).unusable()


def test_a_file_that_can_not_be_opened_is_taken_up_when_it_can(tmp_path: Path) -> None:
    in_the_way = (tmp_path / FILE).parent
    in_the_way.touch()
    counters = Counters()
    with running(tmp_path, counters=counters) as registry:
        assert "can't be opened: File exists" in str(registry.health()["error"])
        registry.met("cpu;dc=a")
        wait_for(lambda: found(registry) == ["cpu;dc=a"], "memory to stand in")
        registry.index.add(["posted;dc=a"])
        wait_for(lambda: told(registry)[:2] == (2, 2), "both to be entered in memory")
        assert counters.gauges() == {"tags.series": 2.0, "tags.waiting": 2.0}
        wait_for(lambda: counters.total("tagIndexFailures") > 1, "the fault to be counted")
        with pytest.raises(StoreError, match="can't be opened: File exists"):
            registry.index.remove(["cpu;dc=a"])
        in_the_way.unlink()
        wait_for(lambda: told(registry) == (2, 0, ""), "the file")
        assert in_file(tmp_path) == found(registry) == ["cpu;dc=a", "posted;dc=a"]
        assert registry.index.remove(["cpu;dc=a"]) == 1
    assert in_file(tmp_path) == ["posted;dc=a"]


def test_what_an_unwritable_file_holds_is_found_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path / FILE, ["old;dc=a"])
    barred = threading.Event()
    barred.set()
    real_open = os.open

    def guarded(path: str, flags: int, mode: int = 0o777) -> int:
        if barred.is_set() and str(path).endswith(FILE):
            raise PermissionError(13, "Permission denied")
        return real_open(path, flags, mode)

    monkeypatch.setattr(os, "open", guarded)
    with running(tmp_path) as registry:
        assert "Permission denied" in str(registry.health()["error"])
        registry.met("new;dc=a")
        wait_for(lambda: found(registry) == ["new;dc=a", "old;dc=a"], "both")
        barred.clear()
        wait_for(lambda: told(registry) == (2, 0, ""), "the file")
    assert in_file(tmp_path) == ["new;dc=a", "old;dc=a"]


@pytest.mark.parametrize(("page", "saved"), [(1, 0), (20, len(NAMES) // 3)], ids=["its tables' roots", "leaves"])
def test_a_file_found_damaged_at_work_is_begun_anew(tmp_path: Path, page: int, saved: int) -> None:
    filled(tmp_path / FILE)
    with running(tmp_path, known=lambda: ["known;dc=a", "plain"]) as registry:
        assert registry.index.count() == len(NAMES)
        overwrite(tmp_path / FILE, page, pages=12)
        registry.index.file._database._idle.clear()  # what they have read they keep
        registry.met("cpu;host=zz")

        def whole() -> bool:
            with contextlib.suppress(StoreError, LookupError):
                registry.index.values("host")  # someone reads the damaged page
            return registry.health()["error"] == "" and "known;dc=a" in found(registry)

        wait_for(whole, f"the index to be whole: {registry.health()}")
        assert {"cpu;host=zz", "known;dc=a"} <= set(found(registry))
        wait_for(lambda: not registry.index.file.ill, "what is in the damaged one")
        aside = tmp_path / "db" / "tags.sqlite.unreadable"
        assert damage_of(aside) == ""  # not to be told from its beginning
        assert len(set(NAMES) & set(found(registry))) >= saved
    assert "cpu;host=zz" in in_file(tmp_path)


def test_series_are_read_around_a_damaged_page(tmp_path: Path) -> None:
    path = tmp_path / "tags.sqlite"
    filled(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (PAGE_BYTES,)
        query = "SELECT pageno FROM dbstat WHERE name = 'series' AND pagetype = 'leaf' ORDER BY path"
        try:
            pages = [row[0] for row in connection.execute(query)]
        except sqlite3.OperationalError:  # built without it
            pages = []
    if pages:
        overwrite(path, pages[len(pages) // 2] - 1)
        assert set(salvaged(str(path))) == set(NAMES)  # the index has what the table has lost
    path.write_bytes(b"no database " * 1_000)
    assert list(salvaged(str(path))) == []
    assert "not a database" in damage_of(path)


def test_a_file_damaged_before_the_start_gives_what_it_has(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / FILE
    filled(path)
    with open(path, "r+b") as file:
        file.seek(100)  # the page of the schema, behind the header
        file.write(b"\xff" * 8)
    whisper = tmp_path / "whisper" / readable_path("named;dc=a")
    whisper.parent.mkdir(parents=True)
    whisper.touch()
    with caplog.at_level(logging.INFO), running(tmp_path) as registry:
        assert registry.health()["error"] == ""
        wait_for(lambda: found(registry) == ["named;dc=a"], "what the tree tells")
        wait_for(lambda: not registry.index.file.ill, "the rest")
    assert "set aside as tags.sqlite.unreadable" in caplog.text
    assert "0 series were read from the damaged tag index" in caplog.text


def test_a_file_taken_away_comes_back_with_what_is_known(tmp_path: Path) -> None:
    filled(tmp_path / FILE, ["gone;dc=a"])
    with running(tmp_path, known=lambda: ["known;dc=a"]) as registry:
        for path in (tmp_path / "db").iterdir():
            path.unlink()
        registry.met("cpu;dc=a")

        def back() -> bool:
            return registry.health()["error"] == "" and found(registry) == ["cpu;dc=a", "known;dc=a"]

        wait_for(back, f"the index: {registry.health()}")
        registry.met("cpu;dc=b")
        wait_for(lambda: "cpu;dc=b" in found(registry), "the next")
    assert in_file(tmp_path) == ["cpu;dc=a", "cpu;dc=b", "known;dc=a"]


class Barred(TagIndex):
    """An index that takes nothing for as long as it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.barred = True

    def add(self, names: Iterable[str]) -> int:
        if self.barred:
            raise StoreError("the tag index x: disk is full")
        return super().add(names)


def test_no_more_than_so_many_wait_and_none_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registrar_module, "MAX_WAITING", 10)
    index, met = Barred(), [f"cpu;host=w{number}" for number in range(25)]
    registrar = Registrar(index, retry_s=0.01, known=lambda: iter(met))
    for name in met + met[:10]:  # those that wait do so once
        registrar.add(name)
    assert registrar.crowded
    assert (len(registrar._waiting), registrar.waiting) == (10, 25)
    registrar.start()
    wait_for(lambda: registrar.last_error != "", "the fault")
    assert registrar.waiting == 25
    index.barred = False
    wait_for(lambda: registrar.waiting == 0 and not registrar.last_error, "all")
    registrar.stop()
    assert index.find(["name=cpu"]) == sorted(met)
    assert registrar.entered == 25


def test_what_can_not_be_mended_yet_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "db" / "tags.sqlite"
    path.parent.touch()
    index = TagIndex.open(str(path))
    index.add(["cpu;dc=a"])
    for _ in range(2):
        with pytest.raises(StoreError, match="File exists"):
            mend(index)
        assert index.find(["dc=a"]) == ["cpu;dc=a"]
        assert index.file.left == ["cpu;dc=a"]
    path.parent.unlink()
    mend(index)
    mend(index)
    assert not index.file.ill
    index.close()
    again = TagIndex.open(str(path), read_only=True)
    assert again.find(["dc=a"]) == ["cpu;dc=a"]
    again.close()


def test_a_read_only_server_leaves_a_damaged_file_alone(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / FILE).write_bytes(b"no database " * 1_000)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    registry = Registry(str(tmp_path), str(tmp_path), read_only=True)
    registry.start()
    try:
        assert "can't be read: file is not a database" in str(registry.health()["error"])
        registry.index.add(["posted;dc=a", "posted;dc=b"])
        assert registry.index.remove(["posted;dc=a"]) == 1
        assert found(registry) == ["posted;dc=b"]
    finally:
        registry.stop()
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
