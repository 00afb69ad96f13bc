"""What a user sends to minions, while the master has it."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from saltern.config import MasterOptions
from saltern.errors import ArgumentError, Busy, FileServerError, NotAuthorised
from saltern_master.auth.caller import Caller, Kind
from saltern_master.fileserver import room
from saltern_master.fileserver import uploads as uploads_module
from saltern_master.fileserver.uploads import KEPT_S, MAX_UPLOAD_BYTES, MAX_UPLOADS, Uploads
from support.doors import NOBODY_HERE
from support.masters import FakeAgent, running

HSUM = "a" * 64
FRED, ANNA = "local:fred", "local:anna"


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def uploads(tmp_path: Path, now: list[float]) -> Uploads:
    return Uploads(str(tmp_path / "uploads"), lambda: now[0])


def test_an_upload_goes_on_where_it_stopped_over_a_restart_too(uploads: Uploads, tmp_path: Path) -> None:
    upload, have = uploads.begin(FRED, HSUM, 10, ["web1"])
    assert have == 0
    assert uploads.write(FRED, upload, 0, b"0123") == 4
    assert uploads.begin(FRED, HSUM, 10, ["web2"]) == (upload, 4)
    again = Uploads(str(tmp_path / "uploads"), lambda: 1000.0)
    again.load()
    assert again.begin(FRED, HSUM, 10, []) == (upload, 4)
    assert again.write(FRED, upload, 4, b"456789") == 10
    for minion in ("web1", "web2"):
        assert again.read(minion, upload, 3) == b"3456789"
        assert again.read(minion, upload, 10) == b""
    assert (again.received_bytes, again.sent_bytes) == (6, 14)
    again.forget(FRED, upload)
    assert again.read("web1", upload, 0) is None
    assert list((tmp_path / "uploads").iterdir()) == []


def test_nobody_else_has_anything_of_it(uploads: Uploads) -> None:
    upload, _ = uploads.begin(FRED, HSUM, 4, ["web1"])
    uploads.write(FRED, upload, 0, b"0123")
    assert uploads.read("web2", upload, 0) is None
    assert uploads.read("web1", upload, -1) is None
    with pytest.raises(NotAuthorised):
        uploads.write(ANNA, upload, 4, b"x")
    with pytest.raises(NotAuthorised):
        uploads.forget(ANNA, upload)
    other, have = uploads.begin(ANNA, HSUM, 4, ["web2"])
    assert (other != upload, have) == (True, 0)  # that somebody sends the same is nobody's business


@pytest.mark.parametrize(("offset", "data"), [(0, b"x"), (5, b"x"), (4, b"x" * 7), (-1, b"x")])
def test_what_does_not_fit_is_refused(uploads: Uploads, offset: int, data: bytes) -> None:
    upload, _ = uploads.begin(FRED, HSUM, 10, ["web1"])
    uploads.write(FRED, upload, 0, b"0123")
    with pytest.raises(ArgumentError, match="4 of 10 bytes"):
        uploads.write(FRED, upload, offset, data)
    assert uploads.read("web1", upload, 0) == b"0123"


@pytest.mark.parametrize(("hsum", "size"), [("../../etc/passwd", 1), ("A" * 64, 1), (HSUM, 0), (HSUM, 1 << 60)])
def test_what_is_no_upload_is_refused(uploads: Uploads, hsum: str, size: int) -> None:
    with pytest.raises(ArgumentError):
        uploads.begin(FRED, hsum, size, ["web1"])


def test_bounds_are_for_each_user(uploads: Uploads) -> None:
    for number in range(MAX_UPLOADS):
        uploads.begin(FRED, f"{number:064x}", 1, ["web1"])
    with pytest.raises(Busy):
        uploads.begin(FRED, HSUM, 1, ["web1"])
    uploads.begin(ANNA, HSUM, MAX_UPLOAD_BYTES, ["web1"])
    with pytest.raises(Busy):
        uploads.begin(ANNA, "b" * 64, 1, ["web1"])
    assert uploads.metrics()["uploads"] == MAX_UPLOADS + 1


def test_what_nobody_touches_goes(uploads: Uploads, now: list[float], tmp_path: Path) -> None:
    old, _ = uploads.begin(FRED, HSUM, 4, ["web1"])
    uploads.write(FRED, old, 0, b"0123")
    fetched, _ = uploads.begin(FRED, "b" * 64, 4, ["web1"])
    uploads.write(FRED, fetched, 0, b"0123")
    now[0] += KEPT_S - 1
    assert uploads.read("web1", fetched, 0) == b"0123"
    now[0] += 2
    uploads.purge()
    assert uploads.read("web1", old, 0) is None
    assert uploads.read("web1", fetched, 0) == b"0123"
    assert {path.stem for path in (tmp_path / "uploads").iterdir()} == {fetched}


def test_what_is_asked_for_before_it_came_is_waited_for(uploads: Uploads, tmp_path: Path) -> None:
    upload, _ = uploads.begin(FRED, HSUM, 4, ["web1"])
    assert uploads.read("web1", upload, 0) == b""


def test_who_goes_on_with_an_upload_has_the_whole_time_again(uploads: Uploads, now: list[float]) -> None:
    upload, _ = uploads.begin(FRED, HSUM, 4, ["web1"])
    uploads.write(FRED, upload, 0, b"0123")
    now[0] += KEPT_S - 1
    assert uploads.begin(FRED, HSUM, 4, ["web1"]) == (upload, 4)
    now[0] += KEPT_S - 1
    assert uploads.read("web1", upload, 0) == b"0123"


def test_what_is_forgotten_while_it_is_written_leaves_nothing(uploads: Uploads, tmp_path: Path) -> None:
    """Else who does both at a time fills the disk with what is counted for nobody."""
    upload, _ = uploads.begin(FRED, HSUM, 4, ["web1"])
    with uploads._lock:  # a write that comes meanwhile
        writing = threading.Thread(target=lambda: failed.append(_refused(uploads, upload)))
        failed: list[bool] = []
        writing.start()
        while not (writing.is_alive() and uploads._lock.locked()):
            pass
        writing.join(0.05)
        del uploads._uploads[upload]
        uploads._delete(upload)
    writing.join()
    assert failed == [True]
    assert list((tmp_path / "uploads").iterdir()) == []


def _refused(uploads: Uploads, upload: str) -> bool:
    try:
        uploads.write(FRED, upload, 0, b"0123")
    except NotAuthorised:
        return True
    return False


def test_uploads_leave_room_for_what_is_more_important(
    uploads: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, _ = uploads.begin(FRED, HSUM, 4, ["web1"])
    uploads.write(FRED, upload, 0, b"01")
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    monkeypatch.setattr(room, "MIN_FREE_BYTES", free * 2)
    monkeypatch.setattr(room, "MIN_FREE_SHARE", 1.0)
    for refused in (
        lambda: uploads.write(FRED, upload, 2, b"23"),
        lambda: uploads.begin(FRED, HSUM, 4, ["web1"]),
        lambda: uploads.begin(ANNA, HSUM, 4, ["web1"]),
    ):
        with pytest.raises(FileServerError, match="bytes are free on the master"):
            refused()
    assert uploads.read("web1", upload, 0) == b"01"
    assert uploads.metrics()["uploads"] == 1


def test_a_damaged_folder_costs_what_is_damaged(uploads: Uploads, tmp_path: Path) -> None:
    whole, _ = uploads.begin(FRED, HSUM, 4, ["web1"])
    folder = tmp_path / "uploads"
    (folder / ("c" * 32 + ".json")).write_text("{")
    (folder / ("d" * 32 + ".data")).write_bytes(b"x")
    stolen = json.loads((folder / f"{whole}.json").read_text()) | {"id": "../../x"}
    (folder / ("e" * 32 + ".json")).write_text(json.dumps(stolen))
    again = Uploads(str(folder), lambda: 1000.0)
    again.load()
    assert again.begin(FRED, HSUM, 4, [])[0] == whole
    assert {path.name for path in folder.iterdir()} == {f"{whole}.json"}


def test_a_disk_that_takes_nothing_is_one_line(uploads: Uploads, tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("")
    with pytest.raises(FileServerError, match="can't keep uploads"):
        uploads.begin(FRED, HSUM, 4, ["web1"])
    assert uploads.metrics()["uploads"] == 0


def test_the_door_lets_those_send_who_may_run_what_receives(
    options: MasterOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    options["auto_accept"] = True
    options["publisher_acl"] = {str(NOBODY_HERE): [{"web*": ["cp.recv"]}], str(NOBODY_HERE + 1): ["cp.*"]}
    monkeypatch.setattr(uploads_module, "KEPT_S", 60.0)
    fred, anna = (Caller(Kind.LOCAL, str(uid), uid) for uid in (NOBODY_HERE, NOBODY_HERE + 1))

    async def scenario() -> None:
        async with running(options) as master:
            web, db = FakeAgent(master, "web1"), FakeAgent(master, "db1")
            for agent in (web, db):
                await agent.join()

            async def ask(caller: Caller, name: str, **kwargs: Any) -> Any:
                return await master.dispatcher.call(caller, name, [], kwargs)

            for refused in (
                ask(fred, "upload.begin", tgt="db1", hsum=HSUM, size=4),
                ask(fred, "upload.begin", tgt="web1", hsum=HSUM, size=4, fun="test.ping"),
                ask(anna, "upload.begin", tgt="web1", hsum=HSUM, size=4),  # a glob never grants what writes anything
                ask(Caller(Kind.MINION, "web1"), "upload.begin", tgt="web1", hsum=HSUM, size=4),
            ):
                with pytest.raises((NotAuthorised, ArgumentError)):
                    await refused
            owner = Caller(Kind.LOCAL, "owner", os.geteuid())  # who may run anything
            with pytest.raises(ArgumentError, match=r"an upload is for cp\.recv"):
                await ask(owner, "upload.begin", tgt="web1", hsum=HSUM, size=4, fun="x.y")
            begun = await ask(fred, "upload.begin", tgt="web*", hsum=HSUM, size=4)
            assert begun["minions"] == ["web1"]
            await ask(fred, "upload.write", upload=begun["upload"], offset=0, data=b"0123")
            with pytest.raises(NotAuthorised):
                await ask(anna, "upload.write", upload=begun["upload"], offset=4, data=b"")
            assert (await web.call("upload_chunk", upload=begun["upload"], offset=1))["result"] == {"data": b"123"}
            assert (await db.call("upload_chunk", upload=begun["upload"], offset=0))["result"] == {"gone": True}
            nobody = await ask(fred, "upload.begin", tgt="web9*", hsum=HSUM, size=4)
            assert (nobody["upload"], nobody["minions"]) == ("", [])
            for agent in (web, db):
                agent.close()

    asyncio.run(scenario())
