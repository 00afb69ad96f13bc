"""``salt.utils.odict``: mappings that keep their order."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

__all__ = ["DefaultOrderedDict", "HashableOrderedDict", "OrderedDict"]


class DefaultOrderedDict(OrderedDict[Any, Any]):
    """One that makes the values of missing keys by *default_factory*."""

    def __init__(self, default_factory: Callable[[], Any] | None = None, *args: Any, **kwargs: Any) -> None:
        if default_factory is not None and not callable(default_factory):
            raise TypeError("first argument must be callable")
        super().__init__(*args, **kwargs)
        self.default_factory = default_factory

    def __missing__(self, key: Any) -> Any:
        if self.default_factory is None:
            raise KeyError(key)
        self[key] = value = self.default_factory()
        return value


class HashableOrderedDict(OrderedDict[Any, Any]):
    """One that is known by what object it is."""

    def __hash__(self) -> int:  # type: ignore[override]  # a mapping has none
        return id(self)
