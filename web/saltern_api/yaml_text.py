"""YAML from outside, within bounds: it makes no objects, and repeats nothing without end."""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_BYTES = 32 * 1024
"""What comes to half a second at worst; JSON may be longer."""
MAX_STRANGERS_BYTES = 4 * 1024
"""Of someone who isn't known yet."""
MAX_DEPTH = 64
"""Brackets in one another: the reader's work grows with their number for each character."""
MAX_NODES = 50_000
_BRACKETS = re.compile(r"[\[\]{}]")


class NotYaml(ValueError):
    """A text that is no YAML, or too much of it; says why in one line."""


def read_yaml(text: str | bytes, most: int = MAX_BYTES) -> Any:
    """Return what *text*, of *most* bytes, holds. Raises ``NotYaml``."""
    if len(text) > most:
        raise NotYaml(f"YAML of over {most:,} bytes is not read: send JSON")
    if _depth(text if isinstance(text, str) else text.decode("latin-1")) > MAX_DEPTH:
        raise NotYaml("nested too deeply")
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _unfolded(node, {}) > MAX_NODES:
            raise NotYaml(f"its aliases (*name) repeat so much that it has over {MAX_NODES:,} entries")
        return loader.construct_document(node)
    except NotYaml:
        raise
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        problem = getattr(error, "problem", None) or str(error).split("\n")[0]
        raise NotYaml("nested too deeply" if isinstance(error, RecursionError) else problem) from None
    finally:
        if loader is not None:
            loader.dispose()


def _depth(text: str) -> int:
    """Return how many brackets are open at once; those in quotes count, too, as nothing was read yet."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(text):
        depth = depth + 1 if bracket in "[{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def _unfolded(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many nodes there are in *node* when each alias is what it stands for; *known*: of those seen."""
    count = known.get(id(node))
    if count is None:
        known[id(node)] = count = 1  # one that is in itself can't be made
        if isinstance(node, yaml.MappingNode):
            count += sum(_unfolded(key, known) + _unfolded(value, known) for key, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            count += sum(_unfolded(member, known) for member in node.value)
        known[id(node)] = count
    return count
