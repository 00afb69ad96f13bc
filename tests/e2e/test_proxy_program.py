"""``saltern-proxy`` as users start it: a device with a key of its own, at a real master."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from saltern.client import LocalClient
from saltern.event import MasterEvent
from saltern.pki import own_keys
from support.device_server import DeviceServer
from support.programs import Program
from support.stacks import wait_for

DEVICE = "lone-device"


@pytest.fixture
def device() -> Iterator[DeviceServer]:
    with DeviceServer() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, device: DeviceServer) -> Iterator[Path]:
    """Run a master that takes in everybody, whose pillar says how the device is reached."""
    (tmp_path / "pillar.yaml").write_text(json.dumps({"proxy": {"proxytype": "rest_sample", "url": device.url}}))
    options = {
        "pki_dir": str(tmp_path / "pki"),
        "cachedir": str(tmp_path / "cache"),
        "sock_dir": str(tmp_path / "run"),
        "interface": "127.0.0.1",
        "publish_port": 0,
        "ret_port": 0,
        "auto_accept": True,
        "carbon_protocol": "none",
        "pillar_files": {DEVICE: ["pillar.yaml"]},
    }
    (tmp_path / "master").write_text(json.dumps(options))
    argv = [sys.executable, "-P", "-m", "saltern_master", "-c", str(tmp_path)]
    ready = tmp_path / "run" / "master.json"
    with Program(argv, tmp_path / "master.log", ready.exists):
        ports = {
            f"{name}_port": int(place.rpartition(":")[2])
            for name, place in json.loads(ready.read_text()).items()
            if name in ("publish", "ret")
        }
        key = own_keys(str(tmp_path / "pki"), "master").public
        agent = {"root_dir": str(tmp_path / "agent"), "master": "127.0.0.1", "master_key": key, **ports}
        (tmp_path / "proxy").write_text(json.dumps(agent))
        yield tmp_path


def test_a_device_runs_behind_until_it_is_told_to_stop(folder: Path, device: DeviceServer) -> None:
    client = LocalClient(str(folder))
    with contextlib.closing(MasterEvent(str(folder / "run"))) as events:
        events.subscribe(f"salt/minion/{DEVICE}/device/")
        begun = subprocess.run(
            [sys.executable, "-P", "-m", "saltern_agent.proxy_program", "--proxyid", DEVICE, "-c", str(folder), "-d"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        pid = int(begun.stdout.partition(" pid ")[2].partition(";")[0])
        try:
            event = events.get_event(wait=30)
            assert event is not None
            assert event["data"]["up"] is True
            assert client.cmd(DEVICE, "test.ping", timeout=30) == {DEVICE: True}
            services = client.cmd(DEVICE, "service.get_all", timeout=30)[DEVICE]
            assert set(services) == set(device.services)
            refused = client.cmd(DEVICE, "cmd.run", ["id"], timeout=30)[DEVICE]
            assert "acts on a host" in refused
        finally:
            os.kill(pid, signal.SIGTERM)
    state = folder / "agent/var/cache/saltern/proxy" / DEVICE
    wait_for(lambda: "saltern-proxy stopped" in (state / "log").read_text(), "the program to stop", 20)
    assert (folder / "agent/etc/saltern/pki/proxy" / DEVICE / "minion.pub").exists()
