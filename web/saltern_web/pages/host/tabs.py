"""The tabs that ask the host itself, now: grains, pillar's names, services, packages, processes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from django.http import HttpResponse
from django.shortcuts import render

from saltern_web.fleet import Host
from saltern_web.pages.host.around import around, host_of
from saltern_web.pages.host.asking import AWAY, WITHIN_S, Answer, ask
from saltern_web.pages.paging import paged
from saltern_web.parts import part
from saltern_web.session.console import Asked

MAX_VALUE = 2000
PROCESSES = 40
MEASURED_S = 0.5
"""How long processes are watched, to know the busiest."""

Row = Mapping[str, Any]


class Found(NamedTuple):
    """What a tab shows: *rows* of *columns*, a note, and what went wrong."""

    rows: Sequence[Row]
    told: Answer
    note: str = ""


async def _grains(request: Asked, host: Host) -> Found:
    told = await ask(request.api, host, "grains.items")
    note = ""
    if told.value is None:
        known = await part(request.api.runner("cache.grains", [host.id], "list"), WITHIN_S)
        found = (known.value or {}).get(host.id)
        if isinstance(found, dict) and found:
            note = f"{told.fault}: these are what the master heard last"
            told = Answer(found)
    return Found([{"name": name, "value": _value(value)} for name, value in _pairs(told.value)], told, note)


async def _pillar(request: Asked, host: Host) -> Found:
    told = await ask(request.api, host, "pillar.ls")
    names = sorted(map(str, told.value)) if isinstance(told.value, list) else []
    return Found([{"name": name} for name in names], told, "Names alone: what they hold is for the host.")


async def _services(request: Asked, host: Host) -> Found:
    functions = ("service.get_all", "service.get_enabled", "service.status")
    told = await ask(request.api, host, functions, [[], [], ["*"]])
    answers = told.value if isinstance(told.value, dict) else {}
    if told.value is None and told.fault != AWAY:
        told = await ask(request.api, host, functions[0])
        answers = {functions[0]: told.value}
    every, enabled, running = (answers.get(function) for function in functions)
    if told.value is not None and not isinstance(every, list):
        return Found([], Answer(fault=f"it failed: service.get_all: {_value(every)}"))
    rows = [
        {
            "name": str(name),
            "running": running.get(name) if isinstance(running, dict) else None,
            "enabled": name in enabled if isinstance(enabled, list) else None,
        }
        for name in sorted(map(str, every or ()))
    ]
    return Found(rows, told)


async def _packages(request: Asked, host: Host) -> Found:
    told = await ask(request.api, host, "pkg.list_pkgs")
    return Found([{"name": name, "version": _value(version)} for name, version in _pairs(told.value)], told)


async def _processes(request: Asked, host: Host) -> Found:
    told = await ask(request.api, host, "ps.top", [PROCESSES, MEASURED_S])
    rows = [_process(one) for one in told.value if isinstance(one, dict)] if isinstance(told.value, list) else []
    return Found(rows, told, f"The busiest {PROCESSES} of a moment, the busiest first.")


def _process(told: Mapping[str, Any]) -> Row:
    command, cpu, memory = told.get("cmd"), told.get("cpu"), told.get("mem")
    seconds = [value for value in cpu.values() if isinstance(value, int | float)] if isinstance(cpu, dict) else []
    return {
        "name": " ".join(map(str, command))[:MAX_VALUE] if isinstance(command, list) else _value(command),
        "pid": told.get("pid"),
        "user": told.get("user"),
        "status": told.get("status"),
        "cpu": sum(seconds[:2]) if seconds else None,
        "rss": _number(memory.get("rss")) if isinstance(memory, dict) else None,
        "since": _number(told.get("create_time")),
    }


ASKED: Mapping[str, Callable[[Asked, Host], Awaitable[Found]]] = {
    "grains": _grains,
    "pillar": _pillar,
    "services": _services,
    "packages": _packages,
    "processes": _processes,
}


async def tab(request: Asked, minion: str, name: str) -> HttpResponse:
    """Show what the host says, filtered by ``?q=``, a part of a name or value."""
    fleet, host = await host_of(request, minion)
    found = await ASKED[name](request, host)
    wanted = request.GET.get("q", "")[:200].strip()
    rows = [row for row in found.rows if _holds(row, wanted.lower())]
    context = {
        **await around(request, fleet, host, name),
        "rows": paged(rows, request.GET),
        "told": found.told,
        "note": found.note,
        "q": wanted,
        "any": bool(found.rows),
    }
    return render(request, f"host/{name}.html", context)


def _holds(row: Row, wanted: str) -> bool:
    return not wanted or any(isinstance(value, str) and wanted in value.lower() for value in row.values())


def _pairs(value: Any) -> list[tuple[str, Any]]:
    return sorted((str(name), one) for name, one in value.items()) if isinstance(value, dict) else []


def _value(value: Any) -> str:
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return said if len(said) <= MAX_VALUE else f"{said[:MAX_VALUE]} …"


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
