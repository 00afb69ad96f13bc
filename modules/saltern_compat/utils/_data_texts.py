"""The part of ``salt.utils.data`` that changes all texts in nested data."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any

from saltern_compat.utils import stringutils


def decode(
    data: Any,
    encoding: Any = None,
    errors: str = "strict",
    keep: bool = False,
    normalize: bool = False,
    preserve_dict_class: bool = False,
    preserve_tuples: bool = False,
    to_str: bool = False,
) -> Any:
    """Return *data* with all bytes in it as text. Others raise ``UnicodeDecodeError``, or stay (*keep*)."""

    def one(value: Any) -> Any:
        if isinstance(value, datetime.datetime):
            return value.isoformat()
        try:
            return stringutils.to_unicode(value, encoding, errors, normalize)
        except TypeError:
            return value
        except UnicodeDecodeError:
            if keep:
                return value
            raise

    return _each(data, one, preserve_dict_class, preserve_tuples)


decode_dict = decode_list = decode


def encode(
    data: Any,
    encoding: Any = None,
    errors: str = "strict",
    keep: bool = False,
    preserve_dict_class: bool = False,
    preserve_tuples: bool = False,
) -> Any:
    """Return *data* with all text in it as bytes."""

    def one(value: Any) -> Any:
        try:
            return stringutils.to_bytes(value, encoding, errors)
        except TypeError:
            return value
        except UnicodeEncodeError:
            if keep:
                return value
            raise

    return _each(data, one, preserve_dict_class, preserve_tuples)


encode_dict = encode_list = encode


def _each(data: Any, one: Callable[[Any], Any], preserve_dict_class: bool, preserve_tuples: bool) -> Any:
    def go(value: Any, around: tuple[int, ...]) -> Any:
        if isinstance(value, (Mapping, list, tuple, set, frozenset)) and id(value) in around:
            return None  # it holds itself
        inside = (*around, id(value))
        if isinstance(value, Mapping):
            made: Any = value.__class__() if preserve_dict_class else {}
            for key, member in value.items():
                own = tuple(go(part, inside) for part in key) if isinstance(key, tuple) else go(key, inside)
                made[own] = go(member, inside)
            return made
        if isinstance(value, tuple) and preserve_tuples:
            return tuple(go(member, inside) for member in value)
        if isinstance(value, (list, tuple)):
            return [go(member, inside) for member in value]
        return one(value)

    return go(data, ())


class CaseInsensitiveDict(MutableMapping[Any, Any]):
    """A mapping whose keys are found whatever their case."""

    def __init__(self, init: Any = None, **kwargs: Any) -> None:
        self._data: dict[Any, tuple[Any, Any]] = {}
        self.update({} if init is None else init, **kwargs)

    def __len__(self) -> int:
        return len(self._data)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._data[_low(key)] = (key, value)

    def __delitem__(self, key: Any) -> None:
        del self._data[_low(key)]

    def __getitem__(self, key: Any) -> Any:
        return self._data[_low(key)][1]

    def __iter__(self) -> Any:
        return (key for key, _ in self._data.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and dict(self.items_lower()) == dict(CaseInsensitiveDict(other).items_lower())

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return repr(dict(self.items()))

    def items_lower(self) -> Iterable[tuple[Any, Any]]:
        """Return the items with keys in lower case."""
        return ((key, value) for key, (_, value) in self._data.items())

    def copy(self) -> CaseInsensitiveDict:
        """Return one like this."""
        return CaseInsensitiveDict(dict(self.items()))


def _low(key: Any) -> Any:
    return key.lower() if isinstance(key, str) else key


def to_lowercase(data: Any, preserve_dict_class: bool = False) -> Any:
    """Return *data* with all texts in lower case."""
    return _each(data, lambda value: value.lower() if isinstance(value, str) else value, preserve_dict_class, True)


def to_uppercase(data: Any, preserve_dict_class: bool = False) -> Any:
    """Return *data* with all texts in upper case."""
    return _each(data, lambda value: value.upper() if isinstance(value, str) else value, preserve_dict_class, True)
