"""Logging as every daemon here does it: one line a record, to stderr or a file, secrets struck out.

What a record says may be a minion's words: nothing in it can steer the terminal on which the log is read.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import TextIO

from saltern.log_file import LogFile
from saltern.redaction import redacted
from saltern.visible import visible, visible_lines

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

LEVELS = ("debug", "info", "warning", "error", "critical")
"""Names that ``log_level`` and ``-l`` take."""


class OneLine(logging.Formatter):
    """Formats a record as one line; a traceback follows only at debug level.

    Operators grep logs, and a traceback helps only those who read our code.
    """

    def __init__(self, fmt: str = FORMAT, *, tracebacks: bool | None = None) -> None:
        """*tracebacks*: ``None`` for as long as the level is debug."""
        super().__init__(fmt)
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text: secrets as ``***``, newlines and control characters as escapes."""
        message = record.getMessage()
        tracebacks = logging.getLogger().level <= logging.DEBUG if self._tracebacks is None else self._tracebacks
        if record.exc_info and record.exc_info[1] is not None and not tracebacks:
            error = record.exc_info[1]
            message = f"{message}: {type(error).__name__}: {error}"
        record.message = redacted(message)
        record.asctime = self.formatTime(record, self.datefmt)
        line = visible(self.formatMessage(record))
        if record.exc_info and tracebacks:
            line = "\n".join([line, *visible_lines(redacted(self.formatException(record.exc_info)))])
        return line


class Stderr(logging.StreamHandler[TextIO]):
    """Writes to stderr. When that fails, nobody is left to be told."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say in one line what was wrong with a record; Python's own way is a traceback."""
        error = sys.exception()
        if not isinstance(error, OSError):
            with contextlib.suppress(OSError, ValueError):
                print(f"{record.name}: a line could not be made of a record: {error}", file=sys.stderr)


def set_level(level: str) -> None:
    """Log what is of *level*, or above it, from now on. Raises ``ValueError`` for an unknown one."""
    if level not in LEVELS:
        raise ValueError(f"unknown log level {level!r}: use one of {', '.join(LEVELS)}")
    logging.getLogger().setLevel(level.upper())


def setup(level: str = "info", path: str | None = None) -> None:
    """Send the process's logs to *path*, or to stderr when it is ``None``.

    Calling it again replaces what was set up before. Raises ``ValueError`` for an unknown level and
    ``ConfigError`` when *path* can't be opened.
    """
    if level not in LEVELS:  # before the file is made
        raise ValueError(f"unknown log level {level!r}: use one of {', '.join(LEVELS)}")
    handler: logging.Handler = LogFile(path) if path else Stderr(sys.stderr)
    handler.setFormatter(OneLine())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    set_level(level)
