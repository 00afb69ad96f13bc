"""Keys that stand twice in one map of a configuration file: YAML's reader takes the last one in silence."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from saltern.config.includes import option_files
from saltern.visible import visible

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A tenth of the work, where PyYAML has it; nothing is made of what it reads."""


def repeats(main: str) -> Iterator[str]:
    """Yield a line for each key within an option that is set twice, in the files behind *main* that can be read.

    Options themselves that are set twice are a fault of the file.
    """
    for file in option_files(main):
        try:
            with open(file, "rb") as stream:
                node = yaml.compose(stream, _LOADER)
        except (OSError, yaml.YAMLError, RecursionError):  # told by who reads it for its options
            continue
        for line, path, first in _within(node, "", set()):
            twice = f"{visible(path)} is set twice, first on line {first}, which counts for nothing"
            yield f"{file}: line {line}: {twice}: keep one"


def _within(node: yaml.Node | None, path: str, seen: set[int]) -> Iterator[tuple[int, str, int]]:
    """Yield line, dotted key and the line where it stood first, for each below *node*; *seen*: nodes by their ids."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for member in node.value:
            yield from _within(member, path, seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = f"{path}: {key_node.value}" if path else str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in lines and isinstance(key_node, yaml.ScalarNode) and key_node.value != "<<":
                yield line, key, lines[key]
            lines.setdefault(key, line)
            yield from _within(value_node, key, seen)
