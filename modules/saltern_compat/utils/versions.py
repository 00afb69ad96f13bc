"""``salt.utils.versions``: versions compared, and warnings of what a later Salt won't have."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import total_ordering
from typing import Any

from saltern_compat.version import SaltStackVersion

_PART = re.compile(r"(\d+|[a-z]+|\.)", re.IGNORECASE)


@total_ordering
class LooseVersion:
    """A version of any form: its numbers and words are compared one after the other, a number before a word."""

    def __init__(self, vstring: str | None = None) -> None:
        self.version: list[Any] = []
        self.vstring = ""
        if vstring:
            self.parse(vstring)

    def parse(self, vstring: str) -> None:
        """Take the version of a text."""
        self.vstring = str(vstring)
        parts = [part for part in _PART.split(self.vstring) if part and part != "."]
        self.version = [int(part) if part.isdecimal() else part for part in parts]

    def _key(self) -> list[tuple[bool, Any]]:
        return [(isinstance(part, str), part) for part in self.version]

    def __eq__(self, other: object) -> bool:
        return self._key() == _loose(other)._key()

    def __lt__(self, other: object) -> bool:
        return self._key() < _loose(other)._key()

    def __hash__(self) -> int:
        return hash(self.vstring)

    def __str__(self) -> str:
        return self.vstring

    def __repr__(self) -> str:
        return f"LooseVersion ('{self.vstring}')"


def _loose(other: object) -> LooseVersion:
    return other if isinstance(other, LooseVersion) else LooseVersion(str(other))


class Version(LooseVersion):
    """A version; one before a release (``rc1``, ``a2``, ``dev``) is less than it."""

    def _key(self) -> list[tuple[bool, Any]]:
        found = re.match(r"v?(\d+(?:\.\d+)*)[-._]?(a|alpha|b|beta|c|rc|pre|preview|dev|post)?[-._]?(\d*)", self.vstring)
        if found is None:
            return super()._key()
        numbers = [int(part) for part in found[1].split(".")]
        while numbers and not numbers[-1]:
            numbers.pop()
        order = {"dev": -4, "a": -3, "b": -2, "c": -1, "r": -1, "p": -1, "": 0, "post": 1}
        word = found[2] or ""
        rank = order["post" if word == "post" else "dev" if word == "dev" else word[:1]]
        return [*((True, number) for number in numbers), (False, rank), (False, int(found[3] or 0))]


StrictVersion = Version


def parse(version: str) -> Version:
    """Return the version that a text is."""
    return Version(version)


def version_cmp(pkg1: Any, pkg2: Any, ignore_epoch: bool = False) -> int | None:
    """Return -1, 0 or 1 as one version is less than, equal to or greater than the other."""
    one, other = (LooseVersion(str(text).split(":", 1)[-1] if ignore_epoch else str(text)) for text in (pkg1, pkg2))
    return -1 if one < other else int(one != other)


def compare(
    ver1: Any = "",
    oper: str = "==",
    ver2: Any = "",
    cmp_func: Callable[..., Any] | None = None,
    ignore_epoch: bool = False,
) -> bool:
    """Return whether ``ver1 oper ver2`` holds; ``False`` for what can't be compared."""
    found = (cmp_func or version_cmp)(ver1, ver2, ignore_epoch=ignore_epoch)
    if not isinstance(found, int):
        return False
    sign = (found > 0) - (found < 0)
    holds = {"<": (-1,), "<=": (-1, 0), "==": (0,), "!=": (-1, 1), ">=": (0, 1), ">": (1,)}
    return sign in holds.get(oper, ())


def warn_until(
    version: Any,
    message: str,
    category: type[Warning] = DeprecationWarning,
    stacklevel: int | None = None,
    _version_info_: Any = None,
    _dont_call_warnings: bool = False,
) -> None:
    """Warn with *message*, in which ``{version}`` is the release that won't have something any more."""
    if not _dont_call_warnings:
        shown = version if isinstance(version, str) else ".".join(map(str, SaltStackVersion(*_numbers(version)).info))
        warnings.warn(message.format(version=shown), category, stacklevel=(stacklevel or 2) + 1)


def warn_until_date(
    date: Any, message: str, category: type[Warning] = DeprecationWarning, stacklevel: int | None = None, **kwargs: Any
) -> None:
    """Warn with *message*, in which ``{date}`` is the day from which something won't be there."""
    warnings.warn(message.format(date=date, today=""), category, stacklevel=(stacklevel or 2) + 1)


def kwargs_warn_until(
    kwargs: Any,
    version: Any,
    category: type[Warning] = DeprecationWarning,
    stacklevel: int | None = None,
    **others: Any,
) -> None:
    """Warn of keywords that do nothing."""
    named = ", ".join(f"'{name}'" for name in kwargs if not str(name).startswith("__"))
    if named:
        warn_until(
            version,
            f"The following parameter(s) have been deprecated and will be removed in '{{version}}': {named}.",
            category,
            3,
        )


def _numbers(version: Any) -> tuple[int, ...]:
    return (version,) if isinstance(version, int) else tuple(getattr(version, "info", version))
