"""The kinds of host that the collectors are tried on."""

from __future__ import annotations

from support.hosts.containers import lxc, version_1, version_2
from support.hosts.machines import arm, many_disks, many_processors, new_kernel, no_swap, old_kernel, virtual_machine
from support.hosts.tree import Kind

KINDS: dict[str, Kind] = {
    "Linux 2.6.32": old_kernel(),
    "Linux 6.12": new_kernel(),
    "ARM board": arm(),
    "container, cgroup v1": version_1(),
    "container, cgroup v2": version_2(),
    "LXC": lxc(),
    "256 processors": many_processors(),
    "hundreds of disks": many_disks(),
    "no swap": no_swap(),
    "virtual machine": virtual_machine(),
}
