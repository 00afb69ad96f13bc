"""``salt.utils.context``: values that hold for a while."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def func_globals_inject(func: Any, **overrides: Any) -> Iterator[None]:
    """Put values among the globals of *func* while the block runs."""
    names = getattr(func, "__func__", func).__globals__
    before = {name: names[name] for name in overrides if name in names}
    names.update(overrides)
    try:
        yield
    finally:
        for name in overrides:
            names.pop(name, None)
        names.update(before)


class NamespacedDictWrapper(MutableMapping[Any, Any]):
    """A mapping inside another one, at the keys *pre_keys*."""

    def __init__(self, d: Any, pre_keys: Any, override_name: str | None = None, **kwargs: Any) -> None:
        self._data = d
        self.pre_keys = [pre_keys] if isinstance(pre_keys, str) else list(pre_keys)

    def _dict(self) -> Any:
        found = self._data
        for key in self.pre_keys:
            found = found[key]
        return found

    def __getitem__(self, key: Any) -> Any:
        return self._dict()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._dict()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._dict()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._dict())

    def __len__(self) -> int:
        return len(self._dict())

    def __repr__(self) -> str:
        return repr(self._dict())


class ContextDict(dict[Any, Any]):
    """A mapping that may be cloned, and then changed without a word to the other."""

    def clone(self, **kwargs: Any) -> ContextDict:
        """Return a copy with *kwargs* over it."""
        return ContextDict({**self, **kwargs})
