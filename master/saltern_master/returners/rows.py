"""What becomes a row: jobs, returns and events, with the fields that Salt's returners write."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from saltern_master.record import JOB, Record
from saltern_master.sql.json_text import plain_text

FIND_JOB = "saltutil.find_job"
"""A question about a job is no result that anybody looks for."""
_KWARG = "__kwarg__"


class LoadRow(NamedTuple):
    """A job as it was asked for; *created* in epoch seconds."""

    jid: str
    load: dict[str, Any]
    created: float


class ReturnRow(NamedTuple):
    """What one minion returned: *data* is the whole, as the event had it; *received* in epoch seconds."""

    jid: str
    minion_id: str
    fun: str
    success: bool
    data: dict[str, Any]
    received: float


class EventRow(NamedTuple):
    """An event of the bus; *at* in epoch seconds."""

    tag: str
    data: dict[str, Any]
    at: float


Row = LoadRow | ReturnRow


def row_of(record: Record) -> Row | None:
    """Return what a record is in the tables, ``None`` for nothing. Raises ``KeyError``, ``TypeError``."""
    return _load_of(record) if record.flags & JOB else _return_of(record)


def _load_of(record: Record) -> LoadRow:
    body = record.body
    arg = list(body.get("arg") or ())
    if body.get("kwarg"):
        arg.append({_KWARG: True, **body["kwarg"]})
    names = ("tgt", "tgt_type", "fun", "jid", "user", "minions", "metadata")
    load = {"cmd": "publish", "ret": "", **{name: body[name] for name in names if name in body}, "arg": arg}
    return LoadRow(plain_text(str(body["jid"])), load, record.received)


def _return_of(record: Record) -> ReturnRow | None:
    body = record.body
    fun = body["fun"]
    if fun == FIND_JOB:
        return None
    if not isinstance(fun, str):
        fun = ",".join(map(str, fun))
    stamp = datetime.fromtimestamp(record.received, UTC).isoformat(timespec="microseconds")
    data = {**body, "id": record.minion_id, "cmd": "_return", "_stamp": stamp}
    jid, minion_id = plain_text(str(body["jid"])), plain_text(record.minion_id)
    return ReturnRow(jid, minion_id, plain_text(fun), succeeded(body.get("success")), data, record.received)


def succeeded(success: Any) -> bool:
    """Return whether a job, or each of several functions, went well."""
    return bool(success) and all(success.values()) if isinstance(success, dict) else success is True
