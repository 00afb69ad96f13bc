"""Which slot was begun last survives everything but damage to its own record."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saltern_agent import begun as begun_module
from saltern_agent.begun import MAX_RECORDS, RECORD_BYTES, Begun
from support.denied import denied


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "cache" / "slots")


def test_it_is_on_disk_when_begin_returns(path: str) -> None:
    begun = Begun(path)
    assert begun.last(1) is None
    begun.begin(1, 15.0)
    begun.begin(2, 0.25)
    begun.begin(1, 30.0)
    again = Begun(path)
    assert (again.last(1), again.last(2), again.last(3)) == (30.0, 0.25, None)
    again.begin(3, 45.0)
    again.begin(1, 15.0)  # the clock was set back
    third = Begun(path)
    assert (third.last(1), third.last(2), third.last(3)) == (15.0, 0.25, 45.0)
    for one in (begun, again, third):
        one.close()


@given(st.integers(0, 5 * RECORD_BYTES - 1), st.integers(1, 255))
@settings(deadline=None)
def test_damage_costs_the_record_that_it_touches(at: int, flip: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "slots")
        begun = Begun(path)
        for key in range(4):
            begun.begin(key, 15.0 * key)
        begun.close()
        data = bytearray(Path(path).read_bytes())
        data[at] ^= flip
        Path(path).write_bytes(data)
        hit = at // RECORD_BYTES - 1
        again = Begun(path)
        known = {key: again.last(key) for key in range(4)}
        harmless = at % RECORD_BYTES >= 20 and hit >= 0  # what fills the record up
        expected = {key: None if hit in (key, -1) and not harmless else 15.0 * key for key in range(4)}
        assert known == expected
        # It goes on with a file that is in order.
        again.begin(3, 100.0)
        again.close()
        third = Begun(path)
        assert {key: third.last(key) for key in range(4)} == {**expected, 3: 100.0}
        assert os.path.getsize(path) == (1 + sum(value is not None for value in {**expected, 3: 1}.values())) * 32


@pytest.mark.parametrize("length", [0, 5, 31, 32, 40, 95, 100])
def test_a_file_that_was_cut_keeps_what_is_whole(path: str, length: int) -> None:
    begun = Begun(path)
    for key in range(3):
        begun.begin(key, 1.0)
    begun.close()
    os.truncate(path, length)
    again = Begun(path)
    assert [again.last(key) is not None for key in range(3)] == [(key + 2) * RECORD_BYTES <= length for key in range(3)]
    again.begin(2, 2.0)
    again.close()
    assert Begun(path).last(2) == 2.0


def test_a_file_that_is_removed_is_made_again_with_all_it_had(path: str) -> None:
    begun = Begun(path)
    begun.begin(1, 15.0)
    begun.begin(2, 30.0)
    os.unlink(path)
    os.rmdir(os.path.dirname(path))
    begun.begin(2, 45.0)
    again = Begun(path)
    assert (again.last(1), again.last(2)) == (15.0, 45.0)
    begun.close()


def test_it_is_bounded(path: str) -> None:
    begun = Begun(path)
    for key in range(MAX_RECORDS + 10):
        begun.begin(key, float(key))
    begun.close()
    assert os.path.getsize(path) == (1 + MAX_RECORDS) * RECORD_BYTES
    again = Begun(path)
    assert again.last(9) is None, "the one whose slot is the longest ago gives way"
    assert again.last(10) == 10.0
    assert again.last(MAX_RECORDS + 9) == MAX_RECORDS + 9


def test_what_can_not_be_written_is_said_once_and_remembered_all_the_same(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(path).parent
    folder.write_text("in the way")
    begun = Begun(path)
    caplog.clear()
    with caplog.at_level("INFO"):
        begun.begin(1, 15.0)
        begun.begin(1, 30.0)
        assert begun.last(1) == 30.0
        folder.unlink()
        begun.begin(2, 30.0)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert (Begun(path).last(1), Begun(path).last(2)) == (30.0, 30.0)
    begun.close()


def test_a_full_disk_is_no_half_record(path: str, monkeypatch: pytest.MonkeyPatch, caplog: object) -> None:
    begun = Begun(path)
    begun.begin(1, 15.0)
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:9], at))
    begun.begin(2, 15.0)
    monkeypatch.undo()
    again = Begun(path)
    assert (again.last(1), again.last(2)) == (15.0, None)
    begun.begin(2, 30.0)
    assert Begun(path).last(2) == 30.0
    begun.close()


def test_a_disk_that_was_full_at_the_first_record_has_the_whole_file_once_it_works(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    begun = Begun(path)
    monkeypatch.setattr(os, "pwrite", full)
    begun.begin(1, 15.0)
    monkeypatch.undo()
    begun.begin(2, 15.0)
    again = Begun(path)
    assert (again.last(1), again.last(2)) == (15.0, 15.0)
    begun.close()


def test_a_folder_in_its_place_is_set_aside(path: str) -> None:
    os.makedirs(path)
    begun = Begun(path)
    begun.begin(1, 15.0)
    begun.close()
    assert Begun(path).last(1) == 15.0
    assert os.path.isdir(path + ".unreadable")


def test_records_that_cannot_be_read_at_the_start_are_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "slots"
    begun = Begun(str(path))
    begun.begin(1, 15.0)
    begun.begin(2, 30.0)
    begun.close()
    kept = path.read_bytes()
    with denied(monkeypatch, begun_module):
        begun = Begun(str(path))
        begun.begin(2, 45.0)
    assert path.read_bytes() == kept

    begun.begin(3, 60.0)

    again = Begun(str(path))
    assert [again.last(key) for key in (1, 2, 3)] == [15.0, 45.0, 60.0]
