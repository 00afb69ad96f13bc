"""SNMP's version 3 by the library pysnmp: its engine makes messages and judges answers, and sends nothing itself.

An engine takes a megabyte and a tenth of a second to make, so all devices of a process share one. It keeps no users of
its own: each device's user is put below that device's engine id, where SNMP has it, so that one name may have another
password at every device. That takes 31 kB a device and never less: an engine that has many is replaced, and its devices
are asked for their ids again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from functools import cache
from typing import Any

from pyasn1.error import PyAsn1Error
from pysnmp.carrier.base import AbstractTransportDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.error import PySnmpError
from pysnmp.proto.rfc1902 import OctetString

from saltern.errors import CommandError
from saltern_modules._snmp_settings import Credentials

MAX_USERS = 512
"""Devices that an engine serves; each further one makes the library's search for a user slower."""
MAX_STRANGE = 10_000
"""Packets that were no answer, until an engine is replaced: the library keeps something of each."""
VERSION = MODEL = 3
DOMAIN = (1, 3, 6, 1, 6, 1, 1)
FORGET_S = 100.0
"""After which a device's engine id and clock are asked for anew; until then the library keeps 480 bytes an answer."""
_TICK = 10.0
_TICKS = 30
"""After which the library forgets a device, and how long one is by the clock that it is told (its most; 300 s)."""
SIGNING = {
    "": config.USM_AUTH_NONE,
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA": config.USM_AUTH_HMAC96_SHA,
    "SHA-224": config.USM_AUTH_HMAC128_SHA224,
    "SHA-256": config.USM_AUTH_HMAC192_SHA256,
    "SHA-384": config.USM_AUTH_HMAC256_SHA384,
    "SHA-512": config.USM_AUTH_HMAC384_SHA512,
}
ENCRYPTING = {
    "": config.USM_PRIV_NONE,
    "DES": config.USM_PRIV_CBC56_DES,
    "AES": config.USM_PRIV_CFB128_AES,
    "AES-192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES-192-C": config.USM_PRIV_CFB192_AES,
    "AES-256-C": config.USM_PRIV_CFB256_AES,
}

Told = Callable[[Any, Any], None]
"""Is given the library's PDU, or ``None`` and why there is none."""


class Engine:
    """The library's engine, with users of many devices. A *place* is whatever stands for one device."""

    def __init__(self) -> None:
        self._engine = SnmpEngine()
        self._wire = _Wire()
        self._wire.set_timer_resolution(_TICK)
        self._engine.register_transport_dispatcher(self._wire)
        self._users: dict[tuple[bytes, str], Credentials] = {}
        self._keys: dict[Credentials, tuple[Any, Any]] = {}
        self._strange = 0
        self._ticked = time.monotonic()
        self._clock = 0.0

    @property
    def is_worn(self) -> bool:
        """Whether it is time for another."""
        return len(self._users) >= MAX_USERS or self._strange >= MAX_STRANGE

    def knows(self, place: Hashable) -> bool:
        """Return whether it has been told the device's engine id."""
        return self._engine_id(place) is not None

    def request(self, place: Hashable, given: Credentials, pdu: Any, told: Told) -> tuple[Any, bytes]:
        """Return what ``release`` takes, and the message with *pdu*; while *knows* is false, the question for the id.

        Raises ``CommandError``.
        """
        self._tick(time.monotonic())
        try:
            if (engine_id := self._engine_id(place)) is not None:
                self._add(engine_id, given)
            handle = self._engine.message_dispatcher.send_pdu(
                self._engine,
                DOMAIN,
                place,
                VERSION,
                MODEL,
                OctetString(given.user.encode()),
                1 + bool(given.auth_protocol) + bool(given.priv_protocol),
                None,
                OctetString(given.context.encode()),
                1,
                pdu,
                True,
                1e9,  # ticks: it is the session that gives up
                lambda *answer: told(answer[8], answer[9]),
            )
        except (PySnmpError, PyAsn1Error) as error:  # their texts are long, and may show keys
            raise CommandError(f"the library pysnmp makes no request of it: {type(error).__name__}") from None
        return handle, self._wire.sent

    def take(self, place: Hashable, data: bytes) -> None:
        """Judge what came from a device; who asked is told if it is an answer."""
        self._strange += 1
        try:
            self._engine.message_dispatcher.receive_message(self._engine, DOMAIN, place, data)
        except Exception:  # of any kind: it reads what strangers send
            return

    def was_answer(self) -> None:
        """Count what was taken last as no stranger's."""
        self._strange -= 1

    def release(self, handle: Any) -> None:
        """Wait for an answer no longer."""
        self._engine.message_dispatcher.release_state_information(self._engine, handle, VERSION)

    def _tick(self, now: float) -> None:
        """Have the library forget what is old; it is told of time only when there is something to do."""
        ticks = min(_TICKS, int((now - self._ticked) / (FORGET_S / _TICKS)))
        for _ in range(ticks):
            self._clock += 2 * _TICK
            self._wire.handle_timer_tick(self._clock)
        self._ticked = now if ticks else self._ticked

    def _engine_id(self, place: Hashable) -> Any:
        return self._engine.message_processing_subsystems[VERSION].get_peer_engine_info(DOMAIN, place)[0]

    def _add(self, engine_id: Any, given: Credentials) -> None:
        """Have the user of a device at hand, instead of one with its name at a device that has the same id."""
        key = (bytes(engine_id), given.user)
        if self._users.get(key) == given:
            return
        signing, encrypting = SIGNING[given.auth_protocol], ENCRYPTING[given.priv_protocol]
        if given not in self._keys:  # each is a hash of a megabyte
            self._keys[given] = (
                config.AUTH_SERVICES[signing].hash_passphrase(OctetString(given.auth_key.encode())),
                config.PRIV_SERVICES[encrypting].hash_passphrase(signing, OctetString(given.priv_key.encode())),
            )
        auth_key, priv_key = self._keys[given]
        config.add_v3_user(
            self._engine,
            OctetString(given.user.encode()),
            signing,
            auth_key,
            encrypting,
            priv_key,
            securityEngineId=engine_id,
            authKeyType=config.USM_KEY_TYPE_MASTER,
            privKeyType=config.USM_KEY_TYPE_MASTER,
        )
        self._users[key] = given


class Engines:
    """Gives the engine that new conversations use."""

    def __init__(self) -> None:
        self._engine: Engine | None = None

    def newest(self) -> Engine:
        """Return it, made when there is none or it is worn. Takes a tenth of a second then."""
        if self._engine is None or self._engine.is_worn:
            self._engine = Engine()
        return self._engine


@cache
def shared() -> Engines:
    """Return those of this process: what an engine keeps is bound to no loop and no device."""
    return Engines()


class _Wire(AbstractTransportDispatcher):  # type: ignore[misc]  # the library tells no types
    """Where the library leaves what it would send: reports on strangers' packets too, which nobody takes from here."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def send_message(self, outgoingMessage: bytes, transportDomain: object, transportAddress: object) -> None:
        self.sent = outgoingMessage
