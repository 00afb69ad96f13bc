"""``salt.utils.pkg``: whether lists of packages are to be fetched anew."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from typing import Any

from saltern_compat.utils.data import is_true

SIGNS = {"": "==", "=": "=="}


def rtag(opts: Mapping[str, Any]) -> str:
    """Return the file that asks for it."""
    return os.path.join(str(opts["cachedir"]), "pkg_refresh")


def write_rtag(opts: Mapping[str, Any]) -> None:
    """Ask for it. Raises ``OSError``."""
    with contextlib.suppress(FileExistsError), open(rtag(opts), "x", encoding="utf-8"):
        pass


def clear_rtag(opts: Mapping[str, Any]) -> None:
    """Ask for it no more."""
    with contextlib.suppress(OSError):
        os.remove(rtag(opts))


def check_refresh(opts: Mapping[str, Any], refresh: Any = None) -> bool:
    """Return whether it is asked for."""
    return is_true(refresh) or (os.path.isfile(rtag(opts)) and refresh is not False)


def split_comparison(version: str) -> tuple[str, str]:
    """Return the sign, empty when there is none, and the version of ``>=1.2``."""
    found = re.match(r"(<=>|!=|>=|<=|>>|<<|<>|>|<|=)?\s?([^\s]+)$", version)
    return (found[1] or "", found[2]) if found else ("", version)


def match_version(desired: str, available: Any, cmp_func: Any = None, ignore_epoch: bool = False) -> str | None:
    """Return the first available version that ``>=1.2`` holds for, or ``None``."""
    from saltern_compat.utils.versions import compare

    sign, number = split_comparison(desired)
    return next((one for one in available if compare(one, SIGNS.get(sign, sign), number, cmp_func, ignore_epoch)), None)
