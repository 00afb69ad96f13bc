"""Metric names: ``metric_pattern`` filled in, and the leaves of a return as dotted paths below it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from saltern.errors import ConfigError
from saltern.metric_segment import MAX_SEGMENT, RESERVED_IDS, clean, owner
from saltern.visible import shown

PLACEHOLDERS = ("minion_id", "module", "function", "schedule")
MAX_DEPTH = 32
MAX_PREFIX_CHARS = 800
"""Of what leaves go below: a return's few long keys would be in each of its names."""
MAX_POINTS = 100_000
MAX_SKIPPED_NAMED = 200
MAX_KEYS_NAMED = 3
MAX_KEY_SHOWN = 80
"""Of the keys that are left out because another has their name, and of the characters of one."""

ROOT, ACCOUNTS = "saltern", "schedule"
"""The segments below which the master writes: of everything it writes, and of a minion's account."""

_OTHERS = frozenset({"carbon"})
"""Below what else no minion's series are: the store writes of itself there."""
_MINION = "[minion_id]"
_UNTOLD = re.compile(r"[^A-Za-z0-9_\-:%#@+=\[\]]")
_PLACEHOLDER = re.compile(r"\[([^\]]*)\]")


class Pattern:
    """A checked ``metric_pattern``."""

    def __init__(self, pattern: str) -> None:
        """Raises ``ConfigError`` for an unknown placeholder or an empty segment."""
        for name in _PLACEHOLDER.findall(pattern):
            if name not in PLACEHOLDERS:
                raise ConfigError(
                    f"metric_pattern: [{name}] is not known: use {', '.join(f'[{p}]' for p in PLACEHOLDERS)}"
                )
        if not pattern or any(not segment for segment in pattern.split(".")) or "/" in pattern:
            raise ConfigError(
                f"metric_pattern: {pattern!r} has an empty segment: write it as saltern.[minion_id].[module]"
            )
        if any(masters_own(pattern, (f"{pattern}.x",))):
            raise ConfigError(f"metric_pattern: {pattern!r} is where the master writes its own: choose another place")
        self._pattern = pattern
        self._place = _place_of(pattern)

    def prefix(self, minion_id: str, fun: str, schedule: str = "") -> str:
        """Return the name that a return's leaves go below."""
        module, _, function = fun.partition(".")
        values = {
            "minion_id": owner(minion_id),
            "module": clean(module),
            "function": clean(function),
            "schedule": clean(schedule or fun),
        }
        return _PLACEHOLDER.sub(lambda match: values[match.group(1)], self._pattern)

    def places(self, minion_id: str) -> list[str]:
        """Return where in the tree of names the series of a minion are, and no other's: beginnings of their names.

        ``*`` is what another placeholder stands for. A minion's account is one of them. Where the pattern doesn't tell
        minions apart from each other, and from what the master and the store write of themselves, it is the only one.
        """
        segment = owner(minion_id)
        account = f"{ROOT}.{segment}.{ACCOUNTS}"
        place = self._place and self._place.replace(_MINION, segment)
        if not place or _is_of_others(place):
            return [account]
        return [place] if f"{account}.".startswith(f"{place}.") else [place, account]


def _place_of(pattern: str) -> str:
    """Return where a minion's series are by *pattern*, up to its own element; nothing where that can't be told."""
    elements = pattern.split(".")
    at = next((number for number, element in enumerate(elements) if _MINION in element), None)
    if at is None or any(map(_UNTOLD.search, elements[: at + 1])) or "[" in elements[at].replace(_MINION, ""):
        return ""
    before = [re.sub(r"\*+", "*", _PLACEHOLDER.sub("*", element)) for element in elements[:at]]
    return "" if before and "*" in before[0] else ".".join([*before, elements[at]])


def _is_of_others(place: str) -> bool:
    """Return whether the master, or the store, may write of itself at or below *place*."""
    root, _, below = place.lower().partition(".")
    if root != ROOT:
        return root in _OTHERS
    return not below or "*" in below or _is_masters(place)


