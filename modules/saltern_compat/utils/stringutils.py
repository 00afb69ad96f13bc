"""``salt.utils.stringutils``: text and bytes."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from typing import Any


def to_str(s: Any, encoding: Any = None, errors: str = "strict", normalize: bool = False) -> str:
    """Return *s* as text. Raises ``TypeError`` for what is neither text nor bytes."""
    if not isinstance(s, (str, bytes, bytearray)):
        raise TypeError(f"expected str, bytes, or bytearray not {type(s)}")
    return _text(s, encoding, errors, normalize)


def to_unicode(s: Any, encoding: Any = None, errors: str = "strict", normalize: bool = False) -> str:
    """Return *s* as text. Raises ``TypeError`` for what is neither text nor bytes."""
    if not isinstance(s, (str, bytes, bytearray)):
        raise TypeError(f"expected str, bytes, or bytearray not {type(s)}")
    return _text(s, encoding, errors, normalize)


def _text(s: str | bytes | bytearray, encoding: Any, errors: str, normalize: bool) -> str:
    if isinstance(s, str):
        text = s
    else:
        kinds = [encoding] if isinstance(encoding, str) else list(encoding or ("utf-8",))
        for number, kind in enumerate(kinds):
            try:
                text = s.decode(kind, errors)
                break
            except UnicodeDecodeError:
                if number == len(kinds) - 1:
                    raise
    if normalize:
        import unicodedata

        return unicodedata.normalize("NFC", text)
    return text


def to_bytes(s: Any, encoding: Any = None, errors: str = "strict") -> bytes:
    """Return *s* as bytes. Raises ``TypeError`` for what is neither text nor bytes."""
    if isinstance(s, (bytes, bytearray)):
        return bytes(s)
    if isinstance(s, str):
        return s.encode(encoding or "utf-8", errors)
    raise TypeError(f"expected str, bytes, or bytearray not {type(s)}")


def to_num(text: Any) -> Any:
    """Return the number that *text* is, or *text* itself."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def to_none(text: Any) -> Any:
    """Return *text*, but ``None`` for an empty or blank one."""
    return text if str(text).strip() else None


def is_quoted(value: Any) -> str:
    """Return the quotation mark that a text begins and ends with, else an empty text."""
    quoted = isinstance(value, str) and value[:1] in ("'", '"') and value[:1] == value[-1:] and value
    return str(value)[0] if quoted else ""


def dequote(value: Any) -> Any:
    """Return *value* without the quotation marks around it."""
    return value[1:-1] if is_quoted(value) else value


def is_hex(value: Any) -> bool:
    """Return whether a text is a hexadecimal number."""
    try:
        int(value, 16)
        return True
    except (TypeError, ValueError):
        return False


def is_binary(data: Any) -> bool:
    """Return whether text or bytes look like no text."""
    if not data or not isinstance(data, (str, bytes)):
        return False
    block = to_bytes(data)
    if b"\0" in block:
        return True
    known = bytes(range(32, 127)) + b"\n\r\t\f\b"
    try:
        block.decode()
        known += bytes(range(128, 255))
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            known += bytes(range(128, 255))
    return len(block.translate(None, known)) / len(block) > 0.30


def random(size: int = 32) -> str:
    """Return a text of *size* signs that nobody can guess."""
    import base64
    import os

    return base64.b64encode(os.urandom(size)).decode().replace("\n", "")[:size]


def contains_whitespace(text: str) -> bool:
    """Return whether there is white space in *text*."""
    return any(sign.isspace() for sign in text)


def human_to_bytes(size: Any, default_unit: str = "B", handle_metric: bool = False) -> int:
    """Return what ``2G``, ``30MB`` or ``64KiB`` is in bytes; 0 for what is no size.

    ``MB`` is 10^6 only with *handle_metric*.
    """
    found = re.match(r"([0-9.]*)\s*(.*)$", str(size).strip())
    assert found is not None
    unit = found[2].lower() or default_unit.lower()
    try:
        value = float(found[1]) if "." in found[1] else int(found[1])
    except ValueError:
        return 0
    metric = bool(re.match(r"[kmgtpezy]b$", unit))
    if not metric and not re.match(r"(b|[kmgtpezy](ib)?)$", unit):
        return 0
    power = "bkmgtpezy".index(unit[0])
    return int(value * (1000 if metric and handle_metric else 1024) ** power)


