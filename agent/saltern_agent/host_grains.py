"""More grains of this host: its firmware, disks, routes, resolver, locale, and the agent's own surroundings.

As ``grains.py`` they are read without starting a program or asking the network.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import sys
import time
from collections.abc import Mapping
from typing import Any

import zmq

MAX_FILE_BYTES = 256 * 1024
MAX_ENTRIES = 1024

FIRMWARE = {
    "biosreleasedate": "bios_date",
    "biosvendor": "bios_vendor",
    "biosversion": "bios_version",
    "boardname": "board_name",
    "manufacturer": "sys_vendor",
    "productname": "product_name",
    "serialnumber": "product_serial",
    "uuid": "product_uuid",
}
"""Of each grain the file of ``/sys/class/dmi/id`` (the last two only root may read)."""

RTF_UP, RTF_GATEWAY = 1, 2  # route(8)


def collect(proc: str, sys_root: str, fqdn: str) -> dict[str, Any]:
    """Return these grains; what can't be known is left out."""
    return {
        **firmware(sys_root),
        **disks(sys_root),
        **gateways(_read(f"{proc}/net/route"), _read(f"{proc}/net/ipv6_route")),
        "dns": resolver(_read("/run/systemd/resolve/resolv.conf") or _read("/etc/resolv.conf")),
        **named_addresses(fqdn, _read("/etc/hosts")),
        "kernelparams": parameters(_read(f"{proc}/cmdline")),
        "locale_info": locale_info(os.environ),
        **release(_read("/etc/os-release") or _read("/usr/lib/os-release")),
        **own(),
        "efi": os.path.exists(f"{sys_root}/firmware/efi"),
        "transactional": False,
    }


def firmware(sys_root: str) -> dict[str, str]:
    """Return what the firmware says of the machine: maker, product, serial number, …"""
    folder = f"{sys_root}/class/dmi/id"
    found = {grain: _read(f"{folder}/{name}").strip() for grain, name in FIRMWARE.items()}
    found["uuid"] = found["uuid"].lower()
    return {grain: text for grain, text in found.items() if text}


def disks(sys_root: str) -> dict[str, list[str]]:
    """Return the names of the disks that turn, and of those that don't, ``{'disks': ['sda'], 'ssds': []}``."""
    found: dict[str, list[str]] = {"disks": [], "ssds": []}
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(f"{sys_root}/block"))[:MAX_ENTRIES]:
            place = os.path.realpath(f"{sys_root}/block/{name}")
            turns = _read(f"{place}/queue/rotational")[:1]
            if turns in ("0", "1") and "/devices/virtual/" not in place:
                found["disks" if turns == "1" else "ssds"].append(name)
    return found


def gateways(route: str, ipv6_route: str) -> dict[str, Any]:
    """Return the first default gateways, ``False`` where there is none, of ``/proc/net/route`` and ``ipv6_route``.

    ``True`` is a default route without a gateway.
    """
    four: str | bool = False
    for fields in map(str.split, route.splitlines()[1:]):
        with contextlib.suppress(ValueError, IndexError, struct.error):
            if not four and (fields[1], fields[7]) == ("00000000", "00000000") and int(fields[3], 16) & RTF_UP:
                address = socket.inet_ntoa(struct.pack("=I", int(fields[2], 16)))
                four = address if int(fields[3], 16) & RTF_GATEWAY else True
    six: str | bool = False
    for fields in map(str.split, ipv6_route.splitlines()):
        with contextlib.suppress(ValueError, IndexError, OSError):
            default = (fields[0], fields[1]) == ("0" * 32, "00") and fields[9] != "lo"
            if not six and default and int(fields[8], 16) & RTF_UP:
                address = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(fields[4]))
                six = address if int(fields[8], 16) & RTF_GATEWAY else True
    return {"ip_gw": bool(four or six), "ip4_gw": four, "ip6_gw": six}


