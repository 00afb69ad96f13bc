"""Filters of texts: expressions, quoting, numbers, dates, names."""

from __future__ import annotations

import fnmatch
import io
import re
import shlex
import sys
import uuid
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from saltern.errors import ArgumentError

UUID_SPACE = uuid.UUID("91633EBF-1C86-5E33-935A-28061F4B480E")
"""The namespace of Salt's ``uuid`` filter: the same text gives the same id there and here."""


def _flags(ignorecase: bool, multiline: bool) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def _groups(found: re.Match[str] | None) -> tuple[Any, ...] | None:
    if found is None:
        return None
    return found.groups() or (found.group(),)


def regex_search(txt: str, rgx: str, ignorecase: bool = False, multiline: bool = False) -> tuple[Any, ...] | None:
    """Return the groups of the first place that matches (all of it where there are none), or None."""
    return _groups(re.search(rgx, txt, _flags(ignorecase, multiline)))


def regex_match(txt: str, rgx: str, ignorecase: bool = False, multiline: bool = False) -> tuple[Any, ...] | None:
    """As ``regex_search``, at the beginning."""
    return _groups(re.match(rgx, txt, _flags(ignorecase, multiline)))


def regex_replace(txt: str, rgx: str, val: str, ignorecase: bool = False, multiline: bool = False) -> str:
    """Return *txt* with *val* for what *rgx* matches."""
    return re.sub(rgx, val, txt, flags=_flags(ignorecase, multiline))


