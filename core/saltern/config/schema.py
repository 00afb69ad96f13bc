"""What an option may be: its type from a TypedDict, its default, and the bounds of numbers and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple, get_type_hints

from saltern.secret import Secret

SECRET_ENDINGS = ("_token", "_password")
"""Options that hold a secret end so; they may be marked as one, and are never shown."""

TOO_LONG = 10**18
"""A number that is shown has fewer digits; Python doesn't even write very long ones."""


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
    secret = key.endswith(SECRET_ENDINGS)
    if isinstance(value, Secret) and type_ is str:
        return None if secret else "is no secret: write it without !secret"
    if not _fits(type_, value):
        return _misfit(type_, value, secret=secret)
    if key in schema.bounds and isinstance(value, (int, float)):
        low, high = schema.bounds[key]
        if not low <= value <= high:
            return f"must be between {_number(low)} and {_number(high)}, not {_number(value)}"
    if key in schema.choices:
        allowed = schema.choices[key]
        for word in value if isinstance(value, list) else [value]:
            if word not in allowed:
                some = "some" if isinstance(value, list) else "one"
                return f"must be {some} of {', '.join(allowed)}, not {word!r:.60}"
    return next((f"has {why}" for text in _texts(value) if (why := _unfit(text))), None)


def _misfit(type_: Any, value: Any, *, secret: bool) -> str:
    """Return what *value* must be, which isn't of the *type_* of its option; a *secret* isn't shown."""
    wanted = _wanted(type_)
    if value is None:
        empty = {dict: ": write {} for none", list: ": write [] for none"}.get(_origin(type_), "")
        return f"must be {wanted}, not empty{empty}"
    if isinstance(value, dict) and _origin(type_) is dict:
        key = next(key for key in value if not isinstance(key, str))
        return f"must have texts as names, not {_shown(key)}: write it in quotes"
    if isinstance(value, list) and _origin(type_) is list:
        odd = next(member for member in value if not _fits(type_.__args__[0], member))
        return f"must be {wanted}, not one with {_shown(odd)}{_quotes(odd)}"
    return f"must be {wanted}, not {_kind(value) if secret else _shown(value)}{_quotes(value) if type_ is str else ''}"


def _quotes(value: Any) -> str:
    return ": write it in quotes" if isinstance(value, (int, float, date)) else ""


def _texts(value: Any) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _unfit(text: str) -> str:
    """Return what is in *text* that no path, host or name can have, or nothing."""
    if "\0" in text:
        return "a zero character (\\0) in it: take it out"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "half a character (a lone surrogate) in it: take it out"
    return ""


def _number(value: float) -> str:
    """Return a number for people: whole, with its thousands apart, unless it has very many digits."""
    if isinstance(value, int) and abs(value) >= TOO_LONG:
        return "one of very many digits"
    return f"{value:,d}" if isinstance(value, int) else f"{value:,.12g}"


def _origin(type_: Any) -> Any:
    return getattr(type_, "__origin__", None)


def _fits(type_: Any, value: Any) -> bool:
    origin = _origin(type_)
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
    bytes: "bytes",
    set: "a set",
}


def in_words(*types: type) -> str:
    """Return what a value of one of *types* is called: ``a whole number or a number``."""
    return " or ".join(_WORDS.get(one) or _WORDS.get(one.__name__) or one.__name__ for one in types)


def _wanted(type_: Any) -> str:
    origin = _origin(type_)
    if origin is list:
        (member,) = type_.__args__
        return f"a list of {'texts' if member is str else 'items'}"
    if origin is dict:
        return _WORDS["dict"]
    return _WORDS.get(type_, "of another type")


def _shown(value: Any) -> str:
    try:
        text = str(value) if isinstance(value, date) else repr(value)[:60]
    except ValueError:
        text = "of very many digits"
    return f"{_kind(value)} ({text})"


def _kind(value: Any) -> str:
    return _WORDS.get(type(value)) or _WORDS.get(type(value).__name__) or "nothing"
