"""What chosen programs use: all the processes that fit a pattern, together.

A pattern (``nginx``, ``php-fpm*``, ``python3 *celery*``) is held against the process's own name, against the last part
of its first argument, since the kernel cuts the name after 15 characters, and against the whole command line, its
arguments joined by blanks. ``name=pattern`` gives it a shorter name in metrics.

Every process is looked at once when it comes, once more a sample later (a child has its parent's name until it
becomes another program), and every ten minutes or so; between, those that fit are read and no others. Counters are of
what was used while somebody looked, so that they don't fall when a process ends.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from saltern.named import NamedTuple
from saltern_modules.collectors.base import Collector, Metrics, NoReading, Number, counter, gauge
from saltern_modules.collectors.numbers import Rates, decimal, integers, value_after
from saltern_modules.collectors.reading.named import Named, check_named, named
from saltern_modules.collectors.reading.process_table import hides_others
from saltern_modules.collectors.segment import segment
from saltern_modules.collectors.source import Source, read_once

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
LOOK_AGAIN_EVERY = 40
"""Samples between looking at every process again."""

COMMAND_BYTES = 4096
HIDDEN = (
    "only this user's own processes are shown: run the agent as root, or in the group that the option gid of the mount "
    "of /proc names (hidepid, proc(5))"
)
MAX_PROCESSES = 2000
"""Processes that are measured for all patterns together; more are counted in ``left_out``."""


class Process(NamedTuple):
    """The wanted fields of ``/proc/<pid>/stat``."""

    name: str
    cpu_ms: float
    threads: int
    started: int
    """Ticks after boot; with the number it tells a process from a later one."""

    rss_bytes: int


def parse_stat(data: bytes) -> Process | None:
    """Return a process, or None when *data* is something else. The fields are proc_pid_stat(5)'s, from the third."""
    start, end = data.find(b"("), data.rfind(b")")
    values = integers(data[end + 1 :].split()[1:22])
    if not 0 < start < end or values is None or len(values) < 21:
        return None
    return Process(
        name=data[start + 1 : end].decode("utf-8", "surrogateescape"),
        cpu_ms=(values[10] + values[11]) * 1000.0 / TICKS_PER_S,
        threads=values[16],
        started=values[18],
        rss_bytes=values[20] * PAGE_BYTES,
    )


def parse_command(data: bytes) -> str:
    """Return a command line, the arguments joined by blanks; a kernel thread's is empty."""
    return data.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "surrogateescape")


def parse_io(data: bytes) -> dict[str, float]:
    """Return the bytes that a process read from disks and wrote to them, from ``/proc/<pid>/io``."""
    both = {"read_bytes": value_after(data, b"read_bytes:"), "write_bytes": value_after(data, b"write_bytes:")}
    return {name: value for name, value in both.items() if value is not None}


def fits(pattern: str, name: str, command: str) -> bool:
    """Return whether a process of this *name* and *command* line is meant by *pattern*."""
    program = os.path.basename(command.partition(" ")[0])
    return any(fnmatchcase(text, pattern) for text in (name, program, command))


class _Group:
    """What one pattern's processes used and use."""

    def __init__(self) -> None:
        self.used = {"cpu_ms": 0.0, "read_bytes": 0.0, "write_bytes": 0.0}
        self.has_io = False
        self.restarts = 0
        self.oldest: tuple[int, int] | None = None
        """When the oldest started, in ticks, and its number."""


