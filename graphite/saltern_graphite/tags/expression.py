"""Conditions on tags: ``tag=value``, ``tag!=value``, ``tag=~regex``, ``tag!=~regex``.

A series without the tag counts as one whose value is empty: ``dc=`` finds those without ``dc``, ``dc!=`` those that
have it. Regular expressions are anchored at the start of the value, not at its end; one that begins with ``^`` is
taken as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from saltern.errors import FunctionError
from saltern_graphite.functions.patterns import Pattern, compiled

MAX_EXPRESSIONS = 100
MAX_EXPRESSION_CHARS = 2_000
_EXPRESSION = re.compile(r"([^;!=]+)(!?=~?)([^;]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TagExpression:
    """One condition. ``negative``: one of the operators with ``!``; ``pattern``: for one of those with ``~``.

    ``needs_value``: series without the tag don't pass.
    """

    tag: str
    negative: bool
    value: str
    pattern: Pattern | None
    needs_value: bool

    def accepts(self, value: str) -> bool:
        """Whether a series with *value*, which is not empty, passes."""
        if self.pattern is None:
            return (value == self.value) != self.negative
        # Graphite's database searches where a value is needed and matches elsewhere: it shows for "^a|b"
        found = self.pattern.search(value) if self.needs_value else self.pattern.match(value)
        return (found is not None) != self.negative


def anchored(param: str, pattern: str) -> Pattern:
    """*pattern* compiled, held to the start of what it is looked for in; ``FunctionError`` names *param*."""
    as_written = compiled(param, pattern)  # a complaint shows it so
    return as_written if pattern.startswith("^") else compiled(param, f"^({pattern})")


def parse_expression(text: str) -> TagExpression:
    """One expression; ``FunctionError`` says what is wrong with it."""
    if len(text) > MAX_EXPRESSION_CHARS:
        raise FunctionError(f"a tag expression has {len(text)} characters: {MAX_EXPRESSION_CHARS} are allowed")
    found = _EXPRESSION.fullmatch(text)
    if found is None:
        raise FunctionError(f"{text!r} is no tag expression: write tag=value, tag!=value, tag=~regex or tag!=~regex")
    tag, operator, value = found.groups()
    negative = operator.startswith("!")
    pattern = anchored(f"the expression for tag {tag!r}", value) if operator.endswith("~") else None
    passes_without = (value == "" if pattern is None else pattern.match("") is not None) != negative
    return TagExpression(tag, negative, value, pattern, not passes_without)


def parse_expressions(texts: Sequence[str]) -> list[TagExpression]:
    """All of *texts*; ``FunctionError`` if one is wrong, or if none of them needs a value."""
    if len(texts) > MAX_EXPRESSIONS:
        raise FunctionError(f"{len(texts)} tag expressions: {MAX_EXPRESSIONS} are allowed")
    expressions = [parse_expression(text) for text in texts]
    if not any(expression.needs_value for expression in expressions):
        raise FunctionError("at least one tag expression must need a value, such as name=cpu or dc=~.+")
    return expressions
