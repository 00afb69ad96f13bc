"""The shape of what comes in, checked at the door: one schema for each message, before anything else is done with it.

A field has its types, or a check for what types don't say. What isn't in the schema is no part of the message: it
stays apart, below ``data``, unless that is a field itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from saltern.errors import IdError, WireError
from saltern.ids import MAX_MINION_ID, check_jid
from saltern.visible import shown

MAX_TAG_LENGTH = 512
MAX_NAME_LENGTH = 512
MAX_FUNCTIONS = 1000
MAX_RANGES = 2000
MAX_DEVICES = 20_000
"""That one host may have."""
MAX_IN_ENVELOPE = 64
"""Messages that a host may put into one."""
_KINDS = ("skipped", "dropped")

Check = Callable[[Any], str | None]
"""Returns what a value must be, when it isn't."""


class Field(NamedTuple):
    """One field of a message."""

    check: Check
    required: bool = False


class Fitting(dict[str, Any]):
    """The fields of a message that were checked."""

    __slots__ = ()


class Shape:
    """The fields of one type of message."""

    def __init__(self, name: str, fields: Mapping[str, Field]) -> None:
        """*name*: what such a message is called, as in ``an event``."""
        self.name = name
        self._fields = fields
        self._required = [key for key, field in fields.items() if field.required]

    def checked(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of *body*, unknown ones below ``data``. Raises ``WireError`` naming what is wrong.

        A message that has a ``data`` of its own loses the unknown ones.
        """
        for key in self._required:
            if key not in body:
                raise WireError(f"{self.name} needs {' and '.join(map(repr, self._required))}")
        fields = self._fields
        taken: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for key, value in body.items():
            field = fields.get(key)
            if field is None:
                rest[str(key)[:MAX_NAME_LENGTH]] = value
                continue
            wanted = field.check(value)
            if wanted is not None:
                raise WireError(f"{self.name}'s {key} must be {wanted}, not {shown(value, 60)}")
            taken[key] = value
        if rest and "data" not in fields:
            taken["data"] = rest
        return taken


def text(longest: int = MAX_NAME_LENGTH) -> Check:
    """Return the check for a text of 1 to *longest* printable characters."""

    def check(value: Any) -> str | None:
        if isinstance(value, str) and 0 < len(value) <= longest and value.isprintable():
            return None
        return f"text of 1 to {longest} printable characters"

    return check


def one_of(*kinds: type) -> Check:
    """Return the check for a value of one of *kinds*, exactly."""
    names = {int: "a whole number", float: "a number", bool: "true or false", dict: "a map", list: "a list"}
    wanted = " or ".join(names.get(kind, kind.__name__) for kind in kinds)
    return lambda value: None if type(value) in kinds else wanted


def anything(value: Any) -> str | None:
    """Take any value."""


def jid(value: Any) -> str | None:
    """Take a jid."""
    try:
        check_jid(value)
    except IdError:
        return "a jid, 20 digits"
    return None


def functions(value: Any) -> str | None:
    """Take a function's name, or several."""
    names = value if isinstance(value, list) else [value]
    if 0 < len(names) <= MAX_FUNCTIONS and all(isinstance(name, str) and 0 < len(name) <= 1000 for name in names):
        return None
    return "a function's name, or a list of them"


def finite(value: Any) -> str | None:
    """Take a finite number."""
    if type(value) in (int, float) and abs(value) < 2**63 and math.isfinite(value):
        return None
    return "a finite number"


def absences(value: Any) -> str | None:
    """Take a map of schedules to maps: ``seconds``, and ranges of slots by ``skipped`` and ``dropped``."""
    if (
        isinstance(value, dict)
        and all(isinstance(name, str) and _is_absence(one) for name, one in value.items())
        and sum(len(one.get(kind, ())) for one in value.values() for kind in _KINDS) <= MAX_RANGES
    ):
        return None
    return f"a map of schedules to seconds, skipped and dropped, {MAX_RANGES} ranges at most"


def _is_absence(value: Any) -> bool:
    if not isinstance(value, dict) or finite(value.get("seconds")):
        return False
    return all(
        isinstance(ranges, list)
        and all(isinstance(one, list) and len(one) == 2 and not finite(one[0]) and not finite(one[1]) for one in ranges)
        for ranges in (value.get(kind, []) for kind in _KINDS)
    )


def texts(value: Any) -> str | None:
    """Take a list of texts."""
    return None if isinstance(value, list) and all(isinstance(member, str) for member in value) else "a list of texts"


def pids(value: Any) -> str | None:
    """Take a map of jids to process ids."""
    if isinstance(value, dict) and all(isinstance(jid, str) and type(pid) is int for jid, pid in value.items()):
        return None
    return "a map of jids to process ids"


def device(value: Any) -> str | None:
    """Take what may be a minion's id; whether it is one is looked up in any case."""
    fits = type(value) is str and 0 < len(value) <= MAX_MINION_ID and value.isascii() and value.isprintable()
    return None if fits else "a minion id"


def each(value: Any) -> str | None:
    """Take a list of what is said for devices: numbers, ids and frames."""
    if (
        isinstance(value, list)
        and len(value) <= MAX_IN_ENVELOPE
        and all(
            type(one) is list and len(one) == 3 and type(one[0]) is int and type(one[2]) is bytes and not device(one[1])
            for one in value
        )
    ):
        return None
    return f"a list of [number, minion id, message], {MAX_IN_ENVELOPE} at most"


def devices(value: Any) -> str | None:
    """Take a list of minions' ids, as many as one host may have."""
    if isinstance(value, list) and len(value) <= MAX_DEVICES and not any(device(member) for member in value):
        return None
    return f"a list of minion ids, {MAX_DEVICES} at most"


RETURN = Shape(
    "a return",
    {
        "jid": Field(jid, required=True),
        "fun": Field(functions, required=True),
        "return": Field(anything, required=True),
        "fun_args": Field(one_of(list)),
        "retcode": Field(one_of(int, dict)),
        "success": Field(one_of(bool, dict)),
        "duration_ms": Field(finite),
        "plain": Field(texts),
        "module": Field(one_of(dict)),
        "schedule": Field(text()),
        "slot": Field(finite),
        "metrics": Field(one_of(bool)),
        "return_job": Field(one_of(bool)),
        "failed": Field(text()),
        "out": Field(text()),
    },
)
ACCOUNT = Shape("an account", {"schedules": Field(absences, required=True)})
EVENT = Shape("an event", {"tag": Field(text(MAX_TAG_LENGTH), required=True), "data": Field(anything)})
CALL = Shape("a call", {"cmd": Field(text(), required=True), "args": Field(one_of(dict))})
WORKING = Shape("an answer", {"jids": Field(texts, required=True), "more": Field(one_of(bool)), "pids": Field(pids)})
CLOCK = Shape("a question for the time", {"skew_ms": Field(finite)})
ATTACH = Shape("an attach", {"boot": Field(finite), "grains": Field(one_of(dict)), "have": Field(one_of(dict))})
FOR = Shape("an envelope", {"minion": Field(device, required=True), "message": Field(one_of(bytes), required=True)})
EACH = Shape("an envelope", {"each": Field(each, required=True)})
DEVICES = Shape("a list of devices", {"devices": Field(devices, required=True)})
LEASE = Shape("a question for a lease", {"list": Field(one_of(bool))})
HELLO = Shape(
    "a hello",
    {
        "id": Field(anything, required=True),
        "version": Field(text()),
        "grains": Field(one_of(dict)),
        "boot": Field(finite),
        "token": Field(text()),
        "call": Field(one_of(bool)),
    },
)
REQUEST = Shape(
    "a request",
    {
        "command": Field(text(), required=True),
        "args": Field(one_of(list)),
        "kwargs": Field(lambda v: None if isinstance(v, dict) and all(isinstance(k, str) for k in v) else "a map"),
        "within_s": Field(lambda v: None if v is None else finite(v)),
        "whole": Field(one_of(bool)),
        "auth": Field(one_of(dict)),
        "origin": Field(text()),
    },
)
