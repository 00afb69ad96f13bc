"""What an option may be: its type from a TypedDict, its default, and the bounds of numbers and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple, get_type_hints

from saltern.secret import Secret

SECRET_ENDINGS = ("_token", "_password")
"""Options that hold a secret end so; they may be marked as one, and are never shown."""


class Schema(NamedTuple):
    """The options of one daemon.

    ``options`` is a TypedDict class (names and types), ``defaults`` holds every option, ``bounds`` limits numbers
    as (lowest, highest), ``choices`` limits words, ``finish`` fills in what depends on other options.
    """

    name: str
    options: type
    defaults: Mapping[str, Any]
    bounds: Mapping[str, tuple[float, float]]
    choices: Mapping[str, tuple[str, ...]]
    finish: Callable[[dict[str, Any]], None]

    def types(self) -> dict[str, Any]:
        """Return each option's type, as the TypedDict declares it."""
        return get_type_hints(self.options)


def fault(schema: Schema, key: str, type_: Any, value: Any) -> str | None:
    """Return what is wrong with *value* for option *key*, or ``None`` when it will do."""
    wanted = _wanted(type_)
    secret = key.endswith(SECRET_ENDINGS)
    if isinstance(value, Secret) and type_ is str:
        return None if secret else "is no secret: write it without !secret"
    if not _fits(type_, value) and secret:
        return f"must be {wanted}, not {_kind(value)}: write it in quotes"
    if not _fits(type_, value):
        quotes = ": write it in quotes" if type_ is str and isinstance(value, (int, float, date)) else ""
        return f"must be {wanted}, not {_shown(value)}{quotes}"
    if key in schema.bounds and isinstance(value, (int, float)):
        low, high = schema.bounds[key]
        if not low <= value <= high:
            return f"must be between {low:,g} and {high:,g}, not {value:,g}"
    if key in schema.choices:
        allowed = schema.choices[key]
        for word in value if isinstance(value, list) else [value]:
            if word not in allowed:
                return (
                    f"must be {'some of' if isinstance(value, list) else 'one of'} {', '.join(allowed)}, not {word!r}"
                )
    return None


def _fits(type_: Any, value: Any) -> bool:
    origin = getattr(type_, "__origin__", None)
    if origin is list:
        (member,) = type_.__args__
        return isinstance(value, list) and all(_fits(member, item) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(isinstance(key, str) for key in value)
    if type_ is Any:
        return True
    if type_ is bool:
        return isinstance(value, bool)
    if type_ is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if type_ is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, type_)


_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    "list": "a list",
    "Secret": "a secret",
    "dict": "a mapping",
    date: "a date",
    datetime: "a date",
}


def _wanted(type_: Any) -> str:
    origin = getattr(type_, "__origin__", None)
    if origin is list:
        (member,) = type_.__args__
        return f"a list of {'texts' if member is str else 'items'}"
    if origin is dict:
        return _WORDS["dict"]
    return _WORDS.get(type_, "of another type")


def _shown(value: Any) -> str:
    return (
        f"{_kind(value)} ({str(value) if isinstance(value, date) else repr(value)[:60]})"
        if value is not None
        else "empty"
    )


def _kind(value: Any) -> str:
    return _WORDS.get(type(value)) or _WORDS.get(type(value).__name__) or "nothing"
