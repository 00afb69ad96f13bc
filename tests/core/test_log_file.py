"""The log's file is rotated, deleted, and on disks that are full or read-only; no line is lost for it."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.errors import ConfigError
from saltern.log import Stderr
from saltern.log_file import LogFile
from support.descriptors import open_ones
from support.mounts import tmpfs


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    made = logging.Logger("x", logging.INFO)
    yield made
    for handler in made.handlers:
        handler.close()


def test_a_renamed_file_is_left_and_a_new_one_made(tmp_path: Path, logger: logging.Logger) -> None:
    path = tmp_path / "log"
    logger.addHandler(LogFile(str(path)))
    logger.info("one")
    path.rename(tmp_path / "log.1")
    logger.info("two")
    path.unlink()
    logger.info("three")
    assert path.read_text() == "three\n"
    assert (tmp_path / "log.1").read_text() == "one\n"


def test_one_that_is_made_anew_or_cut_short_is_written_on_in_its_place(tmp_path: Path, logger: logging.Logger) -> None:
    """What logrotate does with ``create``, and with ``copytruncate``."""
    path = tmp_path / "log"
    logger.addHandler(LogFile(str(path)))
    logger.info("one")
    path.rename(tmp_path / "log.1")
    path.touch(0o600)
    logger.info("two")
    assert path.read_text() == "two\n"
    assert path.stat().st_mode & 0o777 == 0o600
    os.truncate(path, 0)
    logger.info("three")
    assert path.read_bytes() == b"three\n"


def test_one_that_was_there_is_appended_to_and_descriptors_are_given_back(
    tmp_path: Path, logger: logging.Logger
) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    before = open_ones()
    handler = LogFile(str(path))
    logger.addHandler(handler)
    for n in range(5):
        path.rename(tmp_path / f"log.{n}")
        logger.info("%d", n)
    assert (tmp_path / "log.0").read_text() == "before\n"
    assert path.read_text() == "4\n"
    assert len(os.listdir("/proc/self/fd")) == before + 1
    handler.close()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("path", ["/proc/no/such", "/etc"])
def test_a_path_that_is_wrong_is_a_fault_of_the_configuration(path: str) -> None:
    with pytest.raises(ConfigError, match=f"log_file: {path}: can't be opened: "):
        LogFile(path)


def test_what_a_full_disk_does_not_take_goes_to_stderr(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.addHandler(LogFile("/dev/full"))
    logger.info("one")
    logger.info("two")
    told, one, two = capsys.readouterr().err.splitlines()
    assert told == "log_file: /dev/full: can't be written: No space left on device: the log goes to stderr"
    assert (one, two) == ("one", "two")


def test_the_file_is_written_again_once_there_is_room(
    tmp_path: Path, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    with tmpfs(tmp_path / "mount", "size=64k") as mount:
        path = mount.path / "log"
        logger.addHandler(LogFile(str(path)))
        logger.info("one")
        mount.fill()
        logger.info("x" * 8192)
        mount.make_room()
        logger.info("two")
        logger.handlers[0].close()
        lines = path.read_text().splitlines()
        assert lines[0] == "one"
        assert lines[-2:] == ["1 lines before this one could not be written here: they went to stderr", "two"]
    assert capsys.readouterr().err.count("x" * 8192) == 1


def test_it_starts_on_a_read_only_disk_and_heals(
    tmp_path: Path, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    with tmpfs(tmp_path / "mount") as mount:
        mount.remount("ro")
        path = mount.path / "log"
        logger.addHandler(LogFile(str(path)))
        logger.info("one")
        assert os.strerror(errno.EROFS) in capsys.readouterr().err
        mount.remount("rw")
        logger.info("two")
        assert path.read_text().splitlines()[-1] == "two"
        logger.handlers[0].close()


@pytest.mark.parametrize("to_file", [True, False])
def test_a_record_that_makes_no_text_is_one_line(
    tmp_path: Path, logger: logging.Logger, capsys: pytest.CaptureFixture[str], to_file: bool
) -> None:
    path = tmp_path / "log"
    logger.addHandler(LogFile(str(path)) if to_file else Stderr(sys.stderr))
    logger.info("%d", "no number")
    said = path.read_text() if to_file else capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("x: a line could not be made of a record: ")


def test_a_stderr_that_is_full_ends_nothing(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    with open("/dev/full", "w") as stream:
        logger.addHandler(Stderr(stream))
        logger.info("one")
        assert capsys.readouterr().err == ""
        os.dup2(os.open("/dev/null", os.O_WRONLY), stream.fileno())
