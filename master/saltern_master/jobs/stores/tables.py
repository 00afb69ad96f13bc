"""The tables of a job store in SQL, and the rows of jobs and returns in them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

from saltern.plain import Plain
from saltern_master.jobs.store import JobLoad, JobReturn

METADATA = MetaData()
JIDS = Table(
    "jids",
    METADATA,
    Column("jid", String(255), primary_key=True),
    Column("load", Text, nullable=False),
    Column("created", Float, nullable=False, index=True),
    Column("owner", String(255), nullable=False, server_default=""),
    Column("bytes", Integer, nullable=False, server_default="0"),
    Index("ix_jids_owner_created_bytes", "owner", "created", "bytes"),
)
RETURNS = Table(
    "salt_returns",
    METADATA,
    Column("jid", String(255), primary_key=True),
    Column("id", String(255), primary_key=True),
    Column("fun", String(255), nullable=False),
    Column("return", Text, nullable=False),
    Column("full_ret", Text, nullable=False),
    Column("success", Boolean, nullable=False),
    Column("alter_time", Float, nullable=False),
    Column("bytes", Integer, nullable=False, server_default="0"),
    Index("ix_salt_returns_id_time_bytes", "id", "alter_time", "bytes"),
    Index("ix_salt_returns_fun_time", "fun", "alter_time"),
    Index("ix_salt_returns_time", "alter_time"),
)

OURS = {
    "jids": ("jid", "load", "created"),
    "salt_returns": ("jid", "id", "fun", "return", "full_ret", "success", "alter_time"),
}
"""Tables and columns of the first version, which ``_upgrade`` knows."""


def job_row(job: JobLoad) -> dict[str, Any]:
    """Return the row of a job; its text is JSON."""
    load = _text(job.load)
    owner = str(job.load.get("owner", ""))
    return {"jid": job.jid, "load": load, "created": job.created, "owner": owner, "bytes": len(load)}


def return_row(item: JobReturn) -> dict[str, Any]:
    """Return the row of a return; its text is JSON."""
    returned = _text(item.data.get("return"))
    rest = _text({**{key: value for key, value in item.data.items() if key != "return"}, "id": item.minion_id})
    return {
        "jid": item.jid,
        "id": item.minion_id,
        "fun": item.fun.encode(errors="backslashreplace").decode(),
        "return": returned,
        "full_ret": rest,  # without the return, which may be large and has its own column
        "success": item.success,
        "alter_time": item.received,
        "bytes": len(returned) + len(rest),
    }


def _text(value: Any) -> str:
    """Return *value* as JSON; bytes and lone surrogates are escaped, other types get their plain form."""
    try:
        return _JSON.encode(value)
    except (TypeError, ValueError, RecursionError):  # keys that JSON doesn't have, cycles
        return _JSON.encode(_with_text_keys(Plain().of(value)))


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            _bytes(key) if isinstance(key, bytes) else key: _with_text_keys(member) for key, member in value.items()
        }
    return [_with_text_keys(member) for member in value] if isinstance(value, list) else value


def _bytes(value: object) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else repr(value)


_JSON = json.JSONEncoder(default=_bytes)
