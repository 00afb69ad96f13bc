"""What a server is told to do: one record, filled by the command line or by another program."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from saltern_graphite.http.settings import HttpSettings
from saltern_graphite.store import cache
from saltern_graphite.store.wal import wal
from saltern_graphite.whisper.update import LateMode

FLUSH_INTERVAL_S = 10.0
FLUSH_AT_MOST_S = 600.0
MAX_CONNECTIONS = 2_000  # on each TCP port


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """How points are kept. ``None`` folders are ``whisper`` and ``conf`` under the store's root."""

    whisper: str | None = None
    conf: str | None = None
    fsync: str = "interval"
    flush_interval_s: float = FLUSH_INTERVAL_S
    flush_at_most_s: float = FLUSH_AT_MOST_S
    cache_max_points: int = cache.MAX_POINTS
    cache_max_bytes: int = cache.MAX_BYTES
    log_max_bytes: int = wal.MAX_BYTES
    writers: int | None = 0
    """Processes that write files; 0: the store's own thread does; ``None``: as many as the metrics are worth."""
    late: LateMode = "combine"
    """What becomes of points older than a file's first archive: see :mod:`saltern_graphite.whisper.update`."""

    def whisper_dir(self, root: str) -> str:
        """Return the folder of the Whisper tree."""
        return self.whisper or os.path.join(root, "whisper")

    def conf_dir(self, root: str) -> str:
        """Return the folder of the schema files."""
        return self.conf or os.path.join(root, "conf")


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Where to listen (host, port; port 0: any free one; ``None``: not at all) and what to bound."""

    line: tuple[str, int] | None = ("127.0.0.1", 2003)
    udp: tuple[str, int] | None = None
    pickle: tuple[str, int] | None = ("127.0.0.1", 2004)
    batch: tuple[str, int] | None = ("127.0.0.1", 2005)
    http: tuple[str, int] = ("127.0.0.1", 8080)
    http_settings: HttpSettings = field(default_factory=HttpSettings)
    read_only: bool = False
    max_connections: int = MAX_CONNECTIONS
    idle_timeout_s: float = 0.0
    self_metrics_interval_s: float | None = None
    """``None``: the step of the archive that keeps them."""
