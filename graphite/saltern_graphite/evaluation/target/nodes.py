"""What a target parses to. ``str(node)`` prints it in a form that parses to an equal node.

``column`` is where the node begins in its target, counted from 1; it takes no part in comparisons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_SPECIAL = re.compile(r"""[()'"\\|,{}]""")
_ENUMERATION = re.compile(r"\{[^{}]*\}")
_NUMERIC = re.compile(r"-?[0-9]+(\.[0-9]*)?|-?\.[0-9]+")

LiteralValue = int | float | bool | str | None


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _print_path(text: str) -> str:
    """Escape what would not parse; commas and braces stay where they form ``{a,b}``."""
    printed = []
    position = 0
    for match in _ENUMERATION.finditer(text):
        printed.append(_escape(text[position : match.start()]))
        alternatives = match[0][1:-1].split(",")
        if "." not in match[0]:
            printed.append("{" + ",".join(_escape(one) for one in alternatives) + "}")
        else:
            printed.append(_escape(match[0]))
        position = match.end()
    printed.append(_escape(text[position:]))
    return "".join(printed)


@dataclass(frozen=True, slots=True)
class PathExpression:
    """A metric path, with or without wildcards, its escapes undone."""

    text: str
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return _print_path(self.text)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, ``true`` or ``false``, ``None`` (an argument left at its default), or a string: what stood between the
    quotes, unchanged: backslashes and doubled quotes stay in it."""

    value: LiteralValue
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        if isinstance(self.value, str):
            quote = '"' if re.fullmatch(r'(?:[^"\r\n\\]|""|\\.)*', self.value, re.DOTALL) else "'"
            return f"{quote}{self.value}{quote}"
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return repr(self.value).replace("e+", "e")


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments. ``a | f(1)`` parses to the same as ``f(a, 1)``.

    ``text`` is the call as it was written; empty for one that was piped into or made otherwise.
    """

    name: str
    args: tuple[Expression, ...] = ()
    kwargs: tuple[tuple[str, Expression], ...] = ()
    column: int = field(default=1, compare=False)
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.name}({','.join([*map(str, self.args), *(f'{name}={value}' for name, value in self.kwargs)])})"


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
        return Call(
            expression.name,
            tuple(_fill(one, values) for one in expression.args),
            tuple((name, _fill(one, values)) for name, one in expression.kwargs),
            expression.column,
        )
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
