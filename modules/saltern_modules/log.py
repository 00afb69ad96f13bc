"""Lines written to the agent's own log."""

from __future__ import annotations

import logging
from typing import Any

__powers__ = {
    "debug": "writes",
    "info": "writes",
    "warning": "writes",
    "error": "writes",
    "critical": "writes",
    "exception": "writes",
}

_log = logging.getLogger(__name__)


def debug(message: Any) -> bool:
    """Write *message* at the level DEBUG, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' log.debug 'a message'
    """
    _log.debug("%s", message)
    return True


def info(message: Any) -> bool:
    """Write *message* at the level INFO, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' log.info 'a message'
    """
    _log.info("%s", message)
    return True


def warning(message: Any) -> bool:
    """Write *message* at the level WARNING, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' log.warning 'a message'
    """
    _log.warning("%s", message)
    return True


def error(message: Any) -> bool:
    """Write *message* at the level ERROR, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' log.error 'a message'
    """
    _log.error("%s", message)
    return True


def critical(message: Any) -> bool:
    """Write *message* at the level CRITICAL, and return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' log.critical 'a message'
    """
    _log.critical("%s", message)
    return True


def exception(message: Any) -> bool:
    """Write *message* at the level ERROR, and return ``True``; an exception that is being handled is told too.

    CLI Example:

    .. code-block:: bash

        saltern '*' log.exception 'a message'
    """
    _log.exception("%s", message)
    return True
