"""The charts that are known to be wanted, by what the collectors give. Whatever else a host reports has charts too."""

from __future__ import annotations

from typing import NamedTuple


class Wanted(NamedTuple):
    """A chart: *paths* below ``saltern.<minion>``; *nodes*: which segments of a whole name label its lines.

    *rate*: the numbers grow, and their rate is shown.
    """

    title: str
    unit: str
    paths: tuple[str, ...]
    nodes: str = "4"
    stacked: bool = False
    max: float | None = None
    rate: bool = False
    help: str = ""
    wrap: str = "{}"
    """Around the path, within the labelling."""
    kind: str = "chart"
    words: tuple[tuple[str, str], ...] = ()
    steps: tuple[tuple[float | None, str], ...] = ()


class Section(NamedTuple):
    """Charts under a heading; *collectors*: what else of these is shown there."""

    key: str
    title: str
    charts: tuple[Wanted, ...]
    collectors: tuple[str, ...] = ()


_FAILING = (("0", "fails"), ("1", "works"))
SECTIONS = (
    Section(
        "device",
        "The device",
        (
            Wanted("Reached", "", ("stats.device.{up,success}",), "4", max=1, help="1 while its host reaches it."),
            Wanted("Latency", "ms", ("stats.device.latency_ms",), help="Of the last call before each sample."),
            Wanted("Calls", "calls/s", ("stats.device.{calls,failures}",), rate=True),
            Wanted("Hung", "", ("stats.device.hung",), max=1, help="1 while a call has not ended at its limit."),
        ),
        ("device",),
    ),
    Section(
        "cpu",
        "Processor",
        (
            Wanted(
                "Time by mode",
                "%",
                ("stats.cpu.total.{user,nice,system,iowait,irq,softirq,steal}",),
                "5",
                stacked=True,
                max=100,
            ),
            Wanted("Load", "", ("stats.load.*", "stats.cpu.count"), "3,4", help="Threads that ran or waited to."),
            Wanted(
                "Each processor", "%", ("stats.cpu.*.percent",), wrap="exclude({},'[.]total[.]')", help="Time not idle."
            ),
            Wanted(
                "Waiting (pressure)", "%", ("stats.pressure.*.*.percent",), "4,5", help="Time in which tasks waited."
            ),
            Wanted(
                "Kernel's work",
                "/s",
                ("stats.vmstat.{context_switches,interrupts,soft_interrupts,forks}_per_s",),
            ),
            Wanted("Processors busy", "processors", ("stats.cpu.total.cores",), "5"),
        ),
        ("cpu", "load", "pressure"),
    ),
    Section(
        "memory",
        "Memory",
        (
            Wanted("Memory", "B", ("stats.memory.{used,cached,buffers,free}",), stacked=True),
            Wanted(
                "Kinds of memory",
                "B",
                ("stats.memory.{available,anonymous,mapped,shared,slab,dirty,writeback,committed}",),
            ),
            Wanted("Swap", "B", ("stats.swap.{total,used}",)),
            Wanted("Memory in use", "%", ("stats.memory.percent", "stats.swap.percent"), "3", max=100),
            Wanted("Swap traffic", "B/s", ("stats.swap.{in,out}_bytes_per_s",)),
            Wanted("Page faults", "faults/s", ("stats.vmstat.{page_faults,major_page_faults}_per_s",)),
        ),
        ("memory", "swap"),
    ),
    Section(
        "disk",
        "Disks",
        (
            Wanted("Space in use", "%", ("stats.disk.*.percent",), max=100),
            Wanted("Space available", "B", ("stats.disk.*.available",)),
            Wanted("Inodes in use", "%", ("stats.disk.*.inodes_percent",), max=100),
            Wanted("Traffic", "B/s", ("stats.diskio.*.{read,write}_bytes_per_s",), "4,5"),
            Wanted("Operations", "/s", ("stats.diskio.*.{reads,writes}_per_s",), "4,5"),
            Wanted("Busy", "%", ("stats.diskio.*.busy_percent",), max=100),
            Wanted("Full in", "h", ("stats.forecast.*.*hours_left",), "4,5"),
        ),
        ("disk", "diskio", "forecast", "ext4", "raid", "zfs", "scsi", "smart"),
    ),
    Section(
        "net",
        "Network",
        (
            Wanted("Traffic", "B/s", ("stats.net.*.{rx,tx}_bytes_per_s",), "4,5"),
            Wanted("Packets", "packets/s", ("stats.net.*.{rx,tx}_packets_per_s",), "4,5"),
            Wanted(
                "Errors and drops",
                "packets/s",
                ("stats.net.*.{rx,tx}_errors_per_s", "stats.net.*.{rx,tx}_dropped_per_s"),
                "4,5",
            ),
            Wanted("TCP connections", "sockets", ("stats.sockets.tcp.{established,time_wait,close_wait,listen}",), "5"),
            Wanted("TCP opened", "connections/s", ("stats.tcp.opens_{in,out}_per_s",)),
            Wanted("TCP sent again", "%", ("stats.tcp.retransmit_percent",)),
        ),
        ("net", "tcp", "udp", "sockets", "softnet", "neighbours", "conntrack"),
    ),
    Section(
        "processes",
        "Processes and limits",
        (
            Wanted(
                "Processes by state",
                "processes",
                ("stats.processes.{running,sleeping,blocked,idle,zombie,stopped,kernel,other}",),
                stacked=True,
            ),
            Wanted("Processes and threads", "", ("stats.processes.{total,threads,runnable,waiting_io}",)),
            Wanted("Open files", "files", ("stats.files.open",)),
            Wanted(
                "Of the kernel's limits",
                "%",
                ("stats.limits.*_percent", "stats.files.percent", "stats.conntrack.percent"),
                "3,4",
            ),
            Wanted("Temperatures", "°C", ("stats.temperature.*",)),
            Wanted("Up for", "s", ("stats.uptime.seconds",), "3"),
        ),
        ("processes", "files", "limits", "temperature", "uptime", "vmstat", "entropy", "edac"),
    ),
    Section(
        "agent",
        "The agent itself",
        (
            Wanted("Agent's processor", "%", ("stats.agent.cpu_percent",), help="Of one processor."),
            Wanted("Agent's memory", "B", ("stats.agent.rss_bytes",)),
            Wanted("Devices that it speaks for", "", ("stats.agent.devices.{served,up,down,hung}",), "5"),
            Wanted("Calls to devices", "", ("stats.agent.devices.{running,waiting,slow}",), "5"),
            Wanted("Cost of each collector", "ms", ("stats.collector.*.duration_ms",), stacked=True),
            Wanted(
                "Collectors",
                "",
                ("stats.collector.*.success",),
                kind="table",
                words=_FAILING,
                steps=((None, "red"), (1, "")),
            ),
            Wanted("Clock ahead of the master's", "ms", ("clock.skew_ms",), "3"),
            Wanted("Points received of those due", "%", ("schedule.*.completeness",), "3", max=100),
        ),
        ("agent", "collector", "clock", "schedule"),
    ),
)
