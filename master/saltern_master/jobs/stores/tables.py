"""The tables of a job store in SQL, and the rows of jobs and returns in them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sqlalchemy import Boolean, Column, Double, Float, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.mysql import LONGTEXT

from saltern.plain import Plain
from saltern_master.jobs.store import JobLoad, JobReturn
from saltern_master.sql.json_text import plain_text


class JobTables(NamedTuple):
    """The tables of one store."""

    jids: Table
    returns: Table

    @property
    def metadata(self) -> MetaData:
        """Return what makes them."""
        return self.jids.metadata


def job_tables(jids: str, returns: str) -> JobTables:
    """Return tables of these names, for all kinds of databases: MySQL's text is long, and its names are exact."""
    metadata = MetaData()
    long_text = Text().with_variant(LONGTEXT(), "mysql", "mariadb")
    double = Float().with_variant(Double(), "mysql", "mariadb", "postgresql")
    exact: dict[str, Any] = {
        f"{kind}_{name}": value
        for kind in ("mysql", "mariadb")
        for name, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
    }
    return JobTables(
        Table(
            jids,
            metadata,
            Column("jid", String(255), primary_key=True),
            Column("load", long_text, nullable=False),
            Column("created", double, nullable=False, index=True),
            Column("owner", String(255), nullable=False, server_default=""),
            Column("bytes", Integer, nullable=False, server_default="0"),
            Index(f"ix_{jids}_owner_created_bytes", "owner", "created", "bytes"),
            **exact,
        ),
        Table(
            returns,
            metadata,
            Column("jid", String(255), primary_key=True),
            Column("id", String(255), primary_key=True),
            Column("fun", String(255), nullable=False),
            Column("return", long_text, nullable=False),
            Column("full_ret", long_text, nullable=False),
            Column("success", Boolean, nullable=False),
            Column("alter_time", double, nullable=False),
            Column("bytes", Integer, nullable=False, server_default="0"),
            Index(f"ix_{returns}_id_time_bytes", "id", "alter_time", "bytes"),
            Index(f"ix_{returns}_fun_time", "fun", "alter_time"),
            Index(f"ix_{returns}_time", "alter_time"),
            **exact,
        ),
    )


IN_A_FILE = job_tables("jids", "salt_returns")
ON_A_SERVER = job_tables("saltern_jobs", "saltern_returns")
"""By names of their own: Salt's are those of a returner, which may be in the same database."""

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
        "fun": plain_text(item.fun),
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
