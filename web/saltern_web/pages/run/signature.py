"""A form made from a function's signature, as ``sys.argspec`` tells it, and the arguments that are typed into it.

What has no default is given by its place, as on a command line, so that a grant for certain arguments holds for it;
what has one by its name, and only when it is typed. Values are read as YAML words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.http import QueryDict

from saltern.arguments import parse_value
from saltern_web.api.errors import Refused
from saltern_web.pages.run.words import is_secret, line_of, looks_named, read_line, word_of

PREFIX = "a."
MAX_FIELDS = 200
MAX_ROWS = 100
LEAST_ROWS = 2
LONG = frozenset(("cmd", "source_code", "contents", "content", "text", "data", "script", "code", "template", "value"))


class Parameter(NamedTuple):
    """One parameter; ``default`` is a word, ``None`` when it must be given. ``kind``: text, flag, number or secret."""

    name: str
    default: str | None
    kind: str

    @property
    def field(self) -> str:
        """The name of its field."""
        return f"{PREFIX}{self.name}"

    @property
    def long(self) -> bool:
        """Whether several lines may be typed."""
        return self.kind == "text" and self.name in LONG


class Signature(NamedTuple):
    """What a function takes; the first *placed* parameters may stand before ``*args``, the others go by name alone.

    ``None``: all may.
    """

    parameters: tuple[Parameter, ...] = ()
    varargs: bool = False
    kwargs: bool = False
    placed: int | None = None

    @property
    def has_test(self) -> bool:
        """Whether it can say what it would do."""
        return any(one.name == "test" for one in self.parameters)

    @property
    def by_place(self) -> tuple[Parameter, ...]:
        """The parameters that what is given by its place goes to, before ``*args``."""
        return self.parameters[: self.placed]


@dataclass
class Typed:
    """What is typed for the arguments: a word for each parameter, further ones, named ones, and a line of words."""

    words: dict[str, str] = field(default_factory=dict)
    rows: list[str] = field(default_factory=list)
    named: list[tuple[str, str]] = field(default_factory=list)
    line: str = ""


def signature_of(spec: Any) -> Signature:
    """Return what one entry of ``sys.argspec`` says; of nonsense, nothing."""
    if not isinstance(spec, Mapping):
        return Signature()
    names = [str(name) for name in spec.get("args") or ()][:MAX_FIELDS]
    defaults = list(spec.get("defaults") or ())[-len(names) :] if names else []
    required = len(names) - len(defaults)
    found = [
        Parameter(name, None, _kind(name, ""))
        if number < required
        else Parameter(name, word_of(defaults[number - required]), _kind(name, defaults[number - required]))
        for number, name in enumerate(names)
    ]
    placed = spec.get("placed")
    known = placed if isinstance(placed, int) else None
    return Signature(tuple(found), bool(spec.get("varargs")), bool(spec.get("kwargs")), known)


def _kind(name: str, default: Any) -> str:
    if is_secret(name):
        return "secret"
    if isinstance(default, bool):
        return "flag"
    return "number" if isinstance(default, int | float) else "text"


def typed_in(given: QueryDict) -> Typed:
    """Return what a form has."""
    words = {
        name[len(PREFIX) :]: given.get(name, "")
        for name in list(given)[: 10 * MAX_FIELDS]
        if name.startswith(PREFIX) and given.get(name, "") != ""
    }
    names, values = given.getlist("kn")[:MAX_ROWS], given.getlist("kv")[:MAX_ROWS]
    named = [(name.strip(), value) for name, value in zip(names, values, strict=False) if name.strip() or value]
    return Typed(words, [row for row in given.getlist("va")[:MAX_ROWS] if row], named, given.get("line", "").strip())


def arguments_of(signature: Signature, typed: Typed) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and keyword arguments. Raises ``Refused`` for what is missing, or given twice."""
    line_arg, kwarg_of_line = read_line(typed.line)
    arg: list[Any] = []
    kwarg: dict[str, Any] = {}
    by_place = True
    before_rows = signature.by_place if signature.varargs and typed.rows else ()
    for one in signature.parameters:
        word = typed.words.get(one.name)
        if by_place and one in before_rows and one.default is not None:
            if word is not None and one.kind == "secret":
                raise Refused(f"{one.name} can't be given with further arguments: by its place it would be shown")
            arg.append(parse_value(one.default if word is None else word))
            continue
        if word is None:
            by_place = by_place and one.default is not None
            continue
        value = parse_value(word)
        by_place = by_place and one.default is None and one.kind != "secret" and not looks_named(value)
        if by_place:
            arg.append(value)
        else:
            kwarg[one.name] = value
    rows = [parse_value(row) for row in typed.rows]
    for name, value in [*((name, parse_value(word)) for name, word in typed.named), *kwarg_of_line.items()]:
        if not name:
            raise Refused(f"the argument {str(value)[:40]!r} needs a name")
        if name in kwarg:
            raise Refused(f"{name} is given twice")
        kwarg[name] = value
    arg += rows + line_arg
    _check(signature, arg, kwarg)
    return arg, kwarg


def _check(signature: Signature, arg: Sequence[Any], kwarg: Mapping[str, Any]) -> None:
    """Raise ``Refused`` for what the function can't take, as far as its signature tells."""
    by_place = [one.name for one in signature.by_place[: len(arg)]]
    for name in by_place:
        if name in kwarg:
            raise Refused(f"{name} is given twice")
    missing = [one.name for one in signature.parameters if one.default is None and one.name not in (*by_place, *kwarg)]
    if missing:
        raise Refused(f"{', '.join(missing)}: must be given")


def filled(signature: Signature, arg: Sequence[Any], kwarg: Mapping[str, Any]) -> Typed:
    """Return what is to be typed so that these arguments come of it; what has no field of its own is on the line."""
    typed = Typed()
    names_placed = [one.name for one in signature.by_place if signature.varargs or one.default is None]
    left = list(arg)
    for name in names_placed:
        if not left or name in kwarg:
            break
        typed.words[name] = word_of(left.pop(0))
    if signature.varargs and len(typed.words) == len(names_placed):
        typed.rows, left = [word_of(value) for value in left], []
    names = frozenset(one.name for one in signature.parameters)
    rest: dict[str, Any] = {}
    for name, value in kwarg.items():
        if name in names:
            typed.words[name] = word_of(value)
        elif signature.kwargs:
            typed.named.append((name, word_of(value)))
        else:
            rest[name] = value
    typed.line = line_of(left, rest)
    return typed
