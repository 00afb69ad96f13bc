"""Devices by SNMP and SSH as an agent has them: several in one process, each with its own far end and secrets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pysnmp.proto.api import v2c

from saltern.secret import Secret
from saltern_agent.loader.shared_library import SharedLibrary
from saltern_modules._snmp_oid import SYSTEM, UPTIME
from support.fake_snmp import fake_device
from support.one_device import OneDevice, library_of
from support.ssh_server import PASSWORD, USER, SshDevice, ssh_device


@contextmanager
def far_ends() -> Iterator[tuple[dict[str, int], SshDevice]]:
    """Run two devices that speak SNMP and one that speaks SSH, in a thread of their own."""
    ready, ports, over = threading.Event(), {}, asyncio.Event()
    loop = asyncio.new_event_loop()
    shell = SshDevice()
    shell.answers = {"version": "Model: X-1", "load": "0.5"}

    async def run() -> None:
        async with fake_device("community of a") as (a, ports["a"]), fake_device("community of b") as (b, ports["b"]):
            for name, fake in (("a", a), ("b", b)):
                fake.values |= {UPTIME: (v2c.TimeTicks, 100), (*SYSTEM, 5, 0): (v2c.OctetString, name.encode())}
            async with ssh_device(shell):
                ready.set()
                await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        assert ready.wait(30)
        yield ports, shell
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


@pytest.fixture
def library(tmp_path: Path) -> Iterator[SharedLibrary]:
    made = library_of(tmp_path)
    yield made
    made.coroutines().close()


def test_each_device_is_spoken_with_by_its_own_secrets(library: SharedLibrary) -> None:
    with far_ends() as (ports, shell):

        def snmp(name: str, community: Any) -> OneDevice:
            proxy = {"proxytype": "snmp", "host": "127.0.0.1", "port": ports[name], "community": community}
            return OneDevice(library, {**proxy, "reply_timeout": 0.5, "retries": 0}, name)

        devices = {name: snmp(name, Secret(f"community of {name}")).open() for name in ("a", "b")}
        for name, device in devices.items():
            assert device.grains()["sysName"] == name
            assert device.call("snmp.get", "sysName.0") == {"sysName.0": name}
            assert device.call("stats.collect")["uptime"] == {"seconds": 1.0}
            assert device.call("test.ping") is True
            assert device.proxied.alive() is True
        refused = snmp("a", "community of b")
        with pytest.raises(Exception, match="didn't answer 1 times") as caught:
            refused.open()
        assert "community" not in str(caught.value)
        assert refused.run("snmp.get", "sysName.0").failed

        declared = {"version": "version", "load": "load"}
        told = {"proxytype": "ssh", "host": "127.0.0.1", "port": shell.port, "username": USER, "commands": declared}
        told |= {"password": Secret(PASSWORD), "host_key": shell.public}
        told |= {"metrics": {"load": {"command": "load"}}}
        told |= {"grains": {"model": {"command": "version", "regex": "Model: (.*)"}}}
        device = OneDevice(library, told, "c").open()
        assert device.grains()["model"] == "X-1"
        assert device.call("ssh_device.call", "version") == "Model: X-1"
        assert device.call("stats.collect")["load"] == 0.5
        assert device.run("ssh.host_keys").failed
        assert device.run("snmp.get", "sysName.0").failed
        assert len(shell.connections) == 1
        for one in (*devices.values(), device):
            one.proxied.close()
            assert one.proxied.initialized is False
