"""The module ``sysctl``: parameters that every Linux has alike, and files in the scenario's folder."""

from __future__ import annotations

import os

from scenario import Scenario, kw

CONF = (
    "# a comment\nkernel.sysrq = 1\nvm.swappiness=10 \n; another\n\n"
    "net.ipv4.tcp_rmem = 4096\t131072  33554432\nno value\n#x = 1\n"
)
MARTIANS = "net.ipv4.conf.lo.log_martians"

SCENARIOS = {
    "get": Scenario(
        calls=(
            ("sysctl.get", "kernel.ostype"),
            ("sysctl.get", "kernel/ostype"),
            ("sysctl.get", "kernel.no_such_thing"),
            ("sysctl.get", "no.such.thing"),
            ("sysctl.get", ""),
            ("sysctl.get", "net.ipv4.conf.lo.log_martians"),
            ("sysctl.get",),
        ),
    ),
    "show": Scenario(
        files={"sysctl.conf": CONF, "empty.conf": ""},
        calls=(
            ("sysctl.show", "{dir}/sysctl.conf"),
            ("sysctl.show", kw(config_file="{dir}/empty.conf")),
            ("sysctl.show", "{dir}/nothing.conf"),
            ("sysctl.show",),
        ),
    ),
    "assign": Scenario(
        root=True,
        calls=(
            ("sysctl.assign", MARTIANS, 0),
            ("sysctl.assign", MARTIANS, "0"),
            ("sysctl.assign", "kernel.no_such_thing", 1),
            ("sysctl.assign", "kernel.pid_max", "many"),
        ),
    ),
    "persist": Scenario(
        root=True,
        files={"sysctl.conf": CONF + "net.ipv4.conf.lo.log_martians=0\n", "open.conf": "a.b = 1"},
        calls=(
            ("sysctl.persist", MARTIANS, 0, "{dir}/sysctl.conf"),
            ("sysctl.persist", MARTIANS, 0, kw(config="{dir}/deep/new.conf")),
            ("sysctl.persist", MARTIANS, "0", kw(config="{dir}/deep/new.conf")),
            ("sysctl.persist", "kernel.no_such_thing", 1, "{dir}/other.conf"),
            ("sysctl.persist", "vm.no_such_thing", "1\t2  3", "{dir}/sysctl.conf"),
            ("sysctl.persist", "vm.no_such_thing", "1 2 4", "{dir}/sysctl.conf"),
        ),
    ),
}

if not os.access("/proc/sys/net/ipv4/conf/lo/log_martians", os.W_OK):  # a container
    del SCENARIOS["assign"], SCENARIOS["persist"]

DIFFERENT: dict[str, str] = {}


def kept(fun, value):
    """Keep which kinds of values all parameters have."""
    if fun == "sysctl.show" and isinstance(value, dict) and len(value) > 50:
        return [sorted({type(one).__name__ for one in value.values()}), value["kernel.ostype"]]
    return value
