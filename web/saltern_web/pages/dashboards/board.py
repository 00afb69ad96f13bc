"""What a dashboard holds, and as what it is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from saltern_web.charts.panel import Panel, read_panel

MAX_PANELS, MAX_VARIABLES, MAX_NOTES = 200, 20, 300
MAX_TEXT = 1000
QUERY, CHOICE, TEXT = "query", "choice", "text"
VARIABLES = (QUERY, CHOICE, TEXT)
NAME = re.compile(r"[A-Za-z_]\w{0,49}")
RANGE = re.compile(r"-\d{1,6}(s|min|h|d|w)")
DEFAULT_RANGE = "-1h"


@dataclass(frozen=True)
class Variable:
    """What stands for ``$name`` in targets.

    *query*: names of nodes, as ``saltern.*``, of which *regex* (as browsers have it) passes some; or choices, with
    commas; or a text. *all*: what stands for all of them, if that is offered.
    """

    name: str
    kind: str = QUERY
    label: str = ""
    query: str = ""
    regex: str = ""
    multi: bool = False
    all: str = ""
    value: str = ""
    """What is shown unless the URL says otherwise."""


@dataclass(frozen=True)
class Board:
    """Panels in their order, variables, the range at first, and what of an import could not be taken."""

    panels: tuple[Panel, ...] = ()
    variables: tuple[Variable, ...] = ()
    range: str = DEFAULT_RANGE
    notes: tuple[str, ...] = ()

    def kept(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "panels": [panel.shown() for panel in self.panels],
            "variables": [asdict(variable) for variable in self.variables],
            "range": self.range,
            "notes": list(self.notes),
        }


def read_variable(given: Mapping[str, Any]) -> Variable:
    """Return the variable that *given* says. Raises ``ValueError``, in one line."""
    name = str(given.get("name") or "")
    if not NAME.fullmatch(name):
        raise ValueError(f"a variable's name has letters, digits and _ alone, not {name[:60]!r}")
    kind = given.get("kind", QUERY)
    if kind not in VARIABLES:
        raise ValueError(f"${name}: its kind must be one of {', '.join(VARIABLES)}, not {str(kind)[:40]!r}")
    texts = {key: str(given.get(key) or "")[:MAX_TEXT] for key in ("label", "query", "regex", "all", "value")}
    return Variable(name, kind, multi=bool(given.get("multi")), **texts)


def read_board(given: Any) -> Board:
    """Return the dashboard that is kept as *given*. Raises ``ValueError``, in one line."""
    if not isinstance(given, dict):
        raise ValueError("a dashboard is a map with panels")
    panels, variables = given.get("panels") or [], given.get("variables") or []
    if len(panels) > MAX_PANELS or len(variables) > MAX_VARIABLES:
        raise ValueError(f"a dashboard has up to {MAX_PANELS} panels and {MAX_VARIABLES} variables")
    begin = str(given.get("range") or DEFAULT_RANGE)
    return Board(
        tuple(read_panel(one) for one in panels if isinstance(one, dict)),
        tuple(read_variable(one) for one in variables if isinstance(one, dict)),
        begin if RANGE.fullmatch(begin) else DEFAULT_RANGE,
        tuple(str(note)[:MAX_TEXT] for note in (given.get("notes") or [])[:MAX_NOTES]),
    )
