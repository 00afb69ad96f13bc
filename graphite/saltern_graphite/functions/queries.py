"""Functions that write targets out of names, and evaluate them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from saltern.errors import FunctionError, TargetSyntaxError
from saltern_graphite.evaluation.context import Context
from saltern_graphite.evaluation.target.parser import parse
from saltern_graphite.functions.alias import replaced
from saltern_graphite.functions.params import Node
from saltern_graphite.functions.registry import function
from saltern_graphite.series.aggregation import aggregation, reduce_all
from saltern_graphite.series.series import Series, SeriesList

_FORMAT = re.compile(r"(?:[^%]|%%|%[-#0 +]{0,5}[0-9]{0,3}(?:\.[0-9]{0,3})?[diouxXeEfFgGsra])*", re.DOTALL)
"""What may stand in a name that a number is put into: fields of bounded width, and no other."""
MAX_NESTING = 8
"""How deep targets may write targets; one that writes itself ends here."""
MAX_CHARS = 64_000
"""The longest target that is taken."""
_COST_POINTS = 1_000
"""What one counts for in the request's limit of points, so that no number of empty ones is free."""
_SHOWN_CHARS = 200


def _evaluated(text: str, context: Context) -> list[Series]:
    """The series of the target *text* over *context*'s window: it is evaluated like a request's own, within its limits.

    Raises ``FunctionError``, which quotes it, if it does not parse or can't be evaluated.
    """
    shown = text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"
    inner = replace(context, nesting=context.nesting + 1)
    if inner.nesting > MAX_NESTING:
        raise FunctionError(f"targets write targets more than {MAX_NESTING} deep, here {shown!r}")
    if len(text) > MAX_CHARS:
        raise FunctionError(f"{shown!r} is {len(text)} characters long: {MAX_CHARS} are allowed")
    context.evaluation.spend_points(_COST_POINTS)
    try:
        return context.evaluation.series(parse(text), inner)
    except (FunctionError, TargetSyntaxError) as error:
        raise FunctionError(f"in the target {shown!r}: {error}") from None


@function(
    "aliasQuery",
    "Alias",
    example="channel.power.*, 'channel\\.power\\.([0-9]+)', 'channel.frequency.\\1', 'Channel %d MHz'",
)
def alias_query(context: Context, series: SeriesList, search: str, replace: str, new_name: str) -> list[Series]:
    """Calls each series *newName*, with the last value of another one put in for ``%d``, ``%g`` or the like.

    The other one is the target that is made of the series' name by replacing what the regular expression
    *search* finds; ``\\1`` is its first group.
    """
    results = []
    for one, target in zip(series, replaced(context, series, search, replace), strict=True):
        found = _evaluated(target, context)
        if not found:
            raise FunctionError(f"no series found with {target[:200]!r}")
        last = reduce_all(aggregation("last"), found[0].values)
        if np.isnan(last):
            raise FunctionError(f"{found[0].name[:200]!r} has no last value")
        results.append(one.renamed(_formatted(new_name, last)))
    return results


def _formatted(name: str, number: float) -> str:
    if _FORMAT.fullmatch(name):
        try:
            return name % number
        except (TypeError, ValueError, OverflowError):
            pass
    raise FunctionError(f"newName must hold one place for a number, such as %d or %.2f, not {name!r}")


@function(
    "applyByNode",
    "Combine",
    example="servers.*.disk.total, 1, 'divideSeries(%.disk.used,%.disk.total)', '%.disk.share'",
)
def apply_by_node(
    context: Context, series: SeriesList, node_num: Node, template_function: str, new_name: str | None = None
) -> list[Series]:
    """Evaluates the target *templateFunction* once for each different beginning of the names, up to element
    *nodeNum*; that beginning stands in for every ``%`` in it, and in *newName*.
    """
    prefixes = set()
    for one in series:
        elements = one.name.split(".")
        if node_num >= len(elements):
            raise FunctionError(f"nodeNum {node_num}: {one.name!r} has only the elements 0 to {len(elements) - 1}")
        prefixes.add(".".join(elements[: node_num + 1]))
    results = []
    for prefix in sorted(prefixes):
        for made in _evaluated(_filled(template_function, prefix), context):
            shown = _filled(new_name, prefix) if new_name else made.name
            # they are drawn over the window of the last series of the list, as Graphite does
            results.append(replace(made, name=shown, path=prefix, start=series[-1].start, end=series[-1].end))
    return results


def _filled(text: str, prefix: str) -> str:
    """*text* with *prefix* for every ``%``; ``FunctionError`` if that is longer than any target."""
    if len(text) + text.count("%") * len(prefix) > MAX_CHARS:
        raise FunctionError(f"{prefix[:_SHOWN_CHARS]!r} is long: texts with it come to over {MAX_CHARS} characters")
    return text.replace("%", prefix)


@function("useSeriesAbove", "Filter Series", example="servers.*.requests, 100, 'requests', 'latency'")
def use_series_above(context: Context, series: SeriesList, value: float, search: str, replace: str) -> list[Series]:
    """For each series that ever exceeds *value*: the one whose name is made of its own by replacing what the
    regular expression *search* finds.
    """
    greatest = aggregation("max")
    high = [one for one in series if reduce_all(greatest, one.values) > value]
    results = []
    for target in replaced(context, high, search, replace):
        results += [one for one in _evaluated(target, context) if len(one.values)]
    return results
