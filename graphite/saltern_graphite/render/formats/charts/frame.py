"""What surrounds the lines: titles, axes and grid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from saltern_graphite.render.formats.charts.box import Box
from saltern_graphite.render.formats.charts.colors import NAMED, Color
from saltern_graphite.render.formats.charts.parameters import Parameters
from saltern_graphite.render.formats.charts.sheet import Pixels, Sheet
from saltern_graphite.render.formats.charts.style import Page
from saltern_graphite.render.formats.charts.x_axis import TimeMarks
from saltern_graphite.render.formats.charts.y_axis import ValueAxis
from saltern_graphite.series import Values

_LABEL_GAP_PX = 4
_MAJOR_PX = 0.6
_MINOR_PX = 0.4
_MAX_MINOR = 10


@dataclass(frozen=True, slots=True)
class Scale:
    """From times and places on an axis to pixels."""

    box: Box
    start: float
    end: float

    def across(self, times: Values) -> Pixels:
        """The x of *times*."""
        place: Pixels = self.box.left + (times - self.start) / (self.end - self.start) * self.box.width
        return place

    def up(self, places: Values) -> Pixels:
        """The y of *places*, 0 to 1."""
        return self.box.bottom + places * self.box.height


def inner_box(page: Page) -> Box:
    """The page without its margins."""
    return Box(page.margin, page.margin, page.width - page.margin, page.height - page.margin)


def no_data(sheet: Sheet, page: Page) -> None:
    """Say that there is nothing to draw."""
    size = max(math.log(page.width * page.height), 6.0)
    sheet.text(page.width / 2, page.height / 2, "No Data", NAMED["red"], size=size, align="center", vertical="center")


def titled(sheet: Sheet, page: Page, vtitle: tuple[str, ...] = (), right: tuple[str, ...] = ()) -> Box:
    """Draw the titles; what is left of the page."""
    box = inner_box(page)
    size = page.font.size + math.floor(math.log(page.font.size))
    line = size * 1.25
    for number, text in enumerate(page.title):
        y = box.top - (number + 0.5) * line
        sheet.text(page.width / 2, y, _printable(text), page.foreground, size=size, align="center")
    if page.title:
        box = box._replace(top=box.top - len(page.title) * line - min(page.margin, 6))
    middle = (box.top + box.bottom) / 2
    for number, text in enumerate(vtitle):
        x = box.left + (number + 0.8) * line
        sheet.text(
            x, middle, _printable(text), page.foreground, size=size, align="center", vertical="baseline", turned=90
        )
    for number, text in enumerate(right):
        x = box.right - (number + 0.8) * line
        sheet.text(
            x, middle, _printable(text), page.foreground, size=size, align="center", vertical="baseline", turned=270
        )
    space = _LABEL_GAP_PX
    return box._replace(
        left=box.left + (len(vtitle) * line + space if vtitle else 0),
        right=box.right - (len(right) * line + space if right else 0),
    )


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


class Frame:
    """The axes around a box for lines, with room made for their labels."""

    def __init__(
        self, sheet: Sheet, page: Page, parameters: Parameters, box: Box, axes: Mapping[bool, ValueAxis]
    ) -> None:
        self.sheet = sheet
        self.page = page
        self.axes = axes
        labelled = not parameters.flag("hideAxes")
        self.x_labels = labelled and not parameters.flag("hideXAxis")
        self.y_labels = labelled and not parameters.flag("hideYAxis")
        self.grid = labelled and not parameters.flag("hideGrid")
        self.minor = parameters.integer("minorY", 0, _MAX_MINOR, 1)
        self.swapped = parameters.choice("yAxisSide", ("left", "right"), "left") == "right" and len(axes) == 1
        self.box = self._made_room(box)

    def _made_room(self, box: Box) -> Box:
        size = self.page.font.size
        left, bottom, right, top = box
        if self.x_labels:
            bottom += size * 1.7
        if self.y_labels:
            top -= size / 2
            widths = {side: self._label_width(axis) + _LABEL_GAP_PX for side, axis in self.axes.items()}
            if self.swapped:
                right -= widths[False]
            else:
                left += widths[False]
            right -= widths.get(True, 0.0)
        if self.x_labels and right == box.right:
            right -= size  # half of a label may stand out
        return Box(left, bottom, max(right, left + 1), max(top, bottom + 1))

    def _label_width(self, axis: ValueAxis) -> float:
        return max((self.sheet.measure(tick.label) for tick in axis.ticks), default=0.0)


def draw_grid(frame: Frame, scale: Scale, marks: TimeMarks) -> None:
    """The fine lines, the lines at labels over them, and the borders at both sides."""
    if not frame.grid:
        return
    box, page, axis = frame.box, frame.page, frame.axes[False]
    at_labels = np.array([tick.value for tick in axis.ticks])
    between = _between(at_labels, frame.minor) if axis.log_base is None else np.zeros(0)
    times = {time for time, _ in marks.major}
    fine = np.array([time for time in marks.minor if time not in times], dtype=np.float64)
    _lines(frame, scale.up(axis.position(between)), scale.across(fine), page.minor_line, _MINOR_PX)
    labelled = np.array(sorted(times), dtype=np.float64)
    _lines(frame, scale.up(axis.position(at_labels)), scale.across(labelled), page.major_line, _MAJOR_PX)
    _lines(frame, np.zeros(0), np.array([box.left, box.right]), page.major_line, _MAJOR_PX)


def _between(values: Values, count: int) -> Values:
    """*count* values between each two."""
    shares = np.arange(1, count + 1) / (count + 1)
    return (values[:-1, np.newaxis] + np.diff(values)[:, np.newaxis] * shares).reshape(-1)


def _lines(frame: Frame, ys: Pixels, xs: Pixels, color: Color, width: float) -> None:
    box = frame.box
    ys = ys[(ys >= box.bottom - 1) & (ys <= box.top + 1)]
    starts = np.concatenate(
        (np.column_stack((np.full(len(ys), box.left), ys)), np.column_stack((xs, np.full(len(xs), box.bottom))))
    )
    stops = np.concatenate(
        (np.column_stack((np.full(len(ys), box.right), ys)), np.column_stack((xs, np.full(len(xs), box.top))))
    )
    if len(starts):
        frame.sheet.lines(starts, stops, color, width)


def draw_labels(frame: Frame, scale: Scale, marks: TimeMarks) -> None:
    """What is written at the axes."""
    box, page = frame.box, frame.page
    if frame.y_labels:
        for right, axis in frame.axes.items():
            outside = right or frame.swapped
            x = box.right + _LABEL_GAP_PX if outside else box.left - _LABEL_GAP_PX
            places = scale.up(axis.position(np.array([tick.value for tick in axis.ticks])))
            last = -math.inf
            for tick, y in zip(axis.ticks, places.tolist(), strict=True):
                if y - last < page.font.size:
                    continue
                last = y
                frame.sheet.text(x, y, tick.label, page.foreground, align="left" if outside else "right")
    if frame.x_labels:
        y = box.bottom - page.font.size * 0.6
        for time, label in marks.major:
            x = float(scale.across(np.array([float(time)]))[0])
            half = frame.sheet.measure(label) / 2
            if x - half >= 0 and x + half <= page.width:
                frame.sheet.text(x, y, label, page.foreground, align="center", vertical="top")
