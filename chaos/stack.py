"""The programs under test: a store, a master, agents; their configuration, disks, links and clocks, by name.

::

    etc/            configuration        keys/       key pairs           srv/_modules/  what minions run
    truth/          what minions wrote   log/        what programs said  clock/         files of libfaketime
    disk/<name>/    a disk for each of store, master and minion: all of their state

The names are ``store``, ``master``, and the minions' ids ``m1``, ``m2``, …. A link is named after who connects: a
minion's leads to the master, ``master``'s to the store.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
import urllib.request
from pathlib import Path
from typing import Any

from chaos.clock import Clock
from chaos.disk import Disk
from chaos.link import HOST, Link, carry
from chaos.program import Program
from chaos.truth import AGGREGATION, INTERVAL_S, Truth
from saltern.keystore import ACCEPTED, KeyStore
from saltern.local import LocalConnection
from saltern.own_python import python_module
from saltern.pki import own_keys

STORE, MASTER = "store", "master"
SCHEDULE = "ground"
PORTS = 10_240, 32_768
"""Below those that the system gives to outgoing connections."""
DISK_MIB = {STORE: 96, MASTER: 64}
MINION_MIB = 16
ANSWER_WITHIN_S = 10.0
RETENTIONS = "1s:4h,10s:12h,60s:2d"
"""Of the samples: the finest archive holds a run, an hour before it and an hour after it."""
SCHEMAS = f"""[samples]
pattern = ^saltern\\.[^.]+\\.ground\\.
retentions = {RETENTIONS}
[others]
pattern = .*
retentions = 2s:2h
"""
COPY = Path(__file__).parent / "modules" / "ground.py"


class Stack:
    """Everything below *root*, with *minions* agents; *clocks*: master and agents run under clocks of ours."""

    def __init__(self, root: Path, minions: int, *, clocks: bool) -> None:
        self.root = root
        self.minions = [f"m{number}" for number in range(1, minions + 1)]
        names = [STORE, MASTER, *self.minions]
        for folder in ("etc", "keys", "srv/_modules", "truth", "log", "clock", "run"):
            (root / folder).mkdir(parents=True)
        self.truth = Truth(root / "truth")
        self.disks = {name: Disk(root / "disk" / name, DISK_MIB.get(name, MINION_MIB)) for name in names}
        self.clocks = {name: Clock(root / "clock" / name) for name in names[1:]} if clocks else {}
        self._ports = _free_ports(5 + 2 * minions)
        self.links = {MASTER: Link({self._ports[4]: self._ports[0]})}
        for number, minion in enumerate(self.minions):
            ours = self._ports[5 + 2 * number], self._ports[6 + 2 * number]
            self.links[minion] = Link(dict(zip(ours, self._ports[2:4], strict=True)))
        shutil.copy(COPY, root / "srv" / "_modules")
        self.programs: dict[str, Program] = {}

    @property
    def sock_dir(self) -> str:
        """Where the master's local socket is."""
        return str(self.root / "run")

    @property
    def http_url(self) -> str:
        """Where the store answers."""
        return f"http://{HOST}:{self._ports[1]}"

    def start(self) -> None:
        """Mount the disks and start everything."""
        for disk in self.disks.values():
            disk.mount()
        carry(self.links.values())
        argvs = {STORE: self._store(), MASTER: self._master()}
        argvs |= {minion: self._agent(minion) for minion in self.minions}
        for name, argv in argvs.items():
            environment = self.clocks[name].environment() if name in self.clocks else {}
            self.programs[name] = Program(argv, self.root / "log" / f"{name}.log", environment)
            self.programs[name].start()

    def end(self) -> None:
        """End everything and take the disks away."""
        for program in reversed(self.programs.values()):
            program.kill()
        for disk in self.disks.values():
            disk.unmount()

    def supervise(self) -> None:
        """Start again what ended by itself."""
        for program in self.programs.values():
            program.supervise()

    def keep_state(self) -> None:
        """Copy what is on the disks to where it outlives them."""
        for name, disk in self.disks.items():
            with contextlib.suppress(OSError, shutil.Error):
                shutil.copytree(disk.path, self.root / "state" / name, ignore=shutil.ignore_patterns("ballast"))

    def state(self, name: str) -> Path:
        """Return the folder of a program's state, all of it on its disk."""
        return self.disks[name].path / "state"

    def queue(self, name: str) -> Path:
        """Return the folder in which a program keeps what waits: the store's log, the master's journal, a spool."""
        return self.state(name) / {STORE: "log", MASTER: "journal"}.get(name, "spool")

    def file_of(self, minion: str, leaf: str) -> Path:
        """Return the Whisper file of a number of a minion's samples."""
        return self.state(STORE) / "whisper" / "saltern" / minion / "ground" / f"{leaf}.wsp"

    def call(self, command: str, *arguments: Any, within_s: float = ANSWER_WITHIN_S, **more: Any) -> Any:
        """Have the master carry out a command. Raises ``SalternError``."""
        with LocalConnection(self.sock_dir) as connection:
            return connection.call(command, *arguments, within_s=within_s, **more)

    def http(self, path: str) -> bytes:
        """Return what the store answers. Raises ``OSError``."""
        with urllib.request.urlopen(self.http_url + path, timeout=ANSWER_WITHIN_S) as answer:
            return bytes(answer.read())

    def _store(self) -> list[str]:
        conf = self.root / "etc" / "store"
        conf.mkdir()
        (conf / "storage-schemas.conf").write_text(SCHEMAS)
        rules = (
            f"[{leaf}]\npattern = \\.ground\\.{leaf}$\nxFilesFactor = 0\naggregationMethod = {method}\n"
            for leaf, method in AGGREGATION.items()
        )
        (conf / "storage-aggregation.conf").write_text("".join(rules))
        listen = ["--batch", f"{HOST}:{self._ports[0]}", "--http", f"{HOST}:{self._ports[1]}"]
        listen += ["--line", "off", "--pickle", "off", "--flush-interval", "1"]
        return python_module(
            "saltern_graphite", "serve", "--root", str(self.state(STORE)), "--conf", str(conf), *listen
        )

    def _master(self) -> list[str]:
        sample = {"function": "ground.sample", "args": [str(self.truth.folder)], "seconds": INTERVAL_S, "metrics": True}
        options = {
            "interface": HOST,
            "publish_port": self._ports[2],
            "ret_port": self._ports[3],
            "pki_dir": str(self.root / "keys" / MASTER),
            "cachedir": str(self.state(MASTER)),
            "sock_dir": self.sock_dir,
            "file_roots": {"base": [str(self.root / "srv")]},
            "carbon_host": HOST,
            "carbon_port": self._ports[4],
            "render_url": self.http_url,
            "self_metrics_interval": 2,
            "heartbeat_interval": 1,
            "heartbeat_timeout": 4,
            "schedule": {"stats": False, SCHEDULE: {**sample, "target": "*"}},
        }
        _write(self.root / "etc" / MASTER / "master", options)
        return python_module("saltern_master", "-c", str(self.root / "etc" / MASTER))

    def _agent(self, minion: str) -> list[str]:
        master = str(self.root / "keys" / MASTER)
        keys = self.root / "keys" / minion
        accepted = KeyStore(master)
        accepted.create()
        accepted.put(ACCEPTED, minion, own_keys(str(keys), "minion").public)
        number = self.minions.index(minion)
        options = {
            "id": minion,
            "master": HOST,
            "publish_port": self._ports[5 + 2 * number],
            "ret_port": self._ports[6 + 2 * number],
            "master_key": own_keys(master, MASTER).public,
            "pki_dir": str(keys),
            "cachedir": str(self.state(minion)),
            "heartbeat_interval": 1,
            "heartbeat_timeout": 4,
            "reconnect_interval_max": 2,
            "spool_after": 1,
        }
        _write(self.root / "etc" / minion / "minion", options)
        return python_module("saltern_agent", "-c", str(self.root / "etc" / minion))


def _write(path: Path, options: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in options.items()))


def _free_ports(count: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < count:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind((HOST, port))
            ports.add(port)
    return list(ports)
