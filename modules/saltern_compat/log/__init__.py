"""``salt.log``: the log is the standard library's."""

from __future__ import annotations

import logging
from typing import Any

LOG_LEVELS = {
    "all": logging.NOTSET,
    "garbage": 1,
    "trace": 5,
    "debug": logging.DEBUG,
    "profile": 15,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "quiet": 1000,
}


def setup_console_logger(*args: Any, **kwargs: Any) -> None:
    """Do nothing: where the log goes is the agent's configuration."""


setup_logfile_logger = setup_console_logger
