"""Who did what: a line in the log for each call that changes something, and for each that was refused.

With a book (``saltern_master.audit``) each is a record there too, and so is each job.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from saltern.errors import InternalError, SalternError
from saltern.visible import shown
from saltern_master.audit.record import FAILED, MAX_NAME_CHARS, OK, REFUSED, Record, cut, shown_ids
from saltern_master.auth.caller import Caller
from saltern_master.auth.need import Need
from saltern_master.complaints import Complaints

log = logging.getLogger(__name__)

MAX_SHOWN = 300
"""Characters of the arguments, and of the error, that a line holds."""
KEYS = "wheel.key."
"""Functions whose answers say which minions they were about."""


class Book(Protocol):
    """Where records are kept."""

    def put(self, record: Record, arguments: Mapping[str, Any] | None = None) -> None:
        """Keep *record*, with the digest of *arguments*."""


class Call(Protocol):
    """A call that was made: a ``commands.context.Context``."""

    @property
    def caller(self) -> Caller:
        """Who made it."""

    @property
    def minions(self) -> Sequence[str]:
        """On whom."""

    @property
    def jid(self) -> str:
        """Its id, if it has one."""


class Called(Protocol):
    """What was called: a ``commands.registry.Command``."""

    @property
    def name(self) -> str:
        """Its name with its client's."""

    @property
    def need(self) -> Need:
        """What a caller must be granted."""

    @property
    def changes(self) -> bool:
        """Whether it changes something."""

    @property
    def private(self) -> bool:
        """Whether its answer is its caller's alone."""


class Audit:
    """Writes the audit. Arguments of jobs are not in it: the job store has them, for those who may see them."""

    def __init__(self, book: Book | None = None) -> None:
        self._book = book
        self._complaints = Complaints("refused calls")
        self.refused = 0

    def done(self, call: Call, called: Called, arguments: Mapping[str, Any], answer: Any) -> None:
        """A call was carried out."""
        if called.changes:
            log.info("%s: %s(%s)", call.caller, called.name, _shown(arguments))
        if self._book is not None and (called.changes or called.need is Need.JOBS):
            record = _record(call.caller, called.name, OK if getattr(answer, "success", True) else FAILED)
            answer = getattr(answer, "result", answer)  # of a stream: what it began with
            self._book.put(_about(record, call, called, arguments, answer), arguments)

    def failed(self, call: Call, called: Called, arguments: Mapping[str, Any], error: BaseException) -> None:
        """A call that would have changed something was not carried out, or not wholly, or it isn't known."""
        if called.changes and isinstance(error, SalternError):
            log.info("%s: %s(%s) failed: %s", call.caller, called.name, _shown(arguments), _cut(str(error)))
        if self._book is not None and (called.changes or called.need is Need.JOBS):
            code = error.code if isinstance(error, SalternError) else InternalError.code
            record = _record(call.caller, called.name, FAILED, code if isinstance(error, Exception) else "cancelled")
            self._book.put(_about(record, call, called, arguments, None), arguments)

    def refuse(self, caller: Caller, error: SalternError, name: str = "") -> None:
        """A call of the command *name* was refused; said once a minute of each caller."""
        self.refused += 1
        self._complaints.say(str(caller), "refused", _cut(str(error)))
        if self._book is not None:
            self._book.put(_record(caller, name, REFUSED, error.code))

    def note(
        self, principal: str, what: str, result: str = OK, *, address: str = "", via: str = "", code: str = ""
    ) -> None:
        """Keep what is no call: a login, a token that was made or revoked.

        *result*: ``ok``, ``failed`` or ``refused``, of which so many a minute are kept, the others counted.
        """
        if self._book is not None:
            record = Record(time.time(), cut(principal), cut(what, MAX_NAME_CHARS), cut(result, MAX_NAME_CHARS))
            more = [cut(text, MAX_NAME_CHARS) for text in (code, via, address)]
            self._book.put(record._replace(code=more[0], via=more[1], address=more[2]))


def _record(caller: Caller, name: str, result: str, code: str = "") -> Record:
    via = caller.source or caller.kind.value
    who, what = cut(caller.principal), cut(name, MAX_NAME_CHARS)
    return Record(time.time(), who, what, result, code, via, cut(caller.address, MAX_NAME_CHARS))


def _about(record: Record, call: Call, called: Called, arguments: Mapping[str, Any], answer: Any) -> Record:
    """Return *record* with what a call was about, as its arguments and *answer* say."""
    told = answer if isinstance(answer, dict) and not called.private else {}
    minions = list(call.minions)
    jid = call.jid
    if called.need in (Need.JOBS, Need.PEER):
        fun = arguments.get("fun", "")
        functions = ",".join(str(one) for one in fun) if isinstance(fun, list) else str(fun)
        target = f"{arguments.get('tgt_type', '')}:{_target(arguments.get('tgt', ''))}"
        record = record._replace(functions=cut(functions), target=cut(target))
        jid = str(told.get("jid") or arguments.get("jid") or jid)
    elif called.name.startswith(KEYS):
        minions = _keys_in(told)
    return record._replace(jid=cut(jid, 40), minions=len(minions), ids=shown_ids(minions))


def _target(tgt: Any) -> str:
    return ",".join(str(one) for one in tgt[:MAX_SHOWN]) if isinstance(tgt, list) else str(tgt)


def _keys_in(answer: Mapping[str, Any]) -> list[str]:
    """Return the ids in what a function about keys answered: lists of them by state, or by whether it was done."""
    found: dict[str, None] = {}
    done = answer.get("done")
    by_state = done if isinstance(done, dict) else answer
    for member in by_state.values():
        if isinstance(member, list):
            found |= dict.fromkeys(one for one in member if isinstance(one, str))
    return list(found)


def _shown(arguments: Mapping[str, Any]) -> str:
    return _cut(", ".join(f"{name}={shown(value, 100)}" for name, value in arguments.items()))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
