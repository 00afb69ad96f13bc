"""A recursive-descent parser for targets.

::

    target     := expression
    expression := (template | call | path) ('|' call)*
    call       := NAME '(' [argument (',' argument)*] ')'
    argument   := NAME '=' value | value             # named ones last
    value      := true | false | none | inf | number | string | expression
    template   := 'template' '(' (call | path) (',' [NAME '='] (number | string))* ')'
    path       := element ('.' element)*
    element    := (chars | '{' [chars] (',' [chars])* '}')+

Blanks are allowed between tokens, not inside a path. A number, ``true``, ``none`` … is a word that reads like
a path: it is scanned as one and then recognised, so that ``true.count`` is a metric and ``007`` is 7; a number alone
may begin or end with its dot, ``.75``, ``5.``. Unlike Graphite's, the grammar is anchored at the end: what follows a
target is an error, not ignored.
"""

from __future__ import annotations

import math
import re

from saltern.errors import TargetSyntaxError
from saltern_graphite.evaluation.target.nodes import Call, Expression, Literal, LiteralValue, PathExpression, Template

MAX_DEPTH = 64
"""How deep calls may nest: far beyond any dashboard, well within Python's stack."""

_KEYWORDS = {"true": True, "false": False, "none": None, "inf": math.inf}
_BLANKS = re.compile(r"[ \t\r\n]*")
_CALLED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[ \t\r\n]*\(")
_KEYWORD_ARGUMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[ \t\r\n]*=[ \t\r\n]*")
_CHARS = r"""(?:[^\s\x00-\x1f\x7f(){},.'"\\|]|\\[(){},.'"\\|=])"""
_OPEN_ENUMERATION = re.compile(rf"\{{{_CHARS}*(?:,{_CHARS}*)*")
"""An alternative may be empty: rack{7,} is rack7 and rack."""
_ELEMENT = re.compile(rf"(?:{_CHARS}|{_OPEN_ENUMERATION.pattern}\}})*")
_ESCAPED = re.compile(r"\\(.)")
_INTEGER = re.compile(r"-?[0-9]{1,300}")
_FLOAT = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?(?:[eE]-?[0-9]{1,4})?")
_DOTTED = re.compile(r"-?(?:\.[0-9]{1,300}(?:[eE]-?[0-9]{1,4})?|[0-9]{1,300}\.)(?=[ \t\r\n]*(?:[,)|]|\Z))")
_STRING = re.compile(r""""((?:[^"\r\n\\]|""|\\.)*)"|'((?:[^'\r\n\\]|''|\\.)*)'""", re.DOTALL)


def parse(target: str, max_depth: int = MAX_DEPTH) -> Expression:
    """Parse one target. ``TargetSyntaxError`` says at which column (from 1) what was expected."""
    return _Parser(target, max_depth).target()


def scan_path(text: str, position: int) -> str | None:
    """The path that begins at *position* of *text*, escapes undone; None if there is none."""
    parser = _Parser(text, MAX_DEPTH)
    parser.position = position
    try:
        return parser.path()
    except TargetSyntaxError:
        return None


class _Parser:
    def __init__(self, text: str, max_depth: int) -> None:
        self.text = text
        self.position = 0
        self._max_depth = self._depth_left = max_depth

    def target(self) -> Expression:
        """The whole of the text as one expression."""
        expression = self._expression()
        self._skip_blanks()
        if self.position < len(self.text):
            if self._peek() == ")":
                raise self._error("this ')' closes nothing")
            raise self._error(f"the target should end here, found {self._found()}")
        return expression

    def _expression(self) -> PathExpression | Call | Template:
        expression = self._operand()
        while self._take("|"):
            self._skip_blanks()
            column = self._column()
            name = self._name()
            if name is None or name == "template":
                raise self._error("expected a function call after '|'")
            piped = self._call(name, column)
            expression = Call(name, (expression, *piped.args), piped.kwargs, column)
        return expression

    def _operand(self) -> PathExpression | Call | Template:
        self._skip_blanks()
        column = self._column()
        name = self._name()
        if name is None:
            return PathExpression(self.path(), column)
        call = self._call(name, column)
        return self._template(call) if name == "template" else call

    def _name(self) -> str | None:
        """The name of a call, if one begins here, read with its '('."""
        match = _CALLED.match(self.text, self.position)
        if match is None:
            return None
        self.position = match.end()
        return match[1]

    def _call(self, name: str, column: int) -> Call:
        self._enter()
        args: list[Expression] = []
        kwargs: dict[str, Expression] = {}
        if not self._take(")"):
            while True:
                self._skip_blanks()
                keyword = _KEYWORD_ARGUMENT.match(self.text, self.position)
                if keyword is not None:
                    if keyword[1] in kwargs:
                        raise self._error(f"argument {keyword[1]!r} is given twice")
                    self.position = keyword.end()
                    kwargs[keyword[1]] = self._value()
                elif kwargs:
                    raise self._error("arguments without a name come before those with one")
                else:
                    args.append(self._value())
                if self._take(")"):
                    break
                if not self._take(","):
                    raise self._error(f"expected ',' or ')' to go on with '{name}(', found {self._found()}")
        self._depth_left += 1
        return Call(name, tuple(args), tuple(kwargs.items()), column, self.text[column - 1 : self.position])

    def _template(self, call: Call) -> Template:
        body, *given = call.args or (None,)
        if not isinstance(body, PathExpression | Call) or (isinstance(body, Call) and not body.text):
            raise self._error("template() takes a path or a function, not piped into, as its first argument")
        values: dict[str, LiteralValue] = {}
        for name, one in (*enumerate(given, start=1), *call.kwargs):
            if not isinstance(one, Literal) or isinstance(one.value, bool | None):
                self.position = one.column - 1
                raise self._error("template() takes numbers and strings after its first argument")
            values[str(name)] = one.value
        return Template(body, values, call.column)

    def _value(self) -> Expression:
        self._skip_blanks()
        column = self._column()
        if self._peek() in ('"', "'"):
            return self._string(column)
        begin = self.position
        dotted = _DOTTED.match(self.text, begin)
        if dotted is not None:
            self.position = dotted.end()
            return Literal(float(dotted[0]), column)
        expression = self._expression()
        if isinstance(expression, PathExpression):
            return _literal(self.text[begin : self.position].rstrip(), column) or expression
        return expression

    def _string(self, column: int) -> Literal:
        match = _STRING.match(self.text, self.position)
        if match is None:
            raise self._error(f"this string has no closing {self._peek()}")
        self.position = match.end()
        return Literal(match[match.lastindex or 1], column)

    def path(self) -> str:
        """A path that begins right here."""
        begin = self.position
        while True:
            element = self._skip(_ELEMENT)
            if self._peek() == "{":
                self._unclosed()
            if not element:
                raise self._error(f"expected a metric path or a function, found {self._found()}")
            if self._peek() != ".":
                return _ESCAPED.sub(r"\1", self.text[begin : self.position])
            self.position += 1

    def _unclosed(self) -> None:
        """Say what is wrong after the '{' right here."""
        opening = self._column()
        self._skip(_OPEN_ENUMERATION)
        raise self._error(f"expected ',' or '}}' for the '{{' in column {opening}, found {self._found()}")

    def _enter(self) -> None:
        if self._depth_left <= 0:
            raise self._error(f"calls are nested too deeply here: {self._max_depth} levels are allowed")
        self._depth_left -= 1

    def _take(self, token: str) -> bool:
        self._skip_blanks()
        if self._peek() != token:
            return False
        self.position += 1
        return True

    def _peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        """Go on behind what *pattern*, which may match nothing, matches here; whether that is anything."""
        match = pattern.match(self.text, self.position)
        begin, self.position = self.position, match.end() if match else self.position
        return self.position > begin

    def _skip_blanks(self) -> None:
        self._skip(_BLANKS)

    def _column(self) -> int:
        return self.position + 1

    def _found(self) -> str:
        return repr(self._peek()) if self._peek() else "the end"

    def _error(self, message: str) -> TargetSyntaxError:
        return TargetSyntaxError(f"column {self._column()}: {message}")


def _literal(word: str, column: int) -> Literal | None:
    """What *word* stands for as an argument, if it is no path."""
    keyword = word.lower()
    if keyword in _KEYWORDS:
        return Literal(_KEYWORDS[keyword], column)
    if _INTEGER.fullmatch(word):
        return Literal(int(word), column)
    if _FLOAT.fullmatch(word):
        return Literal(float(word), column)
    return None
