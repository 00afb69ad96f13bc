"""``salt.utils.locales``: names of locales taken apart and put together."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any


def split_locale(loc: str) -> dict[str, str]:
    """Return ``language``, ``territory``, ``codeset``, ``modifier``, ``charmap`` of ``ca_ES.UTF-8@valencia UTF-8``."""
    rest, _, charmap = loc.partition(" ")
    rest, _, modifier = rest.partition("@")
    rest, _, codeset = rest.partition(".")
    language, _, territory = rest.partition("_")
    return {
        "charmap": charmap,
        "modifier": modifier,
        "codeset": codeset,
        "language": language,
        "territory": territory,
    }


def join_locale(comps: Mapping[str, str]) -> str:
    """Return the name of what ``split_locale`` took apart."""
    signs = {"territory": "_", "codeset": ".", "modifier": "@", "charmap": " "}
    return comps["language"] + "".join(f"{sign}{comps[part]}" for part, sign in signs.items() if comps.get(part))


def normalize_locale(loc: str) -> str:
    """Return the name as ``locale -a`` has it: ``de_DE.utf8``."""
    comps = split_locale(loc)
    comps.update(territory=comps["territory"].upper(), codeset=comps["codeset"].lower().replace("-", ""), charmap="")
    return join_locale(comps)


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
