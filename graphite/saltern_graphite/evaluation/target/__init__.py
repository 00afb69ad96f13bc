"""The language of ``target=``: parsing it and printing it."""

from saltern_graphite.evaluation.target.nodes import (
    Boolean,
    Call,
    Expression,
    Infinity,
    Nothing,
    Number,
    PathExpression,
    String,
    Template,
    fill,
)
from saltern_graphite.evaluation.target.parser import parse, scan_path

__all__ = [
    "Boolean",
    "Call",
    "Expression",
    "Infinity",
    "Nothing",
    "Number",
    "PathExpression",
    "String",
    "Template",
    "fill",
    "parse",
    "scan_path",
]
