"""What an answer says of itself to the access log."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

_KEY = "saltern.facts"


def collect_facts(scope: MutableMapping[str, Any]) -> dict[str, object]:
    """Have the facts of the request in *scope* kept, and return where."""
    facts: dict[str, object] = {}
    scope[_KEY] = facts
    return facts


def tell(scope: MutableMapping[str, Any], **facts: object) -> None:
    """Add *facts* to those of the request in *scope*, if anyone collects them."""
    scope.get(_KEY, {}).update(facts)
