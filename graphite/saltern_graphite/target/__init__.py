"""The language of ``target=``: parsing it and printing it."""

from saltern_graphite.target.nodes import (
    Boolean,
    Call,
    Expression,
    Infinity,
    Nothing,
    Number,
    PathExpression,
    String,
    Template,
)
from saltern_graphite.target.parser import parse, scan_path
from saltern_graphite.target.substitute import fill

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
