"""What modules that minions share have as ``__grains__``, ``__opts__`` and the like: each sees its own minion's.

They are dicts to whoever asks what they are, for modules do; what a dict keeps inside is never looked at. Two things
look there all the same: ``json`` takes a dict for empty by it, so that each has one member inside that is never seen.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from saltern_agent.loader.bound import BOUND, Nobody, tenant

_INSIDE = object()


class View(dict[Any, Any]):
    """A mapping that is another one for each minion."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__({_INSIDE: None})

    def mapping(self) -> MutableMapping[Any, Any]:
        """Return that of the minion whose call is running. Raises ``Nobodys``."""
        raise NotImplementedError

    def __getitem__(self, key: Any) -> Any:
        return self.mapping()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.mapping()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self.mapping()[key]

    def __contains__(self, key: object) -> bool:
        return key in self.mapping()

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = iter(self.mapping())
        return found

    def __reversed__(self) -> Iterator[Any]:
        found: Iterator[Any] = reversed(list(self.mapping()))
        return found

    def __len__(self) -> int:
        return len(self.mapping())

    def __eq__(self, other: object) -> bool:
        return self.copy() == (other.copy() if isinstance(other, View) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __or__(self, other: Any) -> Any:
        return self.copy() | dict(other) if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return dict(other) | self.copy() if isinstance(other, Mapping) else NotImplemented

    def __ior__(self, other: Any) -> Any:
        self.update(other)
        return self

    def __repr__(self) -> str:
        return repr(self.copy())

    def __copy__(self) -> dict[Any, Any]:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return copy.deepcopy(self.copy(), memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (self.copy(),)

    def copy(self) -> dict[Any, Any]:
        """Return what it holds now, as a dict that stays."""
        return dict(self.mapping())

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of *key*, else *default*."""
        return self.mapping().get(key, default)

    def keys(self) -> Any:
        """Return the keys."""
        return self.mapping().keys()

    def values(self) -> Any:
        """Return the values."""
        return self.mapping().values()

    def items(self) -> Any:
        """Return keys with their values."""
        return self.mapping().items()

    def pop(self, key: Any, *default: Any) -> Any:
        """Remove *key* and return its value, else *default*, else raise ``KeyError``."""
        return self.mapping().pop(key, *default)

    def popitem(self) -> tuple[Any, Any]:
        """Remove some key and return it with its value."""
        return self.mapping().popitem()

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return the value of *key*, which is *default* from now on if there was none."""
        return self.mapping().setdefault(key, default)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Put in what is given, as a dict does."""
        self.mapping().update(*args, **kwargs)

    def clear(self) -> None:
        """Remove everything."""
        self.mapping().clear()


class Grains(View):
    """``__grains__``."""

    __slots__ = ()

    def mapping(self) -> MutableMapping[Any, Any]:
        """Return the grains."""
        return tenant().grains


class Pillar(View):
    """``__pillar__``."""

    __slots__ = ()

    def mapping(self) -> MutableMapping[Any, Any]:
        """Return the pillar."""
        return tenant().pillar


class Remembered(View):
    """``__context__``: of the modules that go by *key*, of each minion."""

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def mapping(self) -> MutableMapping[Any, Any]:
        """Return what they remember."""
        return tenant().context_of(self._key)


class Options(View):
    """``__opts__`` of one module, *key*: what it puts there is its own, for each minion.

    ``own`` are the options that its file defines, which count for every minion.
    """

    __slots__ = ("_foreign", "_key", "own")

    def __init__(self, key: str, *, foreign: bool) -> None:
        """*foreign*: it is from a folder, and has what modules for Salt expect."""
        super().__init__()
        self._key = key
        self._foreign = foreign
        self.own: dict[str, Any] = {}

    def __getitem__(self, key: Any) -> Any:
        return tenant().options_of(self._key, self.own, foreign=self._foreign)[key]

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of *key*, else *default*."""
        try:
            return tenant().options_of(self._key, self.own, foreign=self._foreign)[key]
        except KeyError:
            return default

    def mapping(self) -> MutableMapping[Any, Any]:
        """Return the options."""
        return tenant().options_of(self._key, self.own, foreign=self._foreign)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Put in what is given: for every minion while the module's file is run for none."""
        if isinstance(BOUND.get(), Nobody):
            self.own.update(*args, **kwargs)
        else:
            super().update(*args, **kwargs)