class Procs(Collector):
    """``procs.<name>.count``, ``.cpu_percent``, ``.rss_bytes``, ``.threads``, ``.fds``, ``.restarts``, …"""

    name = "procs"
    description = "what chosen programs use"
    settings: ClassVar[Mapping[str, Any]] = {"match": []}
    numbers: ClassVar[Mapping[str, Number]] = {
        "*.count": gauge("processes", "processes that fit the pattern"),
        "*.cpu_ms": counter("ms", "processor time that they used while they were looked at", rated=False),
        "*.cpu_percent": gauge("%", "processor time since the sample before, of one processor"),
        "*.rss_bytes": gauge("B", "their resident memory; what they share counts for each"),
        "*.threads": gauge("threads", "their threads"),
        "*.fds": gauge("files", "their open files; absent when one's may not be seen"),
        "*.read_bytes": counter("B", "bytes that they read from disks; absent when it may not be seen"),
        "*.write_bytes": counter("B", "bytes that they wrote to disks"),
        "*.uptime_seconds": gauge("s", "time since the oldest of them started"),
        "*.restarts": counter("restarts", "times that the oldest was a new one, since the agent looks", rated=False),
        "left_out": gauge("processes", "processes that fit and are not measured, there being more than 2000"),
    }

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> None:
        """Raise ``ValueError`` for an empty pattern, too many, or two that would be called the same."""
        things = named(options["match"], _label)
        check_named("match", things, "nginx")
        for label, pattern in things:
            if label == "left_out":
                raise ValueError(f"match: {pattern!r} can't be called 'left_out', which is taken")

    def __init__(self, files: Source, settings: Mapping[str, Any]) -> None:
        super().__init__(files, settings)
        self._wanted: list[Named] = named(self.options["match"], _label)
        self._groups = {label: _Group() for label, _ in self._wanted}
        self._known: dict[int, int] = {}
        """How often each process was looked at since the last look at all."""

        self._fitting: dict[int, list[str]] = {}
        self._last: dict[int, tuple[Process, dict[str, float]]] = {}
        self._samples = 0
        self._looked_at: float | None = None
        """When the last sample was, in seconds after boot."""

        self._rates = Rates(("cpu_ms", "read_bytes", "write_bytes"))

    def collect(self, now: float) -> Metrics:
        """Return what each pattern's processes use."""
        if hides_others(self.files.proc_root):
            raise NoReading(HIDDEN)
        uptime = decimal((self.files.read("uptime", optional=True).split() or [b""])[0])
        left_out = self._look()
        told: dict[str, dict[str, float]] = {label: {"count": 0} for label in self._groups}
        oldest: dict[str, tuple[int, int]] = {}
        last, self._last = self._last, {}
        unseen: set[str] = set()
        for pid, labels in list(self._fitting.items()):
            if (process := self._stat(pid)) is None:
                continue
            io, fds = self._io(pid), self._fds(pid)
            spent = self._spent(last.get(pid), process, io)
            self._last[pid] = (process, io)
            for label in labels:
                self._add(told[label], label, process, spent, fds)
                if fds is None:
                    unseen.add(label)
                oldest[label] = min(oldest.get(label, (process.started, pid)), (process.started, pid))
        self._looked_at = uptime
        for label, group in self._groups.items():
            self._finish(told[label], group, oldest.get(label), uptime, label in unseen)
        for label, rates in self._rates.update(now, told).items():
            if "cpu_ms_per_s" in rates:
                told[label]["cpu_percent"] = round(rates.pop("cpu_ms_per_s") / 10.0, 2)
            told[label].update(rates)
        return {**told, "left_out": left_out}

    def _look(self) -> int:
        """Find which processes fit; return how many don't find room."""
        pids = {int(entry) for entry in os.listdir(self.files.proc_root) if entry.isdigit()}
        if self._samples % LOOK_AGAIN_EVERY == 0:
            self._known = {}
        self._samples += 1
        known = self._known
        self._known = {pid: min(known.get(pid, 0) + 1, 3) for pid in pids}
        for pid, looks in self._known.items():
            if looks <= 2:
                labels = self._labels(pid)
                if labels:
                    self._fitting[pid] = labels
                else:
                    self._fitting.pop(pid, None)
        gone = [pid for pid in self._fitting if pid not in pids]
        for pid in gone:
            del self._fitting[pid]
        over = sorted(self._fitting)[MAX_PROCESSES:]
        for pid in over:
            del self._fitting[pid]
        return len(over)

    def _labels(self, pid: int) -> list[str]:
        """Return which patterns a process fits."""
        try:
            name = read_once(f"{self.files.proc_root}/{pid}/comm", 64).rstrip(b"\n").decode("utf-8", "surrogateescape")
            command = parse_command(read_once(f"{self.files.proc_root}/{pid}/cmdline", COMMAND_BYTES))
        except OSError:
            return []
        return [label for label, pattern in self._wanted if fits(pattern, name, command)]

    def _stat(self, pid: int) -> Process | None:
        try:
            return parse_stat(read_once(f"{self.files.proc_root}/{pid}/stat", 1024))
        except OSError:
            return None  # it ended since the folder was listed

    def _io(self, pid: int) -> dict[str, float]:
        try:
            return parse_io(read_once(f"{self.files.proc_root}/{pid}/io", 512))
        except OSError:
            return {}  # another user's, and we aren't root

    def _fds(self, pid: int) -> int | None:
        folder = f"{self.files.proc_root}/{pid}/fd"
        try:
            return os.stat(folder).st_size or len(os.listdir(folder))
        except OSError:
            return None

    def _spent(
        self, before: tuple[Process, dict[str, float]] | None, process: Process, io: dict[str, float]
    ) -> dict[str, float]:
        """Return what a process used since the sample before: all of it when it is newer than that."""
        now = {"cpu_ms": process.cpu_ms, **io}
        if before is not None and before[0].started == process.started:
            then = {"cpu_ms": before[0].cpu_ms, **before[1]}
            return {name: max(value - then.get(name, value), 0.0) for name, value in now.items()}
        is_new = self._looked_at is not None and process.started / TICKS_PER_S >= self._looked_at
        return now if is_new else dict.fromkeys(now, 0.0)

    def _add(
        self, told: dict[str, float], label: str, process: Process, spent: dict[str, float], fds: int | None
    ) -> None:
        """Add one process to what its pattern's use."""
        group = self._groups[label]
        told["count"] += 1
        told["threads"] = told.get("threads", 0) + process.threads
        told["rss_bytes"] = told.get("rss_bytes", 0) + process.rss_bytes
        if fds is not None:
            told["fds"] = told.get("fds", 0) + fds
        for name, value in spent.items():
            group.used[name] += value
            group.has_io |= name == "read_bytes"

    def _finish(
        self,
        told: dict[str, float],
        group: _Group,
        oldest: tuple[int, int] | None,
        uptime: float | None,
        unseen: bool,
    ) -> None:
        """Complete what one pattern's processes are told to use."""
        if oldest is not None:
            group.restarts += group.oldest is not None and oldest > group.oldest
            group.oldest = oldest
            if uptime is not None:
                told["uptime_seconds"] = round(max(uptime - oldest[0] / TICKS_PER_S, 0.0), 2)
        if unseen:
            told.pop("fds", None)
        told["cpu_ms"] = round(group.used["cpu_ms"], 3)
        told["restarts"] = group.restarts
        if group.has_io:
            told |= {name: int(group.used[name]) for name in ("read_bytes", "write_bytes")}


def _label(pattern: str) -> str:
    return segment(pattern, " ")
