"""A file of the agent's own state: written when that can be, set aside when it makes no sense."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern_agent import state_file as state_file_module
from saltern_agent.state_file import StateFile
from support.descriptors import exhausted


def number(value: Any) -> int:
    return int(value["number"])


def test_it_is_kept_and_read(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "state"
    file = StateFile(str(path), "the state")
    assert file.read(number) is None
    file.write({"number": 5})
    assert file.kept
    assert path.stat().st_mode & 0o777 == 0o600
    assert StateFile(str(path), "the state").read(number) == 5


@pytest.mark.parametrize("junk", [b"", b"\xc1", b"\x81\xa1x\x01", b"\x81\xa6number\xa1x", b"\x01"])
def test_what_makes_no_sense_is_set_aside(tmp_path: Path, junk: bytes, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "state"
    path.write_bytes(junk)
    file = StateFile(str(path), "the state")
    assert file.read(number) is None
    assert (tmp_path / "state.unreadable").read_bytes() == junk
    assert caplog.text.count("the state can't be read") == 1
    file.write({"number": 6})
    assert file.read(number) == 6


def test_what_was_set_aside_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file_module, "MAX_ASIDE_BYTES", 250)
    for _ in range(5):
        (tmp_path / "state").write_bytes(b"\xc1" * 100)
        StateFile(str(tmp_path / "state"), "the state").read(number)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_can_not_be_written_is_said_once_and_written_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    folder = tmp_path / "cache"
    folder.symlink_to("cache")  # in a circle: not even root can make anything there
    file = StateFile(str(folder / "state"), "the state")
    for n in range(3):
        file.write({"number": n})
        file.retry()
    assert not file.kept
    assert caplog.text.count("can't be kept") == 1
    folder.unlink()
    file.retry()
    assert file.kept
    assert file.read(number) == 2
    assert "the state is kept again" in caplog.text


def test_one_that_was_removed_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "state"
    file = StateFile(str(path), "the state")
    file.retry()
    assert not path.exists(), "there is nothing to keep yet"
    file.write({"number": 7})
    path.unlink()
    file.retry()
    assert file.read(number) == 7
    again = StateFile(str(path), "the state")
    again.read(number)
    path.unlink()
    again.retry()
    assert again.read(number) == 7


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    path = tmp_path_factory.mktemp("state") / "state"
    path.write_bytes(junk)
    found = StateFile(str(path), "the state").read(number)
    assert found is None or isinstance(found, int)


def test_what_cannot_be_read_just_now_is_not_written_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "state"
    StateFile(str(path), "the state").write({"number": 5})
    kept = path.read_bytes()
    file = StateFile(str(path), "the state")
    read: list[int | None] = []
    file.read_late = lambda: read.append(file.read(number))
    with exhausted():
        for _ in range(3):
            assert file.read(number) is None
    assert caplog.text.count("can't be read just now: Too many open files") == 1
    assert not file.kept
    file.write({"number": 6})
    assert path.read_bytes() == kept

    file.retry()

    assert read == [5]
    assert file.kept
    file.write({"number": 6})
    assert StateFile(str(path), "the state").read(number) == 6


def test_what_a_disk_cannot_read_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    StateFile(str(path), "the state").write({"number": 5})
    file = StateFile(str(path), "the state")

    def broken(*_: Any) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(state_file_module, "open", broken, raising=False)
    assert file.read(number) is None
    assert (tmp_path / "state.unreadable").exists()
    assert file.kept
    file.write({"number": 6})
    assert path.exists()
