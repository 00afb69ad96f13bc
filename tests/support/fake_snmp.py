"""A device that speaks SNMP 2c, with the values that a test gives it; and Debian's snmpd on a port of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c

from saltern_modules._snmp_pdu import Oid
from support import ending
from support.ports import free_port

SNMPD = shutil.which("snmpd") or "/usr/sbin/snmpd"


class FakeDevice(asyncio.DatagramProtocol):
    """Answers from ``values``: ``{oid: (type of the library's, value)}``.

    *most*: values in an answer; *twist* changes what is sent.
    """

    def __init__(self, community: str = "public") -> None:
        self.values: dict[Oid, tuple[Any, Any]] = {}
        self.community = community.encode()
        self.most = 1000
        self.drop = 0
        """Requests that get no answer."""
        self.asked: list[tuple[list[Oid], int]] = []
        """OIDs of each request, and how many values behind each; 0 for a Get."""
        self.twist: Callable[[bytes], list[bytes]] = lambda answer: [answer]
        self.status: Callable[[int], tuple[int, int]] = lambda values: (0, 0)
        """Error-status and index for an answer with so many values."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        message, _ = decoder.decode(data, asn1Spec=v2c.Message())
        community, pdu = bytes(v2c.apiMessage.get_community(message)), v2c.apiMessage.get_pdu(message)
        oids = [tuple(oid) for oid, _ in v2c.apiPDU.get_varbinds(pdu)]
        repetitions = int(pdu[2]) if isinstance(pdu, v2c.GetBulkRequestPDU) else 0
        self.asked.append((oids, repetitions))
        self.asker = address
        if community != self.community:
            return
        if self.drop:
            self.drop -= 1
            return
        found = self._bulk(oids, repetitions) if repetitions else [(oid, self._of(oid)) for oid in oids]
        status, position = self.status(len(found))
        values = [] if status else found[: self.most]
        answer = v2c.apiMessage.get_response(message)
        told = v2c.apiMessage.get_pdu(answer)
        v2c.apiPDU.set_error_status(told, status)
        v2c.apiPDU.set_error_index(told, position)
        v2c.apiPDU.set_varbinds(told, [(oid, kind(value)) for oid, (kind, value) in values])
        for packet in self.twist(encoder.encode(answer)):
            self.transport.sendto(packet, address)

    def _of(self, oid: Oid) -> tuple[Any, Any]:
        return self.values.get(oid, (v2c.NoSuchInstance, ""))

    def _bulk(self, oids: list[Oid], repetitions: int) -> list[tuple[Oid, tuple[Any, Any]]]:
        ordered = sorted(self.values)
        found: list[tuple[Oid, tuple[Any, Any]]] = []
        cursors = list(oids)
        for _ in range(repetitions):
            for at, cursor in enumerate(cursors):
                following = next((oid for oid in ordered if oid > cursor), None)
                found.append(
                    (cursor, (v2c.EndOfMibView, "")) if following is None else (following, self._of(following))
                )
                cursors[at] = following or cursor
        return found


@contextlib.asynccontextmanager
async def fake_device(community: str = "public") -> AsyncIterator[tuple[FakeDevice, int]]:
    """Yield a device without values, and its port on 127.0.0.1."""
    loop = asyncio.get_running_loop()
    transport, device = await loop.create_datagram_endpoint(lambda: FakeDevice(community), local_addr=("127.0.0.1", 0))
    try:
        yield device, transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


@contextlib.contextmanager
def snmpd(folder: Path, lines: str, *, port: int = 0) -> Iterator[int]:
    """Run Debian's snmpd with these *lines* of configuration, and yield its port: *port*, or a free one."""
    if not os.access(SNMPD, os.X_OK):
        pytest.skip("snmpd is not installed: tests/packages.sh does that")
    port = port or free_port(socket.SOCK_DGRAM)
    config = folder / "snmpd.conf"
    config.write_text(f"agentAddress udp:127.0.0.1:{port}\n{lines}")
    with (folder / "snmpd.log").open("wb") as log:
        server = subprocess.Popen(
            [SNMPD, "-f", "-Lo", "-C", "-c", config, "-I", "-smux,mteTrigger,mteTriggerConf"],
            env={**os.environ, "SNMP_PERSISTENT_DIR": str(folder / "kept"), "MIBS": ""},
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 30
        while b"NET-SNMP version" not in (said := (folder / "snmpd.log").read_bytes()):
            assert server.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        yield port
    finally:
        ending.kill([server])
