"""What a target parses to.

``column`` is where the node begins in its target, counted from 1; it takes no part in comparisons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

_NUMERIC = re.compile(r"-?[0-9]+(\.[0-9]*)?|-?\.[0-9]+")

LiteralValue = int | float | bool | str | None


@dataclass(frozen=True, slots=True)
class PathExpression:
    """A metric path, with or without wildcards, its escapes undone."""

    text: str
    column: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, ``true`` or ``false``, ``None`` (an argument left at its default), or a string: what stood between the
    quotes, unchanged: backslashes and doubled quotes stay in it."""

    value: LiteralValue
    column: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments. ``a | f(1)`` parses to the same as ``f(a, 1)``.

    ``text`` is the call as it was written; empty for one that was piped into.
    """

    name: str
    args: tuple[Expression, ...] = ()
    kwargs: tuple[tuple[str, Expression], ...] = ()
    column: int = field(default=1, compare=False)
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Template:
    """``template(body, …)``: *body* with ``$1`` … and ``$name`` to be filled in by *values*."""

    body: PathExpression | Call
    values: Mapping[str, LiteralValue]
    column: int = field(default=1, compare=False)


Expression = PathExpression | Call | Template | Literal


def fill(template: Template, overrides: Mapping[str, str]) -> Expression:
    """The template's body with its variables replaced; *overrides* beat the template's own values.

    A path that is nothing but one variable becomes a number if the value reads like one, else text (which
    stands for a path where series are wanted).
    """
    body = _fill(template.body, {**template.values, **overrides})
    if isinstance(body, Literal) and isinstance(body.value, str):
        return PathExpression(body.value, body.column)
    return body


def _fill(expression: Expression, values: Mapping[str, LiteralValue]) -> Expression:
    if isinstance(expression, Call):
        args = tuple(_fill(one, values) for one in expression.args)
        kwargs = tuple((name, _fill(one, values)) for name, one in expression.kwargs)
        return replace(expression, args=args, kwargs=kwargs)
    if not isinstance(expression, PathExpression) or "$" not in expression.text:
        return expression
    whole = values.get(expression.text[1:]) if expression.text.startswith("$") else None
    if whole is not None:
        numeric = isinstance(whole, str) and _NUMERIC.fullmatch(whole)
        return Literal(float(whole) if numeric else whole, expression.column)
    text = expression.text
    for name in sorted(values, key=len, reverse=True):
        text = text.replace(f"${name}", str(values[name]))
    return PathExpression(text, expression.column)
