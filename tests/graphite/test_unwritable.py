"""What can't be written is told as what it is: an outage, or a few files."""

from __future__ import annotations

import errno

import numpy as np

from saltern_graphite.file_writers.base import Failure
from saltern_graphite.store.unwritable import Unwritable

FOLDER = Failure(0, "error", errno.EISDIR, "/w/a.wsp can't be written: Is a directory")
FOREIGN = Failure(0, "compressed", 0, "/w/z.wsp: compressed")


def test_half_of_all_files_is_a_warning_and_more_is_an_outage() -> None:
    unwritable = Unwritable()
    assert (unwritable.outage(0), unwritable.warnings()) == ("", [])
    unwritable.hold(1, FOLDER, every=False)
    assert unwritable.outage(2) == ""
    assert unwritable.outage(1) == "1 of 1 files can't be written: /w/a.wsp can't be written: Is a directory"
    assert unwritable.warnings() == [
        "1 files can't be written, and their points wait: /w/a.wsp can't be written: Is a directory"
    ]
    unwritable.release(1)
    assert (unwritable.outage(1), unwritable.warnings()) == ("", [])


def test_the_disk_fails_as_long_as_one_file_waits_for_it() -> None:
    unwritable = Unwritable()
    unwritable.hold(1, FOLDER, every=False)
    assert not unwritable.disk_fails
    unwritable.hold(2, FOLDER, every=True)
    assert unwritable.disk_fails
    unwritable.hold(2, FOLDER, every=False)  # another reason, the next time
    assert not unwritable.disk_fails


def test_a_compressed_file_is_news_once_until_it_was_written() -> None:
    unwritable = Unwritable()
    assert [unwritable.compressed(7, FOREIGN), unwritable.compressed(7, FOREIGN)] == [True, False]
    assert unwritable.outage(1) == ""
    both = np.array([7, 8], np.uint32)
    unwritable.written(both, np.array([False, True]))
    assert unwritable.warnings() == ["points for 1 files are dropped (file_compressed): /w/z.wsp: compressed"]
    unwritable.written(both, np.array([True, False]))
    assert unwritable.warnings() == []
    assert unwritable.compressed(7, FOREIGN)