def matches(txt: str, rgx: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    """Return whether *txt* begins with what *rgx* matches."""
    return re.match(rgx, txt, _flags(ignorecase, multiline)) is not None


def to_bool(val: Any) -> bool:
    """Return what a text, number or list says: ``yes``, ``1`` and ``true``, more than 0, not empty."""
    if val is None:
        return False
    if isinstance(val, bool):
        return val
    if isinstance(val, str):
        return val.lower() in ("yes", "1", "true")
    if isinstance(val, int):
        return val > 0
    return not isinstance(val, Hashable) and len(val) > 0


def to_num(text: Any) -> Any:
    """Return the number that *text* is, or *text*."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def is_hex(value: Any) -> bool:
    """Return whether *value* is a number in hexadecimal."""
    try:
        int(value, 16)
    except (TypeError, ValueError):
        return False
    return True


def contains_whitespace(text: str) -> bool:
    """Return whether there is a blank in *text*."""
    return any(one.isspace() for one in text)


def human_to_bytes(size: Any, default_unit: str = "B", handle_metric: bool = False) -> int:
    """Return the bytes of ``4MiB``, ``4M``; 0 when it can't be read. ``MB`` is 10^6 with *handle_metric*, else 2^20."""
    found = re.fullmatch(r"([0-9.]*)\s*(.*)", str(size).strip(), re.DOTALL)
    number, unit = found.groups() if found else ("", "")
    unit = unit.lower() or default_unit.lower()
    metric = re.fullmatch("[kmgtpezy]b", unit) is not None
    value = to_num(number)
    if isinstance(value, str) or not (metric or re.fullmatch("b|[kmgtpezy](ib)?", unit)):
        return 0
    power = "bkmgtpezy".index(unit[0])
    return int(value * (1000**power if metric and handle_metric else 1024**power))


def to_bytes(s: Any, encoding: str | None = None, errors: str = "strict") -> bytes:
    """Return *s* as bytes, in UTF-8 by default."""
    if isinstance(s, bytes):
        return s
    if isinstance(s, bytearray):
        return bytes(s)
    if isinstance(s, str):
        return s.encode(encoding or "utf-8", errors)
    raise TypeError("expected str, bytes, or bytearray not " + repr(type(s)))


def to_snake_case(camel_input: str) -> str:
    """Return ``camelsLoveTheDesert`` as ``camels_love_the_desert``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", camel_input)
    return words.lower()


def to_camelcase(snake_input: str, uppercamel: bool = False) -> str:
    """Return ``snakes_on_a_plane`` as ``snakesOnAPlane``, with *uppercamel* as ``SnakesOnAPlane``."""
    first, *others = snake_input.split("_")
    return (first.capitalize() if uppercamel else first) + "".join(word.capitalize() for word in others)


def strftime(date: Any = None, format: str = "%Y-%m-%d") -> str:
    """Return *date* (now, a ``datetime``, seconds since 1970 as a number or text) by *format*, in local time."""
    import datetime

    if date is None:
        return datetime.datetime.now().strftime(format)
    if isinstance(date, datetime.datetime):
        return date.strftime(format)
    try:
        seconds = (int(date) if date.isdigit() else float(date)) if isinstance(date, str) else date
        return datetime.datetime.fromtimestamp(seconds).strftime(format)
    except (TypeError, ValueError, OverflowError, OSError):
        raise ArgumentError(f"Unable to parse {date}. Consider installing timelib") from None


def check_whitelist_blacklist(value: str, whitelist: Any = None, blacklist: Any = None) -> bool:
    """Return whether *value* is allowed: by no glob or expression of *blacklist*, and by one of *whitelist*, if any."""
    allowed, denied = _patterns("whitelist", whitelist), _patterns("blacklist", blacklist)
    if any(expr_match(value, one) for one in denied):
        return False
    return not allowed or any(expr_match(value, one) for one in allowed)


def _patterns(name: str, given: Any) -> Iterable[str]:
    if not given:
        return []
    if isinstance(given, str):
        return [given]
    if not hasattr(given, "__iter__"):
        raise TypeError(f"Expecting iterable {name}, but got {type(given).__name__} ({given})")
    return list(given)


def expr_match(line: Any, expr: Any) -> bool:
    """Return whether *line* is matched by *expr*, as a glob or, whole, as a regular expression."""
    try:
        if fnmatch.fnmatch(line, expr):
            return True
        return re.match(rf"\A{expr}\Z", line) is not None
    except (re.error, TypeError):
        return False


def yaml_dquote(text: Any) -> str:
    """Return *text* as a string of YAML's in double quotes."""
    return _quoted(text, "write_double_quoted")


def yaml_squote(text: Any) -> str:
    """Return *text* as a string of YAML's in single quotes."""
    return _quoted(text, "write_single_quoted")


def _quoted(text: Any, how: str) -> str:
    from yaml.emitter import Emitter

    stream = io.StringIO()
    emitter = Emitter(stream, width=sys.maxsize)
    getattr(emitter, how)(str(text))
    return stream.getvalue()


def yaml_encode(data: Any) -> str:
    """Return a scalar as YAML writes it, texts in double quotes. Raises ``TypeError`` for lists and mappings."""
    from yaml import ScalarNode
    from yaml.representer import SafeRepresenter

    node = SafeRepresenter().represent_data(data)
    if not isinstance(node, ScalarNode):
        raise TypeError(f"yaml_encode() only works with YAML scalar data; failed for {type(data)}")
    text: str = node.value
    return yaml_dquote(text) if node.tag.endswith(":str") else text


def method_call(obj: Any, f_name: str, *args: Any, **kwargs: Any) -> Any:
    """Return what *obj*'s method comes to, None when there is none. The environment's sandbox looks at it first."""
    return getattr(obj, f_name, lambda *_, **__: None)(*args, **kwargs)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "skip": lambda data: "",
    "to_bool": to_bool,
    "quote": shlex.quote,
    "regex_escape": re.escape,
    "regex_search": regex_search,
    "regex_match": regex_match,
    "regex_replace": regex_replace,
    "uuid": lambda val: str(uuid.uuid5(UUID_SPACE, val.decode() if isinstance(val, bytes) else val)),
    "to_bytes": to_bytes,
    "str_to_num": to_num,
    "to_num": to_num,
    "is_hex": is_hex,
    "contains_whitespace": contains_whitespace,
    "human_to_bytes": human_to_bytes,
    "check_whitelist_blacklist": check_whitelist_blacklist,
    "to_snake_case": to_snake_case,
    "to_camelcase": to_camelcase,
    "date_format": strftime,
    "strftime": strftime,
    "yaml_dquote": yaml_dquote,
    "yaml_squote": yaml_squote,
    "yaml_encode": yaml_encode,
}
