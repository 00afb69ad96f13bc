"""What ``result.html`` may say: tags and filters that show values, and none that escape from it.

There is no ``include``, ``extends``, ``load``, ``url``, ``debug``, ``autoescape`` and no ``safe``: a template shows the
one result that it is given, escaped. Nor is there what makes a large text of a small one (``ljust``, ``add``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from django.template import Library, defaultfilters, defaulttags
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import ForNode
from django.utils.html import format_html
from django.utils.safestring import SafeString

from saltern_web.plugins.markup import MAX_CHARS
from saltern_web.plugins.names import PluginFault
from saltern_web.templatetags import saltern

register = Library()

TAGS = (
    "comment", "cycle", "firstof", "if", "ifchanged", "regroup", "resetcycle", "spaceless", "templatetag", "verbatim",
    "widthratio", "with",
)  # fmt: skip
FILTERS = (
    "capfirst", "cut", "date", "default", "default_if_none", "dictsort", "dictsortreversed", "divisibleby",
    "first", "last", "length", "linebreaksbr", "lower", "pluralize", "slice",
    "time", "title", "truncatechars", "truncatewords", "upper", "yesno",
)  # fmt: skip
OURS = ("text", "instant", "age", "duration", "in_bytes", "number", "percent")
MAX_ROUNDS = 20_000
"""Of all loops of a template together."""
MAX_PAIRS = 5_000
MAX_MADE = 1024 * 1024
"""Characters that a template makes before its markup is looked at: what loops repeat is never there as a whole."""
MAX_DIGITS = 100
_ROUNDS, _MADE = "saltern.rounds", "saltern.made"

for _name in TAGS:
    register.tags[_name] = defaulttags.register.tags[_name]
for _name in FILTERS:
    register.filters[_name] = defaultfilters.register.filters[_name]
for _name in OURS:
    register.filters[_name] = saltern.register.filters[_name]


class BoundedForNode(ForNode):
    """A loop that counts its rounds, with those of all others in the template."""

    def render(self, context: Context) -> SafeString:
        """Return its rounds. Raises ``PluginFault`` beyond the bound."""
        sequence: Any = self.sequence
        said = sequence.resolve(context, ignore_failures=True)
        rounds = len(said) if hasattr(said, "__len__") else MAX_ROUNDS
        kept: Any = context.render_context
        counted: list[int] = kept.setdefault(_ROUNDS, [0])
        counted[0] += rounds
        if counted[0] > MAX_ROUNDS:
            raise PluginFault(f"its loops take over {MAX_ROUNDS:,} rounds: show less, as with |slice:':100'")
        return SafeString(super().render(context))


@register.tag("for")
def bounded_for(parser: Parser, token: Token) -> BoundedForNode:
    """``{% for name, value in data|pairs %} … {% empty %} … {% endfor %}``"""
    node = defaulttags.do_for(parser, token)
    node.__class__ = BoundedForNode  # all of its making stays Django's
    return node  # type: ignore[return-value]


def counted_pieces(render: Callable[[Context], Any]) -> Callable[[Context], Any]:
    """Return *render*, of a node without others in it, counting what all these make of one result.

    It raises ``PluginFault`` beyond ``MAX_MADE`` characters.
    """

    def rendered(context: Context) -> Any:
        piece = render(context)
        kept: Any = context.render_context
        made: list[int] = kept.setdefault(_MADE, [0])
        made[0] += len(piece)
        if made[0] > MAX_MADE:
            raise _too_much()
        return piece

    return rendered


def _too_much() -> PluginFault:
    return PluginFault(f"it makes over {MAX_CHARS:,} characters: show less")


@register.filter(needs_autoescape=True)
def join(value: Any, between: Any, autoescape: bool = True) -> Any:
    """Return the members of a list, or a text's characters, as one text. Raises ``PluginFault`` for a long one."""
    if isinstance(value, list | tuple | str) and len(value) * len(str(between)) > MAX_MADE:
        raise _too_much()
    return defaultfilters.join(value, between, autoescape=autoescape)


@register.filter(is_safe=True)
def floatformat(value: Any, digits: Any = -1) -> str:
    """Return a number with so many digits after the point, as Django does it. Raises ``PluginFault`` for many."""
    try:
        count = int(digits.rstrip("gu") if isinstance(digits, str) else digits)
    except (ValueError, TypeError, OverflowError):
        count = 0  # Django shows the number as it is
    if abs(count) > MAX_DIGITS:
        raise PluginFault(f"floatformat: {MAX_DIGITS} digits at most")
    return str(defaultfilters.floatformat(value, digits))


@register.filter
def pairs(value: Any) -> list[tuple[Any, Any]]:
    """Return keys and values of a map, sorted, 5,000 at the most: ``data.items`` is the value of a key ``items``."""
    if not isinstance(value, Mapping):
        return []
    return sorted(islice(value.items(), MAX_PAIRS), key=lambda pair: str(pair[0]))


@register.filter
def get(value: Any, key: Any) -> Any:
    """Return what a map has for a key that is in a variable; nothing else has any."""
    return value.get(key) if isinstance(value, Mapping) else None


@register.simple_tag
def state(name: str) -> SafeString:
    """Return a state by colour, mark and word: one of a plugin's, or ok, warn, crit, away, stale, unknown."""
    short = {"warning": "warn"}.get(str(name), str(name))
    known = short if short in saltern.STATES else "unknown"
    return format_html('<span class="state s-{}">{}</span>', known, saltern.STATES.get(short, name))
