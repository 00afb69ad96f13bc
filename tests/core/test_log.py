"""Logging: one line a record, no secrets, tracebacks only at debug."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saltern import log


def formatted(name: str, message: str, *args: object, error: Exception | None = None, debug: bool = False) -> str:
    """Return what a record looks like in a log."""
    record = logging.LogRecord(name, logging.INFO, "x.py", 1, message, args, None)
    if error is not None:
        record.exc_info = (type(error), error, error.__traceback__)
    return log.OneLine("%(name)s: %(message)s", tracebacks=debug).format(record)


def logged(tmp_path: Path, level: str, error: bool = False) -> str:
    path = tmp_path / "log"
    root = logging.getLogger()
    saved, level_before = root.handlers[:], root.level
    try:
        for handler in saved:  # pytest's own: not ours to close
            root.removeHandler(handler)
        log.setup(level, str(path))
        logger = logging.getLogger("x")
        logger.info("joined with token: abcdef123456 and password='hunter22'\nsecond line")
        if error:
            try:
                raise ValueError("no")
            except ValueError:
                logger.exception("it failed")
        return path.read_text()
    finally:
        for handler in root.handlers[:]:
            root.removeHandler(handler)
            handler.close()
        root.handlers[:] = saved
        root.setLevel(level_before)


def test_a_record_is_one_line_without_secrets(tmp_path: Path) -> None:
    text = logged(tmp_path, "info")
    assert text.count("\n") == 1
    assert "abcdef123456" not in text
    assert "hunter22" not in text
    assert "\\nsecond line" in text


def test_an_exception_is_named_on_its_line(tmp_path: Path) -> None:
    text = logged(tmp_path, "info", error=True)
    assert text.splitlines()[1].endswith("x: it failed: ValueError: no")
    assert "Traceback" not in text


def test_debug_shows_tracebacks(tmp_path: Path) -> None:
    assert "Traceback" in logged(tmp_path, "debug", error=True)


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown log level 'loud': use one of debug, info"):
        log.setup("loud")


def test_what_a_minion_says_cannot_steer_a_terminal() -> None:
    assert formatted("x", "\x1b[2J %s\r\n", "\u202etxt") == r"x: \x1b[2J \u202etxt\r\n"
    assert formatted("mod\x1b[1m", "ran") == r"mod\x1b[1m: ran"
    assert formatted("x", "failed", error=ValueError("\x9b\x07")) == r"x: failed: ValueError: \x9b\x07"


def test_a_traceback_keeps_its_lines_alone() -> None:
    error = ValueError("one\ntwo\x1b[2J\u202e password=hunter2")
    text = formatted("x", "failed", error=error, debug=True)
    assert text.splitlines()[-2:] == ["ValueError: one", r"two\x1b[2J\u202e password=***"]


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_any_record_is_one_line_that_can_be_written(name: str, text: str) -> None:
    line = formatted(name, "%s", text, error=ValueError(text))
    assert line.replace("\t", "").splitlines() in ([], [line.replace("\t", "")])
    line.encode()


def test_prose_about_tokens_is_left_alone() -> None:
    assert formatted("x", "came with a join token that is used up") == "x: came with a join token that is used up"
