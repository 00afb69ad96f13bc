"""One device by SNMP: where it is, what it is, and what it counts. Idle, it is some kilobytes and no socket."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _snmp_host, _snmp_interfaces, _snmp_own
from saltern_modules import _snmp_value as value
from saltern_modules._snmp_counters import Counters, Uptime
from saltern_modules._snmp_oid import SYSTEM, UPTIME, text_of, vendor_of
from saltern_modules._snmp_pdu import Unanswered
from saltern_modules._snmp_session import Session
from saltern_modules._snmp_settings import SnmpSettings

ABSENT_S = 300.0
"""For which what a device hasn't got isn't asked for again."""
OWN = "oids"
PARTS = {"sysDescr": 1, "sysObjectID": 2, "sysContact": 4, "sysName": 5, "sysLocation": 6}
MAX_TEXT = 255
_SYSTEMS = (
    (r"\bIOS[ -]XE\b", "IOS-XE"),
    (r"\bIOS XR\b", "IOS-XR"),
    (r"\bNX-OS\b", "NX-OS"),
    (r"Cisco Adaptive Security Appliance", "ASA"),
    (r"Cisco (IOS|Internetwork Operating System)\b", "IOS"),
    (r"\bJUNOS\b", "JUNOS"),
    (r"\bRouterOS\b", "RouterOS"),
    (r"Arista Networks EOS", "EOS"),
    (r"\bFortiGate|FortiOS\b", "FortiOS"),
    (r"\bVyOS\b", "VyOS"),
    (r"^ArubaOS\b", "ArubaOS"),
    (r"\bComware\b", "Comware"),
    (r"Versatile Routing Platform", "VRP"),
    (r"\bOneFS\b", "OneFS"),
    (r"\bNetApp Release\b", "ONTAP"),
    (r"\bVMware ESXi?\b", "ESXi"),
    (r"\bWindows\b", "Windows"),
    (r"^(Hardware: .*)?FreeBSD\b|^\S+ FreeBSD\b", "FreeBSD"),
    (r"^(OpenBSD|NetBSD|Darwin|SunOS|AIX|HP-UX)\b", r"\1"),
    (r"^Linux\b", "Linux"),
)
"""What is found in a sysDescr, and the system that it means."""


class Remote:
    """A device as *settings* say. Every function raises ``CommandError``, with the device's address before the text."""

    def __init__(self, settings: SnmpSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._clock = clock
        self._security = settings.security()
        self._address: tuple[str, int] | None = None
        self._family = socket.AF_INET
        self._uptime = Uptime()
        self._interfaces = Counters()
        self._own = Counters()
        self._absent: dict[str, float] = {}
        self.grains: dict[str, Any] = {}

    @property
    def where(self) -> str:
        """What errors call it."""
        host, port = self.settings.host, self.settings.port
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def open(self) -> None:
        """Find its address and ask what it is."""
        self._address = None
        await self.refresh()

    async def refresh(self) -> dict[str, Any]:
        """Ask anew what it is, and return that as grains."""
        async with self.session() as session:
            parts = await session.get([(*SYSTEM, part, 0) for part in PARTS.values()])
        told = dict(zip(PARTS, parts, strict=True))
        grains: dict[str, Any] = {
            name: text_of(bound.value) if isinstance(bound.value, tuple) else value.text(bound.value, MAX_TEXT)
            for name, bound in told.items()
            if bound.value not in (None, b"")
        }
        grains["vendor"] = vendor_of(told["sysObjectID"].value)
        grains["os"] = system_of(grains.get("sysDescr", ""))
        self.grains = {name: each for name, each in grains.items() if each}
        return self.grains

    async def answers(self) -> float:
        """Return the milliseconds that it takes to answer."""
        async with self.session() as session:
            begun = time.perf_counter()
            await session.get([UPTIME])
            return round((time.perf_counter() - begun) * 1000, 3)

    async def sample(self) -> dict[str, Any]:
        """Return its numbers, as ``collect`` and ``oids`` of its settings say; what it hasn't got is left out.

        ``snmp.failed`` tells at how many parts, and single values, it gave an error for an answer.
        """
        sample: dict[str, Any] = {}
        failed = 0
        begun = time.perf_counter()
        async with self.session() as session:
            restarted = await self._read_uptime(session, sample)
            for name, collect in self._parts(session, restarted).items():
                if self._absent.get(name, 0.0) > self._clock():
                    continue
                try:
                    told = await collect()
                except Unanswered:
                    raise
                except CommandError:
                    failed += 1
                    continue
                sample.update(told)
                if not told and name != OWN:
                    self._absent[name] = self._clock() + ABSENT_S
            took = round((time.perf_counter() - begun) * 1000, 3)
            sample["snmp"] = {"requests": session.sent, "failed": failed + session.failed, "duration_ms": took}
        return sample

    async def _read_uptime(self, session: Session, sample: dict[str, Any]) -> bool:
        """Put the uptime into *sample*, if that is wanted, and return whether the device was restarted."""
        (bound,) = await session.get([UPTIME])
        ticks = value.number(bound)
        if ticks is None:
            return False
        seconds, restarted = self._uptime.update(self._clock(), int(ticks))
        if "system" in self.settings.collect:
            sample["uptime"] = {"seconds": seconds}
        if restarted:
            self._absent.clear()
        return restarted

    def _parts(self, session: Session, restarted: bool) -> dict[str, Callable[[], Awaitable[dict[str, Any]]]]:
        """Return what is to be collected, by name."""
        wanted = self.settings.collect
        parts: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {}
        if "interfaces" in wanted:
            parts["interfaces"] = lambda: self._traffic(session, restarted)
        if "host_resources" in wanted:
            parts["storage"] = lambda: _snmp_host.storage(session)
            parts["processors"] = lambda: _snmp_host.processors(session)
        if "ucd_load" in wanted:
            parts["load"] = lambda: _snmp_host.load(session)
        if self.settings.oids:
            parts[OWN] = lambda: self._own_oids(session, restarted)
        return parts

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Yield a conversation with it."""
        try:
            address = self._address or await self._resolved()
            async with Session(address, self._security, self.settings.patience, family=self._family) as session:
                yield session
        except CommandError as error:
            if isinstance(error, Unanswered):
                self._address = None  # perhaps its name has another by now
            raise type(error)(f"{self.where}: {error}") from None

    async def _resolved(self) -> tuple[str, int]:
        host, port = self.settings.host, self.settings.port
        try:
            self._family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
            self._address = (host, port)
        except ValueError:
            loop = asyncio.get_running_loop()
            try:
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            except OSError as error:
                raise Unanswered(f"its name has no address: {error.strerror}") from None
            self._family = found[0][0]
            self._address = (str(found[0][4][0]), port)
        return self._address

    async def _traffic(self, session: Session, restarted: bool) -> dict[str, Any]:
        table = await _snmp_interfaces.read(session)
        now = self._clock()
        told = _snmp_interfaces.traffic(
            table, self._interfaces, now, restarted=restarted, exclude=self.settings.exclude
        )
        return {"net": told} if told else {}

    async def _own_oids(self, session: Session, restarted: bool) -> dict[str, Any]:
        found = await _snmp_own.read(session, self.settings.oids)
        told = _snmp_own.metrics(found, self.settings.oids, self._own, self._clock(), restarted=restarted)
        return {OWN: told} if told else {}


def system_of(descr: str) -> str:
    """Return the system that a sysDescr names; empty where that isn't plain."""
    for pattern, name in _SYSTEMS:
        if found := re.search(pattern, descr):
            return found.expand(name)
    return ""
