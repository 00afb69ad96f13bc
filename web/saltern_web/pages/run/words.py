"""Values as words of a command line, and back: a form's fields are read as ``saltern '*' …`` reads its arguments."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from saltern.arguments import parse_arguments, parse_value
from saltern.sent_keywords import sent_keywords
from saltern_web.api.errors import Refused

MAX_LINE_CHARS = 100_000
MASK = "***"
_SECRET = re.compile(r"password|passwd|passphrase|secret|token|(?:private|api|access)_?key", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Return whether a parameter of that *name* holds what nobody is shown."""
    return _SECRET.search(name) is not None


def masked(kwarg: Mapping[str, Any]) -> dict[str, Any]:
    """Return named values with ``***`` for those whose names say that they are secret, however deep."""
    shown: dict[str, Any] = {}
    for name, value in kwarg.items():
        if is_secret(str(name)) and value not in (None, ""):
            shown[name] = MASK
        else:
            shown[name] = masked(value) if isinstance(value, dict) else value
    return shown


def word_of(value: Any) -> str:
    """Return what is typed to mean *value*: ``5``, ``'5'``, ``[a, b]``."""
    if isinstance(value, str):
        return value if _is_itself(value) else json.dumps(value, ensure_ascii=False)
    if value is None:
        return "None"
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)


def _is_itself(text: str) -> bool:
    return bool(text) and parse_value(text) == text and isinstance(parse_value(text), str)


def line_of(arg: Sequence[Any], kwarg: Mapping[str, Any]) -> str:
    """Return arguments as one line, as they are typed into a shell."""
    words = [word_of(value) for value in arg] + [f"{name}={word_of(value)}" for name, value in kwarg.items()]
    return " ".join(shlex.quote(word) for word in words)


def read_line(line: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments that are typed on *line*. Raises ``Refused``."""
    if len(line) > MAX_LINE_CHARS:
        raise Refused(f"the arguments are over {MAX_LINE_CHARS:,} characters")
    try:
        words = shlex.split(line)
    except ValueError as error:
        said = "a quotation mark is not closed" if "quot" in str(error) else "a backslash ends the line"
        raise Refused(f"arguments: {said}: {line[-60:]}") from None
    return parse_arguments(words)


def split_given(given: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return positional and keyword arguments of what a job says that it was given; ``***`` is none."""
    arg: list[Any] = []
    kwarg: dict[str, Any] = {}
    for one in given if isinstance(given, list) else ():
        named = sent_keywords(one)
        if named is None:
            arg.append(one)
        else:
            kwarg |= named
    return arg, kwarg


def looks_named(value: Any) -> bool:
    """Return whether a positional *value* would be taken for a keyword: ``a=b``."""
    return sent_keywords(value) is not None
