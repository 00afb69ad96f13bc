"""``salt.utils.locales``: names of locales taken apart and put together."""

from __future__ import annotations

import sys
from typing import Any

from saltern_modules import _locales

split_locale = _locales.parts
join_locale = _locales.joined
normalize_locale = _locales.normal


def get_encodings() -> list[str]:
    """Return the encodings to try for a text."""
    return list(dict.fromkeys((sys.getdefaultencoding(), "utf-8", "latin-1")))


def sdecode(string_: Any) -> Any:
    """Return bytes as text, by the first encoding that fits."""
    if not isinstance(string_, bytes):
        return string_
    for encoding in get_encodings():
        try:
            return string_.decode(encoding)
        except UnicodeDecodeError:
            continue
    return string_
