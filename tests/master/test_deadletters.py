"""Records that no store takes: kept aside within bounds, counted, and there to be looked at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from saltern_master import deadletters
from saltern_master.deadletters import DeadLetters


def put(letters: DeadLetters, *records: bytes) -> None:
    for record in records:
        letters.put("jobs", record, ValueError("two\nlines"))


def test_a_letter_is_kept_whole_with_its_reason_for_its_owner_alone(tmp_path: Path) -> None:
    letters = DeadLetters(str(tmp_path / "dead"))
    put(letters, b"\x00first\n\xff", b"second")
    newest, oldest = letters.listing()
    assert (oldest["reader"], oldest["reason"], oldest["bytes"]) == ("jobs", "ValueError: two lines", 8)
    assert (oldest["start"], newest["start"]) == ("\x00first\n\xff", "second")
    assert Path(oldest["file"]).read_bytes() == b"ValueError: two lines\n\x00first\n\xff"
    assert os.stat(oldest["file"]).st_mode & 0o777 == 0o600
    assert os.stat(tmp_path / "dead").st_mode & 0o777 == 0o700
    assert letters.metrics() == {"dead_letters": 2, "dead_letters_unwritten": 0}
    assert len(DeadLetters(str(tmp_path / "dead")).listing()) == 2


def test_over_the_bound_of_letters_the_oldest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadletters, "MAX_LETTERS", 3)
    letters = DeadLetters(str(tmp_path / "dead"))
    put(letters, *(b"%d" % n for n in range(10)))
    assert [letter["start"] for letter in letters.listing()] == ["9", "8", "7"]
    assert letters.count == 10


def test_over_the_bound_of_bytes_the_oldest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadletters, "MAX_BYTES", 10_000)
    letters = DeadLetters(str(tmp_path / "dead"))
    put(letters, *(b"%d" % n * 4000 for n in range(5)))
    assert [letter["start"][0] for letter in letters.listing()] == ["4", "3"]
    put(letters, b"x" * 20_000)  # larger than all that is kept
    assert letters.listing() == []


def test_a_folder_that_cannot_be_written_is_said_once_and_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("no folder")
    letters = DeadLetters(str(tmp_path / "cache" / "dead"))
    put(letters, *(b"x",) * 50)
    assert letters.metrics() == {"dead_letters": 50, "dead_letters_unwritten": 50}
    assert letters.listing() == []
    assert len([line for line in caplog.messages if "can't be written" in line]) == 1
    (tmp_path / "cache").unlink()
    put(letters, b"y")
    assert [letter["start"] for letter in letters.listing()] == ["y"]
    assert letters.unwritten == 50


def test_what_is_no_folder_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "dead").write_text("mine")
    letters = DeadLetters(str(tmp_path / "dead"))
    put(letters, b"x")
    assert (len(letters.listing()), letters.unwritten) == (1, 0)
    assert (tmp_path / "dead.unreadable").read_text() == "mine"


def test_what_else_is_in_the_folder_is_let_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadletters, "MAX_LETTERS", 1)
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / "notes").write_text("mine")
    (tmp_path / "dead" / "\u00b2-jobs").write_text("mine")
    (tmp_path / "dead" / "1-folder").mkdir()
    letters = DeadLetters(str(tmp_path / "dead"))
    put(letters, b"1", b"2")
    assert [letter["start"] for letter in letters.listing()] == ["2"]
    assert (tmp_path / "dead" / "notes").exists()
