"""How near the kernel's own limits are: threads, and requests of asynchronous I/O.

Each thread takes a number below ``kernel.pid_max`` and counts against ``kernel.threads-max`` (proc_sys_kernel(5)):
the lower of the two is what makes fork(2) fail. Open files, the other limit, are the collector ``files``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from saltern_modules.collectors.base import Collector, Metrics, Number, gauge
from saltern_modules.collectors.load import parse_threads
from saltern_modules.collectors.numbers import integer, percent


def of_limit(name: str, used: int | None, limits: list[int | None]) -> Metrics:
    """Return ``{name: used, name_max: …, name_percent: …}`` for the lowest of the known *limits*."""
    known = [limit for limit in limits if limit]
    if used is None or not known:
        return {}
    return {name: used, f"{name}_max": min(known), f"{name}_percent": percent(used, min(known))}


class Limits(Collector):
    """``limits.threads``, ``.threads_max``, ``.threads_percent``, and the same of ``aio_requests``."""

    name = "limits"
    description = "threads and asynchronous I/O, near the kernel's limits"
    waits = False
    every_s = 60.0
    numbers: ClassVar[Mapping[str, Number]] = {
        "threads": gauge("threads", "threads of all processes, the kernel's own too"),
        "threads_max": gauge("threads", "as many as there may be"),
        "threads_percent": gauge("%", "threads, of as many as there may be"),
        "aio_requests": gauge("requests", "requests of asynchronous I/O that programs reserved"),
        "aio_requests_max": gauge("requests", "as many as may be reserved"),
        "aio_requests_percent": gauge("%", "requests reserved, of as many as may be"),
    }

    def collect(self, now: float) -> Metrics:
        """Return what is used of each limit that the kernel tells."""
        threads = parse_threads(self.files.read("loadavg", optional=True))
        return {
            **of_limit("threads", threads, [self._number("kernel/pid_max"), self._number("kernel/threads-max")]),
            **of_limit("aio_requests", self._number("fs/aio-nr"), [self._number("fs/aio-max-nr")]),
        }

    def _number(self, name: str) -> int | None:
        return integer(self.files.read(f"sys/{name}", optional=True).strip())
