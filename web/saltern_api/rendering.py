"""Values as JSON or YAML, piece by piece: an answer is written while its parts still come.

::

    {"return": [                    return:
    {"web1": true, "web2": true},   - web1: true
    [1, 2]]}                          web2: true
                                    - - 1

What neither has becomes what it can: NaN and the infinities ``null``, bytes text, a key that is no text its JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import yaml

from saltern.plain import Plain
from saltern_api.accepting import JSON

_Dumper: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Form(Protocol):
    """Writes one answer: ``{"return": [...]}``, element by element."""

    media_type: str

    def begin(self) -> bytes:
        """Return what comes before the first element."""
        ...

    def element(self, value: Any, *, first: bool) -> bytes:
        """Return one element."""
        ...

    def pairs(self, pairs: Iterable[tuple[str, Any]], *, first: bool) -> Iterator[bytes]:
        """Yield one element that is an object, pair by pair."""
        ...

    def end(self, *, empty: bool) -> bytes:
        """Return what comes behind the last element; *empty*: there was none."""
        ...

    def whole(self, value: Any) -> bytes:
        """Return *value* as an answer of its own."""
        ...


class JsonForm:
    """JSON, in one line."""

    media_type = JSON

    def begin(self) -> bytes:
        """Return what comes before the first element."""
        return b'{"return": ['

    def element(self, value: Any, *, first: bool) -> bytes:
        """Return one element."""
        return (b"" if first else b", ") + to_json(value)

    def pairs(self, pairs: Iterable[tuple[str, Any]], *, first: bool) -> Iterator[bytes]:
        """Yield one element that is an object, pair by pair."""
        yield b"{" if first else b", {"
        comma = b""
        for key, value in pairs:
            yield comma + to_json(str(key)) + b": " + to_json(value)
            comma = b", "
        yield b"}"

    def end(self, *, empty: bool) -> bytes:
        """Return what comes behind the last element."""
        return b"]}"

    def whole(self, value: Any) -> bytes:
        """Return *value* as an answer of its own."""
        return to_json(value)


class YamlForm:
    """YAML in blocks."""

    def __init__(self, media_type: str) -> None:
        self.media_type = media_type

    def begin(self) -> bytes:
        """Return what comes before the first element."""
        return b"return:"

    def element(self, value: Any, *, first: bool) -> bytes:
        """Return one element."""
        return (b"\n" if first else b"") + to_yaml([value])

    def pairs(self, pairs: Iterable[tuple[str, Any]], *, first: bool) -> Iterator[bytes]:
        """Yield one element that is an object, pair by pair."""
        if first:
            yield b"\n"
        none = True
        for key, value in pairs:
            yield to_yaml([{str(key): value}]) if none else _indented(to_yaml({str(key): value}))
            none = False
        if none:
            yield b"- {}\n"

    def end(self, *, empty: bool) -> bytes:
        """Return what comes behind the last element."""
        return b" []\n" if empty else b""

    def whole(self, value: Any) -> bytes:
        """Return *value* as an answer of its own."""
        return to_yaml(value)


def form_for(media_type: str) -> Form:
    """Return what writes *media_type*."""
    return JsonForm() if media_type == JSON else YamlForm(media_type)


def to_json(value: Any) -> bytes:
    """Return *value* as JSON."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(_fitting(Plain().of(value)), allow_nan=False)
    return text.encode()


def to_yaml(value: Any) -> bytes:
    """Return *value* as YAML in blocks."""
    text: str = yaml.dump(
        _fitting(Plain().of(value), whole_texts=True),
        Dumper=_NoAliases,
        default_flow_style=False,
        sort_keys=False,
        allow_unicode=True,
    )
    return text.removesuffix("...\n").encode(errors="replace")


def _fitting(value: Any, *, whole_texts: bool = False) -> Any:
    """Return a plain *value* with all of it fit for JSON; *whole_texts*: no half of a surrogate pair is a character."""
    if isinstance(value, dict):
        return {
            _fitting(_key(key), whole_texts=whole_texts): _fitting(member, whole_texts=whole_texts)
            for key, member in value.items()
        }
    if isinstance(value, list):
        return [_fitting(member, whole_texts=whole_texts) for member in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str) and whole_texts and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _key(key: Any) -> str:
    if isinstance(key, bytes):
        return key.decode("utf-8", "backslashreplace")
    return key if isinstance(key, str) else json.dumps(key)  # as JSON has 1, true and null for keys


def _indented(block: bytes) -> bytes:
    """Return *block* two columns to the right; a line without text stays without."""
    return b"".join(b"  " + line if line.strip() else line for line in block.splitlines(keepends=True))


class _NoAliases(_Dumper):  # type: ignore[misc]  # with libyaml or without
    def ignore_aliases(self, data: Any) -> bool:
        """Return that nothing is written as a mark where it was first."""
        return True
