"""What an error of a database server means: may it heal by itself, or will it never take what it was given?"""

from __future__ import annotations

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from saltern.database_file import Fate, fate_of
from saltern_master.sql.address import SQLITE

_MYSQL_NEVER = frozenset(
    {1048, 1062, 1118, 1153, 1264, 1265, 1267, 1292, 1301, 1366, 1406, 1452, 3140, 3819, 3854, 4025}
)
"""Null, duplicate, row or packet too large, out of range, truncated, wrong collation, value or text, too long, a
foreign key, no JSON, a check."""
_POSTGRES_NEVER = ("22", "23", "54")
"""Classes: data exceptions, constraints, over a limit of the program."""


def never(kind: str, error: SQLAlchemyError) -> bool:
    """Whether trying again won't help: what was to be written is at fault, not the database of this *kind*."""
    if kind == SQLITE:
        return fate_of(getattr(error, "orig", None)) is Fate.REFUSE
    cause = getattr(error, "orig", None)
    number: object = next(iter(getattr(cause, "args", ())), None)
    state = getattr(cause, "sqlstate", None)
    if isinstance(number, int):
        return number in _MYSQL_NEVER
    if isinstance(state, str):
        return state.startswith(_POSTGRES_NEVER)
    # Found before it was sent (a NUL in a text, a type that the library doesn't know), or it has no number.
    return isinstance(error, (DataError, IntegrityError)) or not isinstance(error, DBAPIError)


def lost(error: SQLAlchemyError) -> bool:
    """Whether the connection was lost in the middle of what was asked."""
    return bool(getattr(error, "connection_invalidated", False))


def reason(error: BaseException) -> str:
    """Return in one line what happened; parameters and statements, which hold what is whose, aren't in it."""
    cause = getattr(error, "orig", None) or error
    args: list[object] = list(getattr(cause, "args", ()))
    text = str(args[1]) if len(args) == 2 and isinstance(args[0], int) else str(cause)
    line = text.strip().split("\n")[0][:300]
    return line or type(cause).__name__
