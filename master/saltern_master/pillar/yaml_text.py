"""YAML as Salt reads it in sls files, and texts marked ``!secret``.

Unlike YAML 1.1: a key that is there twice is an error, numbers with a leading zero are decimal (``0644`` is 644), dates
stay text, and with ``<<`` a map's own keys count.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import yaml

from saltern.secret import Secret

MARK = "!secret"
MAX_NODES = 500_000
"""Texts, lists and maps of one text, each as often as an alias repeats it."""
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_SAID = {"found character '\\t' that cannot start any token": "Illegal tab character"}


class YamlError(Exception):
    """A text is not YAML. ``line``: where, from 1, or 0."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.line = line


class _Loader(_Base):  # type: ignore[misc]  # the compiled base has no types
    """YAML as Salt reads it. What is wrong with a node is a ``yaml.MarkedYAMLError``, which knows the line."""

    def mapping(self, node: yaml.MappingNode) -> Iterator[dict[Any, Any]]:
        """Yield a map before it is filled: what is in it may refer to it."""
        data: dict[Any, Any] = {}
        yield data
        data.update(self.construct_mapping(node))

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Any, Any]:
        """Return a map, in which each key is there once."""
        if not isinstance(node, yaml.MappingNode):
            raise _error(None, node, f"expected a mapping node, but found {getattr(node, 'id', 'another')}")
        self.flatten_mapping(node)
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=deep)
            try:
                known = key in found
            except TypeError:
                raise _error(node, key_node, f"found unacceptable key {key_node.value}") from None
            value = self.construct_object(value_node, deep=deep)
            if known:
                raise _error(node, key_node, f"found conflicting ID '{key}'")
            found[key] = value
        return found

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put what is merged into a map below what it has itself, which stays where both have a key."""
        own, under = [], []
        for key_node, value_node in node.value:
            if key_node.tag != f"{_TAG}merge":
                if key_node.tag == f"{_TAG}value":
                    key_node.tag = f"{_TAG}str"
                own.append((key_node, value_node))
                continue
            several = isinstance(value_node, yaml.SequenceNode)
            for member in reversed(value_node.value) if several else [value_node]:
                if not isinstance(member, yaml.MappingNode):
                    wanted = "a mapping for merging" if several else "a mapping or list of mappings for merging"
                    raise _error(node, member, f"expected {wanted}, but found {member.id}")
                self.flatten_mapping(member)
                under += member.value
        names = {key.value for key, _ in own if isinstance(key.value, str)}
        node.value = [*((key, value) for key, value in under if key.value not in names), *own]

    def number(self, node: yaml.ScalarNode) -> int:
        """Return a whole number: with zeros before it it is decimal, not octal."""
        text = node.value
        if text.startswith("0") and not text.startswith(("0b", "0x")):
            node.value = text.lstrip("0") or "0"
        return int(self.construct_yaml_int(node))

    def binary(self, node: yaml.ScalarNode) -> bytes:
        """Return the bytes of a text in base64, whose padding may be missing."""
        try:
            text = self.construct_scalar(node).encode("ascii")
            return base64.decodebytes(text + b"=" * (-len(text) % 4))
        except (UnicodeEncodeError, binascii.Error) as error:
            raise _error(None, node, f"failed to decode base64 data: {error}") from None

    def secret(self, node: yaml.Node) -> Secret:
        """Return a text as one that is shown to nobody."""
        if not isinstance(node, yaml.ScalarNode):
            raise _error(None, node, f"{MARK} marks a text")
        try:
            return Secret(node.value)
        except ValueError as error:
            raise _error(None, node, str(error)) from None

    def text(self, node: yaml.ScalarNode) -> str:
        """Return what another tag would make something else of, a date, as the text that it is."""
        return str(self.construct_scalar(node))


for _name, _constructor in (
    (f"{_TAG}map", _Loader.mapping),
    (f"{_TAG}omap", _Loader.mapping),
    (f"{_TAG}int", _Loader.number),
    (f"{_TAG}binary", _Loader.binary),
    (f"{_TAG}timestamp", _Loader.text),
    (f"{_TAG}python/unicode", _Loader.text),
    (MARK, _Loader.secret),
):
    _Loader.add_constructor(_name, _constructor)


def parsed(text: str) -> Any:
    """Return what a text says, ``{}`` for one that says nothing. Raises ``YamlError``."""
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return {}
        if "*" in text and _unfolded(node, {}) > MAX_NODES:
            raise YamlError(f"its aliases (*name) repeat so much that it has over {MAX_NODES:,} entries")
        return loader.construct_document(node) or {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        said = _SAID.get(str(error.problem))
        if isinstance(error, yaml.scanner.ScannerError):
            said = said or str(error.problem)
        raise YamlError(said or str(error), line) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise YamlError(str(error) or "nested too deeply") from None
    finally:
        if loader is not None:
            loader.dispose()


def _error(within: yaml.Node | None, node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    context = "while constructing a mapping" if within is not None else None
    mark = within.start_mark if within is not None else None
    return yaml.constructor.ConstructorError(context, mark, problem, node.start_mark)


def _unfolded(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many nodes there are in *node* when each alias is what it stands for."""
    count = known.get(id(node))
    if count is None:
        known[id(node)] = count = 1
        if isinstance(node, yaml.MappingNode):
            count += sum(_unfolded(key, known) + _unfolded(value, known) for key, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            count += sum(_unfolded(member, known) for member in node.value)
        known[id(node)] = count
    return count
