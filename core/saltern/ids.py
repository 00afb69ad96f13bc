"""The grammars of everything that names something: minion ids, jids, environments, paths in an environment.

They are checked before anything else happens to a value from outside.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from saltern.errors import IdError
from saltern.visible import shown

MAX_MINION_ID = 253  # a DNS name's length
JID_FORMAT = "%Y%m%d%H%M%S%f"

_MINION_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_JID = re.compile(r"[0-9]{20}")
_NO_PATH = re.compile("[\\\\\0\ud800-\udfff]")
_EVERY_HOSTS = frozenset({"localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback", "loopback"})
_RETURNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
MAX_RETURNERS = 20
_ENV = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def check_minion_id(value: object) -> str:
    """Return *value* when it is a minion id: letters, digits, ``.``, ``_``, ``-``, starting with a letter or digit.

    Raises ``IdError`` otherwise. The grammar keeps ids safe as file names and glob-free in tags.
    """
    if isinstance(value, str) and len(value) <= MAX_MINION_ID and ".." not in value and _MINION_ID.fullmatch(value):
        return value
    raise IdError(
        f"minion id {shown(value, 80)} is not valid: use letters, digits, '.', '_' and '-', "
        f"start with a letter or digit, at most {MAX_MINION_ID} characters"
    )


def names_every_host(minion_id: str) -> bool:
    """Return whether *minion_id* is what any host calls itself: ``localhost``, ``localhost.localdomain``, 127.0.0.1."""
    first = minion_id.lower().partition(".")[0]
    return first in _EVERY_HOSTS or re.fullmatch(r"127(\.[0-9]+){3}|0\.0\.0\.0", minion_id) is not None


def check_jid(value: object) -> str:
    """Return *value* when it is a jid: 20 digits, ``%Y%m%d%H%M%S%f``. Raises ``IdError`` otherwise."""
    if isinstance(value, str) and _JID.fullmatch(value):
        return value
    raise IdError(f"jid {shown(value, 80)} is not valid: a jid is 20 digits, as in 20260131235959123456")


def check_env(value: object) -> str:
    """Return *value* when it names an environment (``base``). Raises ``IdError`` otherwise."""
    if isinstance(value, str) and ".." not in value and _ENV.fullmatch(value):
        return value
    raise IdError(f"environment {shown(value, 80)} is not valid: use letters, digits, '_', '.' and '-'")


def check_path(value: object) -> str:
    """Return *value* when it is a relative path inside an environment, ``a/b.py``. Raises ``IdError`` otherwise.

    Absolute paths, empty or dot segments, backslashes, NULs and halves of characters are refused, so a joined path
    can't leave its root and can be asked of the kernel.
    """
    if isinstance(value, str) and 0 < len(value) <= 4096 and not _NO_PATH.search(value):
        segments = value.split("/")
        if not any(segment in ("", ".", "..") for segment in segments):
            return value
    raise IdError(f"path {shown(value, 80)} is not valid: use a relative path without '.' or '..', as in dir/file.txt")


def returners_of(value: object) -> list[str]:
    """Return the names of returners in ``"a,b"``, or in a list of names; nothing for ``None`` and an empty text.

    Raises ``IdError`` for one that can't be a returner's, and for more than ``MAX_RETURNERS``.
    """
    words = value.split(",") if isinstance(value, str) else value
    if words is None or words == [""]:
        return []
    if not isinstance(words, list) or len(words) > MAX_RETURNERS:
        raise IdError(f"returners {shown(value, 80)} are not valid: name up to {MAX_RETURNERS}, as in syslog,mysql")
    names = [word.strip() if isinstance(word, str) else word for word in words]
    for name in names:
        if not isinstance(name, str) or not _RETURNER.fullmatch(name):
            raise IdError(f"returner {shown(name, 80)} is not valid: use letters, digits, '_', '.' and '-'")
    return list(dict.fromkeys(names))


def check_returners(value: object) -> str:
    """Return the returners that *value* names, ``"a,b"``. Raises ``IdError``."""
    return ",".join(returners_of(value))


def jid_of(epoch_s: float) -> str:
    """Return the jid of an instant, seconds since the epoch, in UTC: local time would repeat an hour every autumn."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime(JID_FORMAT)


class JidSource:
    """Hands out jids that never repeat within a process, even when the clock is stepped back."""

    def __init__(self) -> None:
        self._last_us = 0

    def next(self) -> str:
        """Return a new jid for now, at least a microsecond after the one before it."""
        self._last_us = max(time.time_ns() // 1000, self._last_us + 1)
        return jid_of(self._last_us / 1_000_000)
