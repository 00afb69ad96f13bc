"""The live terminal view, and the plain lines for when there is no terminal."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from saltern_master.up.api_access import ADMIN
from saltern_master.up.stack import Stack
from saltern_master.up.status import SERIES, Status

SPARKS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 16
MESSAGES_SHOWN = 4
STATE_STYLES = {"ok": "green", "warn": "yellow", "crit": "bold red", "nodata": "magenta"}


def sparkline(values: Sequence[float], width: int = SPARK_WIDTH) -> str:
    """Return the last *width* values as bars between their lowest and highest; a flat line is low."""
    shown = list(values)[-width:]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    span = high - low
    if span <= abs(high) * 1e-9:
        return SPARKS[0] * len(shown)
    return "".join(SPARKS[int((value - low) / span * (len(SPARKS) - 1))] for value in shown)


class View:
    """Draws a status."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._messages: deque[str] = deque(maxlen=MESSAGES_SHOWN)
        self._started = time.monotonic()

    def say(self, message: str) -> None:
        """Show a line under the tables."""
        self._messages.append(f"{time.strftime('%H:%M:%S')} {message}")

    def draw(self, status: Status) -> RenderableType:
        """Return the whole screen."""
        up = sum(minion.up for minion in status.minions)
        head = Text.assemble(
            ("saltern", "bold cyan"),
            f"   {up}/{len(status.minions)} minions up   {status.stored:,.0f} points stored   "
            f"{status.points_per_second:,.1f}/s   running {time.monotonic() - self._started:,.0f} s",
        )
        parts: list[RenderableType] = [head, self._minions(status), self._alerts(status), self._places()]
        lines = [*status.errors, *self._messages]
        if lines:
            parts.append(Text("\n".join(lines), style="yellow"))
        parts.append(Text("Ctrl-C ends it", style="dim"))
        return Group(*parts)

    def _minions(self, status: Status) -> RenderableType:
        table = Table(expand=True, title_justify="left", box=None, pad_edge=False)
        table.add_column("minion", style="bold")
        table.add_column("state")
        table.add_column("points in / expected", justify="right")
        for title in SERIES:
            table.add_column(title, justify="left")
        for minion in status.minions:
            received, expected = minion.account.get("received", 0), minion.account.get("expected", 0)
            row: list[str | Text] = [
                minion.id,
                Text("up", style="green") if minion.up else Text("away", style="bold red"),
                f"{received:,.0f} / {expected:,.0f}",
            ]
            for title in SERIES:
                values = minion.series.get(title, [])
                row.append(f"{values[-1]:6.1f} {sparkline(values)}" if values else "…")
            table.add_row(*row)
        return Panel(table, title="minions", title_align="left", border_style="dim")

    def _alerts(self, status: Status) -> RenderableType:
        table = Table.grid(padding=(0, 3))
        for rule in status.alerts:
            states = [str(series.get("state")) for series in rule.get("series", [])]
            counts = Text(", ").join(
                Text(f"{states.count(state)} {state}", style=STATE_STYLES.get(state, ""))
                for state in sorted(set(states))
            )
            table.add_row(
                str(rule.get("name")),
                str(rule.get("target") or rule.get("metric") or ""),
                Text(str(rule["error"]), style="red") if rule.get("error") else counts or Text("…"),
            )
        return Panel(table if status.alerts else Text("none"), title="alerts", title_align="left", border_style="dim")

    def _places(self) -> RenderableType:
        table = Table.grid(padding=(0, 3))
        for name, value in places(self._stack):
            table.add_row(name, Text(value, style="cyan", overflow="fold"))
        return Panel(table, title="where", title_align="left", border_style="dim")


def places(stack: Stack) -> list[tuple[str, str]]:
    """Return what a newcomer may open or type, by what it is."""
    render = f"{stack.http_url}/render?target=saltern.*.stats.load.1m&format=json&from=-5min"
    return [
        ("console", stack.web_url),
        ("log in as", _login(stack)),
        ("Grafana data source (Graphite)", stack.http_url),
        ("a first query", render),
        ("Carbon plaintext", f"127.0.0.1:{stack.ports['line']}"),
        ("a first command", f"saltern -c {stack.config_dir} '*' test.ping"),
        ("the same over HTTP", curl_line(stack)),
        ("modules go in", f"{stack.root}/srv/_modules"),
        ("logs", stack.log_dir),
    ]


def _login(stack: Stack) -> str:
    """Return who may use console and API at first; the password itself at the start that made it alone."""
    access = stack.access
    if access.made is not None:
        return f"{access.made[0]}, password {access.made[1]} (kept in {access.admin_file})"
    if os.path.exists(access.admin_file):
        return f"{ADMIN}, password in {access.admin_file}"
    return "whoever external_auth lets in"


def curl_line(stack: Stack) -> str:
    """Return a command that runs ``test.ping`` over HTTP; the password stays in its file, if we made it."""
    form = stack.access.form_file
    who = f"-d @{form}" if os.path.exists(form) else "-d eauth=… -d username=… -d password=…"
    return f"curl -sS {stack.api_url}/run -d client=local -d tgt='*' -d fun=test.ping {who}"


def plain_line(status: Status) -> str:
    """Return a status as one line."""
    up = sum(minion.up for minion in status.minions)
    states = [str(series.get("state")) for rule in status.alerts for series in rule.get("series", [])]
    alerts = " ".join(f"{state}={states.count(state)}" for state in sorted(set(states))) or "none"
    loads = " ".join(
        f"{minion.id}={minion.series['load'][-1]:.2f}" for minion in status.minions if minion.series.get("load")
    )
    line = (
        f"{time.strftime('%H:%M:%S')} minions {up}/{len(status.minions)} up, {status.stored:.0f} points stored "
        f"({status.points_per_second:.1f}/s), alerts {alerts}, load {loads or '…'}"
    )
    return "; ".join([line, *status.errors])
