"""Keywords among the positional arguments of a job that was sent: the agent calls by them, the master judges by them.

A text of the form ``name=value`` is one (programs send it so), its value read as YAML; a map that is marked with
``__kwarg__`` is several.
"""

from __future__ import annotations

from typing import Any

KWARG = "__kwarg__"
"""Marks a map as keyword arguments, where arguments travel as one list."""


def sent_keywords(arg: Any) -> dict[str, Any] | None:
    """Return the keywords that a positional argument is, ``None`` for one that isn't any."""
    if isinstance(arg, dict):
        if arg.get(KWARG) is not True:
            return None
        return {str(name): value for name, value in arg.items() if name != KWARG}
    if not isinstance(arg, str) or "=" not in arg:
        return None
    from saltern.arguments import parse_arguments  # for those few

    return parse_arguments([arg])[1] or None
