"""Where tokens are kept: ``cachedir/tokens.db``, SQLite, a row for each, its digest the key."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator

from saltern.database_file import DatabaseFile
from saltern.errors import JournalError, os_errors
from saltern_master.auth.token import Token, Use

LOCKED_S = 5.0
_COLUMNS = (
    "digest",
    "use",
    "source",
    "name",
    "groups",
    "entries",
    "label",
    "scope",
    "origin",
    "created",
    "expires",
    "used",
    "used_from",
    "uid",
)
_TYPES = {"created": "REAL", "expires": "REAL", "used": "REAL", "uid": "INTEGER"}
_MAKE = f"""CREATE TABLE IF NOT EXISTS tokens ({
    ", ".join(f'"{name}" {_TYPES.get(name, "TEXT")} NOT NULL' for name in _COLUMNS)
}, PRIMARY KEY (digest)) WITHOUT ROWID"""
_PUT = f"INSERT OR REPLACE INTO tokens VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608  # names of ours


class TokenFile:
    """The file. Its methods block, may be called by any thread, and raise ``JournalError`` when it can't be used."""

    def __init__(self, path: str) -> None:
        self._file = DatabaseFile(path, "the store of tokens", {"tokens": _COLUMNS})

    def load(self) -> list[Token]:
        """Return every token that is kept; a file that is damaged is set aside, and everybody logs in anew."""
        with os_errors(JournalError, self._file.path, "the store of tokens can't be opened"), self._file.alone():
            self._file.ready()
        with self._connected("can't be read") as connection:
            return [_token(row) for row in connection.execute("SELECT * FROM tokens")]

    def put(self, tokens: Iterable[Token]) -> None:
        """Keep *tokens*, in the place of what is kept of them."""
        with self._connected("can't be written") as connection:
            connection.executemany(_PUT, [_row(token) for token in tokens])

    def forget(self, digests: Iterable[str]) -> None:
        """Keep these no longer."""
        with self._connected("can't be written") as connection:
            connection.executemany("DELETE FROM tokens WHERE digest = ?", [(digest,) for digest in digests])

    @contextlib.contextmanager
    def _connected(self, what: str) -> Iterator[sqlite3.Connection]:
        with self._file.using():
            try:
                with contextlib.closing(sqlite3.connect(self._file.path, timeout=LOCKED_S)) as connection, connection:
                    connection.execute("PRAGMA synchronous = FULL")
                    connection.execute(_MAKE)
                    yield connection
            except (sqlite3.Error, OSError) as error:
                self._file.note(error)
                raise JournalError(f"{self._file.path}: the store of tokens {what}: {error}") from None


def _row(token: Token) -> tuple[object, ...]:
    values = {name: getattr(token, name) for name in _COLUMNS}
    values |= {"use": token.use.value, "groups": json.dumps(sorted(token.groups))}
    values |= {"entries": json.dumps(list(token.entries)), "scope": json.dumps(token.scope)}
    return tuple(values[name] for name in _COLUMNS)


def _token(row: tuple[object, ...]) -> Token:
    values = dict(zip(_COLUMNS, row, strict=True))
    read = {name: json.loads(str(values[name])) for name in ("groups", "entries", "scope")}
    use, groups = Use(values["use"]), frozenset(read["groups"])
    return Token(**{**values, **read, "use": use, "groups": groups})
