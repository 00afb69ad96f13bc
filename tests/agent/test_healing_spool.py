"""A spool whose folder can't be used, or is taken away: nothing is raised but to who appends, and it heals."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from saltern.errors import JournalError
from saltern.wire import pack, unpack
from saltern_agent.healing_spool import HealingSpool
from saltern_agent.outbox import Outbox
from saltern_agent.spool import Spool, SpoolTaken
from support.mounts import tmpfs

MIB = 1024 * 1024


def made(folder: Path) -> HealingSpool:
    return HealingSpool(str(folder), MIB, 3600)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder below one that is a link in a circle: it can't be made, not even by root, until ``mend``."""
    (tmp_path / "cache").symlink_to("cache")
    return tmp_path / "cache" / "spool"


def mend(broken: Path) -> None:
    broken.parent.unlink()


def test_one_that_can_not_be_opened_has_nothing_and_says_why_once(
    broken: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool = made(broken)
    for _ in range(3):
        spool.retry(idle=True)
        with pytest.raises(JournalError, match="can't be used as a spool: File exists"):
            spool.append(5, b"x")
    spool.rewind()
    spool.ack(7)
    spool.expire()
    assert spool.shut
    assert spool.peek() is None
    assert (spool.pending, spool.size, spool.dropped, spool.unreadable, spool.acked, spool.last_seq) == (0,) * 6
    assert [record.getMessage() for record in caplog.records] == [
        f"{broken}: can't be used as a spool: File exists: returns are kept in memory until it can be used"
    ]
    mend(broken)
    spool.retry(idle=True)
    assert not spool.shut
    assert "can be used again" in caplog.messages[-1]
    spool.append(8, b"y")
    assert spool.pending == 1
    spool.close()


def test_another_agents_spool_is_a_refusal_to_start(tmp_path: Path) -> None:
    first = made(tmp_path)
    with pytest.raises(SpoolTaken, match="another agent uses this spool"):
        made(tmp_path)
    first.close()
    made(tmp_path).close()


def test_failing_to_open_keeps_neither_descriptor_nor_lock(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "00000000000000000001.seg").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        with pytest.raises(JournalError) as raised:
            Spool(str(folder), MIB, 3600)
        assert not isinstance(raised.value, SpoolTaken)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("name", ["", "cursor", "00000000000000000001.seg"])
@pytest.mark.parametrize("what", ["file", "folder", "link", "fifo"])
def test_what_is_no_folder_or_no_file_is_set_aside(tmp_path: Path, name: str, what: str) -> None:
    folder = tmp_path / "spool"
    path = folder / name if name else folder
    path.parent.mkdir(exist_ok=True)
    if what == "file":
        path.write_bytes(b"foreign")
    elif what == "folder":
        path.mkdir()
    elif what == "link":
        path.symlink_to("nowhere")
    else:
        os.mkfifo(path)
    spool = made(folder)
    assert spool.shut is (what == "link" and not name), "a link of the user's that leads nowhere is not ours to take"
    if not spool.shut:
        spool.append(2, b"x")
        assert spool.pending == 1
    spool.close()


def test_a_folder_that_was_removed_is_made_again_and_what_was_in_it_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "cache" / "spool"
    spool = made(folder)
    for seq in (1, 2, 3):
        spool.append(seq, b"x")
    shutil.rmtree(tmp_path / "cache")
    spool.append(4, b"y")
    assert (spool.dropped, spool.pending) == (3, 1)
    assert "was removed, and 3 messages in it" in caplog.text
    record = spool.peek()
    assert record is not None
    assert record.frame == b"y"
    spool.close()
    again = made(folder)
    assert again.pending == 1
    again.close()


def test_a_folder_that_is_removed_for_good_keeps_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "spool"
    spool = made(folder)
    spool.append(1, b"x")
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").symlink_to("cache")
    with pytest.raises(JournalError, match="can't be used as a spool"):
        spool.append(2, b"y")
    assert (spool.dropped, spool.pending) == (1, 0)
    (tmp_path / "cache").unlink()
    spool.retry(idle=False)
    spool.append(3, b"z")
    assert spool.pending == 1
    spool.close()


def test_older_messages_come_back_only_when_no_acknowledgement_can_cover_them(broken: Path, tmp_path: Path) -> None:
    """They were never sent: the acknowledgement of a newer message must not count for them."""
    real = tmp_path / "real"
    before = Spool(str(real / "spool"), MIB, 3600)
    before.append(10, b"old")
    before.close()
    spool = made(broken)
    mend(broken)
    broken.parent.symlink_to(real)
    spool.retry(idle=False)
    assert spool.shut
    with pytest.raises(JournalError, match="has messages that come first"):
        spool.append(100, b"new")
    spool.ack(100)
    spool.retry(idle=True)
    assert not spool.shut
    assert spool.pending == 1
    spool.close()


def test_numbers_of_a_clock_that_was_ahead_wait_until_memory_is_empty(broken: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    before = Spool(str(real / "spool"), MIB, 3600)
    before.append(1000, b"old")
    before.ack(1000)
    before.close()
    sent: list[bytes] = []
    spool = made(broken)
    outbox = Outbox(spool, lambda f: sent.append(f) is None, max_bytes=MIB, spool_after_s=5, epoch=lambda: 0.001)
    first = outbox.put(pack("ret", 0, {}))
    assert first < 1000
    mend(broken)
    broken.parent.symlink_to(real)
    spool.retry(idle=False)
    assert spool.shut
    outbox.opened(MIB)
    outbox.ack(first)
    assert outbox.pending == 0
    spool.retry(idle=True)
    assert not spool.shut
    assert outbox.put(pack("ret", 0, {})) == 1001
    assert [unpack(frame).seq for frame in sent] == [first, 1001]
    outbox.close()


def test_what_was_kept_in_memory_goes_to_disk_once_it_can(broken: Path) -> None:
    spool = made(broken)
    outbox = Outbox(spool, lambda _: False, max_bytes=MIB, spool_after_s=5)
    for _ in range(3):
        outbox.put(pack("ret", 0, {}))
    assert (outbox.pending, spool.pending) == (3, 0)
    mend(broken)
    spool.retry(idle=True)
    outbox.put(pack("ret", 0, {}))
    assert (outbox.pending, spool.pending) == (4, 4)
    outbox.close()


def test_a_disk_that_comes_back_has_its_messages_back(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    spool = made(cache / "spool")
    spool.append(1, b"x")
    cache.rename(tmp_path / "away")
    spool.append(2, b"y")
    assert (spool.dropped, spool.pending) == (1, 1)
    cache.rename(tmp_path / "other")
    (tmp_path / "away").rename(cache)
    spool.retry(idle=True)
    assert (spool.dropped, spool.pending) == (1, 1), "the second message went with the folder made meanwhile"
    record = spool.peek()
    assert record is not None
    assert record.frame == b"x"
    spool.close()


@pytest.mark.parametrize("full", [False, True])
def test_on_a_real_disk(tmp_path: Path, full: bool) -> None:
    with tmpfs(tmp_path / "mount", "size=64k") as mount:
        if full:
            mount.fill()
        else:
            mount.remount("ro")
        spool = made(mount.path / "spool")
        with pytest.raises(JournalError):
            spool.append(1, b"x" * 8192)
        if full:
            mount.make_room()
        else:
            mount.remount("rw")
        spool.retry(idle=True)
        spool.append(2, b"x" * 8192)
        assert spool.pending == 1
        spool.close()
