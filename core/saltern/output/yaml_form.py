"""``yaml``: one document in block style; bytes are ``!!binary``."""

from __future__ import annotations

from typing import Any

import yaml

from saltern.plain import Plain


def render(value: Any, color: bool) -> str:
    """Return *value* as a YAML document; *color* is ignored."""
    text = yaml.dump(_sortable(Plain().of(value)), Dumper=_Dumper, default_flow_style=False, allow_unicode=True)
    return text.removesuffix("...\n").rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Quotes texts with a next-line character (U+0085), which PyYAML would write as it is."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if "\x85" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


def _sortable(value: Any) -> Any:
    """Return a plain value with the keys of maps in a fixed order: PyYAML leaves mixed ones as they come."""
    if isinstance(value, dict):
        return {key: _sortable(value[key]) for key in sorted(value, key=str)}
    return [_sortable(member) for member in value] if isinstance(value, list) else value
