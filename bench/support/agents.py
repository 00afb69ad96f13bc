"""Real agents of a master, each with options of its own."""

from __future__ import annotations

import compileall
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import saltern
import saltern_agent
import saltern_modules
from saltern.own_python import python_module
from support.programs import HOST, folder, running
from support.stack import Master


@contextlib.contextmanager
def agent(master: Master, minion: str, options: dict[str, Any] | None = None) -> Iterator[int]:
    """Run an agent until the block ends; yield its process id.

    Its bytecode is there, as pip leaves it: an agent that has to compile its sources keeps a megabyte of that.
    """
    for package in (saltern, saltern_agent, saltern_modules):
        compileall.compile_dir(str(Path(str(package.__file__)).parent), quiet=2)
    with folder("agent") as root:
        config = {
            "id": minion,
            "master": HOST,
            "publish_port": int(master.publish.rpartition(":")[2]),
            "ret_port": int(master.ret.rpartition(":")[2]),
            "master_key": master.public_key,
            "pki_dir": str(root / "pki"),
            "cachedir": str(root / "cache"),
            **(options or {}),
        }
        (root / "minion").write_text("".join(f"{name}: {json.dumps(value)}\n" for name, value in config.items()))
        with running(python_module("saltern_agent", "-c", str(root)), root / "log") as process:
            yield process.pid
