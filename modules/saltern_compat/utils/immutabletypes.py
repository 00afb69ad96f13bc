"""``salt.utils.immutabletypes``: values that don't change."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

ImmutableDict, ImmutableList, ImmutableSet = MappingProxyType, tuple, frozenset


def freeze(obj: Any) -> Any:
    """Return mappings, lists and sets, whatever is in them, as such that don't change."""
    if isinstance(obj, Mapping):
        return MappingProxyType({key: freeze(value) for key, value in obj.items()})
    if isinstance(obj, (list, tuple)):
        return tuple(freeze(member) for member in obj)
    return frozenset(obj) if isinstance(obj, set) else obj
