"""Connections to one database: few, with a bound on how long anything takes, made again when they are lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from saltern.errors import JournalError, RecordError
from saltern.files import make_folder
from saltern_master.sql.address import MYSQL, SQLITE, Address
from saltern_master.sql.faults import lost, never, reason

CONNECT_WITHIN_S = 5
LOCKED_S = 10
"""How long a lock of somebody else's is waited for."""
STATEMENT_S = 30
ANSWER_S = 60
"""Longer than the server takes over anything that it was told a bound of: it, or the way to it, is gone then."""


STATEMENT_BYTES = 256 * 1024
PACKET_SLACK_BYTES = 4096
ESCAPED = "\\'\"\0\n\r\x1a"


class Lost(JournalError):
    """The connection was lost in the middle of what was asked: it was done, or it wasn't."""


class Database:
    """One database at *address*. Any thread may use it."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.kind = address.kind
        self._packet: int | None = None
        self._engine = self._made()

    def learn(self, connection: Connection) -> None:
        """Find out how large a statement may be."""
        if self.kind == MYSQL:
            self._packet = int(connection.execute(text("SELECT @@max_allowed_packet")).scalar_one())

    def check(self, row: Mapping[str, Any]) -> None:
        """Raise ``RecordError`` for a row that the server would break the connection for, again and again."""
        if self._packet is not None and (size := _size_of(row)) > self._packet - PACKET_SLACK_BYTES:
            over = f"a row of {size:,} bytes is over max_allowed_packet ({self._packet:,})"
            raise RecordError(f"{self.address}: {over}")

    def close(self) -> None:
        """Close the connections that nobody uses now."""
        self._engine.dispose()

    @contextlib.contextmanager
    def connected(self, what: str) -> Iterator[Connection]:
        """Give a connection in a transaction, which is committed when nothing is raised.

        Raises ``RecordError`` for what the database will never take, ``JournalError`` when trying again may help
        (``Lost``: when it may have been done); *what*, as in "can't be written", is said then.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            message = f"{self.address}: {what}: {reason(error)}"
            if never(self.kind, error):
                raise RecordError(message) from None
            raise (Lost if lost(error) else JournalError)(message) from None
        except OSError as error:
            raise JournalError(f"{self.address}: {what}: {error.strerror or error}") from None

    def _made(self) -> Engine:
        url = self.address.url
        if self.kind == SQLITE:
            engine = create_engine(url, connect_args={"timeout": LOCKED_S}, poolclass=NullPool)
            event.listen(engine, "do_connect", self._make_folder)
            return engine
        if self.kind == MYSQL:
            limits = {"connect_timeout": CONNECT_WITHIN_S, "read_timeout": ANSWER_S, "write_timeout": ANSWER_S}
            engine = create_engine(
                url,
                connect_args={"charset": "utf8mb4", "cursorclass": _cursor_class(), **limits},
                pool_pre_ping=True,
                pool_size=2,
                hide_parameters=True,
            )
            event.listen(engine, "connect", _settle_mysql)
            return engine
        bounds = f"-c statement_timeout={STATEMENT_S}s -c lock_timeout={LOCKED_S}s"
        within: dict[str, Any] = {"connect_timeout": CONNECT_WITHIN_S, "options": bounds}
        watched = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
        return create_engine(
            url,
            connect_args={**within, **watched, "tcp_user_timeout": ANSWER_S * 1000},
            pool_pre_ping=True,
            pool_size=2,
            hide_parameters=True,
            json_serializer=_as_it_is,
            json_deserializer=_as_it_is,
        )

    def _make_folder(self, *_: Any) -> None:
        make_folder(os.path.dirname(str(self.address.url.database)), 0o700)


def _as_it_is(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes | bytearray) else value


def _size_of(row: Mapping[str, Any]) -> int:
    """Return about how many bytes a row is in a statement of MySQL's, where quotes and the like are escaped."""
    texts = [value for value in row.values() if isinstance(value, str)]
    return sum(len(value.encode()) + sum(value.count(one) for one in ESCAPED) for value in texts)


def _cursor_class() -> type:
    """Return PyMySQL's cursor, with statements of many rows that every server takes."""
    from pymysql.cursors import Cursor  # it may not be installed

    return type("Cursor", (Cursor,), {"max_stmt_length": STATEMENT_BYTES})


def _settle_mysql(connection: Any, _record: Any) -> None:
    """Have times be UTC, locks be waited for no longer than they should, and wrong values be refused, not bent."""
    cursor = connection.cursor()
    cursor.execute("SET time_zone = '+00:00', sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')")
    cursor.execute(f"SET innodb_lock_wait_timeout = {LOCKED_S}, lock_wait_timeout = {LOCKED_S}")
    with contextlib.suppress(Exception):  # MariaDB has it, MySQL has another for reading alone
        cursor.execute(f"SET max_statement_time = {STATEMENT_S}")
    cursor.close()
