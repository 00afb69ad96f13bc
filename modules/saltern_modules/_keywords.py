"""Keywords that functions take beside their own arguments, as Salt's do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltern.errors import ArgumentError


def own(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return *kwargs* without what the publisher added (``__pub_jid``, …)."""
    return {name: value for name, value in kwargs.items() if not name.startswith("__")}


def fitting(fields: Iterable[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of *given*, all that a function was given, by the names of *fields*: for a tuple that has these."""
    return {name: given[name] for name in fields if name in given}


def refuse(kwargs: Mapping[str, Any]) -> None:
    """Raise ``ArgumentError`` when a keyword is left that nothing takes."""
    if kwargs:
        texts = ", ".join(f"{name}={value}" for name, value in kwargs.items())
        raise ArgumentError(f"The following keyword arguments are not valid: {texts}")


def is_true(value: Any) -> bool:
    """Return what a value that came over a command line stands for: numbers above 0 and ``true`` are true."""
    for number in (int, float):
        try:
            value = number(value)
        except (ValueError, TypeError, OverflowError):
            continue
    if isinstance(value, int | float):
        return value > 0
    return value.lower() == "true" if isinstance(value, str) else bool(value)


def split(value: Any) -> list[Any]:
    """Return a list as it is, anything else as the members of its comma text."""
    return list(value) if isinstance(value, list | tuple) else [one.strip() for one in str(value).split(",")]


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what differs: ``{key: {"old": …, "new": …}}``, with ``""`` for what isn't there."""
    return {
        key: {"old": old.get(key, ""), "new": new.get(key, "")}
        for key in {**old, **new}
        if key not in old or key not in new or old[key] != new[key]
    }


def compares(first: Any, operator: str, second: Any, compare: Callable[[str, str], int | None]) -> bool:
    """Return whether *first* ``<``, ``<=``, ``==``, ``!=``, ``>=`` or ``>`` *second*; false where nobody can tell."""
    wanted = {"<": (-1,), "<=": (-1, 0), "==": (0,), "=": (), "!=": (-1, 1), ">=": (0, 1), ">": (1,)}.get(operator, ())
    return compare(str(first), str(second)) in wanted
