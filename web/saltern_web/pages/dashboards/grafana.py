"""Dashboards as Grafana has them: what of them can be shown here, and ours as Grafana takes them.

What can't be taken is said, panel by panel; nothing is left out in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from saltern_web.charts.panel import ROW, Panel, read_panel
from saltern_web.pages.dashboards.board import (
    CHOICE,
    DEFAULT_RANGE,
    MAX_NOTES,
    MAX_PANELS,
    MAX_TEXT,
    MAX_VARIABLES,
    QUERY,
    RANGE,
    TEXT,
    Board,
    Variable,
    read_variable,
)

KINDS = {
    "timeseries": "chart",
    "graph": "chart",
    "stat": "number",
    "singlestat": "number",
    "gauge": "number",
    "bargauge": "bars",
    "table": "table",
    "table-old": "table",
}
TYPES = {"chart": "timeseries", "number": "stat", "bars": "bargauge", "table": "table", ROW: "row"}
ROW_HEIGHT, HEIGHTS = 1, {"number": 4}
HEIGHT = 8
COLUMNS = 24
MAX_DEPTH = 3
_REFERENCE = re.compile(r"#([A-Z])\b")
_ALL = {"$__all", "All", "all"}
_DATA_SOURCE = {"type": "graphite", "uid": "${DS_GRAPHITE}"}
_GRAFANA_UNIT = re.compile(r"now-(\d{1,6})([smhdw])")
_OUR_UNITS = {"m": "min"}

Say = Callable[[str], None]


def read_grafana(given: Any) -> tuple[str, Board]:
    """Return the name and the dashboard that Grafana's JSON *given* says. Raises ``ValueError``, in one line."""
    model = given.get("dashboard", given) if isinstance(given, dict) else None
    if not isinstance(model, dict) or not isinstance(model.get("panels"), list):
        raise ValueError("this is no dashboard of Grafana's: it has no panels")
    notes: list[str] = []
    panels = _panels(model["panels"], notes.append)
    variables = _variables(model, notes.append)
    annotations = _list(_map(model.get("annotations")).get("list"))
    if [one for one in annotations if not _map(one).get("builtIn")]:
        notes.append("its annotations are not drawn")
    if model.get("links"):
        notes.append("its links are left out")
    title = str(model.get("title") or "Imported")
    return title, Board(tuple(panels), tuple(variables), _range(_map(model.get("time"))), tuple(notes[:MAX_NOTES]))


def _panels(given: list[Any], say: Say) -> list[Panel]:
    placed = sorted(_flat(given), key=lambda one: _position(one))
    if len(placed) > MAX_PANELS:
        say(f"only the first {MAX_PANELS} of its {len(placed)} panels are taken")
    found = []
    for one in placed[:MAX_PANELS]:
        panel = _panel(one, say)
        if panel is not None:
            found.append(panel)
    return found


