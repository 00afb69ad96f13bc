"""Version 3 of SNMP: who asks is a user, and both ends sign. What that means is the library's (``_snmp_engine``).

The device's engine id and clock are asked for first: it answers with reports, after which it is asked again.
"""

from __future__ import annotations

from typing import Any
from weakref import ref

from pysnmp.proto import errind

from saltern.errors import CommandError
from saltern.named import NamedTuple
from saltern_modules import _snmp_message
from saltern_modules._snmp_engine import Engine, Engines
from saltern_modules._snmp_pdu import AskAgain, Asked, Pdu
from saltern_modules._snmp_settings import Credentials

_WHY: tuple[tuple[type, str], ...] = (
    (errind.UnsupportedSecurityLevel, "it doesn't offer this security: see auth_protocol and priv_protocol"),
    (errind.UnknownUserName, "it knows no such user"),
    (errind.WrongDigest, "it takes the signature for wrong: see auth_key and auth_protocol"),
    (errind.DecryptionError, "it can't decrypt: see priv_key and priv_protocol"),
)
"""What a report of usmStats… says."""


class _Place:
    """Stands for a device in an engine: another one is a device of which nothing is known yet."""


class _Told:
    """Gets what the library makes of a request's answer: a PDU, or ``None`` and what it says of a report."""

    def __init__(self) -> None:
        self.answers: list[tuple[Any, Any]] = []

    def __call__(self, pdu: Any, report: Any) -> None:
        self.answers.append((pdu, report))


class _Pending(NamedTuple):
    """A request that is waited for."""

    engine: Engine
    handle: Any
    knew: bool
    told: _Told


class User:
    """Speaks as one user with one device."""

    def __init__(self, given: Credentials, engines: Engines) -> None:
        self._given = given
        self._engines = engines
        self._engine: ref[Engine] | None = None  # an idle device keeps no worn engine alive
        self._place = _Place()
        self._pending: dict[int, _Pending] = {}

    def request(self, asked: Asked, number: int) -> bytes:
        """Return the message that asks so; while the engine isn't known, the question for that."""
        engine = self._engines.newest()
        if self._engine is None or self._engine() is not engine:
            self._engine, self._place = ref(engine), _Place()
        told = _Told()
        knew = engine.knows(self._place)
        pdu = _snmp_message.asking(asked, number)
        handle, message = engine.request(self._place, self._given, pdu, told)
        self._pending[number] = _Pending(engine, handle, knew, told)
        return message

    def answer(self, data: bytes, number: int) -> Pdu | None:
        """Return the answer to the request *number*, ``None`` for another's and for forged ones.

        Raises ``Unreadable``; ``AskAgain``; ``CommandError`` when a report says that asking again is no use.
        """
        pending = self._pending[number]
        before = len(pending.told.answers)
        pending.engine.take(self._place, data)
        if len(pending.told.answers) == before:
            return None
        pdu, report = pending.told.answers[-1]
        pending.engine.was_answer()
        if pdu is not None:
            found = _snmp_message.told(pdu)
            return found if found.number == number else None
        self._reported((report or {}).get("errorIndication"), pending.knew)
        raise AskAgain

    def forget(self, number: int) -> None:
        """Wait for the answer to the request *number* no longer.

        One that had none has the device met anew: of one with another engine the library doesn't even take the reports.
        """
        pending = self._pending.pop(number, None)
        if pending is not None:
            pending.engine.release(pending.handle)
            if not pending.told.answers:
                self._place = _Place()

    def _reported(self, why: object, knew: bool) -> None:
        """Raise ``CommandError`` unless what the report is about is mended by asking again."""
        if isinstance(why, errind.UnknownEngineID):
            if knew:  # the device has another id than before
                self._place = _Place()
        elif not isinstance(why, errind.NotInTimeWindow):
            said = next(
                (text for kind, text in _WHY if isinstance(why, kind)), "it answers with a report that nobody knows"
            )
            raise CommandError(said)
