"""The legend: names beside boxes of their colours, in columns under the chart."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from saltern_graphite.render.formats.charts.colors import Color, parse_color
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.render.formats.charts.style import inner, measure

_MAX_SHARE = 0.45
"""Of the chart's height, for the legend."""
_LINE, _MARK, _BETWEEN = 1.5, 1.5, 1.4
"""Of the font's size: a line's height, the box with its gap, and what is between two columns."""
_ELLIPSIS = "…"


class Entry(NamedTuple):
    """One line of the legend; ``right``: it belongs to the axis on the right. One without a colour has no box."""

    name: str
    color: Color | None = None
    right: bool = False


def draw_legend(figure: Figure, parameters: Parameters, entries: Sequence[Entry]) -> float:
    """Put *entries* under the chart, row by row. What finds no room in nearly half of its height is counted.

    The height it takes, in pixels.
    """
    if parameters.flag("uniqueLegend"):
        entries = list({entry.name: entry for entry in reversed(entries)}.values())[::-1]
    box, size = inner(figure), float(mpl.rcParams["font.size"])
    rows = max(int(box.height * _MAX_SHARE / (_LINE * size)), 1)
    if not entries or box.width < size:
        return 0.0
    longest = max(measure(entry.name) for entry in entries) + (_MARK + _BETWEEN) * size
    groups = [[entry for entry in entries if entry.right == right] for right in (False, True)]
    if not all(groups) or longest > box.width / 2:
        groups = [list(entries)]
    columns = max(int((box.width / len(groups) + _BETWEEN * size) / longest), 1)
    if columns * rows < min(len(entries), 2):  # it would only say how many are left out
        return 0.0
    groups = [_shortened(group, columns * rows) for group in groups]
    rows = max(-(-len(group) // columns) for group in groups)
    room = box.width / len(groups) / columns - _MARK * size
    cells = [[*group[column::columns], *[Entry("")] * rows][:rows] for group in groups for column in range(columns)]
    shown = list(chain.from_iterable(cells))
    edge = parse_color("", "darkgrey")
    legend = figure.legend(
        [Patch(fc=to_rgba(one.color, 1.0), ec=edge, lw=0.75) if one.color else Patch(color="none") for one in shown],
        [" "] * len(shown),
        loc="lower left",
        bbox_to_anchor=(figure.subplotpars.left, figure.subplotpars.bottom),
        ncols=len(cells),
        frameon=False,
        borderaxespad=0,
        borderpad=0,
        handlelength=1,
        handleheight=1,
        handletextpad=_MARK - 1,
        labelspacing=0.3,
        columnspacing=_BETWEEN,
    )
    for text, entry in zip(legend.get_texts(), shown, strict=True):  # as labels, those that begin with _ are no names
        text.set_text(fitted(entry.name, room, measure))
    return rows * _LINE * size


def _shortened(group: list[Entry], most: int) -> list[Entry]:
    return group if len(group) <= most else [*group[: most - 1], Entry(f"and {len(group) - most + 1} more")]


def fitted(text: str, room: float, measure: Callable[[str], float]) -> str:
    """*text*, its end cut off so that it fits into *room* pixels."""
    if measure(text) <= room:
        return text
    too_long = bisect_right(range(len(text)), room, lo=1, key=lambda count: measure(text[:count] + _ELLIPSIS))
    return text[: too_long - 1] + _ELLIPSIS if too_long > 1 else ""
