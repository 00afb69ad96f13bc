"""The other side: a Salt master and minions on loopback, as ``pip install salt`` gives them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from support.programs import HOST, folder, free_ports, running, start, stop, wait_for
from support.report import say

VERSION = "3008.5"
PEER = f"Salt {VERSION}"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "saltern-bench"
START_TOGETHER = 6
"""Minions that are started at once: each one loads and compiles for seconds."""
MINION_UP_WITHIN_S = 120.0

CLIENT = Path(__file__).with_name("salt_client.py")

# Salt names lower bounds that a package index may not have yet: its requirements without them.
_REQUIREMENTS = """
import importlib.metadata
from pip._vendor.packaging.requirements import Requirement
for text in importlib.metadata.requires("salt"):
    need = Requirement(text)
    if need.marker is None or need.marker.evaluate({"extra": ""}):
        print(need.name + ",".join(str(bound) for bound in need.specifier if bound.operator != ">="))
"""


class Salt(NamedTuple):
    """A running Salt: the folder of its programs, of its configuration, process ids of its minions and its master."""

    bin: Path
    config_dir: Path
    pids: dict[str, int]
    master_pid: int


class SaltClient:
    """Salt's ``LocalClient`` in a process of its own, with Salt's Python, made and connected once."""

    def __init__(self, salt: Salt) -> None:
        self._process = subprocess.Popen(
            [salt.bin / "python", "-P", CLIENT, salt.config_dir / "master"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> SaltClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ping(self) -> tuple[float, int]:
        """Run ``cmd("*", "test.ping")``; return its seconds, as taken in that process, and how many answered."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["seconds"], answer["answers"]


def install(version: str = VERSION) -> Path:
    """Return the ``bin`` folder of a virtual environment with Salt, made on first use.

    Raises ``subprocess.CalledProcessError`` when Salt can't be installed or doesn't start.
    """
    venv = CACHE / f"salt-{version}"
    binaries, done = venv / "bin", venv / ".complete"
    if done.exists():
        return binaries
    say(f"installing Salt {version} into {venv}: about a minute")
    subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
    python = str(binaries / "python")
    pip = [python, "-m", "pip", "install", "-qqq", "--disable-pip-version-check"]
    if subprocess.run([*pip, f"salt=={version}"], capture_output=True).returncode:
        subprocess.run([*pip, "--no-deps", f"salt=={version}"], check=True)
        needs = subprocess.run([python, "-c", _REQUIREMENTS], check=True, capture_output=True, text=True)
        subprocess.run([*pip, *needs.stdout.split()], check=True)
    for program in ("salt", "salt-master", "salt-minion", "salt-proxy"):
        subprocess.run([binaries / program, "--version"], check=True, stdout=subprocess.DEVNULL)
    done.touch()
    return binaries


@contextlib.contextmanager
def salt(
    minions: int,
    minion_options: dict[str, Any] | None = None,
    master_options: dict[str, Any] | None = None,
    version: str = VERSION,
) -> Iterator[Salt]:
    """Run a Salt master with *minions* minions until the block ends; all have answered a ping before it begins."""
    binaries = install(version)
    publish, ret = free_ports(2)
    with folder("salt") as root, contextlib.ExitStack() as programs:
        options = {"publish_port": publish, "ret_port": ret, "auto_accept": True, **(master_options or {})}
        master = configure(root / "master", "master", options)
        say(f"starting Salt {version} with {minions} minions")
        argv = [str(binaries / "salt-master"), "-c", str(master)]
        process = programs.enter_context(running(argv, root / "master.log"))
        connection = {"master": HOST, "publish_port": publish, "master_port": ret, "acceptance_wait_time": 1}
        processes: dict[str, subprocess.Popen[bytes]] = {}
        programs.callback(lambda: stop(list(processes.values())))
        accepted = root / "master/pki/master/minions"
        for number in range(1, minions + 1):
            name = f"salt{number:02d}"
            config = configure(root / name, "minion", {**connection, "id": name, **(minion_options or {})})
            argv = [str(binaries / "salt-minion"), "-c", str(config)]
            processes[name] = start(argv, root / f"{name}.log")
            if number % START_TOGETHER == 0 or number == minions:
                wait_for(f"{number} minions' keys", partial(_holds, accepted, number), MINION_UP_WITHIN_S)
                say(f"{number} of {minions} Salt minions are known to their master")
        running_salt = Salt(binaries, master, {name: one.pid for name, one in processes.items()}, process.pid)
        with SaltClient(running_salt) as client:
            wait_for("all minions' answers", lambda: client.ping()[1] == minions, MINION_UP_WITHIN_S)
        yield running_salt


def configure(root: Path, kind: str, options: dict[str, Any]) -> Path:
    """Write a master's or minion's configuration below *root* and return its folder."""
    kind_folder = root / "etc"
    kind_folder.mkdir(parents=True)
    everything = {
        "root_dir": str(root),
        "pki_dir": str(root / "pki" / kind),
        "cachedir": str(root / "cache"),
        "sock_dir": str(root / "run"),
        "log_file": str(root / "log"),
        "pidfile": str(root / "pid"),
        "interface": HOST,
        "log_level": "error",
        **options,
    }
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in everything.items()]
    (kind_folder / kind).write_text("".join(lines))
    return kind_folder


def _holds(path: Path, entries: int) -> bool:
    return path.is_dir() and sum(1 for _ in path.iterdir()) == entries
