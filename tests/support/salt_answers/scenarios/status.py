"""The module ``status``: the shape of what a host tells."""

from __future__ import annotations

from scenario import Scenario, kw

SCENARIOS = {
    "shapes": Scenario(
        files={"a/": ""},
        calls=(
            ("status.uptime",),
            ("status.loadavg",),
            ("status.cpustats",),
            ("status.meminfo",),
            ("status.cpuinfo",),
            ("status.diskstats",),
            ("status.vmstats",),
            ("status.nproc",),
            ("status.netdev",),
            ("status.netstats",),
            ("status.procs",),
            ("status.version",),
            ("status.w",),
            ("status.all_status",),
            ("status.time",),
            ("status.time", "%Y-%m"),
            ("status.time", kw(format="no time")),
            ("status.pid", "no-such-[p]rogram-anywhere"),
            ("status.ping_master", ""),
            ("status.ping_master", None),
        ),
    ),
    "diskusage": Scenario(
        files={"a/": ""},
        calls=(
            ("status.diskusage",),
            ("status.diskusage", "/"),
            ("status.diskusage", "{dir}/a", "/"),
            ("status.diskusage", "{dir}/nothing"),
            ("status.diskusage", "no-such-type"),
            ("status.diskusage", "pro*"),
            ("status.diskusage", "PROC"),
        ),
    ),
    "custom": Scenario(
        opts={
            "status.vmstats.custom": ["pgfault", "no_such_counter"],
            "status.loadavg.custom": ["1-min"],
            "status.nothing.custom": ["x"],
            "status.custom": ["y"],
        },
        calls=(("status.custom",),),
    ),
    "nothing_custom": Scenario(calls=(("status.custom",),)),
}

DIFFERENT: dict[str, str] = {}


def kept(fun, value):
    """Keep the names and the kinds of values that all hosts have."""
    if fun in ("status.pid", "status.ping_master"):
        return value
    if fun == "status.procs":
        return shape(value["1"])
    if fun == "status.w":
        return type(value).__name__
    if fun == "status.netdev":
        return {**shape(value["lo"]), "iface": value["lo"]["iface"]}
    if fun == "status.netstats":
        return sorted(value)[:1], type(value["TcpExt"]["SyncookiesSent"]).__name__
    if fun == "status.meminfo":
        return value["MemTotal"].keys() and shape(value["MemTotal"])
    if fun == "status.vmstats":
        return shape({name: value[name] for name in ("pgfault", "nr_free_pages")})
    if fun == "status.cpustats":
        return shape({name: value[name] for name in ("cpu", "cpu0", "ctxt", "btime", "processes")})
    if fun == "status.cpuinfo":
        return sorted({type(one).__name__ for one in value.values()} | {"list"}), "processor" in value
    if fun == "status.diskstats":
        return [shape(one) for one in list(value.values())[:1]]
    if fun == "status.all_status":
        return sorted(value)
    if fun == "status.diskusage":
        return shape({point: one for point, one in value.items() if point in ("/", "/proc", "{dir}/a")})
    if fun == "status.time":
        return value if value == "no time" else type(value).__name__
    return (
        {name: str(type(one)) if isinstance(one, (int, float)) else one for name, one in value.items()}
        if (fun == "status.custom")
        else shape(value)
    )


def shape(value):
    """Return *value* with the names of types in the place of what isn't a container."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return type(value).__name__
