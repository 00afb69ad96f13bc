"""``manage.overview`` and ``manage.health``: the fleet at a glance, and the monitoring of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from saltern import __version__
from saltern_master.auth.need import Need
from saltern_master.commands.context import Context
from saltern_master.commands.devices import host_shown
from saltern_master.commands.registry import Reach, command
from saltern_master.overview import COUNTED, Columns

NOTHING_OF_STORE = {"connected": None, "lag_s": None, "waiting_bytes": None, "waiting_records": None}
NOTHING_OF_ALERTS = {"source_up": None, "rules": None, "bad_rules": None}

T = TypeVar("T")


@command("runner.manage.overview", Need.RUNNER, private=True, reach=Reach.VISIBLE)
async def overview(context: Context) -> dict[str, Any]:
    """Show all minions at a glance, in columns: ``saltern-run manage.overview``

    A row for each that you see, by ``id``: whether it is ``up``, ``since`` when (epoch s, ``None``: since before the
    master started), the slot of its newest sample (``sampled``, epoch s) and the ``interval`` of its shortest schedule
    that makes metrics (s), the worst state of its alerts but for silenced ones (``alert``: crit, warn, nodata, ok or
    ``None``), whether any is ``silenced``, the ``completeness`` of the last hour in percent, and its ``version``.
    ``groups``: the rows of each group of minions, from 0. ``at``: the time. Where any row is a device's, the host that
    speaks for it (``via``) and whether it reaches it (``device_up``, ``None`` where that wasn't told).
    """
    columns = await context.services.overview.columns()
    rows = _rows(context, columns)
    sees = frozenset(columns.ids[row] for row in rows).issuperset if context.limited else _everything
    marks = columns.marks.seen(sees)
    ids = _of(columns.ids, rows)
    marked = [marks.get(minion) for minion in ids]
    return {
        "at": columns.at,
        "id": ids,
        "up": _of(columns.up, rows),
        "since": _of(columns.since, rows),
        "sampled": _of(columns.sampled, rows),
        "interval": _of(columns.interval, rows),
        "alert": [mark.state if mark else None for mark in marked],
        "silenced": [mark.silenced if mark else False for mark in marked],
        "completeness": [
            _percent(received, expected)
            for received, expected in zip(_of(columns.received, rows), _of(columns.expected, rows), strict=True)
        ],
        "version": _of(columns.version, rows),
        **_of_devices(context, columns, rows),
        "groups": _groups(context, columns, rows),
    }


@command("runner.manage.health", Need.RUNNER, private=True, reach=Reach.VISIBLE)
async def health(context: Context) -> dict[str, Any]:
    """Show whether the monitoring is well itself: ``saltern-run manage.health``

    ``minions`` (accepted, up, down, pending), ``points``: what became of all scheduled runs, as in metrics.account, and
    ``hour``: the completeness of the last one in percent; the ``store`` that points go to, ``lag_s`` seconds behind;
    ``clocks``: the one that is farthest from the master's; ``alerts``; ``version`` and ``started`` of the master. Who
    sees some minions alone is shown those, and ``None`` for what is the master's own.
    """
    services = context.services
    await services.account_keeper.catch_up()
    columns, totals = await services.overview.columns(), await services.overview.totals()
    rows = _rows(context, columns)
    ids = _of(columns.ids, rows)
    up = sum(_of(columns.up, rows))
    skews = dict(services.clocks.skews_s())
    worst = max(context.visible(skews), key=lambda minion: abs(skews[minion]), default=None)
    return {
        "at": columns.at,
        "minions": {"accepted": len(ids), "up": up, "down": len(ids) - up, "pending": _pending(context)},
        "points": _totals(totals[minion] for minion in ids if minion in totals),
        "hour": {"completeness": _percent(sum(_of(columns.received, rows)), sum(_of(columns.expected, rows)))},
        "store": _store(context, columns.at),
        "clocks": {"worst_s": round(skews[worst], 3) + 0.0 if worst is not None else None, "minion": worst},
        "alerts": _alerts(context),
        "version": __version__,
        "started": None if context.limited else services.overview.started,
    }


def _of_devices(context: Context, columns: Columns, rows: Sequence[int]) -> dict[str, Sequence[Any]]:
    """Return the columns of devices; none where no row is one's."""
    via = _of(columns.via, rows)
    if context.limited:
        shown = {host: host_shown(context, host) for host in frozenset(via) if host is not None}
        via = [None if host is None else shown[host] for host in via]
    return {"via": via, "device_up": _of(columns.device_up, rows)} if any(via) else {}


def _rows(context: Context, columns: Columns) -> Sequence[int]:
    """Return the rows of the minions that the answer may tell of."""
    if not context.limited:
        return range(len(columns.ids))
    seen = frozenset(context.visible(columns.ids))
    return [row for row, minion in enumerate(columns.ids) if minion in seen]


def _of(column: Sequence[T], rows: Sequence[int]) -> Sequence[T]:
    """Return *rows* of a column, the column itself when these are all."""
    return column if len(rows) == len(column) else [column[row] for row in rows]


def _groups(context: Context, columns: Columns, rows: Sequence[int]) -> Mapping[str, Sequence[int]]:
    """Return the rows of each group; to who is limited, of each that he sees a minion of."""
    if not context.limited:
        return columns.groups
    place = {row: number for number, row in enumerate(rows)}
    found = {name: [place[row] for row in of_it if row in place] for name, of_it in columns.groups.items()}
    return {name: of_it for name, of_it in found.items() if of_it}


def _everything(_: Iterable[str]) -> bool:
    return True


def _percent(received: int, expected: int) -> float | None:
    return round(100.0 * received / expected, 3) if expected else None


def _totals(numbers: Iterable[Sequence[float]]) -> dict[str, float]:
    totals = [sum(column) for column in zip(*numbers, strict=True)] or [0] * len(COUNTED)
    return dict(zip(COUNTED, totals, strict=True))


def _pending(context: Context) -> int | None:
    services = context.services
    return services.keyring.waiting() if services.policy.may_manage(context.caller, "key.list_all") else None


def _store(context: Context, now: float) -> dict[str, Any]:
    engine = context.services.engine
    return NOTHING_OF_STORE if context.limited or engine is None else engine.state(now)


def _alerts(context: Context) -> dict[str, Any]:
    if context.limited:
        return NOTHING_OF_ALERTS
    numbers = context.services.alerts.metrics()
    rules, bad = int(numbers["rules"]), int(numbers["bad_rules"])
    return {"source_up": bool(numbers["source_up"]), "rules": rules, "bad_rules": bad}
