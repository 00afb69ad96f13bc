"""Devices that speak SNMP: switches, printers, power supplies, hosts. Versions 2c and 3, no MIBs. Needs
``saltern[snmp]``.

::

    proxy:
      proxytype: snmp
      host: 192.0.2.7
      port: 161
      version: 2c                # or 3
      community: …               # of 2c
      user: watcher              # of 3, with auth_protocol (MD5, SHA, SHA-224 … SHA-512) and auth_key, priv_protocol
      auth_protocol: SHA-256     # (DES, AES, AES-192, AES-256; AES-192-C, AES-256-C as Cisco's devices lengthen
      auth_key: …                # keys) and priv_key, context
      reply_timeout: 2           # seconds that a request waits for its answer
      retries: 1                 # how often it is sent again
      bulk: 25                   # values that are asked for at once
      collect: [system, interfaces, host_resources, ucd_load]    # all, where the device has them
      exclude: ["Null*"]         # interfaces that aren't measured
      oids:                      # values of your own: metrics below oids
        temperature: 1.3.6.1.4.1.9.9.13.1.3.1.3.1
        battery: {oid: 1.3.6.1.2.1.33.1.2.5.0, scale: 0.1}
        sessions: {oid: 1.3.6.1.4.1.2620.1.1.25.3.0, type: counter32}
        fans: {oid: 1.3.6.1.4.1.9.9.13.1.4.1.3, walk: true, label: 1.3.6.1.4.1.9.9.13.1.4.1.2}

What the device is said to be (``sysDescr``, ``sysName``, ``sysObjectID``, ``sysLocation``, ``sysContact``, ``vendor``,
``os``) becomes grains. ``stats()`` gives ``uptime``, ``net``, ``disk``, ``storage``, ``cpu`` and ``load`` with the
names of a host's collectors, and ``oids``.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _snmp_interfaces, _snmp_oid
from saltern_modules import _snmp_value as value
from saltern_modules._snmp_pdu import Bound, Oid
from saltern_modules._snmp_remote import Remote
from saltern_modules._snmp_settings import settings

__context__: dict[str, Any]

__proxyenabled__ = ["snmp"]

MAX_ASKED = 100
MAX_REPETITIONS = 100
_KEY = "snmp"


def __virtual__() -> bool | tuple[bool, str]:
    """Say whether what it needs is installed; that is loaded by the first device, for it takes 20 MB."""
    if importlib.util.find_spec("pysnmp") is None:
        return False, "devices by SNMP need the package pysnmp: install saltern[snmp]"
    return True


async def init(opts: Mapping[str, Any]) -> None:
    """Ask the device what it is. Raises ``CommandError`` when an option is wrong, and when it gives no answer."""
    remote = Remote(settings(opts["proxy"]))
    await remote.open()
    __context__[_KEY] = remote


def initialized() -> bool:
    """Return whether the device has answered once."""
    return _KEY in __context__


async def alive(opts: Mapping[str, Any]) -> bool:
    """Return whether it answers."""
    return await ping()


async def ping() -> bool:
    """Return whether it answers."""
    try:
        await _remote().answers()
    except CommandError:
        return False
    return True


async def test() -> dict[str, Any]:
    """Return ``{"host": "192.0.2.7:161", "version": "2c", "answers_ms": …}``. Raises ``CommandError``."""
    remote = _remote()
    return {
        "host": remote.where,
        "version": "2c" if remote.settings.credentials is None else "3",
        "answers_ms": await remote.answers(),
    }


def shutdown(opts: Mapping[str, Any]) -> None:
    """Forget the device."""
    __context__.pop(_KEY, None)


def grains() -> dict[str, Any]:
    """Return what it was said to be when it was opened, or last refreshed."""
    return dict(_remote().grains)


async def grains_refresh() -> dict[str, Any]:
    """Ask anew what it is. Raises ``CommandError``."""
    return dict(await _remote().refresh())


async def stats() -> dict[str, Any]:
    """Return the device's numbers. Raises ``CommandError``."""
    return await _remote().sample()


async def get(*oids: str) -> dict[str, Any]:
    """Return ``{OID as it was given: value}``, ``None`` for what isn't there. Raises ``CommandError``."""
    asked = _asked(oids)
    async with _remote().session() as session:
        found = await session.get(list(asked.values()))
    return {name: value.plain(bound) for name, bound in zip(asked, found, strict=True)}


async def walk(oid: str, rows: int = 1000) -> dict[str, Any]:
    """Return all values below *oid*, up to *rows*: ``{OID: value}``. Raises ``CommandError``."""
    async with _remote().session() as session:
        return _by_oid(await session.walk(_snmp_oid.parsed(oid), rows=_bounded("rows", rows, 10_000)))


async def bulk(*oids: str, repetitions: int = 10) -> dict[str, Any]:
    """Return what one GetBulk gives behind *oids*: ``{OID: value}``. Raises ``CommandError``."""
    asked = _asked(oids)
    most = _bounded("repetitions", repetitions, MAX_REPETITIONS)
    async with _remote().session() as session:
        return _by_oid(await session.bulk(list(asked.values()), most))


async def table(oid: str, rows: int = 1000) -> dict[str, dict[str, Any]]:
    """Return the table at *oid*, or its entry: ``{index: {column: value}}``, up to *rows*. Raises ``CommandError``."""
    base = _snmp_oid.parsed(oid)
    most = _bounded("rows", rows, 10_000)
    async with _remote().session() as session:
        values = await session.walk(base)
    at = len(base)
    if all(len(bound.oid) > at + 2 and bound.oid[at] == 1 for bound in values):
        at += 1  # a table's entry is its member 1
    found: dict[str, dict[str, Any]] = {}
    for bound in values:
        if len(bound.oid) < at + 2:
            raise CommandError(f"snmp: {oid} is no table")
        row = value.index_text(bound.oid[at + 1 :])
        if row not in found and len(found) >= most:
            raise CommandError(f"snmp: {oid} has more than {most} rows")
        found.setdefault(row, {})[str(bound.oid[at])] = value.plain(bound)
    return found


async def interfaces() -> dict[str, dict[str, Any]]:
    """Return ``{name: {index, descr, alias, oper, speed_bits_per_s, rx_bytes, …}}``. Raises ``CommandError``."""
    async with _remote().session() as session:
        return _snmp_interfaces.listed(await _snmp_interfaces.read(session, whole=True))


async def system() -> dict[str, Any]:
    """Return what it is said to be, read anew, and ``uptime_s``. Raises ``CommandError``."""
    remote = _remote()
    told = dict(await remote.refresh())
    async with remote.session() as session:
        ticks = value.number((await session.get([_snmp_oid.UPTIME]))[0])
    return {**told, "uptime_s": ticks / 100 if ticks is not None else None}


def _remote() -> Remote:
    remote = __context__.get(_KEY)
    if remote is None:
        raise CommandError("snmp: the device has not been opened")
    assert isinstance(remote, Remote)
    return remote


def _asked(oids: tuple[str, ...]) -> dict[str, Oid]:
    if not oids or len(oids) > MAX_ASKED:
        raise CommandError(f"snmp: {len(oids)} OIDs: 1 to {MAX_ASKED} are right")
    return {str(oid): _snmp_oid.parsed(oid) for oid in oids}


def _bounded(name: str, number: object, most: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
        raise CommandError(f"snmp: {name}={number!r}: a whole number from 1 to {most} is right")
    return number


def _by_oid(found: list[Bound]) -> dict[str, Any]:
    return {_snmp_oid.text_of(bound.oid): value.plain(bound) for bound in found if bound.value is not None}