def resolver(text: str) -> dict[str, Any]:
    """Return what a ``resolv.conf`` (resolv.conf(5)) says; empty when it names no server."""
    found: dict[str, Any] = {
        "nameservers": [],
        "ip4_nameservers": [],
        "ip6_nameservers": [],
        "sortlist": [],
        "domain": "",
        "search": [],
        "options": [],
    }
    for line in text.splitlines():
        name, *words = re.split(r"(?:^|\s)[#;]", line)[0].split() or [""]
        if not words:
            continue
        if name == "nameserver" and (kind := _kind(words[0])):
            for key in ("nameservers", f"ip{kind}_nameservers"):
                if words[0] not in found[key]:
                    found[key].append(words[0])
        elif name == "domain":
            found["domain"] = words[0]
        elif name in ("search", "sortlist", "options"):
            found[name] = words
    return found if found["nameservers"] else {}


def named_addresses(fqdn: str, hosts: str) -> dict[str, list[str]]:
    """Return the addresses that ``/etc/hosts`` gives to *fqdn*; DNS may hang."""
    found: dict[str, list[str]] = {"fqdn_ip4": [], "fqdn_ip6": []}
    for line in hosts.splitlines():
        address, *names = line.split("#")[0].split() or [""]
        if fqdn in names and (kind := _kind(address)) and address not in found[f"fqdn_ip{kind}"]:
            found[f"fqdn_ip{kind}"].append(address)
    return found


def parameters(cmdline: str) -> list[list[str | None]]:
    """Return the kernel's parameters as ``[name, value or None]``; one with several ``=`` has none, as in Salt."""
    pairs = [word.split("=") for word in re.findall(r'(?:[^\s"]|"[^"]*"?)+', cmdline)]
    return [[pair[0], pair[1].strip('"') if len(pair) == 2 else None] for pair in pairs]


def locale_info(environ: Mapping[str, str]) -> dict[str, str | None]:
    """Return the language and encoding that the environment asks for, and the zone of the host's clock."""
    asked = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "C")
    language, _, encoding = asked.partition("@")[0].partition(".")
    unset = language in ("C", "POSIX")
    return {
        "defaultlanguage": ("en_US" if encoding else None) if unset else language,
        "defaultencoding": (encoding.upper().replace("UTF8", "UTF-8") or None),
        "detectedencoding": sys.getfilesystemencoding(),
        "timezone": time.localtime().tm_zone,
    }


def release(text: str) -> dict[str, str]:
    """Return the distribution by the names of LSB."""
    fields = dict(re.findall(r"^([A-Z_]+)=[\"']?(.*?)[\"']?\s*$", text, re.MULTILINE))
    found = {
        "lsb_distrib_id": fields.get("NAME", ""),
        "lsb_distrib_release": fields.get("VERSION_ID", ""),
        "lsb_distrib_codename": fields.get("VERSION_CODENAME", ""),
    }
    return {name: value for name, value in found.items() if value}


def own() -> dict[str, Any]:
    """Return who the agent is, and what it runs in."""
    import grp
    import pwd

    uid, gid = os.getuid(), os.getgid()
    found: dict[str, Any] = {
        "uid": uid,
        "gid": gid,
        "shell": os.environ.get("SHELL", "/bin/sh"),
        "systempath": os.environ.get("PATH", "").split(os.pathsep),
        "pythonpath": list(sys.path),
        "zmqversion": zmq.zmq_version(),
    }
    with contextlib.suppress(KeyError):
        found["username"] = pwd.getpwuid(uid).pw_name
    with contextlib.suppress(KeyError):
        found["groupname"] = grp.getgrgid(gid).gr_name
    with contextlib.suppress(OSError):
        found["cwd"] = os.getcwd()
    return found


def _kind(address: str) -> int:
    """Return 4 or 6 for an address, 0 for what is none."""
    for kind, family in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        with contextlib.suppress(OSError, ValueError):
            socket.inet_pton(family, address)
            return kind
    return 0


def _read(path: str) -> str:
    """Return a small file's text, or an empty one when it can't be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read(MAX_FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
