"""Our side: the whole stack on this host as ``saltern-up`` runs it, or a master alone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from saltern.client import LocalClient
from saltern.errors import SalternError
from saltern.own_python import python_module
from saltern.pki import own_keys
from support.programs import HOST, folder, running, wait_for
from support.report import say

UP_WITHIN_S = 60.0


class Stack(NamedTuple):
    """A running stack: its configuration and socket folders, the minions' ids, the process ids by program name."""

    config_dir: str
    sock_dir: str
    minions: list[str]
    pids: dict[str, int]


class Master(NamedTuple):
    """A running master without agents: its configuration and socket folders, ports, public key, process id."""

    config_dir: str
    sock_dir: str
    publish: str
    ret: str
    public_key: str
    pid: int


@contextlib.contextmanager
def stack(minions: int, options: dict[str, Any] | None = None) -> Iterator[Stack]:
    """Run master, graphite and *minions* agents until the block ends; *options* go to the master's configuration."""
    with folder("saltern") as root:
        _write(root / "etc" / "master", options or {})
        say(f"starting saltern-up with {minions} minions")
        argv = python_module("saltern_master.up", "--plain", "--root", str(root), "--minions", str(minions))
        with running(argv, root / "up.log"):
            path = root / "run" / "endpoints.json"
            wait_for(f"the stack in {root}", path.exists, UP_WITHIN_S)
            endpoints = json.loads(path.read_text())
            client = LocalClient(endpoints["config_dir"])
            wait_for("all minions' answers", lambda: _answers(client) == minions, UP_WITHIN_S)
            yield Stack(*(endpoints[name] for name in Stack._fields))


@contextlib.contextmanager
def master(more: dict[str, Any] | None = None, below: Path | None = None) -> Iterator[Master]:
    """Run a master that takes in every agent until the block ends; it ships no points unless *more* options say so.

    Its folder is made in the folder *below*, if not in the system's for such.
    """
    with folder("master", below) as root:
        options: dict[str, Any] = {
            "pki_dir": str(root / "pki"),
            "cachedir": str(root / "cache"),
            "sock_dir": str(root / "run"),
            "interface": HOST,
            "publish_port": 0,
            "ret_port": 0,
            "auto_accept": True,
            "carbon_protocol": "none",
            **(more or {}),
        }
        _write(root / "etc" / "master", options)
        ready = root / "run" / "master.json"
        with running(python_module("saltern_master", "-c", str(root / "etc")), root / "master.log") as process:
            wait_for("the master", lambda: ready.exists() or process.poll() is not None, UP_WITHIN_S)
            if process.poll() is not None:
                raise RuntimeError(f"the master did not start: {(root / 'master.log').read_text()}")
            endpoints = json.loads(ready.read_text())
            public_key = own_keys(options["pki_dir"], "master").public
            where = str(root / "etc"), options["sock_dir"], endpoints["publish"], endpoints["ret"]
            yield Master(*where, public_key, process.pid)


def _write(path: Path, options: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in options.items()))


def _answers(client: LocalClient) -> int:
    with contextlib.suppress(SalternError):
        return sum(answer is True for answer in client.cmd("*", "test.ping").values())  # others say why not
    return 0
