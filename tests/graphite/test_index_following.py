"""A running server's index follows what others do with the tree: a real library, a real fill, real folders."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import whisper

from saltern.own_python import python_module
from saltern_graphite.index import Index, follower, watches
from saltern_graphite.index.follower import Follower
from saltern_graphite.index.mirror import Mirror
from saltern_graphite.index.watches import Told
from saltern_graphite.process.options import ServerOptions, StoreOptions
from saltern_graphite.process.server import Server
from saltern_graphite.store.store import Store

ANY = ("127.0.0.1", 0)
WAIT_S = 40.0


class HeardIndex(Index):
    """Tells a test that waits for it of each change."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()

    def graft(self, *arguments: Any) -> None:
        super().graft(*arguments)
        self._tell()

    def remove(self, name: str) -> None:
        super().remove(name)
        self._tell()

    def _tell(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def wait(self, true: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(true, WAIT_S), self.names()[:50]

    def waits(self, name: str) -> bool:
        return False

    def forget(self, names: Sequence[str]) -> int:
        for name in names:
            self.remove(name)
        return len(names)


@contextlib.contextmanager
def following(folder: Path, **options: Any) -> Iterator[HeardIndex]:
    """An index that has been equal to *folder* once, and follows it."""
    index = HeardIndex()
    looked = threading.Event()
    one = Follower(index, str(folder), index, **options)
    end_round = one._end_round

    def ended() -> None:
        end_round()
        looked.set()

    one._end_round = ended  # type: ignore[method-assign]
    one.start(after=index.start_build(str(folder)))
    try:
        assert looked.wait(WAIT_S)
        yield index
    finally:
        one.stop(WAIT_S)
    assert not one._thread.is_alive()


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for host in range(5):
        touch(tmp_path / "tree" / "fleet" / f"h{host}" / "cpu.wsp")
    return tmp_path / "tree"


HOW = {"by what the system tells": {"round_s": 3600.0}, "by looks alone": {"most_watches": 0, "round_s": 0.05}}


@pytest.mark.parametrize("how", HOW)
def test_what_others_do_is_seen(tree: Path, how: str) -> None:
    with following(tree, **HOW[how]) as index:
        assert (index.followed.folders, index.followed.looked > 0) == (7, True)
        touch(tree / "fleet" / "h1" / "new.wsp")
        touch(tree / "a" / "new" / "branch.wsp")
        index.wait(lambda: {"fleet.h1.new", "a.new.branch"} <= set(index.names()))
        (tree / "fleet").rename(tree / "ships")
        index.wait(lambda: "ships.h4.cpu" in index and "fleet.h4.cpu" not in index)
        touch(tree / "ships" / "h4" / "after.wsp")
        index.wait(lambda: "ships.h4.after" in index)
        shutil.rmtree(tree / "ships")
        (tree / "a" / "new" / "branch.wsp").unlink()
        index.wait(lambda: index.names() == [])
        touch(tree / "ships" / "h1" / "anew.wsp")
        index.wait(lambda: index.names() == ["ships.h1.anew"])
        assert (index.followed.watches > 0) == (how == "by what the system tells")


def test_a_folder_that_is_moved_away_and_made_anew(tree: Path) -> None:
    with following(tree, round_s=3600.0) as index:
        host = tree / "fleet" / "h0"
        host.rename(tree.parent / "away")
        index.wait(lambda: "fleet.h0.cpu" not in index)
        touch(host / "new.wsp")
        index.wait(lambda: "fleet.h0.new" in index)
        (tree.parent / "away").rename(tree / "fleet" / "back")
        index.wait(lambda: "fleet.back.cpu" in index)


@pytest.mark.parametrize("how", HOW)
def test_a_folder_that_another_takes_the_place_of(tree: Path, how: str) -> None:
    """The names in it stay the same, so that what is below is another's at once."""
    for number in range(3):
        touch(tree.parent / f"other{number}" / "h0" / f"mem{number}.wsp")
    with following(tree, **HOW[how]) as index:
        fleet = tree / "fleet"
        fleet.rename(tree.parent / "away")
        fleet.symlink_to(tree.parent / "other0")
        index.wait(lambda: index.names() == ["fleet.h0.mem0"])
        touch(tree.parent / "other0" / "h0" / "after.wsp")
        index.wait(lambda: "fleet.h0.after" in index)
        (tree.parent / "link").symlink_to(tree.parent / "other1")
        (tree.parent / "link").rename(fleet)  # in one step
        index.wait(lambda: index.names() == ["fleet.h0.mem1"])
        touch(tree.parent / "other1" / "h0" / "after.wsp")
        index.wait(lambda: "fleet.h0.after" in index)
        fleet.unlink()
        (tree.parent / "other2").rename(fleet)
        index.wait(lambda: index.names() == ["fleet.h0.mem2"])
        touch(fleet / "h0" / "after.wsp")
        index.wait(lambda: "fleet.h0.after" in index)
        touch(tree.parent / "other1" / "h0" / "more.wsp")
        touch(fleet / "last.wsp")
        index.wait(lambda: "fleet.last" in index)
        assert "fleet.h0.more" not in index


def test_folders_without_a_watch_are_seen_by_looks(tree: Path) -> None:
    with following(tree, most_watches=2, round_s=0.05) as index:
        assert index.followed.watches == 2
        for host in range(5):
            touch(tree / "fleet" / f"h{host}" / "new.wsp")
        index.wait(lambda: len(index) == 10)


def test_a_flood_of_files(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than the system's queue holds, while the follower reads it or not."""
    monkeypatch.setattr(follower, "REST", 0)
    (tree / "flood").mkdir()
    with following(tree, round_s=3600.0) as index:
        for number in range(20_000):
            (tree / "flood" / f"m{number}.wsp").touch()
        index.wait(lambda: len(index) == 20_005)
        shutil.rmtree(tree / "flood")
        index.wait(lambda: len(index) == 5)


def test_when_the_system_had_too_much_to_tell_all_is_looked_at(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = watches.Watches.read
    deaf = threading.Event()

    def read(self: watches.Watches) -> Told:
        told = real(self)
        return Told(set(), bool(told.changed)) if deaf.is_set() else told

    monkeypatch.setattr(watches.Watches, "read", read)
    with following(tree, round_s=3600.0) as index:
        deaf.set()
        touch(tree / "fleet" / "h2" / "new.wsp")
        index.wait(lambda: "fleet.h2.new" in index)
        assert index.followed.overflows >= 1


def test_a_look_that_is_under_way_is_not_begun_anew(tree: Path) -> None:
    """Else what is last in the tree would never be seen while the system has too much to tell."""

    class TooMuch:
        def read(self) -> Told:
            return Told(set(), True)

    index = HeardIndex()
    one = Follower(index, str(tree), index)
    one._watches = TooMuch()  # type: ignore[assignment]
    one._next = 3
    one._listen()
    assert one._next == 3
    one._end_round()
    assert one._round_at > time.monotonic()
    one._watches = None
    assert one._work(time.monotonic()) > 0
    assert len(index) == 5


def test_a_fault_does_not_end_it(tree: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(follower, "PAUSE_S", 0.01)
    real = Mirror.look
    faults = iter([ZeroDivisionError("ours")])

    def look(self: Mirror, number: int) -> int:
        for fault in faults:
            raise fault
        return real(self, number)

    monkeypatch.setattr(Mirror, "look", look)
    with following(tree, round_s=0.05) as index:
        touch(tree / "b.wsp")
        index.wait(lambda: "b" in index)
    assert "index: a look at the tree failed: ZeroDivisionError: ours" in caplog.text


def test_it_can_be_stopped_before_it_began(tree: Path) -> None:
    index = HeardIndex()
    one = Follower(index, str(tree), index)
    one.stop()
    held = threading.Event()
    before = threading.Thread(target=held.wait)
    before.start()
    one = Follower(index, str(tree), index)
    one.start(after=before)
    one.stop(0.0)
    held.set()
    before.join()
    one._thread.join(WAIT_S)
    assert not one._thread.is_alive()


@contextlib.asynccontextmanager
async def serving(root: Path, *, read_only: bool = False, **options: Any) -> AsyncIterator[tuple[str, Store]]:
    store = Store(str(root), StoreOptions(**options))
    nowhere = {"line": None, "pickle": None, "batch": None}
    server = Server(str(root), store, ServerOptions(http=ANY, read_only=read_only, **nowhere))  # type: ignore[arg-type]
    try:
        await server.start()
        yield str(server.endpoints["http"]), store
    finally:
        await server.stop()


async def get(url: str) -> Any:
    def ask() -> Any:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)

    return await asyncio.to_thread(ask)


async def until(url: str, good: Callable[[Any], bool]) -> Any:
    """Ask until the answer is *good*."""
    while not good(answer := await get(url)):
        await asyncio.sleep(0.02)
    return answer


def run(test: Callable[[], Any]) -> None:
    asyncio.run(asyncio.wait_for(test(), WAIT_S))


def make(path: Path, value: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whisper.create(str(path), [(60, 1440)])
    whisper.update(str(path), value, time.time())


def test_a_read_only_server_beside_another_writer(tmp_path: Path) -> None:
    tree = tmp_path / "of-carbon"
    make(tree / "app" / "old.wsp", 1.0)

    async def test() -> None:
        async with serving(tmp_path / "root", read_only=True, whisper=str(tree)) as (url, _):
            await until(f"{url}/health", lambda told: told["index"]["last_look"] > 0)
            make(tree / "app" / "new.wsp", 42.0)
            await until(f"{url}/metrics/find?query=app.*", lambda nodes: len(nodes) == 2)
            (series,) = await get(f"{url}/render?target=app.new&from=-5min&format=json")
            assert 42.0 in [value for value, _ in series["datapoints"]]
            (tree / "app" / "old.wsp").unlink()
            await until(f"{url}/metrics/index.json", lambda names: names == ["app.new"])
            assert await get(f"{url}/metrics/expand?query=app.*") == {"results": ["app.new"]}
            told = (await get(f"{url}/health"))["index"]
            assert (told["found"], told["gone"], told["folders_now"]) == (1, 1, 2)

    run(test)


def test_a_fill_into_a_running_server(tmp_path: Path) -> None:
    source, tree = tmp_path / "source", tmp_path / "root" / "whisper"
    for number in range(3):
        make(source / "filled" / f"m{number}.wsp", float(number))

    async def test() -> None:
        async with serving(tmp_path / "root", flush_interval_s=0.0) as (url, store):
            store.accept(["own.a"], [time.time()], [1.0])
            await until(f"{url}/health", lambda told: (tree / "own" / "a.wsp").exists())
            command = python_module("saltern_graphite", "fill", str(source), str(tree))
            await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=WAIT_S)
            await until(f"{url}/metrics/find?query=filled.*", lambda nodes: len(nodes) == 3)
            assert await get(f"{url}/metrics/expand?query=own.*") == {"results": ["own.a"]}

    run(test)


def test_a_file_that_is_deleted_under_a_writer_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "whisper" / "a" / "b.wsp"

    async def test() -> None:
        async with serving(tmp_path, flush_interval_s=0.0) as (url, store):
            now = time.time()
            store.accept(["a.b", "a.stays"], [now, now], [1.0, 2.0])
            await until(f"{url}/health", lambda told: path.exists() and told["cache"]["points"] == 0)
            path.unlink()
            await until(f"{url}/metrics/find?query=a.*", lambda nodes: [node["text"] for node in nodes] == ["stays"])
            store.accept(["a.b"], [now], [3.0])
            assert len(await get(f"{url}/metrics/find?query=a.*")) == 2
            await until(f"{url}/health", lambda told: path.exists() and told["cache"]["points"] == 0)
            assert whisper.fetch(str(path), now - 60, now)[1][-1] == 3.0
            shutil.rmtree(path.parent)
            await until(f"{url}/metrics/index.json", lambda names: not any(name.startswith("a.") for name in names))

    run(test)


def test_metrics_that_are_in_memory_alone_stay(tmp_path: Path) -> None:
    tree = tmp_path / "whisper"
    names = [f"a.m{number}" for number in range(500)]

    async def test() -> None:
        async with serving(tmp_path, flush_interval_s=3600.0) as (url, store):
            touch(tree / "a" / "gone.wsp")
            await until(f"{url}/metrics/find?query=a.*", lambda nodes: len(nodes) == 1)
            store.accept(names, [time.time()] * 500, [1.0] * 500)
            await until(f"{url}/health", lambda told: told["cache"]["points"] == 0)
            store.accept(names, [time.time()] * 500, [2.0] * 500)  # they wait an hour
            shutil.rmtree(tree / "a")
            await until(f"{url}/metrics/find?query=a.gone", lambda nodes: nodes == [])
            assert len(await get(f"{url}/metrics/find?query=a.*")) == 500

    run(test)


def test_a_name_is_not_forgotten_on_its_way_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path))
    assert not store.wal.open()  # the writer is not started: what is in memory stays there
    forgotten: list[int] = []
    append = store.wal.append
    over = threading.Event()

    def forget() -> None:
        forgotten.append(store.forget(["a.new"]))
        over.set()

    thread = threading.Thread(target=forget)

    def slow(*columns: Any) -> Any:  # a name that was met, and whose points are not in memory yet
        thread.start()
        over.wait(0.2)  # it has to wait for us
        return append(*columns)

    try:
        store.accept(["a.old"], [time.time()], [1.0])
        assert store.waits("a.old")
        assert store.forget(["a.old", "a.never"]) == 1
        assert "a.old" in store.index
        monkeypatch.setattr(store.wal, "append", slow)
        store.accept(["a.new"], [time.time()], [1.0])
        monkeypatch.undo()
        thread.join(WAIT_S)
        assert (forgotten, "a.new" in store.index) == ([0], True)
    finally:
        store.wal.close()
