"""Configuration files that hold a secret and can be read by every user of the host."""

from __future__ import annotations

import grp
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from saltern.config.includes import option_files
from saltern.config.load import read_settings
from saltern.errors import ConfigError
from saltern.secret import Secret

SHOWN = 5

_SECRET_KEY = re.compile(
    r"(?i)(?:^|[_.])(?:token|password|passwd|pass|passphrase|(?:bind|root)?pw|(?:shared)?secret"
    r"|(?:private|api|secret|access|routing)_?key)$"
)
_CREDENTIALS = re.compile(r"://[^/@\s]*:[^/@\s]+@|https?://[^/@\s]+@")


def exposures(conf_file: str, pillar_files: Iterable[str] = (), own: Sequence[str] = ()) -> Iterator[str]:
    """Yield a line for each file behind *conf_file* that holds a secret which every user of the host can read.

    *pillar_files* hold one from the start: what is in them is for some minions alone. *own*: as of ``option_files``.
    """
    for file in option_files(conf_file, own):
        if _open_to_all(file) and (what := _secret_in(file)):
            yield f"{file}: every user of this host can read it, and it holds a secret ({what}): {_cure([file])}"
    files = sorted({file for file in pillar_files if _open_to_all(file)})
    if files:
        more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
        yield (
            f"pillar: every user of this host can read {', '.join(files[:SHOWN])}{more}, which are for some "
            f"minions alone: {_cure(files[:SHOWN])}"
        )


def holds_secret(key: str) -> bool:
    """Return whether an option, or a member of one, that is called *key* holds a secret."""
    return _SECRET_KEY.search(key) is not None


def _cure(files: list[str]) -> str:
    group = os.getegid()
    try:
        name = grp.getgrgid(group).gr_name
    except KeyError:
        name = str(group)
    names = " ".join(files)
    return f"run chgrp {name} {names} && chmod 640 {names}"


def _open_to_all(file: str) -> bool:
    """Return whether users other than owner and group get to *file* and may read it."""
    path = os.path.realpath(file)
    try:
        if not os.stat(path).st_mode & 0o004:
            return False
        while (path := os.path.dirname(path)) != "/":
            if not os.stat(path).st_mode & 0o001:
                return False
    except OSError:
        return False
    return True


def _secret_in(file: str) -> str:
    """Return what secret *file* holds, in words, or nothing."""
    try:
        return next((where for setting in read_settings(file) for where in _within(setting.key, setting.value)), "")
    except ConfigError:
        return ""  # told by who reads it for its options


def _within(key: str, value: Any) -> Iterator[str]:
    """Yield the key of each secret in an option, dotted when it is a member of another."""
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(name, str) and _CREDENTIALS.search(name):
                yield f"{key}, with credentials in a URL"
            yield from _within(f"{key}.{name}", member)
    elif isinstance(value, list):
        for member in value:
            yield from _within(key, member)
    elif isinstance(value, Secret):
        yield f"{key}, marked !secret"
    elif isinstance(value, str) and value:
        if holds_secret(key.rpartition(".")[2]):
            yield key
        elif _CREDENTIALS.search(value):
            yield f"{key}, with credentials in a URL"
