"""Other people's relays between a master and its stores, configured as docs/scaling.md shows."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Sequence
from pathlib import Path

from support.ports import free_port, listens
from support.programs import Program
from support.scaling_doc import block
from support.stacks import wait_for
from support.stores import SalternStore

STATISTICS_INTERVAL_S = 1


class CarbonCRelay(Program):
    """carbon-c-relay on a free *port*, in front of *stores*, with the block *name* and a queue of *queue* points."""

    def __init__(self, root: Path, name: str, stores: Sequence[SalternStore], queue: int | None = None) -> None:
        root.mkdir(parents=True)
        self.port = free_port()
        self.conf = root / "carbon-c-relay.conf"
        self._name = name
        self.write(stores)
        options = {"/etc/carbon-c-relay.conf": self.conf, **({"-q 3000000": f"-q {queue}"} if queue else {})}
        (words,) = shlex.split(block("c-relay-options", options).partition("=")[2])
        super().__init__(["carbon-c-relay", *words.split()], root / "log", lambda: listens(self.port))

    def write(self, stores: Sequence[SalternStore]) -> None:
        """Write the configuration. Of the block's three stores only as many stay as there are *stores*."""
        replaced: dict[str, object] = {
            f"10.0.0.1{n}:2003": f"127.0.0.1:{store.port('line')}" for n, store in enumerate(stores, start=1)
        }
        left_out = {f"        10.0.0.1{n}:2003=00{n}\n": "" for n in range(len(stores) + 1, 4)}
        statistics = {"every 60 seconds": f"every {STATISTICS_INTERVAL_S} seconds"}
        own = {"127.0.0.1:2003 ": f"127.0.0.1:{self.port} "}
        self.conf.write_text(block(self._name, {**own, **replaced, **left_out, **statistics}))

    def reload(self, stores: Sequence[SalternStore]) -> None:
        """Give it other stores while it runs, as the document says."""
        self.write(stores)
        self.send_signal(signal.SIGHUP)
        wait_for(lambda: "SIGHUP handler complete" in self.log(), "carbon-c-relay to read its configuration again")


class CarbonRelay(Program):
    """carbon-relay of Debian's graphite-carbon on a free *port*, in front of three *stores*."""

    def __init__(
        self, root: Path, stores: Sequence[SalternStore], protocol: str = "line", queue: int | None = None
    ) -> None:
        self.port = free_port()
        for folder in ("conf", "log", "run"):
            (root / folder).mkdir(parents=True)
        replaced: dict[str, object] = {
            f"10.0.0.1{n}:2003": f"127.0.0.1:{store.port(protocol)}" for n, store in enumerate(stores, start=1)
        }
        replaced |= {
            "LINE_RECEIVER_PORT = 2003": f"LINE_RECEIVER_PORT = {self.port}",
            "= 2014": f"= {free_port()}",
            "PROTOCOL = line": f"PROTOCOL = {protocol}",
            "CARBON_METRIC_INTERVAL = 60": f"CARBON_METRIC_INTERVAL = {STATISTICS_INTERVAL_S}",
        }
        if queue:
            replaced["MAX_QUEUE_SIZE = 3000000"] = f"MAX_QUEUE_SIZE = {queue}"
        folders = f"STORAGE_DIR = {root}\nCONF_DIR = {root}/conf\nLOG_DIR = {root}/log\nPID_DIR = {root}/run\nUSER =\n"
        conf = root / "conf" / "carbon.conf"
        conf.write_text(block("carbon-relay", replaced) + folders)
        (root / "conf" / "storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 60s:1d\n")
        argv = ["/usr/bin/carbon-relay", f"--config={conf}", "--nodaemon", "start"]
        super().__init__(argv, root / "log" / "console", lambda: listens(self.port))


def statistic(stores: Sequence[SalternStore], pattern: str, since: int, until: int) -> float:
    """Return the greatest value that a relay sent of the one metric that *pattern* matches, 0 without any."""
    found = [points for store in stores for points in store.points(pattern, since, until).values()]
    return max((value for points in found for value in points.values()), default=0.0)
