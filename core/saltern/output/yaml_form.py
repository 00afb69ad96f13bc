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

    def written(dumper: Any) -> str:
        plain = _sortable(Plain().of(value))
        text: str = yaml.dump(plain, Dumper=dumper, default_flow_style=flow, indent=indent, allow_unicode=True)
        return text

    try:
        text = written(_Dumper)
    except UnicodeEncodeError:  # half a character, which libyaml doesn't take
        text = written(_PatientDumper)
    return HIDDEN.sub(escape, text).removesuffix("...\n")


class _PatientDumper(yaml.SafeDumper):
    """PyYAML's own, which takes every text, and folds long ones otherwise than libyaml."""


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # PyYAML may be without libyaml
    """libyaml's, by which Salt writes: they differ in where a text in double quotes is folded."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Put a text in double quotes that has what PyYAML would write as it is: an escape means something there."""
    style = None if text.isprintable() or not HIDDEN.search(text) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)
_PatientDumper.add_representer(str, _text)


def _sortable(value: Any) -> Any:
    """Return a plain value with the keys of maps in a fixed order: PyYAML leaves mixed ones as they come."""
    if isinstance(value, dict):
        return {key: _sortable(value[key]) for key in sorted(value, key=str)}
    return [_sortable(member) for member in value] if isinstance(value, list) else value
