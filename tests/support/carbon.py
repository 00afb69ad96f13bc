"""A real carbon-cache, from Debian's package, in a folder of the test's."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from pathlib import Path

import whisper

from support.ports import free_port
from support.stacks import wait_for


class CarbonCache:
    """carbon-cache on a free port, its Whisper files below *root*."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port, query_port, pickle_port = (free_port() for _ in range(3))
        conf = root / "conf"
        for folder in ("conf", "whisper", "run", "log"):
            (root / folder).mkdir(parents=True)
        (conf / "carbon.conf").write_text(
            f"[cache]\nSTORAGE_DIR = {root}\nCONF_DIR = {conf}\nLOG_DIR = {root}/log\nPID_DIR = {root}/run\n"
            f"LOCAL_DATA_DIR = {root}/whisper\nLINE_RECEIVER_INTERFACE = 127.0.0.1\nLINE_RECEIVER_PORT = {self.port}\n"
            f"PICKLE_RECEIVER_INTERFACE = 127.0.0.1\nPICKLE_RECEIVER_PORT = {pickle_port}\n"
            f"CACHE_QUERY_INTERFACE = 127.0.0.1\nCACHE_QUERY_PORT = {query_port}\n"
            "MAX_CREATES_PER_MINUTE = inf\nMAX_UPDATES_PER_SECOND = inf\nENABLE_LOGROTATION = False\nUSER =\n"
        )
        (conf / "storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 1s:1h\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        # It is Debian's Python that has it: ours must not be found first.
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
        log = open(self.root / "log" / "console", "ab")  # noqa: SIM115  # the child has it
        command = ["/usr/bin/carbon-cache", f"--config={self.root}/conf/carbon.conf", "--nodaemon", "start"]
        with contextlib.suppress(FileNotFoundError):
            (self.root / "run" / "carbon-cache-a.pid").unlink()
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        log.close()
        wait_for(self._listens, "carbon-cache to listen", 30)

    def stop(self) -> None:
        """End it, its cache written."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(40)
            self._process = None

    def points(self, name: str, since: int, until: int) -> dict[int, float]:
        """Return what its Whisper file of *name* holds, by time."""
        path = self.root / "whisper" / (name.replace(".", "/") + ".wsp")
        if not path.exists():
            return {}
        (start, end, step), values = whisper.fetch(str(path), since, until)
        return {t: v for t, v in zip(range(start, end, step), values, strict=False) if v is not None}

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.root / "log" / "console").read_text()[-2000:]
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False
