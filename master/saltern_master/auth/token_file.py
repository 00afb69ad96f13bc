"""Where tokens are kept: ``cachedir/tokens.db``, SQLite, a row for each, its digest the key."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from saltern.database_file import DatabaseFile, Fate
from saltern.errors import JournalError, os_errors
from saltern_master.auth.token import Token, Use

log = logging.getLogger(__name__)

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
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_ALL = f"SELECT {_NAMES} FROM tokens ORDER BY created"  # noqa: S608  # names of ours
_PUT = f"INSERT OR REPLACE INTO tokens VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608  # names of ours


class TokenFile:
    """The file. Its methods block, may be called by any thread, and raise ``JournalError`` when it can't be used."""

    def __init__(self, path: str) -> None:
        self._file = DatabaseFile(path, "the store of tokens", {"tokens": _COLUMNS})
        self.lost = False
        """Whether it is damaged or was taken away: it is to be made anew."""

    def load(self) -> list[Token]:
        """Return every token that is kept, the oldest first; a file that is damaged is set aside, and everybody logs in
        anew. A row that can't be read lets nobody in, and is said in the log.
        """
        self._ready()
        with self._connected("can't be read") as connection:
            rows = connection.execute(_ALL).fetchall()
        tokens = [token for row in rows if (token := _token(row)) is not None]
        if unread := len(rows) - len(tokens):
            log.error("%s: %d of %d tokens can't be read, and let nobody in", self._file.path, unread, len(rows))
        return tokens

    def renew(self, tokens: Iterable[Token]) -> None:
        """Keep *tokens*, and nothing else, in a file that can be used; one that is damaged is set aside."""
        self._ready()
        with self._connected("can't be written") as connection:
            connection.execute("DELETE FROM tokens")
            connection.executemany(_PUT, [_row(token) for token in tokens])

    def put(self, tokens: Iterable[Token]) -> None:
        """Keep *tokens*, in the place of what is kept of them."""
        with self._connected("can't be written") as connection:
            connection.executemany(_PUT, [_row(token) for token in tokens])

    def forget(self, digests: Iterable[str]) -> None:
        """Keep these no longer."""
        with self._connected("can't be written") as connection:
            connection.executemany("DELETE FROM tokens WHERE digest = ?", [(digest,) for digest in digests])

    def _ready(self) -> None:
        with os_errors(JournalError, self._file.path, "the store of tokens can't be opened"), self._file.alone():
            self._file.ready()
        self.lost = False

    @contextlib.contextmanager
    def _connected(self, what: str) -> Iterator[sqlite3.Connection]:
        with self._file.using():
            if self._file.taken_away():
                self.lost = True
                raise JournalError(f"{self._file.path}: the store of tokens was taken away")
            try:
                with contextlib.closing(sqlite3.connect(self._file.path, timeout=LOCKED_S)) as connection, connection:
                    connection.execute("PRAGMA synchronous = FULL")
                    connection.execute(_MAKE)
                    yield connection
            except (sqlite3.Error, OSError) as error:
                self.lost = self._file.note(error) is Fate.ANEW
                raise JournalError(f"{self._file.path}: the store of tokens {what}: {error}") from None


def _row(token: Token) -> tuple[object, ...]:
    values = {name: getattr(token, name) for name in _COLUMNS}
    values |= {"use": token.use.value, "groups": json.dumps(sorted(token.groups))}
    values |= {"entries": json.dumps(list(token.entries)), "scope": json.dumps(token.scope)}
    return tuple(values[name] for name in _COLUMNS)


def _token(row: tuple[object, ...]) -> Token | None:
    """Return the token in a *row*; ``None`` where it holds something else: not all damage shows to SQLite."""
    values: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    try:
        read = {name: json.loads(values[name]) for name in ("groups", "entries", "scope")}
        token = Token(**{**values, **read, "use": Use(values["use"]), "groups": frozenset(read["groups"])})
    except (TypeError, ValueError, RecursionError):
        return None
    numbers = (token.created, token.expires, token.used, token.uid)
    texts = (token.digest, token.source, token.name, token.label, token.origin, token.used_from, *token.groups)
    whole = all(isinstance(one, int | float) for one in numbers) and all(isinstance(one, str) for one in texts)
    lists = isinstance(token.entries, list) and isinstance(token.scope, list | None)
    return token if whole and lists else None
