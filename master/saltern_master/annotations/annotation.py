"""Events of the bus as Graphite has them: what happened, when, its tags and details.

======== ============================= ==================================================== =========================
kind     event of the bus              what                                                 tags
======== ============================= ==================================================== =========================
alerts   ``salt/alert/<name>/<state>`` ``cpu is CRITICAL on web01 (97 > 90)``               alert, name, state, minion
jobs     ``salt/job/<jid>/new``        ``test.ping on 3 minions by root``                   job, function
presence ``salt/presence/change``      ``web01 is gone``                                    presence, up/down, minion
======== ============================= ==================================================== =========================

Who may see some minions alone is shown those with a tag ``minion:<name in metrics>`` for each that they are about, and
for none else: alerts on series of which that can be told, and presence.

Programs may fire events under these tags too, with anything in them: what doesn't fit is left out, nothing fails.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from saltern.look import LOOK
from saltern.metric_segment import owner
from saltern_master.annotations.places import SUBJECT, Places
from saltern_master.bus import Event

PREFIXES = {"alerts": "salt/alert/", "jobs": "salt/job/", "presence": "salt/presence/change"}
"""What ``events_of`` may name, and the tags that its events start with."""

LEVELS = {"ok": "OK", "warn": "WARNING", "crit": "CRITICAL", "nodata": "without data"}
ASKED_BY_PROGRAMS = frozenset({"saltutil.find_job", "saltutil.running"})
"""Functions by which programs look after other jobs: nobody wants to see them on a chart."""

# What saltern-graphite takes at most, but graphite-web's databases hold 255 characters of what.
MAX_WHAT_CHARS = 255
MAX_TAG_CHARS = 255
MAX_TAGS = 100
MAX_DETAIL_CHARS = 4_000
MAX_DATA_CHARS = 64_000
MAX_NAMED_MINIONS = 50
MAX_SUBJECTS = 30
"""Of how many minions an alert's tags say that it is about them; all of them are said, or none."""
ASKED = ("metric", "target")
"""Fields of an alert that may name any minion."""
MAX_WHEN = 2**32  # seconds since the epoch that Whisper can hold

_NOT_IN_TAGS = re.compile(r"[\s,\"']+")


class Annotation(NamedTuple):
    """An event for Graphite: ``when`` in epoch seconds; ``data`` is JSON; tags hold no blanks."""

    when: float
    what: str
    tags: list[str]
    data: str

    def as_json(self) -> bytes:
        """Return it as ``/events/`` takes it."""
        return json.dumps(self._asdict(), ensure_ascii=True).encode("ascii")


def is_annotated(event: Event) -> bool:
    """Return whether *event* may become an annotation; what jobs returned, of any size, never does, nor what is
    silenced, nor a job by which a console looks at hosts.
    """
    if event.tag.startswith(PREFIXES["alerts"]) and event.data.get("silenced") is True:
        return False
    if not event.tag.startswith(PREFIXES["jobs"]):
        return True
    return event.tag.split("/")[3:] == ["new"] and event.data.get("metadata") != LOOK


def annotations_of(event: Event, places: Places) -> list[Annotation]:
    """Return what *event* becomes: nothing for one of another kind, one for each minion of a change of presence."""
    if event.tag.startswith(PREFIXES["alerts"]):
        return [_alert(event.data, places)]
    if event.tag.startswith(PREFIXES["presence"]):
        return _presence(event.data, places)
    if event.tag.startswith(PREFIXES["jobs"]) and is_annotated(event) and not ASKED_BY_PROGRAMS & {*_functions(event)}:
        return [_job(event)]
    return []


