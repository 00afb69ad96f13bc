"""OIDs as texts, the few names that are known of them, and whose enterprise numbers are whose.

No MIB is compiled: ``1.3.6.1.2.1.1.5.0``, ``.1.3.6…``, or a name of ``NAMES`` with what follows it, ``ifDescr.2``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from saltern.errors import CommandError
from saltern_modules._snmp_pdu import Oid

MAX_CHARACTERS = 1000
MAX_ARCS = 128
MAX_ARC = 2**32 - 1
SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
IF: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
IFX: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
HOST: Oid = (1, 3, 6, 1, 2, 1, 25)
STORAGE: Oid = (*HOST, 2, 3, 1)
PROCESSOR_LOAD: Oid = (*HOST, 3, 3, 1, 2)
UCD_LOAD: Oid = (1, 3, 6, 1, 4, 1, 2021, 10, 1)
ENTERPRISES: Oid = (1, 3, 6, 1, 4, 1)
UPTIME: Oid = (*SYSTEM, 3, 0)

NAMES: Mapping[str, Oid] = MappingProxyType(
    {
        "system": SYSTEM,
        "sysDescr": (*SYSTEM, 1),
        "sysObjectID": (*SYSTEM, 2),
        "sysUpTime": (*SYSTEM, 3),
        "sysContact": (*SYSTEM, 4),
        "sysName": (*SYSTEM, 5),
        "sysLocation": (*SYSTEM, 6),
        "interfaces": (1, 3, 6, 1, 2, 1, 2),
        "ifNumber": (1, 3, 6, 1, 2, 1, 2, 1),
        "ifTable": (1, 3, 6, 1, 2, 1, 2, 2),
        "ifDescr": (*IF, 2),
        "ifType": (*IF, 3),
        "ifMtu": (*IF, 4),
        "ifSpeed": (*IF, 5),
        "ifPhysAddress": (*IF, 6),
        "ifAdminStatus": (*IF, 7),
        "ifOperStatus": (*IF, 8),
        "ifInOctets": (*IF, 10),
        "ifInDiscards": (*IF, 13),
        "ifInErrors": (*IF, 14),
        "ifOutOctets": (*IF, 16),
        "ifOutDiscards": (*IF, 19),
        "ifOutErrors": (*IF, 20),
        "ifXTable": (1, 3, 6, 1, 2, 1, 31, 1, 1),
        "ifName": (*IFX, 1),
        "ifHCInOctets": (*IFX, 6),
        "ifHCOutOctets": (*IFX, 10),
        "ifHighSpeed": (*IFX, 15),
        "ifAlias": (*IFX, 18),
        "hrSystemUptime": (*HOST, 1, 1),
        "hrStorageTable": (*HOST, 2, 3),
        "hrStorageDescr": (*STORAGE, 3),
        "hrProcessorLoad": PROCESSOR_LOAD,
        "laTable": (1, 3, 6, 1, 4, 1, 2021, 10),
        "laLoadInt": (*UCD_LOAD, 5),
        "enterprises": ENTERPRISES,
        "mib-2": (1, 3, 6, 1, 2, 1),
    }
)

VENDORS: Mapping[int, str] = MappingProxyType(
    {
        2: "IBM",
        9: "Cisco",
        11: "HP",
        42: "Sun",
        43: "3Com",
        171: "D-Link",
        207: "Allied Telesis",
        232: "Compaq",
        311: "Microsoft",
        318: "APC",
        343: "Intel",
        476: "Vertiv",
        534: "Eaton",
        641: "Lexmark",
        674: "Dell",
        705: "Eaton",
        789: "NetApp",
        890: "Zyxel",
        1588: "Brocade",
        1916: "Extreme Networks",
        1991: "Foundry",
        2011: "Huawei",
        2435: "Brother",
        2606: "Rittal",
        2620: "Check Point",
        2636: "Juniper",
        3224: "NetScreen",
        3375: "F5",
        3808: "CyberPower",
        3902: "ZTE",
        4413: "Broadcom",
        4526: "Netgear",
        4881: "Ruijie",
        5624: "Enterasys",
        6527: "Nokia",
        6574: "Synology",
        6876: "VMware",
        8072: "net-snmp",
        8741: "SonicWall",
        9694: "Arbor",
        10002: "Ubiquiti",
        11863: "TP-Link",
        12124: "Isilon",
        12356: "Fortinet",
        13742: "Raritan",
        14179: "Airespace",
        14823: "Aruba",
        14988: "MikroTik",
        15983: "Meru",
        17163: "Riverbed",
        18334: "Konica Minolta",
        24681: "QNAP",
        25461: "Palo Alto Networks",
        25506: "H3C",
        30065: "Arista",
        30803: "Vyatta",
        33049: "Mellanox",
        35047: "Sangfor",
        39165: "Hikvision",
        40310: "Cumulus",
        41112: "Ubiquiti",
        47196: "HPE Aruba",
        55062: "QNAP",
    }
)
"""By IANA's numbers."""


def parsed(value: object) -> Oid:
    """Return the OID that a text (or a number, as YAML makes of ``1.3``) stands for. Raises ``CommandError``."""
    text = str(value).strip()
    name, dot, rest = text.lstrip(".").partition(".")
    known = NAMES.get(name.rpartition("::")[2])
    try:
        if len(text) > MAX_CHARACTERS:
            raise ValueError
        tail = rest if known is not None else name + dot + rest
        arcs = tuple(_arc(arc) for arc in tail.split(".")) if tail else ()
        oid = (*(known or ()), *arcs)
        if not 2 <= len(oid) <= MAX_ARCS or oid[0] > 2 or (oid[0] < 2 and oid[1] >= 40) or max(oid) > MAX_ARC:
            raise ValueError
    except ValueError:
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        raise CommandError(
            f"snmp: {shown!r} is no OID: numbers with dots between them are right, or one of {', '.join(NAMES)}, "
            "and what follows it"
        ) from None
    return oid


def _arc(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError
    return int(text)


def text_of(oid: Oid) -> str:
    """Return *oid* as a text, without a dot before it."""
    return ".".join(map(str, oid))


def vendor_of(oid: Any) -> str:
    """Return who makes the device whose sysObjectID this is; empty when it isn't known."""
    if not isinstance(oid, tuple) or oid[: len(ENTERPRISES)] != ENTERPRISES or len(oid) == len(ENTERPRISES):
        return ""
    return VENDORS.get(oid[len(ENTERPRISES)], "")
