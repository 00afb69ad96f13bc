"""What a target parses to. ``str(node)`` prints it in a form that parses to an equal node.

``column`` is where the node begins in its target, counted from 1; it takes no part in comparisons.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SPECIAL = re.compile(r"""[()'"\\|,{}]""")
_ENUMERATION = re.compile(r"\{[^{}]*\}")


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _print_path(text: str) -> str:
    """Escape what would not parse; commas and braces stay where they form ``{a,b}``."""
    printed = []
    position = 0
    for match in _ENUMERATION.finditer(text):
        printed.append(_escape(text[position : match.start()]))
        alternatives = match[0][1:-1].split(",")
        if all(alternatives) and "." not in match[0]:
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
class Number:
    """An integer or a float."""

    value: int | float
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return repr(self.value).replace("e+", "e")


@dataclass(frozen=True, slots=True)
class String:
    """What stood between the quotes, unchanged: backslashes and doubled quotes stay in it."""

    text: str
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        quote = '"' if re.fullmatch(r'(?:[^"\r\n\\]|""|\\.)*', self.text, re.DOTALL) else "'"
        return f"{quote}{self.text}{quote}"


@dataclass(frozen=True, slots=True)
class Boolean:
    """``true`` or ``false``, in any case."""

    value: bool
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True)
class Infinity:
    """``inf``."""

    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return "inf"


@dataclass(frozen=True, slots=True)
class Nothing:
    """``None``: an argument left at its default."""

    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return "None"


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
        return f"{self.name}({_print_arguments(self.args, self.kwargs)})"


@dataclass(frozen=True, slots=True)
class Template:
    """``template(body, …)``: *body* with ``$1`` … and ``$name`` to be filled in by the arguments."""

    body: PathExpression | Call
    args: tuple[Number | String, ...] = ()
    kwargs: tuple[tuple[str, Number | String], ...] = ()
    column: int = field(default=1, compare=False)

    def __str__(self) -> str:
        return f"template({_print_arguments((self.body, *self.args), self.kwargs)})"


Literal = Number | String | Boolean | Infinity | Nothing
Expression = PathExpression | Call | Template | Literal


def _print_arguments(args: tuple[Expression, ...], kwargs: tuple[tuple[str, Expression], ...]) -> str:
    return ",".join([*map(str, args), *(f"{name}={value}" for name, value in kwargs)])
