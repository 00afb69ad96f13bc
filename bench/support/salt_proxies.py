"""Salt's proxies for devices that do nothing (its own proxymodule ``dummy``): a process each, or one for all."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from support.measure import Memory, memory, tree
from support.programs import HOST, folder, free_ports, start, stop, wait_for
from support.report import say
from support.salt import Salt, SaltClient, configure, salt

VERSION = "3007.16"
"""3008.5's proxies never answer: they hang in their first ``saltutil.sync_all``."""
PEER = f"Salt {VERSION}"
CONTROL = "control"
START_TOGETHER = 4
"""Proxies that are started at once: each one loads and compiles for seconds."""
UP_WITHIN_S = 600.0


class Proxies(NamedTuple):
    """What was measured of some devices: seconds until all answered, seconds of each ping, memory while idle."""

    start_s: float
    pings_s: list[float]
    memory: Memory


def singles(devices: int, pings: int, idle_s: float) -> Proxies:
    """Measure a ``salt-proxy`` for each device."""
    return _measured([_name(number) for number in range(devices)], devices, pings, idle_s)


def control_proxy(devices: int, pings: int, idle_s: float) -> Proxies:
    """Measure one ``salt-proxy`` for all of them, by its metaproxy ``deltaproxy``."""
    return _measured([CONTROL], devices, pings, idle_s)


def _measured(programs: list[str], devices: int, pings: int, idle_s: float) -> Proxies:
    delta = programs == [CONTROL]
    minions = devices + delta
    with folder("salt-pillar") as pillar:
        _write_pillar(pillar, devices)
        ports = free_ports(2)
        roots = {"pillar_roots": {"base": [str(pillar)]}, "publish_port": ports[0], "ret_port": ports[1]}
        with salt(0, master_options=roots, version=VERSION) as running, SaltClient(running) as client:
            began = time.perf_counter()
            with _running(running, programs, ports) as pids:
                wait_for("the answers of Salt's devices", lambda: client.ping()[1] == minions, UP_WITHIN_S)
                start_s = time.perf_counter() - began
                say(f"{minions} answer after {start_s:.1f} s; they are left idle for {idle_s:g} s")
                time.sleep(idle_s)  # each job leaves a process behind for a while
                used = memory(process for pid in pids for process in tree(pid))
                rounds = [client.ping() for _ in range(pings)]
                seconds = [one for one, answered in rounds if answered == minions]
                if len(seconds) < len(rounds):
                    say(f"{len(rounds) - len(seconds)} pings weren't answered by all; they are left out")
    return Proxies(start_s, seconds, used)


@contextlib.contextmanager
def _running(running: Salt, names: list[str], ports: list[int]) -> Iterator[list[int]]:
    """Run a ``salt-proxy`` for each name until the block ends; yield the process ids."""
    with folder("salt-proxies") as root, contextlib.ExitStack() as held:
        processes: list[subprocess.Popen[bytes]] = []
        held.callback(lambda: _kill_all_of(root))
        held.callback(lambda: stop(processes))
        for number, name in enumerate(names, 1):
            options = {"master": HOST, "publish_port": ports[0], "master_port": ports[1], "acceptance_wait_time": 1}
            if name == CONTROL:
                options["metaproxy"] = "deltaproxy"
            config = configure(root / name, "proxy", options)
            argv = [str(running.bin / "salt-proxy"), f"--proxyid={name}", "-c", str(config)]
            processes.append(start(argv, root / f"{name}.log"))
            if number % START_TOGETHER == 0 or number == len(names):
                keys = running.config_dir.parent / "pki/master/minions"
                wait_for(f"{number} proxies' keys", lambda: _entries(keys) >= number, UP_WITHIN_S)  # noqa: B023
                say(f"{number} of {len(names)} of Salt's proxies are known to their master")
        yield [process.pid for process in processes]


def _kill_all_of(root: Path) -> None:
    """End what is left of programs whose configuration is below *root*: Salt's jobs leave their program's group."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if f"{root}/".encode() in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)


def _write_pillar(root: Path, devices: int) -> None:
    ids = [_name(number) for number in range(devices)]
    control = {"proxytype": "deltaproxy", "parallel_startup": True, "ids": ids}
    files = {
        "top": {"base": {"device*": ["device"], CONTROL: [CONTROL]}},
        "device": {"proxy": {"proxytype": "dummy"}},
        CONTROL: {"proxy": control},
    }
    for name, tree_of_values in files.items():
        (root / f"{name}.sls").write_text(json.dumps(tree_of_values))


def _name(number: int) -> str:
    return f"device{number:04d}"


def _entries(path: Path) -> int:
    return sum(1 for _ in path.iterdir()) if path.is_dir() else 0
