"""The plain form: what a value looks like after it has crossed the wire.

msgpack carries None, booleans, numbers, strings, bytes, lists and dicts. Everything else is turned into the most
faithful of those and the change is named, so that nobody reads a set as if it had been a list:

=====================  =============================================
a value of type        arrives as
=====================  =============================================
tuple                  list (not named: msgpack and Salt do the same)
set, frozenset         list, sorted where its members can be
datetime, date, time   ISO 8601 string
timedelta              seconds, a float
Decimal, Fraction      its exact text
complex, UUID, Path    its text
exception              ``"ValueError: text"``
Secret                 ``"***"``; itself where secrets may pass
generator, iterator    list of at most 100,000 members
int beyond 64 bits     its decimal text
object                 ``repr()``, at most 1,000 characters
a cycle, depth > 24    ``"<cycle>"``, ``"<too deep>"``
=====================  =============================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saltern.secret import Secret

MAX_DEPTH = 24  # of the 32 levels of the wire: the others are for messages, records and answers around the value
MAX_MARKS = 20
MAX_ITERATOR_MEMBERS = 100_000
MAX_REPR_CHARACTERS = 1000

_HOLDERS = (Mapping, list, tuple, set, frozenset, Iterator)
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


class Plain:
    """Turns one value into its plain form, collecting what was changed in ``marks``."""

    def __init__(self, *, secrets: bool = False) -> None:
        """*secrets*: whether those may pass."""
        self._secrets = secrets
        self.marks: list[str] = []
        """Changes as ``"$.disk.when: datetime"``, the first 20; then one ``"… and more"``."""

    def of(self, value: Any, path: str = "$", _above: tuple[int, ...] = ()) -> Any:
        """Return the plain form of *value*; never raises for any value."""
        kind = type(value)
        if kind in (str, float, bool, bytes, type(None)):
            return value
        if kind is int:
            return value if _INT_MIN <= value <= _INT_MAX else self._mark(path, "int", str(value))
        if len(_above) >= MAX_DEPTH and isinstance(value, _HOLDERS):
            return self._mark(path, "too deep", "<too deep>")
        if id(value) in _above:
            return self._mark(path, "cycle", "<cycle>")
        above = (*_above, id(value))
        try:
            return self._other(value, path, above)
        except Exception as error:  # a hostile or broken __repr__, __iter__ … of a module's own class
            return self._mark(path, kind.__name__, f"<{kind.__name__}: {type(error).__name__}>")

    def _other(self, value: Any, path: str, above: tuple[int, ...]) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(value, path, above)
        if isinstance(value, (list, tuple)):
            if type(value) not in (list, tuple):
                self._mark(path, type(value).__name__, None)
            return [self.of(member, f"{path}[{i}]", above) for i, member in enumerate(value)]
        if isinstance(value, (set, frozenset)):
            self._mark(path, type(value).__name__, None)
            try:
                members = sorted(value)
            except TypeError:
                members = sorted(value, key=repr)
            return [self.of(member, f"{path}[{i}]", above) for i, member in enumerate(members)]
        if isinstance(value, Iterator):
            self._mark(path, type(value).__name__, None)
            members = [m for _, m in zip(range(MAX_ITERATOR_MEMBERS), value, strict=False)]
            return [self.of(member, f"{path}[{i}]", above) for i, member in enumerate(members)]
        if isinstance(value, Secret) and self._secrets:
            return value
        return self._mark(path, type(value).__name__, _scalar(value))

    def _mapping(self, value: Mapping[Any, Any], path: str, above: tuple[int, ...]) -> dict[Any, Any]:
        if type(value) is not dict:
            self._mark(path, type(value).__name__, None)
        plain: dict[Any, Any] = {}
        for key, member in value.items():
            name = key
            if not isinstance(key, (str, int, float, bytes, type(None))):
                name = self._mark(f"{path}.{key!s:.40}", f"key of {type(key).__name__}", str(key))
            plain[name] = self.of(member, f"{path}.{name}", above)
        return plain

    def _mark(self, path: str, what: str, result: Any) -> Any:
        if len(self.marks) < MAX_MARKS:
            self.marks.append(f"{path}: {what}")
        elif len(self.marks) == MAX_MARKS:
            self.marks.append("… and more")
        return result


def _scalar(value: Any) -> Any:
    """Return the plain form of a value that has no members."""
    if isinstance(value, str):  # a subclass: an enum, a markup string
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    total_seconds = getattr(value, "total_seconds", None)
    if callable(total_seconds):
        return float(total_seconds())
    isoformat = getattr(value, "isoformat", None)
    if callable(isoformat):
        return str(isoformat())
    if type(value).__module__ in (
        "decimal",
        "fractions",
        "uuid",
        "pathlib",
        "ipaddress",
        "builtins",
    ) and not callable(value):
        return str(value)[:MAX_REPR_CHARACTERS]
    return repr(value)[:MAX_REPR_CHARACTERS]