def _flat(given: list[Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield the panels, those within a row that is closed, too."""
    for one in given:
        if isinstance(one, dict):
            yield one
            if depth < MAX_DEPTH:
                yield from _flat(_list(one.get("panels")), depth + 1)


def _position(panel: Mapping[str, Any]) -> tuple[float, float]:
    place = _map(panel.get("gridPos"))
    return _whole(place.get("y")), _whole(place.get("x"))


def _panel(given: Mapping[str, Any], say: Say) -> Panel | None:
    title = str(given.get("title") or "")
    named = title or f"panel {given.get('id', '?')}"

    def about(what: str) -> None:
        say(f"“{named[:200]}”: {what}"[:MAX_TEXT])

    kind = str(given.get("type", ""))
    if kind == ROW:
        return Panel(title[:200], kind=ROW, width=COLUMNS)
    if kind not in KINDS:
        about(f"a panel of the kind {kind[:60]!r} is not known here; it is left out")
        return None
    defaults = _map(_map(given.get("fieldConfig")).get("defaults"))
    _say_what_is_left_out(given, defaults, about)
    custom = _map(defaults.get("custom"))
    stacking = _map(custom.get("stacking")).get("mode")
    said = {
        "title": title,
        "kind": KINDS[kind],
        "targets": _targets(_list(given.get("targets")), about),
        "unit": defaults.get("unit") if isinstance(defaults.get("unit"), str) else "",
        "stacked": stacking in ("normal", "percent") or given.get("stack") is True,
        "min": defaults.get("min"),
        "max": defaults.get("max"),
        "help": given.get("description"),
        "width": _whole(_map(given.get("gridPos")).get("w")) or 8,
        "steps": _list(_map(defaults.get("thresholds")).get("steps")),
        "words": _words(_list(defaults.get("mappings")), about),
    }
    try:
        return read_panel(said)
    except ValueError as error:
        about(f"it is left out: {str(error).partition(': ')[2]}")
        return None


def _say_what_is_left_out(given: Mapping[str, Any], defaults: Mapping[str, Any], about: Say) -> None:
    if given.get("repeat"):
        about("it is shown once, not repeated for each value of a variable")
    if _list(_map(given.get("fieldConfig")).get("overrides")):
        about("what is set for single series (overrides) is left out")
    if [one for one in _list(given.get("transformations")) if not _is_last(_map(one))]:
        about("its transformations are left out")
    if _map(_map(defaults.get("custom")).get("stacking")).get("mode") == "percent":
        about("it is stacked by value, not by percent")


def _is_last(transformation: Mapping[str, Any]) -> bool:
    """Return whether it takes the last value of each series, as tables here do."""
    reducers = _map(transformation.get("options")).get("reducers")
    return transformation.get("id") == "reduce" and reducers in (["lastNotNull"], ["last"])


def _targets(given: list[Any], about: Say) -> list[str]:
    """Return the targets that are shown; ``#A`` in one stands for another."""
    texts: dict[str, str] = {}
    shown = []
    for one in map(_map, given):
        target = one.get("target")
        if not isinstance(target, str) or not target:
            if one:
                about("a query that isn't Graphite's is left out")
            continue
        ref = str(one.get("refId") or "")
        whole = _REFERENCE.sub(lambda match: texts.get(match[1], match[0]), target)[: MAX_TEXT * 10]
        texts[ref] = whole
        if not one.get("hide"):
            shown.append(whole)
    return shown


def _words(given: list[Any], about: Say) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in map(_map, given):
        if one.get("type") != "value":
            about("words for ranges of values are left out")
            continue
        for value, said in _map(one.get("options")).items():
            text = _map(said).get("text")
            if isinstance(text, str):
                found[str(value)] = text
    return found


def _variables(model: Mapping[str, Any], say: Say) -> list[Variable]:
    found: list[Variable] = []
    for one in map(_map, _list(_map(model.get("templating")).get("list"))):
        kind, name = one.get("type"), str(one.get("name") or "")
        if kind == "datasource":
            continue  # there is one source here
        try:
            found.append(_variable(one, str(kind), name))
        except ValueError as error:
            say(f"${name[:60]}: {error}"[:MAX_TEXT])
    return found[:MAX_VARIABLES]


def _variable(one: Mapping[str, Any], kind: str, name: str) -> Variable:
    query = one.get("query")
    if isinstance(query, dict):
        query = query.get("target") or query.get("query")
    kinds = {"query": QUERY, "custom": CHOICE, "interval": CHOICE, "textbox": TEXT, "constant": TEXT}
    if kind not in kinds:
        raise ValueError(f"a variable of the kind {kind[:40]!r} is not known here; it is left out")
    current = _map(one.get("current")).get("value")
    first = current[0] if isinstance(current, list) and current else current
    everything = str(one.get("allValue") or "*") if one.get("includeAll") else ""
    value = everything if first in _ALL else str(first or (query if kinds[kind] == TEXT else "") or "")
    regex = str(one.get("regex") or "")
    return read_variable(
        {
            "name": name,
            "kind": kinds[kind],
            "label": one.get("label"),
            "query": query,
            "regex": regex,
            "multi": one.get("multi"),
            "all": everything,
            "value": value,
        }
    )


def _range(given: Mapping[str, Any]) -> str:
    match = _GRAFANA_UNIT.fullmatch(str(given.get("from", "")))
    if match is None or given.get("to", "now") != "now":
        return DEFAULT_RANGE
    begin = f"-{match[1]}{_OUR_UNITS.get(match[2], match[2])}"
    return begin if RANGE.fullmatch(begin) else DEFAULT_RANGE


def as_grafana(name: str, board: Board) -> dict[str, Any]:
    """Return the dashboard as Grafana takes it, and :func:`read_grafana` does."""
    begin = board.range.removeprefix("-").replace("min", "m")
    return {
        "title": name,
        "schemaVersion": 39,
        "editable": True,
        "time": {"from": f"now-{begin}", "to": "now"},
        "refresh": "15s",
        "templating": {"list": [_source(), *map(_told_variable, board.variables)]},
        "panels": list(_placed(board)),
    }


def _source() -> dict[str, Any]:
    return {"name": "DS_GRAPHITE", "label": "data source", "type": "datasource", "query": "graphite"}


def _told_variable(one: Variable) -> dict[str, Any]:
    kinds = {QUERY: "query", CHOICE: "custom", TEXT: "textbox"}
    told: dict[str, Any] = {"name": one.name, "label": one.label, "type": kinds[one.kind], "query": one.query}
    if one.kind == QUERY:
        told |= {"datasource": _DATA_SOURCE, "definition": one.query, "regex": one.regex, "refresh": 2, "sort": 5}
    value = "$__all" if one.all and one.value == one.all else one.value
    current = {"text": value, "value": value} if value else {}
    return told | {"multi": one.multi, "includeAll": bool(one.all), "allValue": one.all or None, "current": current}


def _placed(board: Board) -> Iterator[dict[str, Any]]:
    x = y = tallest = 0
    for number, panel in enumerate(board.panels, 1):
        height = ROW_HEIGHT if panel.kind == ROW else HEIGHTS.get(panel.kind, HEIGHT)
        if x + panel.width > COLUMNS or panel.kind == ROW:
            x, y, tallest = 0, y + tallest, 0
        place = {"h": height, "w": panel.width, "x": x, "y": y}
        yield {"id": number, "type": TYPES[panel.kind], "title": panel.title, "gridPos": place, **_told(panel)}
        x, tallest = x + panel.width, max(tallest, height)


def _told(panel: Panel) -> dict[str, Any]:
    if panel.kind == ROW:
        return {"collapsed": False, "panels": []}
    stacking = {"group": "A", "mode": "normal" if panel.stacked else "none"}
    defaults: dict[str, Any] = {"unit": panel.unit, "custom": {"spanNulls": False, "stacking": stacking}}
    if panel.steps:
        defaults["thresholds"] = {"mode": "absolute", "steps": list(panel.steps)}
    if panel.words:
        options = {value: {"text": text, "index": at} for at, (value, text) in enumerate(panel.words.items())}
        defaults["mappings"] = [{"type": "value", "options": options}]
    bounds = {name: value for name, value in (("min", panel.min), ("max", panel.max)) if value is not None}
    targets = [
        {"refId": chr(ord("A") + at), "datasource": _DATA_SOURCE, "target": target, "textEditor": True}
        for at, target in enumerate(panel.targets)
    ]
    described = {"description": panel.help} if panel.help else {}
    fields = {"defaults": defaults | bounds, "overrides": []}
    return {"datasource": _DATA_SOURCE, "fieldConfig": fields, "targets": targets, **described}


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**6 else 0
