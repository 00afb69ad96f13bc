"""A running server's tags follow what it receives, at once, and what others do with the tree."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import whisper

from saltern_graphite.http.restricted.prefixes import Prefixes
from saltern_graphite.http.restricted.tags import RestrictedTags
from saltern_graphite.process.options import ServerOptions, StoreOptions
from saltern_graphite.process.server import Server
from saltern_graphite.rules.metric_name import relative_path
from saltern_graphite.store.store import Store
from saltern_graphite.tags import registrar as registrar_module
from saltern_graphite.tags import registry as registry_module
from saltern_graphite.tags.index import TagIndex
from saltern_graphite.tags.tagged_name import readable_path

ANY = ("127.0.0.1", 0)
WAIT_S = 40.0


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry_module.Registry.__init__.__kwdefaults__, "again_s", 0.1)


@pytest.fixture
def _never_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is received waits for the database for ever, as long as that may take."""
    monkeypatch.setattr(registrar_module, "GATHER_S", 3600.0)


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


async def get(url: str, path: str, **query: Any) -> Any:
    def ask() -> Any:
        with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(query, doseq=True)}", timeout=20) as answer:
            return json.load(answer)

    return await asyncio.to_thread(ask)


async def post(url: str, **form: Any) -> None:
    def ask() -> None:
        with urllib.request.urlopen(url, urllib.parse.urlencode(form, doseq=True).encode(), timeout=20):
            pass

    await asyncio.to_thread(ask)


async def find(url: str, *expressions: str) -> list[str]:
    names: list[str] = await get(url, "/tags/findSeries", expr=expressions)
    return names


async def until(ask: Callable[[], Any], right: Any) -> None:
    while await ask() != right:
        await asyncio.sleep(0.02)


def run(test: Callable[[], Any]) -> None:
    asyncio.run(asyncio.wait_for(test(), WAIT_S))


