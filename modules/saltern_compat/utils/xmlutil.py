"""``salt.utils.xmlutil``: XML as mappings."""

from __future__ import annotations

from typing import Any


def to_dict(xmltree: Any, attr: bool = False) -> Any:
    """Return an element of XML as mappings, lists and texts; *attr*: with attributes."""
    children = list(xmltree)
    own = dict(xmltree.attrib.items()) if attr else {}
    if not children:
        text = xmltree.text
        if own:
            return {**own, _name(xmltree): text} if text else own
        return text
    made: dict[str, Any] = dict(own)
    for child in children:
        name, value = _name(child), to_dict(child, attr)
        if name not in made:
            made[name] = value
        elif isinstance(made[name], list):
            made[name].append(value)
        else:
            made[name] = [made[name], value]
    return made


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
