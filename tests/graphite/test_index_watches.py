"""What the system tells of folders: the real inotify(7)."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern_graphite.index import watches as watching
from saltern_graphite.index.watches import Told, Watches, open_watches

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.fixture
def watches() -> Iterator[Watches]:
    one = Watches(100)
    yield one
    one.close()


def test_each_change_names_its_folder(tmp_path: Path, watches: Watches) -> None:
    for number, name in enumerate("abc"):
        (tmp_path / name).mkdir()
        assert watches.add(number, str(tmp_path / name)) > 0
    assert watches.read() == Told(set(), False)
    (tmp_path / "a" / "x.wsp").touch()
    assert watches.read() == Told({0}, False)
    (tmp_path / "a" / "x.wsp").rename(tmp_path / "b" / "x.wsp")
    assert watches.read() == Told({0, 1}, False)
    (tmp_path / "b" / "x.wsp").write_bytes(b"a point")
    assert watches.read() == Told(set(), False)
    (tmp_path / "b" / "x.wsp").unlink()
    assert watches.read() == Told({1}, False)
    (tmp_path / "c").rmdir()
    assert watches.read() == Told({2}, False)
    assert len(watches) == 2


def test_a_watch_that_went_to_another_folder_is_not_ended(tmp_path: Path, watches: Watches) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    old = watches.add(1, str(folder))
    folder.rename(tmp_path / "new")
    new = watches.add(2, str(tmp_path / "new"))
    watches.remove(old, 1)
    assert (len(watches), watches.has(new, 2), watches.has(old, 1)) == (1, True, False)
    (tmp_path / "new" / "x.wsp").touch()
    assert watches.read().changed == {2}
    watches.remove(new, 2)
    assert len(watches) == 0


def test_there_are_no_more_than_allowed(tmp_path: Path) -> None:
    watches = Watches(1)
    (tmp_path / "a").mkdir()
    assert watches.room
    watches.add(0, str(tmp_path))
    assert not watches.room
    watches.close()


def test_a_system_that_has_no_more_is_asked_again_later(tmp_path: Path, watches: Watches) -> None:
    class Full:
        def inotify_add_watch(self, fd: int, path: bytes, mask: int) -> int:
            ctypes.set_errno(28)
            return -1

    real, watches._libc = watches._libc, Full()  # type: ignore[assignment]
    assert watches.add(0, str(tmp_path)) == -1
    assert not watches.room
    watches._libc = real
    watches.try_again()
    assert watches.room
    assert watches.add(0, str(tmp_path / "none")) == -1
    assert watches.room


def test_more_than_the_system_keeps_is_told_as_such(tmp_path: Path, watches: Watches) -> None:
    watches.add(0, str(tmp_path))
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
        most = int(file.read())
    if most > 20_000:
        pytest.skip("this system keeps too many for a test")
    for _ in range(most // 2 + 2):  # one that is equal to the last is not kept
        os.close(os.open(tmp_path / "x", os.O_CREAT))
        os.unlink(tmp_path / "x")
    assert watches.read() == Told({0}, True, {0: {"x"}})
    assert watches.read() == Told(set(), False)


def test_none_where_there_can_be_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_watches(0) is None
    (tmp_path / "limit").write_text("0\n")
    monkeypatch.setattr(watching, "LIMIT_FILE", str(tmp_path / "limit"))
    assert open_watches() is None
    monkeypatch.setattr(watching, "LIMIT_FILE", str(tmp_path / "none"))
    assert open_watches() is None
    monkeypatch.setattr(sys, "platform", "darwin")
    assert open_watches(10) is None
