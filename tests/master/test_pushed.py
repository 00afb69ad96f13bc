"""What minions send to be kept, attacked by a minion that is accepted."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, FileServerError, NotAuthorised
from saltern_master.fileserver import pushed as pushed_module
from saltern_master.fileserver.pace import Pace
from saltern_master.fileserver.pushed import MAX_PARTS, PART_KEPT_S, Pushed
from support.masters import FakeAgent, running

MIB = 1 << 20


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def pushed(options: MasterOptions, now: list[float]) -> Pushed:
    options["file_recv"], options["file_recv_max_size"], options["file_recv_max_total"] = True, 1, 2
    return Pushed(options, lambda: now[0])


@pytest.fixture
def top(options: MasterOptions) -> Path:
    return Path(options["cachedir"]) / "minions"


def about(path: str, data: bytes) -> dict[str, Any]:
    return {"path": path, "hsum": hashlib.sha256(data).hexdigest(), "size": len(data)}


def send(pushed: Pushed, path: str, data: bytes, minion: str = "web1") -> dict[str, Any]:
    answer = pushed.begin(minion, **about(path, data))
    while not answer.get("done"):
        assert "refused" not in answer, answer
        at = answer["have"]
        answer = pushed.write(minion, **about(path, data), offset=at, data=data[at : at + 1000])
    return answer


def there(top: Path) -> list[str]:
    """Return everything in the master's folder, links not followed."""
    return sorted(os.path.relpath(os.path.join(d, n), top) for d, ds, fs in os.walk(top) for n in [*ds, *fs])


def test_a_file_is_whole_before_it_has_its_name(pushed: Pushed, top: Path) -> None:
    data = os.urandom(2500)
    assert pushed.begin("web1", **about("etc/a", data)) == {"have": 0}
    assert pushed.write("web1", **about("etc/a", data), offset=0, data=data[:2000]) == {"have": 2000}
    assert not (top / "web1/files").exists()
    assert pushed.begin("web1", **about("etc/a", data)) == {"have": 2000}  # it goes on there
    assert pushed.write("web1", **about("etc/a", data), offset=2000, data=data[2000:]) == {"have": 2500, "done": True}
    assert (top / "web1/files/etc/a").read_bytes() == data
    assert there(top) == ["web1", "web1/files", "web1/files/etc", "web1/files/etc/a", "web1/parts"]
    assert (top / "web1/files/etc").stat().st_mode & 0o777 == 0o700
    send(pushed, "etc/a", b"new")
    assert (top / "web1/files/etc/a").read_bytes() == b"new"
    assert pushed.metrics() == {"pushed_files": 2, "pushed_bytes": 2503, "pushes_refused": 0, "pushes_failed": 0}


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "a//b", "/etc/x", ".", "a/.", "", "a\0b", "x" * 256, "/".join(["d"] * 65), "..", "a/"]
)
def test_no_path_leads_out(pushed: Pushed, top: Path, path: str) -> None:
    with pytest.raises(ArgumentError):
        pushed.begin("web1", **about(path, b"x"))
    with pytest.raises(ArgumentError):
        pushed.write("web1", **about(path, b"x"), offset=0, data=b"x")
    assert there(top) == []


