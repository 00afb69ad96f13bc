"""``yaml``: one document in block style; bytes are ``!!binary``."""

from __future__ import annotations

from typing import Any

import yaml

from saltern.output.look import Look
from saltern.plain import Plain
from saltern.visible import HIDDEN, escape


def render(value: Any, look: Look) -> str:
    """Return *value* as a YAML document; a negative indent makes it flow, ``{a: [1, 2]}``."""
    flow = look.indent is not None and look.indent < 0
    indent = 0 if flow else look.indent
    text = yaml.dump(
        _sortable(Plain().of(value)), Dumper=_Dumper, default_flow_style=flow, indent=indent, allow_unicode=True
    )
    return HIDDEN.sub(escape, text).removesuffix("...\n")


class _Dumper(yaml.SafeDumper):
    """Puts a text in double quotes that has what PyYAML would write as it is: an escape means something there.

    An empty key is a simple one, ``'': 1``, as for libyaml.
    """

    def check_simple_key(self) -> bool:
        """Say whether a key needs no ``?`` before it."""
        empty = isinstance(self.event, yaml.ScalarEvent) and not self.event.value
        return empty or super().check_simple_key()


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() or not HIDDEN.search(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


def _sortable(value: Any) -> Any:
    """Return a plain value with the keys of maps in a fixed order: PyYAML leaves mixed ones as they come."""
    if isinstance(value, dict):
        return {key: _sortable(value[key]) for key in sorted(value, key=str)}
    return [_sortable(member) for member in value] if isinstance(value, list) else value
