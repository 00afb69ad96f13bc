"""Logging: one line a record, no secrets, tracebacks only at debug."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from saltern import log


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
