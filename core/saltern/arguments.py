"""Arguments as they are typed: words that are read as YAML, as Salt reads them.

``12`` is a number, ``true`` a boolean, ``[a, b]`` a list, ``{a: 1}`` a map, ``null`` and ``None`` nothing,
``key=value`` a keyword argument. It is YAML 1.1 (``yes`` is true, ``12:30`` is 750 in base 60, ``1e3`` a text), but
for leading zeros, which mean nothing (``0644`` is 644), and dates, which are texts. A word stays the text that it is
where YAML would make of it what nobody means on a command line: a comment, a map or list without brackets
(``a: b``), a number with underscores (``1_000``), or where it is no YAML at all.

Whatever a word is, reading it costs little, and raises nothing: what is deeper than ``MAX_DEPTH`` levels, has more
than ``MAX_MEMBERS`` members once its aliases are followed, or holds itself, is a text too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable
from typing import Any

import yaml

from saltern.plain import MAX_DEPTH

MAX_MEMBERS = 100_000
MAX_MERGED = 1000
MAX_NUMBER_CHARS = 4300  # what Python makes an integer of
JID_DIGITS = 20

_KEYWORD = re.compile(r"([^\d\W][\w.-]*)=(?!=)(.*)$")
_GROUPED_DIGITS = re.compile(r"\s*[0-9_]*_[0-9_]*\s*")
_BLOCKS = re.compile(r"(?:[-?:] +)*")
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_arguments(words: Iterable[Any], no_parse: Collection[str] = ()) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and the keyword arguments of *words*; never raises, a word can always be a text.

    Keywords that *no_parse* names stay texts. What is no text is a positional argument as it is. A number of 20 digits
    stays a text: it is a jid.
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for word in words:
        keyword = _KEYWORD.match(word) if isinstance(word, str) else None
        if keyword:
            name, text = keyword.groups()
            kwargs[name] = text if name in no_parse else parse_value(text)
        else:
            value = parse_value(word) if isinstance(word, str) else word
            args.append(str(value) if _is_jid(value) else value)
    return args, kwargs


def keywords_among(args: Iterable[Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return *args* without the texts of the form ``name=value``, and those as keyword arguments, their values read.

    Functions are called so: a positional argument that looks like a keyword, also one in quotes, is one.
    """
    others: list[Any] = []
    kwargs: dict[str, Any] = {}
    for arg in args:
        found = parse_arguments([arg])[1] if isinstance(arg, str) and "=" in arg else {}
        kwargs |= found
        if not found:
            others.append(arg)
    return others, kwargs


def parse_value(text: str) -> Any:
    """Return what one word of a command line means: as YAML says it, a number, a list or a map, else the text itself.

    It never raises: what is no YAML, nested too deeply or too large stays a text.
    """
    if text == "None":
        return None
    if text.strip() in ("", "---", "...") or any(sign in text for sign in "\t\r\n") or _GROUPED_DIGITS.fullmatch(text):
        return text
    if _nesting(text) > MAX_DEPTH:
        return text
    try:
        value = yaml.load(text, Loader=WordLoader)  # noqa: S506  # it is a safe one
        meant = value is not None and not isinstance(value, str) if "#" in text else _is_meant(value, text)
        return _carried(value, [MAX_MEMBERS], 0) if meant else text
    except Exception:  # it is no YAML, or none that is worth the effort
        return text


def _is_meant(value: Any, text: str) -> bool:
    """Say whether *value* is what someone who typed *text* means."""
    if isinstance(value, dict):
        return text.startswith("{")
    if isinstance(value, list):
        return text.startswith("[")
    if value is None:
        return text != "!"
    return isinstance(value, (str, int, float)) and not (value == "" and text in ("|", "!"))


def _nesting(text: str) -> int:
    """Return how deep *text* can be nested at most."""
    deepest = depth = 0
    for sign in re.findall(r"[\[\]{}]", text):
        depth += 1 if sign in "[{" else -1
        deepest = max(deepest, depth)
    blocks = _BLOCKS.match(text)
    return deepest + (len(blocks[0].split()) if blocks else 0)


def _carried(value: Any, left: list[int], depth: int) -> Any:
    """Return *value* as it is carried to a function. Raises ``ValueError`` when it has a set or too much in it."""
    left[0] -= 1
    if left[0] < 0 or depth > MAX_DEPTH:
        raise ValueError
    if isinstance(value, dict):
        return {_carried(key, left, depth + 1): _carried(member, left, depth + 1) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_carried(member, left, depth + 1) for member in value]
    if isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX:
        return str(value)
    if value is None or isinstance(value, (str, int, float, bytes)):
        return value
    raise ValueError


def _is_jid(value: Any) -> bool:
    return type(value) is int and len(str(value)) == JID_DIGITS


class WordLoader(_Loader):  # type: ignore[misc]
    """Makes what Salt's own loader makes of YAML."""

    def construct_scalar(self, node: Any) -> Any:
        """Return the text of a scalar, a number's without the zeros that it begins with."""
        text = super().construct_scalar(node)
        if node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
            if len(text) > MAX_NUMBER_CHARS:
                raise ValueError
            if node.tag.endswith("int") and text.startswith("0") and not text.startswith(("0b", "0x")):
                return text.lstrip("0") or "0"
        return text

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a map. Raises ``ValueError`` when it is none, or a key is there twice or can't be one."""
        if not isinstance(node, yaml.MappingNode):
            raise ValueError
        self.flatten_mapping(node)
        made: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=deep)
            if not isinstance(key, Hashable) or key in made:
                raise ValueError
            made[key] = self.construct_object(value_node, deep=deep)
        return made

    def flatten_mapping(self, node: Any) -> None:
        """Put what ``<<`` names into a map; what is there itself counts. Raises ``ValueError`` for too much of it."""
        own, merged = [], []
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                several = isinstance(value_node, yaml.SequenceNode)
                for map_node in reversed(value_node.value) if several else [value_node]:
                    self.flatten_mapping(map_node)
                    merged += map_node.value
                    if len(merged) > MAX_MERGED:
                        raise ValueError
            else:
                if key_node.tag == "tag:yaml.org,2002:value":  # a lone =
                    key_node.tag = "tag:yaml.org,2002:str"
                own.append((key_node, value_node))
        names = {key_node.value for key_node, _ in own if isinstance(key_node.value, str)}
        node.value = [pair for pair in merged if pair[0].value not in names] + own


WordLoader.add_constructor("tag:yaml.org,2002:timestamp", WordLoader.construct_scalar)
