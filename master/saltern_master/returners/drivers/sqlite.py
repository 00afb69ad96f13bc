"""Salt's tables in SQLite, as its returner ``sqlite3`` has them: ``full_ret`` is the return alone, and no events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TableClause, Text, column, delete, literal_column, select, table, text

from saltern_master.jobs.query import Found
from saltern_master.returners.drivers.salt_tables import TRUE, SaltTables, Tables, read_json
from saltern_master.returners.rows import ReturnRow
from saltern_master.sql.json_text import Column, json_text, plain_text

_RETURNS = ("fun", "jid", "id", "fun_args", "date", "full_ret", "success")


class SqliteReturner(SaltTables):
    """See ``SaltTables``."""

    tables = Tables(
        table("jids", column("jid", Text), column("load", Text)),
        table("salt_returns", *(column(name, Text) for name in _RETURNS)),
        None,
    )
    made_by = {  # noqa: RUF012  # never changed
        "jids": ["CREATE TABLE jids (jid TEXT PRIMARY KEY, load TEXT NOT NULL)"],
        "salt_returns": [
            "CREATE TABLE salt_returns (fun TEXT KEY, jid TEXT KEY, id TEXT KEY, fun_args TEXT, "
            "date TEXT NOT NULL, full_ret TEXT NOT NULL, success TEXT NOT NULL)"
        ],
    }

    def look(self, connection: Connection) -> None:
        """Make the index that Salt's table lacks: whether a return is there is asked for each."""
        connection.execute(text("CREATE INDEX IF NOT EXISTS saltern_salt_returns_jid ON salt_returns (jid)"))

    def return_row(self, row: ReturnRow) -> dict[str, Any]:
        """Return the columns of a return; the arguments are text as Python writes a list."""
        made = {"fun": row.fun, "jid": row.jid, "id": row.minion_id, "success": "1" if row.success else "0"}
        arguments = row.data.get("fun_args")
        made |= {"full_ret": json_text(row.data.get("return")), "date": self.time(row.received)}
        return {**made, "fun_args": plain_text(str(arguments)) if arguments else None}

    def load_column(self) -> Column:
        """Return what the column of a job's load takes."""
        return Column.UTF8

    def event_column(self) -> Column:
        """Return what Salt's table of events would take, if there were one."""
        return Column.UTF8

    def time(self, at: float) -> str:
        """Return a time as Salt writes it: of this host's zone, as text."""
        return str(datetime.fromtimestamp(at))

    def shown(self) -> list[Any]:
        """Return the columns that ``found`` reads."""
        c = self.tables.returns.c
        return [c.jid, c.id, c.fun, c.success, c.date, c.full_ret]

    def found(self, row: Any) -> Found:
        """Return a return."""
        jid, minion_id, fun, success, date, result = row
        try:
            at = datetime.fromisoformat(date).timestamp()
        except (TypeError, ValueError):
            at = 0.0
        return Found(str(jid), str(minion_id), str(fun), str(success) in TRUE, at, read_json(result))

    @property
    def when(self) -> Any:
        """Return the column of the time that a return came."""
        return self.tables.returns.c.date

    def delete_some(self, table: TableClause, wanted: Any, most: int) -> Any:
        """Return the statement that deletes some."""
        rowid: Any = literal_column("rowid")
        some = select(rowid).select_from(table).where(wanted).limit(most)
        return delete(table).where(rowid.in_(some))
