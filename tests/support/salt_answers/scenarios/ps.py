"""The module ``ps``: the shape of what a host uses, and processes that there aren't."""

from __future__ import annotations

import os

from scenario import Scenario, kw

NOBODY = 4_194_303
OWN = os.getpid()

SCENARIOS = {
    "shapes": Scenario(
        calls=(
            ("ps.cpu_times",),
            ("ps.cpu_times", True),
            ("ps.cpu_percent", 0.01),
            ("ps.cpu_percent", 0.01, True),
            ("ps.virtual_memory",),
            ("ps.swap_memory",),
            ("ps.disk_partitions", kw(all=True)),
            ("ps.disk_usage", "/"),
            ("ps.total_physical_memory",),
            ("ps.num_cpus",),
            ("ps.boot_time",),
            ("ps.boot_time", "%Y"),
            ("ps.boot_time", 5),
            ("ps.network_io_counters",),
            ("ps.network_io_counters", "lo"),
            ("ps.network_io_counters", kw(interface="no-such-one")),
            ("ps.disk_io_counters", "no-such-one"),
            ("ps.get_users",),
            ("ps.get_pid_list",),
            ("ps.top", 1, 0),
            ("ps.top", kw(num_processes=2, interval=0.01)),
        ),
    ),
    "processes": Scenario(
        calls=(
            ("ps.pgrep", "no-such-program-anywhere"),
            ("ps.pgrep", "no-such-[p]rogram-anywhere$", kw(pattern_is_regex=True)),
            ("ps.pgrep", "no-such-program-anywhere", kw(full=True, user="root")),
            ("ps.pgrep", "", "no-such-user"),
            ("ps.pkill", "no-such-program-anywhere"),
            ("ps.pkill", "no-such-program-anywhere", kw(user="root", signal=9, full=True)),
            ("ps.kill_pid", NOBODY),
            ("ps.kill_pid", NOBODY, kw(signal=0)),
            ("ps.proc_info", NOBODY),
            ("ps.proc_info", 1, ["pid", "ppid"]),
            ("ps.proc_info", 1, kw(attrs=["no_such_attribute"])),
            ("ps.psaux", "no-such-[p]rogram-anywhere"),
            ("ps.status", "no-such-state"),
            ("ps.status", ""),
            ("ps.status", None),
            ("ps.pgrep",),
            ("ps.status",),
        ),
    ),
}

DIFFERENT: dict[str, str] = {
    'ps.proc_info 1 {"attrs": ["no_such_attribute"]}': "one line in place of a traceback: CommandError, the same text",
}


def kept(fun, value):
    """Keep the names and the kinds of values."""
    if fun == "ps.top":
        return [len(value), shape(dict(value[0], cmd=[""], user=""))]
    if fun in ("ps.get_users", "ps.disk_partitions"):
        return [type(value).__name__, sorted({key for one in value for key in one} - {"maxfile", "maxpath"})]
    if fun in ("ps.psaux", "ps.proc_info", "ps.pgrep", "ps.pkill", "ps.kill_pid", "ps.status"):
        return value
    return value if value is False else shape(value)


def shape(value):
    """Return *value* with the names of types in the place of what isn't a container."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__
