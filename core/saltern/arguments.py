"""Arguments as they are typed: words that are read as YAML, as Salt reads them.

``12`` is a number, ``true`` a boolean, ``[a, b]`` a list, ``{a: 1}`` a map, ``null`` nothing, ``key=value`` a
keyword argument. A word stays the text that it is when YAML would make of it what nobody means on a command line: a
date, a comment, a map without braces (``a: b``), a number with a leading zero, underscores or colons (``0644``,
``1_000``, ``10:30``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import yaml

_KEYWORD = re.compile(r"([A-Za-z_][\w.-]*)=(?!=)(.*)", re.DOTALL)
_PLAIN_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*|0x[0-9A-Fa-f]+|0b[01]+)")


def parse_arguments(words: Iterable[str]) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and the keyword arguments of *words*; never raises, a word can always be a text."""
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for word in words:
        keyword = _KEYWORD.fullmatch(word)
        if keyword:
            kwargs[keyword[1]] = parse_value(keyword[2])
        else:
            args.append(parse_value(word))
    return args, kwargs


def parse_value(text: str) -> Any:
    """Return what one word means."""
    stripped = text.strip()
    if not stripped or "\n" in stripped:
        return text
    try:
        value = yaml.safe_load(stripped)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    return value if _is_meant(value, stripped) else text


def _is_meant(value: Any, text: str) -> bool:
    """Say whether *value* is what someone who typed *text* means."""
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return _PLAIN_NUMBER.fullmatch(text) is not None
    if isinstance(value, float):
        return math.isfinite(value) and not any(sign in text for sign in "_:#")
    if isinstance(value, (list, dict)):
        return text[0] in "[{" and _is_plain(value)
    if isinstance(value, str):
        return text[0] in "\"'"  # quotes are taken off; any other text is as it was typed
    return value is None and text in ("null", "Null", "NULL", "~")


def _is_plain(value: Any) -> bool:
    """Say whether there are only values that msgpack carries in *value*, so no dates and sets."""
    if isinstance(value, list):
        return all(_is_plain(member) for member in value)
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(member) for key, member in value.items())
    return value is None or isinstance(value, (str, int, float, bool))
