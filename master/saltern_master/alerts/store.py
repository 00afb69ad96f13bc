"""The states' file, so that a restart of the master tells nothing twice.

A msgpack map, written whole and atomically::

    { "version": 1, "rules": { name: { "target": text, "series": { series: {field of SeriesState: value} } } } }
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from saltern_master.alerts.kept_file import KeptFile
from saltern_master.alerts.rule import CRIT, SEVERITY, STATES, WARN
from saltern_master.alerts.state import SeriesState

MAX_FILE_BYTES = 256 * 1024 * 1024


class Kept(NamedTuple):
    """The states of one rule, and the target that they are of."""

    target: str
    series: dict[str, SeriesState]


class StateFile:
    """The file at *path*. A save that fails is tried again at the next one; what is no states is set aside."""

    def __init__(self, path: str) -> None:
        self.file = KeptFile(path, "states of alerts", _read, MAX_FILE_BYTES)
        self._essence: dict[str, object] = {}  # of what the file holds
        self._writing: asyncio.Task[str] | None = None

    @property
    def unread(self) -> bool:
        """Whether there is a file that can't be read just now: it isn't written over."""
        return self.file.unread

    def load(self) -> dict[str, Kept]:
        """Return what was saved. A file that is broken is set aside, and counts as none: every alert starts from ok.

        For one that can't be read just now see ``unread``.
        """
        states = self.file.load()
        if states is None:
            return {}
        self._essence = _essence(states)
        return states

    async def save(self, states: Mapping[str, Kept]) -> None:
        """Write *states* in a thread, if more than the newest values changed."""
        if self.unread:
            return
        if self._writing is not None:  # of a save that was cancelled
            await asyncio.wait([self._writing])
        essence = _essence(states)
        if essence == self._essence and (os.path.isfile(self.file.path) or not states):
            return
        self._writing = asyncio.create_task(asyncio.to_thread(self._write, states))
        if not await asyncio.shield(self._writing):
            self._essence = essence
        self._writing = None

    def _write(self, states: Mapping[str, Kept]) -> str:
        rules = {
            name: {"target": kept.target, "series": {series: asdict(state) for series, state in kept.series.items()}}
            for name, kept in states.items()
        }
        return self.file.write({"rules": rules})


def _essence(states: Mapping[str, Kept]) -> dict[str, object]:
    """Return what has to be saved when it changes: all but the newest values and their times."""
    return {
        name: (
            kept.target,
            {
                key: (one.state, one.level, one.since, one.notified, one.held, one.withheld)
                for key, one in kept.series.items()
            },
        )
        for name, kept in states.items()
    }


def _read(saved: Any) -> dict[str, Kept]:
    return {str(name): _kept(kept) for name, kept in saved["rules"].items()}


def _kept(saved: dict[str, Any]) -> Kept:
    return Kept(str(saved["target"]), {str(series): _state(state) for series, state in saved["series"].items()})


def _state(saved: dict[str, Any]) -> SeriesState:
    state, level = saved["state"], saved["level"]
    if state not in STATES or level not in SEVERITY:
        raise ValueError(f"{state!r:.20} is no state")
    value = saved["value"]
    return SeriesState(
        state=state,
        since=float(saved["since"]),
        seen=float(saved["seen"]),
        level=level,
        value=None if value is None else float(value),
        held={name: float(at) for name, at in saved["held"].items() if name in (WARN, CRIT)},
        notified=float(saved["notified"]),
        withheld=_told(saved.get("withheld", "")),  # older masters knew no silences
    )


def _told(state: Any) -> str:
    if state not in ("", *STATES):
        raise ValueError(f"{state!r:.20} is no state")
    return str(state)