def masters_own(prefix: str, names: Iterable[str]) -> list[str]:
    """Return those of *names*, all below *prefix*, that only the master writes: its own, and minions' accounts.

    They are ``saltern.master.…`` and ``saltern.<minion>.schedule.…``, in any case: not every store tells it.
    """
    if prefix.partition(".")[0].lower() != ROOT:
        return []
    if prefix.count(".") >= 2:
        return list(names) if _is_masters(prefix) else []
    return [name for name in names if _is_masters(name)]


def _is_masters(name: str) -> bool:
    _, owner_, *below = name.lower().split(".", 3)
    return owner_ in RESERVED_IDS or below[:1] == [ACCOUNTS]


class Flat(NamedTuple):
    """A flattened return: metric names to values, and the leaves that are none of them (name, why)."""

    values: dict[str, float]
    skipped: list[tuple[str, str]]
    skipped_count: int


def flatten(prefix: str, fun: str, value: Any) -> Flat:
    """Return the numbers in *value* by name. A bare number goes by the function's name."""
    flat = Flat({}, [], 0)
    if not isinstance(value, Mapping):
        value = {fun.partition(".")[2] or fun: value}
    skipped = _walk(value, prefix, 0, flat)
    return flat._replace(skipped_count=skipped)


def _walk(node: Mapping[Any, Any], prefix: str, depth: int, flat: Flat) -> int:
    skipped = 0
    values = flat.values
    segments = [key if _is_clean(key) else clean(key) for key in node]
    # A return's keys hardly ever make one name: only then is it asked who has it.
    left_out = _twins(node, segments, prefix, flat) if len(set(segments)) < len(segments) else None
    for at, (segment, value) in enumerate(zip(segments, node.values(), strict=True)):
        if left_out and at in left_out:
            skipped += 1
            continue
        kind = type(value)
        if kind is float or kind is int or kind is bool:
            # The common case first.
            if -1e308 < value < 1e308 and len(values) < MAX_POINTS:
                values[f"{prefix}.{segment}"] = value if kind is float else float(value)
                continue
            what = "not finite" if kind is float and not math.isfinite(value) else "too large or too many"
        elif kind is dict:
            if depth < MAX_DEPTH and len(prefix) < MAX_PREFIX_CHARS:
                skipped += _walk(value, f"{prefix}.{segment}", depth + 1, flat)
                continue
            what = "nested too deeply"
        else:
            what = (
                "empty"
                if value is None
                else {"str": "text", "list": "a list", "bytes": "bytes"}.get(kind.__name__, kind.__name__)
            )
        skipped += 1
        _say(flat, f"{prefix}.{segment}", what)
    return skipped


def _is_clean(key: Any) -> bool:
    """Return whether a key is what ``clean`` makes of it, as most are; its pattern takes three times as long."""
    return type(key) is str and key.isidentifier() and key.isascii() and len(key) <= MAX_SEGMENT


def _twins(node: Mapping[Any, Any], segments: list[str], prefix: str, flat: Flat) -> set[int]:
    """Return the places in *node* of keys that make a name which another key has, and say which they are.

    The key that is written as the name has it, else the first by its text: whichever came first in a dict of what a
    host has today would be another one tomorrow, and both in one series.
    """
    claims: dict[str, list[tuple[bool, str, str, int]]] = {}
    for at, (key, segment, value) in enumerate(zip(node, segments, node.values(), strict=True)):
        if isinstance(value, (int, float, dict)):
            text = str(key)
            claims.setdefault(segment, []).append((text != segment, text, type(key).__name__, at))
    left_out: set[int] = set()
    for segment, claimants in claims.items():
        _, *others = sorted(claimants)
        if others:
            left_out.update(at for *_, at in others)
            named = ", ".join(shown(text, MAX_KEY_SHOWN) for _, text, _, _ in others[:MAX_KEYS_NAMED])
            more = f" and {len(others) - MAX_KEYS_NAMED:,} more" if len(others) > MAX_KEYS_NAMED else ""
            _say(flat, f"{prefix}.{segment}", f"another key has this name; left out: {named}{more}")
    return left_out


def _say(flat: Flat, name: str, what: str) -> None:
    if len(flat.skipped) < MAX_SKIPPED_NAMED:
        flat.skipped.append((name, what))
