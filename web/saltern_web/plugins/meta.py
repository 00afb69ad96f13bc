"""``meta.yaml``: what a plugin says of itself. An empty one is a plugin that is enabled and has no more to say.

::

    title: Services
    description: Start, stop and restart services.
    state: enabled            # enabled | disabled | debug (shown to administrators alone); or debug: true
    version: "1.2"            # that of the execution module; what minions have is compared with it
    configuration: {most: 5}  # given to the module; administrators may set other values
    changes: true             # false: it only looks, so that nothing is confirmed before it runs
    show: true                # the module has show(), which tells how things are
    schedule: {seconds: 60}   # how often it is worth measuring
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import yaml

from saltern.config.load import nearest
from saltern.unfolding import bounded
from saltern_web.plugins.names import META, PluginFault

MAX_BYTES = 64 * 1024
MAX_TITLE, MAX_VERSION, MAX_DESCRIPTION = 100, 40, 4000
MIN_SECONDS, MAX_SECONDS = 1, 86400


class State(StrEnum):
    """Whether a plugin is there."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    DEBUG = "debug"


@dataclass(frozen=True)
class Meta:
    """What ``meta.yaml`` says; *notes*: what of it isn't used, for administrators."""

    title: str
    description: str = ""
    state: State = State.ENABLED
    version: str = ""
    configuration: Mapping[str, Any] = field(default_factory=dict)
    changes: bool = True
    show: bool = False
    seconds: int | None = None
    """How often to measure, in seconds; ``None``: not at all."""
    notes: tuple[str, ...] = ()


KEYS = ("title", "description", "state", *State, "version", "configuration", "changes", "show", "schedule")


def read_meta(text: bytes, name: str) -> Meta:
    """Return what the ``meta.yaml`` of the plugin *name* says. Raises ``PluginFault``: one line."""
    said = _mapping(text)
    notes = [f"{META}: {key!s:.40} isn't used{nearest(str(key), list(KEYS))}" for key in said if key not in KEYS]
    schedule = _of_kind(said, "schedule", dict, {})
    return Meta(
        " ".join(_text(said, "title", MAX_TITLE).split()) or name.replace("_", " ").capitalize(),
        _text(said, "description", MAX_DESCRIPTION),
        _state(said),
        " ".join(_text(said, "version", MAX_VERSION).split()),
        _configuration(_of_kind(said, "configuration", dict, {})),
        _of_kind(said, "changes", bool, True),
        _of_kind(said, "show", bool, False),
        _seconds(schedule.get("seconds")) if schedule else None,
        tuple(notes),
    )


def _mapping(text: bytes) -> dict[Any, Any]:
    if len(text) > MAX_BYTES:
        raise PluginFault(f"{META}: is over {MAX_BYTES:,} bytes: too large")
    try:
        said = bounded(yaml.safe_load(text.decode()))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).split("\n")[0]
        raise PluginFault(f"{META}{where}: is not YAML: {problem}") from None
    except UnicodeDecodeError:
        raise PluginFault(f"{META}: is not text in UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise PluginFault(f"{META}: is not YAML: {str(error).splitlines()[0]:.200}") from None
    if said is None:
        return {}
    if not isinstance(said, dict):
        raise PluginFault(f"{META}: must be 'key: value' lines, or empty")
    return said


def _text(said: Mapping[Any, Any], key: str, most: int) -> str:
    value = said.get(key)
    if isinstance(value, dict | list):
        raise PluginFault(f"{META}: {key}: must be a text")
    text = "" if value is None else str(value).strip()
    if len(text) > most:
        raise PluginFault(f"{META}: {key}: is over {most:,} characters")
    return text


def _of_kind(said: Mapping[Any, Any], key: str, kind: type, default: Any) -> Any:
    value = said.get(key)
    if value is None:
        return default
    if not isinstance(value, kind):
        wanted = {dict: "must be 'key: value' lines", bool: "must be true or false"}[kind]
        raise PluginFault(f"{META}: {key}: {wanted}, not {value!r:.60}")
    return value


def _state(said: Mapping[Any, Any]) -> State:
    """YAML reads a bare ``on`` or ``off`` as a truth value; ``debug: true`` says as much as ``state: debug``."""
    value = said.get("state")
    if value is None:
        enabled, disabled, debug = (_of_kind(said, state, bool, state is State.ENABLED) for state in State)
        return State.DISABLED if disabled or not enabled else State.DEBUG if debug else State.ENABLED
    if isinstance(value, bool):
        return State.ENABLED if value else State.DISABLED
    try:
        return State(str(value).strip().lower())
    except ValueError:
        raise PluginFault(f"{META}: state: must be {', '.join(State)}, not {value!r:.60}") from None


def _configuration(value: dict[Any, Any]) -> dict[str, Any]:
    if any(not isinstance(key, str) or not key.isidentifier() for key in value):
        raise PluginFault(f"{META}: configuration: keys must be names, of letters, digits and '_'")
    try:
        return dict(json.loads(json.dumps(value, allow_nan=False)))
    except (TypeError, ValueError):
        raise PluginFault(f"{META}: configuration: JSON can't express it: use texts, numbers, lists, maps") from None


def _seconds(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not MIN_SECONDS <= value <= MAX_SECONDS:
        raise PluginFault(f"{META}: schedule: seconds must be {MIN_SECONDS} to {MAX_SECONDS}, not {value!r:.40}")
    return value
