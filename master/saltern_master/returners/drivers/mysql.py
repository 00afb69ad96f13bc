"""Salt's tables in MySQL and MariaDB, as its returner ``mysql`` has them; ours are made with ``utf8mb4``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, DateTime, TableClause, Text, column, delete, table, text

from saltern_master.returners.drivers.salt_tables import SaltTables, Tables
from saltern_master.returners.rows import ReturnRow
from saltern_master.sql.json_text import Column, json_text

_END = ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"
_RETURNS = ("fun", "jid", "return", "id", "success", "full_ret")


class MysqlReturner(SaltTables):
    """See ``SaltTables``."""

    tables = Tables(
        table("jids", column("jid", Text), column("load", Text)),
        table("salt_returns", *(column(name, Text) for name in _RETURNS), column("alter_time", DateTime)),
        table(
            "salt_events",
            column("id"),
            column("tag", Text),
            column("data", Text),
            column("alter_time", DateTime),
            column("master_id", Text),
        ),
    )
    made_by = {  # noqa: RUF012  # never changed
        "jids": [
            "CREATE TABLE `jids` (`jid` varchar(255) NOT NULL, `load` mediumtext NOT NULL, UNIQUE KEY `jid` (`jid`)"
            + _END
        ],
        "salt_returns": [
            "CREATE TABLE `salt_returns` (`fun` varchar(50) NOT NULL, `jid` varchar(255) NOT NULL, "
            "`return` mediumtext NOT NULL, `id` varchar(255) NOT NULL, `success` varchar(10) NOT NULL, "
            "`full_ret` mediumtext NOT NULL, `alter_time` TIMESTAMP DEFAULT CURRENT_TIMESTAMP, "
            "KEY `id` (`id`), KEY `jid` (`jid`), KEY `fun` (`fun`)" + _END
        ],
        "salt_events": [
            "CREATE TABLE `salt_events` (`id` BIGINT NOT NULL AUTO_INCREMENT, `tag` varchar(255) NOT NULL, "
            "`data` mediumtext NOT NULL, `alter_time` TIMESTAMP DEFAULT CURRENT_TIMESTAMP, "
            "`master_id` varchar(255) NOT NULL, PRIMARY KEY (`id`), KEY `tag` (`tag`)" + _END
        ],
    }
    _sets: dict[tuple[str, str], Column]

    def look(self, connection: Connection) -> None:
        """Find out which characters each column takes."""
        query = (
            "SELECT table_name, column_name, character_set_name FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND table_name IN ('jids', 'salt_returns', 'salt_events')"
        )
        self._sets = {(str(name), str(of)): _takes(which) for name, of, which in connection.execute(text(query))}

    def return_row(self, row: ReturnRow) -> dict[str, Any]:
        """Return the columns of a return: ``success`` is 1 or 0, as a boolean is to MySQL."""
        made = {"fun": row.fun, "jid": row.jid, "id": row.minion_id, "success": "1" if row.success else "0"}
        returned, full_ret = (self._sets.get(("salt_returns", name), Column.UTF8) for name in ("return", "full_ret"))
        made |= {"return": json_text(row.data.get("return"), returned), "full_ret": json_text(row.data, full_ret)}
        return {**made, "alter_time": self.time(row.received)}

    def load_column(self) -> Column:
        """Return what the column of a job's load takes."""
        return self._sets.get(("jids", "load"), Column.UTF8)

    def event_column(self) -> Column:
        """Return what the column of an event's data takes."""
        return self._sets.get(("salt_events", "data"), Column.UTF8)

    def time(self, at: float) -> datetime:
        """Return a time without its zone: sessions are UTC."""
        when: datetime = super().time(at)
        return when.replace(tzinfo=None, microsecond=0)

    def delete_some(self, table: TableClause, wanted: Any, most: int) -> Any:
        """Return the statement that deletes some."""
        return delete(table).where(wanted).with_dialect_options(mysql_limit=most)


def _takes(charset: str | None) -> Column:
    if charset is None or charset == "utf8mb4":
        return Column.UTF8
    return Column.THREE_BYTES if charset in ("utf8", "utf8mb3") else Column.ASCII
