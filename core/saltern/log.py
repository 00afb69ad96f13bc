"""Logging as every daemon here does it: one line a record, to stderr or a file, secrets struck out."""

from __future__ import annotations

import logging
import re
import sys

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

LEVELS = ("debug", "info", "warning", "error", "critical")
"""Names that ``log_level`` and ``-l`` take."""

_SECRET = re.compile(r"(?i)((?:token|password|passwd|secret|private_key|api_key)\W{1,4})([^\s'\",}\]]{4,})")


class OneLine(logging.Formatter):
    """Formats a record as one line; a traceback follows only at debug level.

    Operators grep logs, and a traceback helps only those who read our code.
    """

    def __init__(self, fmt: str = FORMAT, *, tracebacks: bool = False) -> None:
        super().__init__(fmt)
        self._tracebacks = tracebacks

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text, newlines escaped and secrets replaced by ``***``."""
        message = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None and not self._tracebacks:
            error = record.exc_info[1]
            message = f"{message}: {type(error).__name__}: {error}"
        if "\n" in message:
            message = message.replace("\n", "\\n")
        record.message = _SECRET.sub(r"\1***", message)
        record.asctime = self.formatTime(record, self.datefmt)
        line = self.formatMessage(record)
        if record.exc_info and self._tracebacks:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line


def setup(level: str = "info", path: str | None = None) -> None:
    """Send the process's logs to *path*, or to stderr when it is ``None``.

    Calling it again replaces what was set up before. Raises ``ValueError`` for an unknown level and
    ``OSError`` when *path* can't be opened.
    """
    if level not in LEVELS:
        raise ValueError(f"unknown log level {level!r}: use one of {', '.join(LEVELS)}")
    handler = logging.FileHandler(path) if path else logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(tracebacks=level == "debug"))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())