def _alert(alert: Mapping[str, Any], places: Places) -> Annotation:
    name, state, series = (str(alert.get(key, "")) for key in ("name", "state", "series"))
    minions = places.of(series)
    value, threshold = alert.get("value"), alert.get("threshold")
    if not isinstance(value, int | float):
        why = "" if state == "nodata" else " (no data)"
    elif state == "ok" or not threshold:
        why = f" ({value:.6g})"
    else:
        why = f" ({value:.6g} {threshold})"
    where = f" on {_shown(minions)}" if minions else f" for {series}" if series else ""
    what = f"{name} is {LEVELS.get(state, state)}{where}{why}"
    when = alert.get("when")
    subjects = places.subjects(series)
    subjects = subjects if len(subjects) <= MAX_SUBJECTS else []
    tags = ["alert", name, state, *(word for minion in minions for word in places.words(minion)), *subjects]
    hidden = [key for key in ASKED if subjects and key in alert and not _is_plain(alert[key], places, subjects)]
    details = {key: value for key, value in alert.items() if key not in hidden}
    return _made(when if isinstance(when, int | float) else _stamp(alert), what, tags, details)


def _is_plain(asked: Any, places: Places, subjects: list[str]) -> bool:
    """Return whether what was asked for names no minion but *subjects*, a glob standing for one of them."""
    named = places.subjects(str(asked).replace("*", subjects[0].removeprefix(SUBJECT)))
    return bool(named) and set(named) <= set(subjects)


def _job(event: Event) -> Annotation:
    job, functions = event.data, _functions(event)
    minions = job.get("minions")
    minions = [str(minion) for minion in minions] if isinstance(minions, list) else []
    where = minions[0] if len(minions) == 1 else f"{len(minions)} minions"
    what = f"{', '.join(functions)} on {where} by {job.get('user', '?')}"
    # Arguments stay here: commands often hold what not everyone who sees a chart may know.
    details = {
        **{key: job.get(key) for key in ("jid", "fun", "tgt", "tgt_type", "user")},
        "minions": minions[:MAX_NAMED_MINIONS],
        "minions_count": len(minions),
    }
    return _made(_stamp(job), what, ["job", *functions], details)


def _presence(change: Mapping[str, Any], places: Places) -> list[Annotation]:
    found = []
    for key, state, words in (("new", "up", "is connected"), ("lost", "down", "is gone")):
        minions = change.get(key)
        for minion in minions if isinstance(minions, list) else []:
            tags = ["presence", state, *places.words(str(minion)), SUBJECT + owner(str(minion))]
            found.append(_made(_stamp(change), f"{minion} {words}", tags, {"id": minion, "state": state}))
    return found


def _functions(event: Event) -> list[str]:
    fun = event.data.get("fun")
    return [str(one) for one in (fun if isinstance(fun, list) else [fun])]


def _made(when: float, what: str, tags: Iterable[str], details: Mapping[str, Any]) -> Annotation:
    if not 0 <= when < MAX_WHEN:  # NaN neither
        when = time.time()
    data = _json({str(key): _short(value) for key, value in details.items() if not str(key).startswith("_")})
    clean = dict.fromkeys(_NOT_IN_TAGS.sub("_", _text(tag))[:MAX_TAG_CHARS] for tag in tags if tag)
    return Annotation(float(when), _text(what)[:MAX_WHAT_CHARS], list(clean)[:MAX_TAGS], data[:MAX_DATA_CHARS])


def _short(value: Any) -> Any:
    """Return *value* if it is short as JSON, else the start of its JSON."""
    text = _json(value)
    return value if len(text) <= MAX_DETAIL_CHARS else text[:MAX_DETAIL_CHARS]


def _json(value: Any) -> str:
    return json.dumps(value, skipkeys=True, default=str)


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")  # names from hosts may hold half characters


def _stamp(data: Mapping[str, Any]) -> float:
    """Return when the bus took the event, epoch seconds."""
    try:
        return datetime.fromisoformat(data["_stamp"]).replace(tzinfo=UTC).timestamp()
    except (KeyError, TypeError, ValueError):
        return time.time()


def _shown(minions: list[str]) -> str:
    return ", ".join(minions[:3]) + (f" and {len(minions) - 3} more" if len(minions) > 3 else "")
