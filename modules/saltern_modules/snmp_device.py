"""What a device that speaks SNMP can be asked: for devices of the proxytype ``snmp`` (``proxy/snmp.py``).

OIDs are numbers with dots between them, or one of the names that every device knows and what follows it: ``sysName.0``,
``ifDescr.2``, ``ifTable``. Values are numbers and texts; bytes that are no text are ``0x`` and their digits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules._keywords import own, refuse

__proxy__: Mapping[str, Callable[..., Any]]

__virtualname__ = "snmp"
__proxyenabled__ = ["snmp"]
__powers__ = {
    "get": "indirect",  # any value, and some devices have passwords among theirs
    "walk": "indirect",
    "bulk": "indirect",
    "table": "indirect",
    "interfaces": "reads",
    "system": "reads",
    "test": "reads",
    "ping": "reads",
}


async def get(*oids: str) -> dict[str, Any]:
    """Return the values of *oids* by what was given: ``{'sysName.0': 'switch7'}``; ``None`` for what isn't there.

    Raises ``CommandError`` when the device gives no answer or an error, and for what is no OID.

    CLI Example:

    .. code-block:: bash

        saltern switch7 snmp.get sysName.0 1.3.6.1.2.1.1.3.0
    """
    return _map(await __proxy__["snmp.get"](*oids))


async def walk(oid: str, rows: int = 1000) -> dict[str, Any]:
    """Return all values below *oid*: ``{'1.3.6.1.2.1.2.2.1.2.1': 'lo', …}``.

    Raises ``CommandError`` as ``get`` does, and when there are more than *rows* (10,000 at most).

    CLI Example:

    .. code-block:: bash

        saltern switch7 snmp.walk ifDescr
        saltern switch7 snmp.walk 1.3.6.1.4.1.9 rows=5000
    """
    return _map(await __proxy__["snmp.walk"](oid, rows))


async def bulk(*oids: str, repetitions: int = 10, **kwargs: Any) -> dict[str, Any]:
    """Return what one request gives: up to *repetitions* (100 at most) values behind each of *oids*.

    Raises ``CommandError`` as ``get`` does.

    CLI Example:

    .. code-block:: bash

        saltern switch7 snmp.bulk ifDescr ifOperStatus repetitions=5
    """
    refuse(own(kwargs))
    return _map(await __proxy__["snmp.bulk"](*oids, repetitions=repetitions))


async def table(oid: str, rows: int = 1000) -> dict[str, dict[str, Any]]:
    """Return the table *oid* by its rows: ``{index: {column: value}}``, columns by their numbers.

    Raises ``CommandError`` as ``get`` does, for what is no table, and when there are more than *rows*.

    CLI Example:

    .. code-block:: bash

        saltern switch7 snmp.table ifTable
    """
    return _map(await __proxy__["snmp.table"](oid, rows))


async def interfaces() -> dict[str, dict[str, Any]]:
    """Return the device's interfaces by name.

    Of each ``index``, ``descr``, ``alias``, ``type``, ``mtu``, ``mac``, ``speed_bits_per_s``, ``admin`` and ``oper``
    (``up``, ``down``, …), and the counters ``rx_bytes``, ``tx_bytes``, ``rx_packets``, …

    Raises ``CommandError`` when the device gives no answer or an error.

    CLI Example:

    .. code-block:: bash

        saltern switch7 snmp.interfaces
    """
    return _map(await __proxy__["snmp.interfaces"]())


async def system() -> dict[str, Any]:
    """Return what the device is said to be, asked anew.

    ``sysDescr``, ``sysName``, ``sysLocation``, ``sysContact``, ``sysObjectID``, ``vendor``, ``os``, ``uptime_s``.

    Raises ``CommandError`` when the device gives no answer or an error.

    CLI Example:

    .. code-block:: bash

        saltern switch7 snmp.system
    """
    return _map(await __proxy__["snmp.system"]())


async def test() -> dict[str, Any]:
    """Return where the device is, the version spoken, and how long it takes to answer.

    ``{'host': '192.0.2.7:161', 'version': '3', 'answers_ms': 1.2}``. Raises ``CommandError`` when it gives no answer.

    CLI Example:

    .. code-block:: bash

        saltern switch7 snmp.test
    """
    return _map(await __proxy__["snmp.test"]())


async def ping() -> bool:
    """Return whether the device answers.

    CLI Example:

    .. code-block:: bash

        saltern switch7 snmp.ping
    """
    return bool(await __proxy__["snmp.ping"]())


def _map(told: Any) -> dict[str, Any]:
    return dict(told)