def build_whitespace_split_regex(text: str) -> str:
    """Return a regular expression that finds *text* however its words are set apart by white space."""
    import shlex

    gap = r"(?:[\s]+)?"
    lines = []
    for line in text.splitlines():
        lexer = shlex.shlex(line)
        lexer.whitespace_split = True
        lexer.commenters = ""
        lexer.quotes = "" if r"'\"" in line else '"' if "'" in line else "'" if '"' in line else lexer.quotes
        lines.append(f"{gap}{gap.join(re.escape(word) for word in lexer)}{gap}")
    return rf"(?m)^{''.join(lines)}$"


def expr_match(line: Any, expr: Any) -> bool:
    """Return whether *line* fits *expr* as a glob or, whole, as a regular expression."""
    try:
        return fnmatch.fnmatch(line, expr) or bool(re.match(rf"\A(?:{expr})\Z", line))
    except (TypeError, re.error):
        return False


def check_whitelist_blacklist(value: Any, whitelist: Any = None, blacklist: Any = None) -> bool:
    """Return whether *value* fits a member of *whitelist*, if there is one, and none of *blacklist*."""
    allowed, denied = _listed(whitelist), _listed(blacklist)
    if any(expr_match(value, expr) for expr in denied):
        return False
    return not allowed or any(expr_match(value, expr) for expr in allowed)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [value]
    return list(value) if isinstance(value, Iterable) else []


def check_include_exclude(path_str: str, include_pat: str | None = None, exclude_pat: str | None = None) -> bool:
    """Return whether a path fits *include_pat*, if given, and not *exclude_pat*: globs, or ``E@`` and an expression."""

    def fits(pattern: str) -> bool:
        if pattern.startswith("E@"):
            return bool(re.search(pattern[2:], path_str))
        return fnmatch.fnmatch(path_str, pattern)

    return (not include_pat or fits(include_pat)) and not (exclude_pat and fits(exclude_pat))


def get_diff(a: Iterable[str], b: Iterable[str], *args: Any, **kwargs: Any) -> str:
    """Return the unified diff of two lists of lines, as text."""
    return "".join(get_diff_list(a, b, *args, **kwargs))


def get_diff_list(a: Iterable[str], b: Iterable[str], *args: Any, **kwargs: Any) -> list[str]:
    """Return the unified diff of two lists of lines, as lines."""
    import difflib

    return list(difflib.unified_diff([*map(to_str, a)], [*map(to_str, b)], *args, **kwargs))


def get_context(template: str, line: int, num_lines: int = 5, marker: str | None = None) -> str:
    """Return the lines of *template* around *line*, which *marker* is put behind."""
    lines = template.splitlines()
    if not lines:
        return ""
    begin, end = max(0, line - num_lines - 1), min(line + num_lines, len(lines))
    if marker and 0 < line <= len(lines):
        lines[line - 1] += marker
    shown = [*(["[...]"] if begin else []), *lines[begin:end], *(["[...]"] if end < len(lines) else [])]
    return "---\n{}\n---".format("\n".join(shown))


def camel_to_snake_case(camel_input: str) -> str:
    """Return ``get_it`` for ``getIt``."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?=[A-Z][a-z]|\d|\W|$)|\d+", camel_input)
    return "_".join(word.lower() for word in words)


def snake_to_camel_case(snake_input: str, uppercamel: bool = False) -> str:
    """Return ``getIt`` for ``get_it``, or ``GetIt``."""
    words = snake_input.split("_")
    return "".join(word.capitalize() if number or uppercamel else word for number, word in enumerate(words))


def print_cli(msg: Any, retries: int = 10, step: float = 0.01) -> None:
    """Print *msg*."""
    print(msg)
