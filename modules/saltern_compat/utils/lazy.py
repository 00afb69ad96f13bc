"""``salt.utils.lazy``: mappings whose values are made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any


class LazyDict(MutableMapping[Any, Any]):
    """One that ``_load(key)`` fills with a key, and ``_load_all()`` with all."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._dict: dict[Any, Any] = {}
        self.loaded = False

    def _load(self, key: Any) -> bool:
        raise NotImplementedError

    def _load_all(self) -> None:
        raise NotImplementedError

    def _all(self) -> dict[Any, Any]:
        if not self.loaded:
            self._load_all()
        return self._dict

    def __getitem__(self, key: Any) -> Any:
        if key not in self._dict and (self.loaded or not self._load(key)):
            raise KeyError(key)
        return self._dict[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._dict[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._dict[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


def verify_fun(lazy_obj: Any, fun: str) -> None:
    """Raise ``SaltInvocationError`` or ``CommandExecutionError`` when there is no function *fun*."""
    from saltern.errors import CommandError
    from saltern_compat.exceptions import SaltInvocationError

    if not fun:
        raise SaltInvocationError("Must specify a function to run!\nex: manage.up")
    if fun not in lazy_obj:
        raise CommandError(f"'{fun}' is not available.")
