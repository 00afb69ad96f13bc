"""Whether a file or folder may hold code that a program runs: nobody but those it trusts can have written it."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection


def distrusted(status: os.stat_result, trusted: Collection[int]) -> str:
    """Return why what has this *status* isn't to be run by who trusts these user numbers, or an empty text."""
    if status.st_uid not in trusted:
        return f"it belongs to user {status.st_uid}"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write to it: chmod go-w"
    return ""
