"""A file's header and points, as text, CSV, JSON or lines of the plaintext protocol."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TextIO

from saltern.visible import visible
from saltern_graphite.tools.contents import Contents
from saltern_graphite.tools.points import Points, overlay

Writer = Callable[[TextIO, str, Contents, Sequence[int]], None]
"""Writes to a stream: the metric's name or the file's path, what is in the file, and which archives to show."""


def dump_text(stream: TextIO, name: str, contents: Contents, archives: Sequence[int]) -> None:
    """Write for people: the header, then each archive with its points."""
    layout = contents.layout
    stream.write(
        f"{visible(name)}\nmethod {layout.method}, xFilesFactor {layout.x_files_factor:g}, {layout.end} bytes\n"
    )
    if contents.impossible:
        stream.write(f"{contents.impossible} slots hold a time that can't be there; they are left out\n")
    for number in archives:
        archive, points = layout.archives[number], contents.archives[number]
        stream.write(
            f"\narchive {number}: {archive.step} s per point, {archive.points} points, {archive.retention} s, "
            f"from byte {archive.offset}; {len(points)} shown\n"
        )
        for time, value in _rows(points):
            stream.write(f"{time}  {datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}  {value!r}\n")


def dump_csv(stream: TextIO, name: str, contents: Contents, archives: Sequence[int]) -> None:
    """Write ``archive,step,time,value`` with a first line that says so."""
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(("archive", "step", "time", "value"))
    for number in archives:
        step = contents.layout.archives[number].step
        rows.writerows((number, step, time, repr(value)) for time, value in _rows(contents.archives[number]))


def dump_json(stream: TextIO, name: str, contents: Contents, archives: Sequence[int]) -> None:
    """Write one document; infinite values are the strings ``"inf"`` and ``"-inf"``, which JSON has no numbers for."""
    layout = contents.layout
    head = {
        "name": name,
        "aggregationMethod": layout.method,
        "xFilesFactor": layout.x_files_factor,
        "maxRetention": layout.archives[-1].retention,
        "impossible": contents.impossible,
    }
    stream.write(json.dumps(head)[:-1] + ', "archives": [')
    for place, number in enumerate(archives):
        archive = layout.archives[number]
        fields = {
            "archive": number,
            "offset": archive.offset,
            "secondsPerPoint": archive.step,
            "points": archive.points,
            "retention": archive.retention,
        }
        stream.write(("," if place else "") + "\n" + json.dumps(fields)[:-1] + ', "datapoints": [')
        for row, (time, value) in enumerate(_rows(contents.archives[number])):
            stream.write(
                (", " if row else "") + json.dumps([time, value if abs(value) < float("inf") else repr(value)])
            )
        stream.write("]}")
    stream.write("\n]}\n")


def dump_lines(stream: TextIO, name: str, contents: Contents, archives: Sequence[int]) -> None:
    """Write ``name value time``, each time once: from the finest archive that reaches back to it."""
    shown: Points = Points(contents.archives[0].times[:0], contents.archives[0].values[:0])
    for number in archives:
        coarse = contents.archives[number]
        older = coarse.times + contents.layout.archives[number].step
        first = shown.times[0] if len(shown) else None
        shown = overlay([coarse if first is None else coarse.only(older <= first), shown])
    for time, value in _rows(shown):
        stream.write(f"{name} {value!r} {time}\n")


FORMATS: dict[str, Writer] = {"text": dump_text, "csv": dump_csv, "json": dump_json, "line": dump_lines}


def _rows(points: Points) -> zip[tuple[int, float]]:
    return zip(points.times.tolist(), points.values.tolist(), strict=True)
