"""Filling in templates."""

from __future__ import annotations

import re
from collections.abc import Mapping

from saltern_graphite.target.nodes import Call, Expression, Number, PathExpression, String, Template

_NUMERIC = re.compile(r"-?[0-9]+(\.[0-9]*)?|-?\.[0-9]+")


def fill(template: Template, overrides: Mapping[str, str]) -> Expression:
    """The template's body with its variables replaced; *overrides* beat the template's own values.

    A path that is nothing but one variable becomes a number if the value reads like one, else text (which
    stands for a path where series are wanted).
    """
    values: dict[str, str | int | float] = {}
    for name, literal in template.kwargs:
        values[name] = literal.value if isinstance(literal, Number) else literal.text
    for index, literal in enumerate(template.args, start=1):
        values[str(index)] = literal.value if isinstance(literal, Number) else literal.text
    values.update(overrides)
    body = _fill(template.body, values)
    return PathExpression(body.text, body.column) if isinstance(body, String) else body


def _fill(expression: Expression, values: Mapping[str, str | int | float]) -> Expression:
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
    if isinstance(whole, str):
        if _NUMERIC.fullmatch(whole):
            return Number(float(whole), expression.column)
        return String(whole, expression.column)
    if whole is not None:
        return Number(whole, expression.column)
    text = expression.text
    for name in sorted(values, key=len, reverse=True):
        text = text.replace(f"${name}", str(values[name]))
    return PathExpression(text, expression.column)
