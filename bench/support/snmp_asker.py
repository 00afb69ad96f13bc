"""Asks for bulks of 40 values and prints what each took: ``python snmp_asker.py ours|pysnmp PORT 2c|3 ROUNDS``.

The answer is a line of JSON: milliseconds of processor time a bulk, kB that the library and its first bulk took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

COMMUNITY, USER, AUTH_KEY, PRIV_KEY = "bench", "bench", "of the signature", "of the cipher"
BASE = (1, 3, 6, 1, 2, 1, 5)
VALUES = 40
PAGE_KB = 4


def main() -> None:
    """Measure one side."""
    side, port, version, rounds = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    asyncio.run(_measure({"ours": _ours, "pysnmp": _pysnmp}[side], port, version, rounds))


async def _measure(side: Callable[..., Awaitable[Any]], port: int, version: str, rounds: int) -> None:
    before = _resident_kb()
    ask = await side(port, version)
    if await ask() != VALUES:
        raise RuntimeError("the device gave another number of values")
    took_kb = _resident_kb() - before
    begun = time.process_time()
    for _ in range(rounds):
        await ask()
    print(json.dumps({"ms": (time.process_time() - begun) * 1000 / rounds, "kb": took_kb}))


def _resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KB


async def _ours(port: int, version: str) -> Callable[[], Awaitable[int]]:
    from saltern_modules._snmp_remote import Remote
    from saltern_modules._snmp_settings import settings

    user = {
        "user": USER,
        "auth_protocol": "SHA-256",
        "auth_key": AUTH_KEY,
        "priv_protocol": "AES",
        "priv_key": PRIV_KEY,
    }
    who = {"community": COMMUNITY} if version == "2c" else user
    remote = Remote(settings({"host": "127.0.0.1", "port": port, "version": version, **who}))

    async def ask() -> int:
        async with remote.session() as session:
            return len(await session.bulk([BASE], VALUES))

    return ask


async def _pysnmp(port: int, version: str) -> Callable[[], Awaitable[int]]:
    from pysnmp.hlapi.v3arch import asyncio as api

    engine, context = api.SnmpEngine(), api.ContextData()
    target = await api.UdpTransportTarget.create(("127.0.0.1", port), timeout=2, retries=1)
    if version == "2c":
        who: Any = api.CommunityData(COMMUNITY, mpModel=1)
    else:
        protocols = {"authProtocol": api.USM_AUTH_HMAC192_SHA256, "privProtocol": api.USM_PRIV_CFB128_AES}
        who = api.UsmUserData(USER, AUTH_KEY, PRIV_KEY, **protocols)

    async def ask() -> int:
        base = api.ObjectType(api.ObjectIdentity(BASE))
        told = await api.bulk_cmd(engine, who, target, context, 0, VALUES, base, lookupMib=False)
        return len(told[3])

    return ask


if __name__ == "__main__":
    main()
