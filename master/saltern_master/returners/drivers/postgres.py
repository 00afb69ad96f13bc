"""Salt's tables in PostgreSQL: as its returner ``pgjsonb`` has them, or ``postgres``, whose JSON is text.

Which of the two tables that are there are is seen from their columns.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    DateTime,
    TableClause,
    Text,
    cast,
    column,
    delete,
    inspect,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from saltern_master.returners.drivers.salt_tables import SaltTables, Tables
from saltern_master.returners.rows import ReturnRow
from saltern_master.sql.database import Database
from saltern_master.sql.json_text import Column, json_text

_TIME = "alter_time TIMESTAMP WITH TIME ZONE DEFAULT NOW()"
_GIN = "USING gin ({0}) WITH (fastupdate=on)"


def _events(data: str, *indexes: str) -> list[str]:
    return [
        "CREATE SEQUENCE IF NOT EXISTS seq_salt_events_id",
        "CREATE TABLE salt_events (id BIGINT NOT NULL UNIQUE DEFAULT nextval('seq_salt_events_id'), "
        f"tag varchar(255) NOT NULL, data {data} NOT NULL, {_TIME}, master_id varchar(255) NOT NULL)",
        "CREATE INDEX idx_salt_events_tag ON salt_events (tag)",
        *indexes,
    ]


def _index(name: str, of: str) -> str:
    return f"CREATE INDEX idx_{name} ON {of}"


_KEYS = [_index(f"salt_returns_{name}", f"salt_returns ({name})") for name in ("id", "jid", "fun")]
_PGJSONB = {
    "jids": [
        "CREATE TABLE jids (jid varchar(255) NOT NULL PRIMARY KEY, load jsonb NOT NULL)",
        _index("jids_jsonb", "jids " + _GIN.format("load")),
    ],
    "salt_returns": [
        "CREATE TABLE salt_returns (fun varchar(50) NOT NULL, jid varchar(255) NOT NULL, return jsonb NOT NULL, "
        f"id varchar(255) NOT NULL, success varchar(10) NOT NULL, full_ret jsonb NOT NULL, {_TIME})",
        *_KEYS,
        _index("salt_returns_return", "salt_returns " + _GIN.format("return")),
        _index("salt_returns_full_ret", "salt_returns " + _GIN.format("full_ret")),
    ],
    "salt_events": _events("jsonb", _index("salt_events_data", "salt_events " + _GIN.format("data"))),
}
_POSTGRES = {
    "jids": ["CREATE TABLE jids (jid varchar(20) PRIMARY KEY, load text NOT NULL)"],
    "salt_returns": [
        "CREATE TABLE salt_returns (fun varchar(50) NOT NULL, jid varchar(255) NOT NULL, return text NOT NULL, "
        f"full_ret text, id varchar(255) NOT NULL, success varchar(10) NOT NULL, {_TIME})",
        *_KEYS,
        _index("salt_returns_updated", "salt_returns (alter_time)"),
    ],
    "salt_events": _events("text"),
}


class _Forms(NamedTuple):
    """What the columns of JSON are."""

    load: Column
    returned: Column
    full_ret: Column
    data: Column


class PostgresReturner(SaltTables):
    """See ``SaltTables``. *as_text*: whether tables that are to be made hold JSON as text, as ``postgres`` has it."""

    def __init__(self, database: Database, reader: str, *, sizes: bool = False, as_text: bool = False) -> None:
        super().__init__(database, reader, sizes=sizes)
        self.made_by = _POSTGRES if as_text else _PGJSONB
        self._forms = _Forms(*[Column.JSONB] * 4)
        self.tables = _tables(self._forms)

    def look(self, connection: Connection) -> None:
        """Find out which columns hold JSON as text, and whether the database has all characters."""
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
        as_text = Column.UTF8 if encoding == "UTF8" else Column.ASCII
        looked = inspect(connection)
        kinds = {
            (name, one["name"]): Column.JSONB if isinstance(one["type"], JSONB) else as_text
            for name in self.made_by
            for one in looked.get_columns(name)
        }
        names = (("jids", "load"), ("salt_returns", "return"), ("salt_returns", "full_ret"), ("salt_events", "data"))
        self._forms = _Forms(*(kinds.get(name, as_text) for name in names))
        self.tables = _tables(self._forms)

    def return_row(self, row: ReturnRow) -> dict[str, Any]:
        """Return the columns of a return: ``success`` is true or false, as a boolean is to PostgreSQL."""
        made = {"fun": row.fun, "jid": row.jid, "id": row.minion_id, "success": "true" if row.success else "false"}
        made |= {"return": json_text(row.data.get("return"), self._forms.returned)}
        return {**made, "full_ret": json_text(row.data, self._forms.full_ret), "alter_time": self.time(row.received)}

    def load_column(self) -> Column:
        """Return what the column of a job's load takes."""
        return self._forms.load

    def event_column(self) -> Column:
        """Return what the column of an event's data takes."""
        return self._forms.data

    def shown(self) -> list[Any]:
        """Return the columns that ``found`` reads, the return as text."""
        *others, returned = super().shown()
        return [*others, cast(returned, Text)]

    def delete_some(self, table: TableClause, wanted: Any, most: int) -> Any:
        """Return the statement that deletes some: by where they are, since there is no limit to a deletion."""
        ctid: Any = literal_column("ctid")
        some = select(ctid).select_from(table).where(wanted).limit(most)
        return delete(table).where(ctid.in_(some))


def _tables(forms: _Forms) -> Tables:
    def json(name: str, form: Column) -> Any:
        return column(name, JSONB if form is Column.JSONB else Text)

    def texts(*names: str) -> list[Any]:
        return [column(name, Text) for name in names]

    when: Any = DateTime(timezone=True)
    return Tables(
        table("jids", *texts("jid"), json("load", forms.load)),
        table(
            "salt_returns",
            *texts("fun", "jid"),
            json("return", forms.returned),
            *texts("id", "success"),
            json("full_ret", forms.full_ret),
            column("alter_time", when),
        ),
        table(
            "salt_events",
            column("id"),
            *texts("tag"),
            json("data", forms.data),
            column("alter_time", when),
            *texts("master_id"),
        ),
    )
