"""The states' file, so that a restart of the master tells nothing twice.

A msgpack map, written whole and atomically::

    { "version": 1, "rules": { name: { "target": text, "series": { series: {field of SeriesState: value} } } } }
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from saltern.complaints import Trouble
from saltern.errors import WireError
from saltern.files import make_folder, write_atomic
from saltern.set_aside import of_the_file, set_aside
from saltern.wire import pack_value, unpack_value
from saltern_master.alerts.rule import CRIT, SEVERITY, STATES, WARN
from saltern_master.alerts.state import SeriesState

VERSION = 1
MAX_FILE_BYTES = 256 * 1024 * 1024

_log = logging.getLogger(__name__)


class Kept(NamedTuple):
    """The states of one rule, and the target that they are of."""

    target: str
    series: dict[str, SeriesState]


class StateFile:
    """The file at *path*. A save that fails is tried again at the next one; what is no states is set aside."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._essence: dict[str, object] = {}  # of what the file holds
        self._writing: asyncio.Task[bool] | None = None
        self._trouble = Trouble(_log)
        self._set_aside = 0
        self.unread = False
        """Whether there is a file that can't be read just now: it isn't written over."""

    def metrics(self) -> dict[str, float]:
        """Return how often states could not be saved, and how often a broken file was set aside."""
        return {"state_failures": self._trouble.count, "state_set_aside": self._set_aside}

    def load(self) -> dict[str, Kept]:
        """Return what was saved. A file that is broken is set aside, and counts as none: every alert starts from ok.

        For one that can't be read just now see ``unread``.
        """
        self.unread = False
        try:
            with open(self._path, "rb") as stream:
                saved = unpack_value(stream.read(MAX_FILE_BYTES))
            if saved["version"] != VERSION:
                raise ValueError(f"version {saved['version']!r:.20}")
            states = {str(name): _kept(kept) for name, kept in saved["rules"].items()}
        except FileNotFoundError:
            return {}
        except (WireError, ValueError, TypeError, KeyError, AttributeError) as error:
            self._put_aside(f"it holds no states of alerts: {type(error).__name__}: {error!s:.200}")
            return {}
        except OSError as error:
            if of_the_file(error):
                self._put_aside(f"it holds no states of alerts: {error.strerror}")
            else:
                self.unread = True
                self._trouble.met(f"{self._path}: the alerts' states can't be read just now: {error.strerror}")
            return {}
        self._trouble.over(f"{self._path}: the alerts' states can be read again")
        self._essence = _essence(states)
        return states

    async def save(self, states: Mapping[str, Kept]) -> None:
        """Write *states* in a thread, if more than the newest values changed."""
        if self.unread:
            return
        if self._writing is not None:  # of a save that was cancelled
            await asyncio.wait([self._writing])
        essence = _essence(states)
        if essence == self._essence and (os.path.isfile(self._path) or not states):
            return
        self._writing = asyncio.create_task(asyncio.to_thread(self._write, states))
        if await asyncio.shield(self._writing):
            self._essence = essence
        self._writing = None

    def _write(self, states: Mapping[str, Kept]) -> bool:
        rules = {
            name: {"target": kept.target, "series": {series: asdict(state) for series, state in kept.series.items()}}
            for name, kept in states.items()
        }
        try:
            make_folder(os.path.dirname(self._path), 0o700)
            if os.path.isdir(self._path):
                self._put_aside("it is no file")
            write_atomic(self._path, pack_value({"version": VERSION, "rules": rules}))
        except OSError as error:
            self._trouble.met(f"{self._path}: the alerts' states can't be saved: {error.strerror or error}")
            return False
        self._trouble.over(f"{self._path}: the alerts' states are saved again")
        return True

    def _put_aside(self, why: str) -> None:
        try:
            set_aside(self._path, why)
            self._set_aside += 1
        except OSError as error:
            _log.error("%s: %s, and it can't be set aside: %s", self._path, why, error.strerror)


def _essence(states: Mapping[str, Kept]) -> dict[str, object]:
    """Return what has to be saved when it changes: all but the newest values and their times."""
    return {
        name: (
            kept.target,
            {key: (one.state, one.level, one.since, one.notified, one.held) for key, one in kept.series.items()},
        )
        for name, kept in states.items()
    }


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
    )
