"""``salt.utils.jid``: ids of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.errors import IdError
from saltern.ids import JidSource, check_jid

_JIDS = JidSource()


def gen_jid(opts: Mapping[str, Any] | None = None) -> str:
    """Return a new jid; *opts* change nothing of it."""
    return _JIDS.next()


def is_jid(jid: Any) -> bool:
    """Return whether *jid* is one."""
    try:
        return bool(check_jid(jid))
    except IdError:
        return False
