"""One record of the audit: who, by what way, from where, what, on whom, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from saltern.digest import sha256
from saltern.secret import masked

OK, FAILED, REFUSED, LOST = "ok", "failed", "refused", "lost"
RESULTS = (OK, FAILED, REFUSED, LOST)
"""Carried out; not, or not wholly; not allowed; and what ``more`` records say that could not be kept."""
ALWAYS = ("time", "who", "what", "result")
MAX_CHARS = 300
"""Of any one text in a record, who and what apart."""
MAX_NAME_CHARS = 100
IDS_SHOWN = 5
MAX_DEPTH = 40
"""Levels of arguments that are told apart in their digest; the wire has fewer."""


class Record(NamedTuple):
    """What was done or refused. Texts are empty, and numbers 0, where they mean nothing."""

    time: float
    """Seconds since 1970."""
    who: str
    """The principal: ``local:root``, ``ldap:fred``, ``minion:web1``."""
    what: str
    """The command, or the event: ``job.publish``, ``wheel.key.accept``, ``login``."""
    result: str = OK
    code: str = ""
    """The kind of the error, as answers name it (``saltern.errors``)."""
    via: str = ""
    """``local``, ``minion``, or what someone logged in by: ``ldap``, ``token``, …"""
    address: str = ""
    functions: str = ""
    """What a job runs, with commas between them."""
    target: str = ""
    """A job's, with its kind before it: ``glob:web*``."""
    jid: str = ""
    minions: int = 0
    """On how many."""
    ids: str = ""
    """Which: up to ``IDS_SHOWN`` with commas between them, of more the first and a digest of all."""
    arguments: str = ""
    """SHA-256 of ``canonical(arguments)``, 64 hex digits."""
    more: int = 0
    """How many like it are not recorded each."""

    def line(self, seq: int, prev: str) -> bytes:
        """Return it as a line of the file, chained to the line before by *prev*."""
        told = {"seq": seq, **told_of(self._asdict()), "prev": prev}
        return json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n"


def told_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the *values* of a record as they are told: what means nothing is left out, the time is in words."""
    told = {name: value for name, value in values.items() if name in ALWAYS or value not in ("", 0)}
    return told | {"time": stamp_of(values["time"])}


def record_of(line: Mapping[str, Any]) -> Record:
    """Return the record in the JSON of a *line*. Raises ``ValueError`` for what is none of ours."""
    values: dict[str, Any] = {name: line[name] for name in Record._fields if name in line and name != "time"}
    for name, value in values.items():
        number = name in ("minions", "more")
        if type(value) is not (int if number else str) or (number and not 0 <= int(value) < 2**62):
            raise ValueError(f"{name} is none")
    try:
        return Record(datetime.fromisoformat(line["time"]).timestamp(), **values)
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"it is no record: {error}") from None


def stamp_of(at: float) -> str:
    """Return an instant in words: UTC, ISO 8601, microseconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def cut(text: object, most: int = MAX_CHARS) -> str:
    """Return *text* as a record holds it."""
    whole = text if isinstance(text, str) else str(text)
    return whole if len(whole) <= most else whole[: most - 1] + "…"


def shown_ids(ids: Sequence[str]) -> str:
    """Return *ids* as a record shows them: some, and a digest of all when there are more."""
    some = ",".join(cut(one, MAX_NAME_CHARS) for one in ids[:IDS_SHOWN])
    if len(ids) <= IDS_SHOWN:
        return some
    digest = sha256("\n".join(sorted(ids)).encode(errors="surrogatepass")).hexdigest()
    return f"{some},… sha256:{digest[:32]}"


def digest_of_arguments(arguments: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical form of *arguments*, nothing when there are none."""
    return sha256(canonical(arguments)).hexdigest() if arguments else ""


def canonical(value: Any) -> bytes:
    """Return *value* as JSON in one form: keys sorted, no blanks, ASCII, secrets as ``***``.

    Bytes are their text, ``\\xff`` where they are none. Anyone who knows the arguments can make it again.
    """
    return json.dumps(_jsonable(masked(value), 0), sort_keys=True, separators=(",", ":")).encode("ascii")


def _jsonable(value: Any, depth: int) -> Any:
    if depth < MAX_DEPTH and isinstance(value, dict):
        return {str(_jsonable(key, MAX_DEPTH)): _jsonable(member, depth + 1) for key, member in value.items()}
    if depth < MAX_DEPTH and isinstance(value, list | tuple):
        return [_jsonable(member, depth + 1) for member in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value if value is None or isinstance(value, str | int | float) else repr(value)
