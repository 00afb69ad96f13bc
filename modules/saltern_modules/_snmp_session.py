"""One conversation with a device by SNMP: a socket of its own, one request at a time, everything bounded.

The library pysnmp makes the messages and judges the answers (``_snmp_message``, ``_snmp_engine``); its own sockets take
answers from whatever address sends them. Here the socket is there for the time of a conversation alone, so an idle
device costs none. It is connected: the kernel takes what comes from the device's address and port and nothing else, and
tells at once when nobody listens there. Its port and the requests' numbers are chosen anew, at random: who can't see
the packets can't answer for the device.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from saltern.errors import CommandError
from saltern.named import NamedTuple
from saltern_modules._snmp_oid import text_of
from saltern_modules._snmp_pdu import (
    END_OF_MIB,
    GENERAL,
    NO_SUCH_NAME,
    TOO_BIG,
    AskAgain,
    Asked,
    Bound,
    Oid,
    Pdu,
    Security,
    Unanswered,
    Unreadable,
)

MAX_DATAGRAM = 65535
MAX_STRANGE = 100
"""Datagrams that are no answer to a request, until it is given up."""
MAX_ROUNDS = 5
"""Of version 3: engine, clock, and each of them once more."""
MAX_ROWS = 10_000
MAX_BYTES = 8 * 1024 * 1024
"""Of all answers of one conversation."""
AUTHORIZATION = "authorizationError"
NOT_ALLOWED = ": who asks may not see that, or not so: see auth_protocol and priv_protocol"
GET_AT_ONCE = 20
VALUES_AT_ONCE = 64
"""Of a table: what most devices send in one packet without fragments."""


class Patience(NamedTuple):
    """How long a request waits for its answer, how often it is sent again, how many values a bulk asks for."""

    reply_timeout: float = 2.0
    retries: int = 1
    bulk: int = 25


class Session:
    """``async with Session(("192.0.2.1", 161), security, patience) as session``.

    Every function raises ``CommandError``: ``Unanswered``, or what the device said. None names a credential.
    """

    def __init__(
        self, address: tuple[str, int], security: Security, patience: Patience, *, family: int = socket.AF_INET
    ) -> None:
        self._address = address
        self._family = family
        self._security = security
        self._patience = patience
        self._bytes = 0
        self._why = ""
        self.sent = 0
        """Requests, those that were sent again included."""
        self.failed = 0
        """Values that it failed to read, among others that were asked for with them."""

    async def __aenter__(self) -> Self:
        self._socket = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.connect(self._address)
        except OSError as error:
            self._socket.close()
            raise Unanswered(f"it can't be reached: {error.strerror}") from None
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._socket.close()

    async def get(self, oids: Sequence[Oid]) -> list[Bound]:
        """Return a value for each of *oids*, in their order; what isn't there has the value ``None``."""
        found: list[Bound] = []
        for at in range(0, len(oids), GET_AT_ONCE):
            found += await self._get(oids[at : at + GET_AT_ONCE])
        return found

    async def bulk(self, oids: Sequence[Oid], repetitions: int) -> list[Bound]:
        """Return what one GetBulk gives: up to *repetitions* values behind each of *oids*, in the device's order."""
        return _sound(await self._ask(Asked(oids, repetitions)), oids).bound

    async def walk(self, base: Oid, *, rows: int = MAX_ROWS) -> list[Bound]:
        """Return all values below *base*, or that of *base* itself when it is one; *rows* at most."""
        found: list[Bound] = []
        table = await self.columns(base, [()], rows=rows)
        found = list(table[()].values())
        if not found:
            found = [bound for bound in await self.get([base]) if bound.value is not None]
        return found

    async def columns(self, base: Oid, wanted: Sequence[Oid], *, rows: int = MAX_ROWS) -> dict[Oid, dict[Oid, Bound]]:
        """Return columns of a table: ``{column: {index: value}}``, of each of *wanted* below *base*.

        Raises ``CommandError`` when a column has more than *rows*, and when the device goes round in circles.
        """
        table: dict[Oid, dict[Oid, Bound]] = {column: {} for column in wanted}
        cursors = {column: (*base, *column) for column in wanted}
        repetitions = max(1, min(self._patience.bulk, VALUES_AT_ONCE // max(1, len(wanted))))
        while cursors:
            asked = list(cursors)
            pdu = await self._ask(Asked([cursors[column] for column in asked], repetitions))
            if pdu.status == TOO_BIG and repetitions > 1:
                repetitions //= 2
                continue
            if pdu.status == TOO_BIG and len(asked) > 1:
                for column in asked:
                    table.update(await self.columns(base, [column], rows=rows))
                return table
            if pdu.status == NO_SUCH_NAME and 0 < pdu.position <= len(asked):
                del cursors[asked[pdu.position - 1]]
                continue
            bound = _sound(pdu, list(cursors.values())).bound
            if not bound:
                raise CommandError(f"it answers with nothing about what is behind {text_of(cursors[asked[0]])}")
            for position, one in enumerate(bound):
                column = asked[position % len(asked)]
                start = (*base, *column)
                if column not in cursors:
                    continue
                if one.type == END_OF_MIB or one.oid[: len(start)] != start:
                    del cursors[column]
                    continue
                if one.oid <= cursors[column]:
                    raise CommandError(f"its table goes round in circles at {text_of(one.oid)}")
                if len(table[column]) >= rows:
                    raise CommandError(f"there are more than {rows} values below {text_of(start)}")
                cursors[column] = one.oid
                table[column][one.oid[len(start) :]] = one
        return table

    async def _get(self, oids: Sequence[Oid]) -> list[Bound]:
        pdu = await self._ask(Asked(oids))
        if pdu.status == TOO_BIG and len(oids) > 1:
            half = len(oids) // 2
            return await self._get(oids[:half]) + await self._get(oids[half:])
        at = pdu.position - 1
        if 0 <= at < len(oids) and (pdu.status == NO_SUCH_NAME or (pdu.status == GENERAL and len(oids) > 1)):
            self.failed += pdu.status == GENERAL
            rest = [*oids[:at], *oids[at + 1 :]]
            others = await self._get(rest) if rest else []
            return [*others[:at], Bound(oids[at], pdu.status, None), *others[at:]]
        found = _sound(pdu, oids).bound
        if [bound.oid for bound in found] != list(oids):
            raise CommandError("it answers with other values than were asked for")
        return found

    async def _ask(self, asked: Asked) -> Pdu:
        """Return the answer to a request."""
        for rounds in range(MAX_ROUNDS):
            number = int.from_bytes(os.urandom(4), "big") & 0x7FFFFFFF
            try:
                return await self._exchange(self._security.request(asked, number), number, met=rounds > 0)
            except AskAgain:
                continue
            finally:
                self._security.forget(number)
        raise CommandError("it goes on asking who we are")

    async def _exchange(self, message: bytes, number: int, *, met: bool) -> Pdu:
        """Send *message*, again where no answer comes, and return what is one. *met*: it has told who it is."""
        tries = self._patience.retries + 1
        for _ in range(tries):
            self.sent += 1
            try:
                async with asyncio.timeout(self._patience.reply_timeout):
                    await asyncio.get_running_loop().sock_sendall(self._socket, message)
                    return await self._answer(number)
            except TimeoutError:
                continue
            except OSError as error:
                raise Unanswered(f"nothing answers there: {error.strerror}") from None
        if self._why:
            raise Unanswered(f"it sends what can't be read{self._why}")
        if met:  # many say nothing to who can't be decrypted
            raise Unanswered(
                "it told who it is, but answers nothing to this user: see priv_protocol, priv_key and context"
            )
        raise Unanswered(
            f"it didn't answer {tries} times within {self._patience.reply_timeout:g} s: is it there, and may this host "
            "ask it so?"
        )

    async def _answer(self, number: int) -> Pdu:
        loop = asyncio.get_running_loop()
        self._why = ""
        for _ in range(MAX_STRANGE):
            data = await loop.sock_recv(self._socket, MAX_DATAGRAM)
            self._bytes += len(data)
            if self._bytes > MAX_BYTES:
                raise CommandError(f"it sends more than {MAX_BYTES} bytes")
            try:
                pdu = self._security.answer(data, number)
            except Unreadable as error:
                self._why = f": {error}"
                continue
            if pdu is not None:
                return pdu
        raise CommandError(f"it sends {MAX_STRANGE} packets that are no answer{self._why}")


def _sound(pdu: Pdu, oids: Sequence[Oid]) -> Pdu:
    """Return *pdu*, whose error would be raised as ``CommandError``."""
    if pdu.status:
        about = f" about {text_of(oids[pdu.position - 1])}" if 0 < pdu.position <= len(oids) else ""
        why = NOT_ALLOWED if pdu.status == AUTHORIZATION else ""
        raise CommandError(f"it says {pdu.status}{about}{why}")
    return pdu