def test_no_link_is_followed(pushed: Pushed, top: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    send(pushed, "etc/a", b"x")
    os.symlink(outside, top / "web1/files/out")
    os.symlink(outside / "secret", top / "web1/files/file")
    with pytest.raises(FileServerError, match=r"out/x: can't be kept on the master"):
        send(pushed, "out/x", b"x")
    send(pushed, "file", b"mine")  # the link's own name is taken, not what it leads to
    assert (outside / "secret").read_text() == "secret"
    assert [path.name for path in outside.iterdir()] == ["secret"]
    part = hashlib.sha256(f"p\0{about('p', b'xy')['hsum']}\0{2}".encode()).hexdigest()
    os.symlink(outside / "secret", top / "web1/parts" / part)
    with pytest.raises(FileServerError):
        pushed.begin("web1", **about("p", b"xy"))
    assert (outside / "secret").read_text() == "secret"
    os.rename(top / "web1/parts", top / "web1/old")
    os.symlink(outside, top / "web1/parts")
    with pytest.raises(FileServerError):
        send(pushed, "q", b"x")
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_file_is_no_folder(pushed: Pushed, top: Path) -> None:
    send(pushed, "a", b"x")
    with pytest.raises(FileServerError, match=r"a/b: can't be kept on the master: Not a directory"):
        send(pushed, "a/b", b"y")
    send(pushed, "d/x", b"x")
    with pytest.raises(FileServerError, match="Is a directory"):
        send(pushed, "d", b"y")
    assert (top / "web1/files/a").read_bytes() == b"x"
    assert pushed.metrics()["pushes_failed"] == 2


def test_what_does_not_fit_is_refused(pushed: Pushed, top: Path) -> None:
    data = b"0123456789"
    pushed.begin("web1", **about("a", data))
    pushed.write("web1", **about("a", data), offset=0, data=data[:4])
    for offset, more in [(0, b"x"), (5, b"x"), (4, b"x" * 7), (-1, b"x"), (4, b"")]:
        with pytest.raises(ArgumentError, match="4 of 10 bytes are here"):
            pushed.write("web1", **about("a", data), offset=offset, data=more)
    with pytest.raises(ArgumentError, match="changed while it was sent"):
        pushed.write("web1", **about("a", data), offset=4, data=b"xxxxxx")
    assert there(top) == ["web1", "web1/parts"]
    for hsum in ("../../x", "A" * 64, ""):
        with pytest.raises(ArgumentError):
            pushed.begin("web1", "a", hsum, 1)


def test_each_minion_has_its_share(pushed: Pushed, top: Path) -> None:
    assert "over 1,048,576" in pushed.begin("web1", "a", "a" * 64, MIB + 1)["refused"]
    with pytest.raises(NotAuthorised):
        pushed.write("web1", "a", "a" * 64, MIB + 1, 0, b"x")
    send_large(pushed, "a", 0)
    send_large(pushed, "b", 1)
    with pytest.raises(FileServerError, match="this minion has 2,097,152 bytes in 4 files and folders"):
        pushed.begin("web1", **about("c", b"x"))
    send_large(pushed, "a", 2, minion="web2")
    (top / "web1/files/a").unlink()  # by whoever looks after the master
    send_large(pushed, "c", 3)
    assert pushed.metrics()["pushes_refused"] == 2


def send_large(pushed: Pushed, path: str, seed: int, minion: str = "web1") -> None:
    data = bytes([seed]) * MIB
    pushed.begin(minion, **about(path, data))
    assert pushed.write(minion, **about(path, data), offset=0, data=data)["done"]


def test_announcing_much_takes_nothing(pushed: Pushed, top: Path, now: list[float]) -> None:
    """A minion that begins file after file keeps few of them, and writes no more of all than its share."""
    written = 0
    for number in range(3 * MAX_PARTS):
        data = bytes([number]) * MIB
        try:
            pushed.begin("web1", **about(f"f{number}", data))
            pushed.write("web1", **about(f"f{number}", data), offset=0, data=data[:-1])
            written += 1
        except FileServerError:
            pass
    parts = list((top / "web1/parts").iterdir())
    assert len(parts) <= MAX_PARTS
    assert sum(part.stat().st_size for part in parts) <= 3 * MIB
    assert not (top / "web1/files").exists()
    now[0] = max(part.stat().st_mtime for part in parts) + PART_KEPT_S + 1
    send(pushed, "a", b"x")
    assert list((top / "web1/parts").iterdir()) == []


def test_few_parts_are_kept_however_small(pushed: Pushed, top: Path) -> None:
    for number in range(3 * MAX_PARTS):
        data = bytes([number]) * 100
        pushed.begin("web1", **about(f"f{number}", data))
        pushed.write("web1", **about(f"f{number}", data), offset=0, data=data[:50])
    assert len(list((top / "web1/parts").iterdir())) <= MAX_PARTS
    assert pushed.begin("web1", **about(f"f{number}", data)) == {"have": 50}  # the last ones are


def test_what_was_announced_first_is_written_within_the_share_too(pushed: Pushed, top: Path) -> None:
    whole = [bytes([number]) * MIB for number in range(8)]
    for number, data in enumerate(whole):
        assert pushed.begin("web1", **about(f"f{number}", data)) == {"have": 0}
    for number, data in enumerate(whole[:3]):
        pushed.write("web1", **about(f"f{number}", data), offset=0, data=data[:-1])
    with pytest.raises(FileServerError, match="takes its share"):
        pushed.write("web1", **about("f3", whole[3]), offset=0, data=whole[3][:-1])
    assert sum(part.stat().st_size for part in (top / "web1/parts").iterdir()) <= 3 * MIB


def test_a_part_that_somebody_changed_is_begun_anew(pushed: Pushed, top: Path) -> None:
    pushed.begin("web1", **about("a", b"xy"))
    (part,) = (top / "web1/parts").iterdir()
    part.write_bytes(b"longer than it may be")
    with pytest.raises(ArgumentError, match="send it again"):
        pushed.begin("web1", **about("a", b"xy"))
    assert send(pushed, "a", b"xy")["done"]


def test_names_are_bounded_too(pushed: Pushed, top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushed_module, "MAX_ENTRIES", 20)
    for number in range(15):
        send(pushed, f"d/f{number}", b"")
    with pytest.raises(FileServerError, match="in 20"):
        send(pushed, "d/e/f", b"")
    assert len(there(top / "web1")) <= 20


def test_a_failed_write_is_told_and_leaves_nothing_of_the_name(
    pushed: Pushed, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    pushed.begin("web1", **about("a", b"xy"))
    with monkeypatch.context() as patched:
        patched.setattr(pushed_module, "_write_all", full)
        with pytest.raises(FileServerError, match="a: can't be kept on the master: No space left on device"):
            pushed.write("web1", **about("a", b"xy"), offset=0, data=b"xy")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(FileServerError, match="No space left"):
            pushed.write("web1", **about("a", b"xy"), offset=0, data=b"xy")
    assert there(top)[:2] == ["web1", "web1/parts"]
    assert send(pushed, "a", b"xy")["done"]
    assert pushed.metrics()["pushes_failed"] == 2


def test_an_accepted_minion_reaches_nothing_but_its_own(options: MasterOptions) -> None:
    import asyncio

    options["auto_accept"] = options["file_recv"] = True
    top = Path(options["cachedir"]) / "minions"

    async def scenario() -> None:
        async with running(options) as master:
            web, db = FakeAgent(master, "web1"), FakeAgent(master, "db1")
            for agent in (web, db):
                await agent.join()
            whole = {**about("etc/a", b"abc"), "offset": 0, "data": b"abc"}
            assert (await web.call("push_begin", **about("etc/a", b"abc")))["result"] == {"have": 0}
            for wrong in (
                {"path": "../db1/files/x"},
                {"path": "/etc/x"},
                {"path": ["etc", "a"]},
                {"path": "x\\y"},
                {"size": -1},
                {"size": True},
                {"size": "3"},
                {"data": "text"},
                {"data": None},
                {"offset": 2**70},
                {"id": "db1"},
                {"minion": "db1"},
            ):
                assert "error" in await web.call("push_write", **{**whole, **wrong})
            assert (await db.call("push_begin", **about("etc/a", b"abc")))["result"] == {"have": 0}
            assert (await web.call("push_write", **whole))["result"] == {"have": 3, "done": True}
            assert (top / "web1/files/etc/a").read_bytes() == b"abc"
            assert not (top / "db1/files").exists()
            # and of an upload that another minion is the source of
            source = master.uploads.begin_from("local:fred", "web1", "a" * 64, ["db1"])
            sent = {"upload": source, "hsum": "b" * 64, "size": 3}
            assert "error" in await db.call("upload_announce", **sent)
            assert (await web.call("upload_announce", **sent))["result"] == 0
            assert "error" in await db.call("upload_write", upload=source, offset=0, data=b"abc")
            assert "error" in await web.call("upload_write", upload=source, offset=0, data=b"abcd")
            assert (await web.call("upload_write", upload=source, offset=0, data=b"abc"))["result"] == 3
            assert (await web.call("upload_chunk", upload=source, offset=0))["result"] == {"gone": True}
            assert (await db.call("upload_chunk", upload=source, offset=0))["result"] == {"data": b"abc"}
            own, _ = master.uploads.begin("local:fred", "c" * 64, 3, ["db1"])
            assert "error" in await db.call("upload_announce", **{**sent, "upload": own})
            for agent in (web, db):
                agent.close()

    asyncio.run(scenario())


def test_a_pace_hands_out_so_much_in_order() -> None:
    now = [0.0]
    pace = Pace(40_000, lambda: now[0])
    assert pace.chunk == 10_000
    got = 0
    waits = {who: pace.wait(who) for who in "abc"}
    assert waits == {"a": 0.0, "b": 0.25, "c": 0.5}
    assert pace.wait("c") == 0.5  # who asks again keeps his turn
    while now[0] < 10:
        got += sum(pace.wait(who) == 0.0 for who in "abc")
        now[0] += 0.05
    assert abs(got * pace.chunk - 400_000) <= 3 * pace.chunk
    now[0] += 100  # what nobody fetched meanwhile isn't made up for, but a second of it
    assert sum(pace.wait("a") == 0.0 for _ in range(50)) <= 8
