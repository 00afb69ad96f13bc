"""Sends returns to this host's syslog: ``syslog.level``, ``.facility``, ``.tag``, ``.options``.

Levels, facilities and options are named as in Python's ``syslog``: ``LOG_INFO``, ``LOG_USER``, ``[LOG_PID]``.
"""

from __future__ import annotations

import json
import syslog
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules._return import masked_options
from saltern_modules._returner_options import get_returner_options

__opts__: Mapping[str, Any]
__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "syslog"

OPTIONS = ("level", "facility", "tag", "options")
TAG = "saltern-agent"
MAX_TAG_CHARACTERS = 32


def returner(ret: dict[str, Any]) -> None:
    """Send *ret* as one line of JSON. Raises ``CommandError`` for options that syslog doesn't know.

    CLI Example:

    .. code-block:: bash

        saltern '*' test.ping --return syslog --return_kwargs '{"level": "LOG_DEBUG"}'
    """
    options = get_returner_options(
        __virtualname__,
        ret,
        dict(zip(OPTIONS, OPTIONS, strict=True)),
        __salt__=__salt__,
        __opts__=__opts__,
        defaults={"level": "LOG_INFO", "facility": "LOG_USER", "tag": TAG, "options": []},
    )
    tag = options["tag"]
    if not isinstance(tag, str) or len(tag) > MAX_TAG_CHARACTERS:
        raise CommandError(f"syslog.tag: must be text of at most {MAX_TAG_CHARACTERS} characters, not {tag!r:.80}")
    flags = 0
    for name in options["options"]:
        flags |= _number("options", name)
    priority = _number("level", options["level"]) | _number("facility", options["facility"])
    syslog.openlog(ident=tag, logoption=flags)
    syslog.syslog(priority, json.dumps(masked_options(ret), default=repr))
    syslog.closelog()


def _number(option: str, name: Any) -> int:
    number = getattr(syslog, name, None) if isinstance(name, str) and name.startswith("LOG_") else None
    if not isinstance(number, int):
        raise CommandError(f"syslog.{option}: there is no {name!r:.80}: LOG_INFO, LOG_DAEMON, LOG_PID are some")
    return number