def make(path: Path, value: float = 1.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whisper.create(str(path), [(60, 1440)])
    whisper.update(str(path), value, time.time())


@pytest.mark.usefixtures("_never_entered")
def test_a_series_is_found_as_soon_as_its_point_is_received(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as (url, store):
            assert await find(url, "name=cpu") == []
            now = time.time()
            store.accept(["cpu;dc=a;host=w1", "cpu;dc=b;host=w2", "plain"], [now] * 3, [1.0, 2.0, 3.0])
            assert await find(url, "name=cpu", "dc=~.") == ["cpu;dc=a;host=w1", "cpu;dc=b;host=w2"]
            assert await find(url, "name=cpu", "dc!=a") == ["cpu;dc=b;host=w2"]
            assert await get(url, "/tags/autoComplete/values", tag="host", expr="dc=a") == ["w1"]
            assert await get(url, "/tags/autoComplete/values", tag="dc", limit=1) == ["a"]
            assert await get(url, "/tags/autoComplete/tags", tagPrefix="d") == ["dc"]
            assert await get(url, "/tags/autoComplete/tags", expr="dc=a") == ["host", "name"]
            (one,) = await get(url, "/render", target="seriesByTag('host=w2')", format="json")
            assert one["tags"] == {"name": "cpu", "dc": "b", "host": "w2"}
            store.accept(["cpu;dc=a;host=w3"], [now], [3.0])
            assert len(await get(url, "/render", target="seriesByTag('name=cpu')", format="json")) == 3

    run(test)


@pytest.mark.usefixtures("_never_entered")
def test_a_series_that_is_to_be_entered_can_be_taken_out(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path) as (url, store):
            store.accept(["cpu;dc=a", "cpu;dc=b"], [time.time()] * 2, [1.0] * 2)
            await post(f"{url}/tags/delSeries", path=["cpu;dc=a"])
            assert await find(url, "name=cpu") == ["cpu;dc=b"]
            store.accept(["cpu;dc=a"], [time.time()], [2.0])
            assert await find(url, "name=cpu") == ["cpu;dc=a", "cpu;dc=b"]

    run(test)


def test_a_part_of_the_store_has_what_comes_too() -> None:
    index = TagIndex()
    index.add(["a.cpu;dc=a", "b.cpu;dc=b"])
    index.coming = lambda: ["a.cpu;dc=a", "a.mem;dc=c;new=1", "b.mem;dc=d;other=1"]
    part = RestrictedTags(index, Prefixes(["a"]))
    assert part.find(["dc=~."]) == ["a.cpu;dc=a", "a.mem;dc=c;new=1"]
    assert part.complete_tags([], "", 9) == ["dc", "name", "new"]
    assert part.complete_tags(["dc=c"], "", 9) == ["name", "new"]
    assert part.complete_values([], "dc", "", 9) == ["a", "c"]
    assert part.complete_values(["new="], "dc", "", 9) == ["a"]


TREES = {"named by hashes": relative_path, "named by themselves": readable_path}


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("how", TREES)
@pytest.mark.parametrize("read_only", [False, True])
def test_files_that_others_take_and_bring(tmp_path: Path, how: str, read_only: bool) -> None:
    names = [f"cpu;dc=a;host=w{number}" for number in range(3)]
    tree = tmp_path / "whisper"
    paths = [tree / TREES[how](name) for name in names]
    for path in paths:
        make(path)

    async def before() -> None:
        async with serving(tmp_path) as (url, _):
            await post(f"{url}/tags/tagMultiSeries", path=names)
            await until(lambda: find(url, "dc=a"), names)
            paths[2].unlink()
            await until(lambda: find(url, "dc=a"), names[:2])

    async def test() -> None:
        async with serving(tmp_path, read_only=read_only) as (url, _):
            await until(lambda: find(url, "dc=a"), names[1:2])
            assert await get(url, "/tags/autoComplete/values", tag="host") == ["w1"]
            assert len(await get(url, "/render", target="seriesByTag('name=cpu')", format="json")) == 1
            shutil.move(tmp_path / "aside", paths[0])
            await until(lambda: find(url, "dc=a"), names[:2])
            shutil.rmtree(tree)
            await until(lambda: get(url, "/tags/autoComplete/tags"), [])
            assert (await get(url, "/health"))["tags"]["gone"] >= 2

    run(before)
    paths[0].rename(tmp_path / "aside")  # while nobody looks
    run(test)


@pytest.mark.usefixtures("_soon")
def test_a_series_whose_file_is_deleted_comes_back_with_its_next_point(tmp_path: Path) -> None:
    name = "cpu;dc=a"
    path = tmp_path / "whisper" / relative_path(name)

    async def test() -> None:
        async with serving(tmp_path, flush_interval_s=0.0) as (url, store):
            for value in (1.0, 2.0):
                store.accept([name], [time.time()], [value])
                assert await find(url, "dc=a") == [name]
                await until(lambda: asyncio.to_thread(path.exists), True)
                await until(lambda: asyncio.to_thread(store.waits, name), False)
                path.unlink()
                await until(lambda: find(url, "dc=a"), [])

    run(test)


@pytest.mark.usefixtures("_soon")
def test_what_waits_for_its_file_stays(tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(tmp_path, flush_interval_s=3600.0) as (url, store):
            store.accept(["cpu;dc=a"], [time.time()], [1.0])
            looked = (await get(url, "/health"))["tags"]["last_look"]
            await asyncio.sleep(0)
            while (await get(url, "/health"))["tags"]["last_look"] <= looked:
                await asyncio.sleep(0.05)
            assert await find(url, "dc=a") == ["cpu;dc=a"]

    run(test)


@pytest.mark.usefixtures("_soon")
def test_a_read_only_server_beside_one_that_writes(tmp_path: Path) -> None:
    old, new = "cpu;dc=old", "cpu;dc=new"
    tree = tmp_path / "whisper"

    async def test() -> None:
        async with serving(tmp_path, flush_interval_s=0.0) as (url, store):
            store.accept([old], [time.time()], [1.0])
            await until(lambda: find(url, "name=cpu"), [old])
            async with serving(tmp_path, read_only=True) as (beside, _):
                store.accept([new], [time.time()], [2.0])
                await until(lambda: find(beside, "name=cpu"), [new, old])
                await until(lambda: asyncio.to_thread(store.waits, old), False)
                (tree / relative_path(old)).unlink()
                await until(lambda: find(beside, "name=cpu"), [new])
                store.accept([old], [time.time()], [3.0])
                await until(lambda: find(beside, "name=cpu"), [new, old])

    run(test)
