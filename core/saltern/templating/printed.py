"""How values become text in a template: mappings so that YAML reads them as what they were."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import Any


class PrintedMapping(OrderedDict[Any, Any]):
    """A mapping whose text is one of YAML's, also where its texts have line ends."""

    def __str__(self) -> str:
        return self._text(str)

    def __repr__(self) -> str:
        return self._text(repr)

    def _text(self, other: Any) -> str:
        pairs = (f"{key!r}: {_text(one) if isinstance(one, str) else other(one)}" for key, one in self.items())
        return "{" + ", ".join(pairs) + "}"


def _text(value: str) -> str:
    if not any(char in value for char in "\n\r\t"):
        return repr(value)
    import yaml

    text: str = yaml.safe_dump(
        value, default_style='"', default_flow_style=True, width=sys.maxsize >> 32, allow_unicode=True
    )
    return text.rstrip("\n")


def printed(value: Any) -> Any:
    """Return *value* with all mappings in it as such that print well."""
    if isinstance(value, dict):
        return PrintedMapping((key, printed(one)) for key, one in value.items())
    if type(value) in (list, tuple, set):
        return type(value)(printed(one) for one in value)
    return value
