"""Where the host's own view of itself is, for an agent whose ``/proc`` is its own or that of the host around it.

Mounts and networks belong to namespaces: what ``/proc/mounts`` and ``/proc/net`` show is those of whoever reads. In a
container that is shown the host's ``/proc`` (``proc_root``) the host's are those of its process 1.
"""

from __future__ import annotations

import os

OWN = "/proc"


def is_own(proc_root: str) -> bool:
    """Return whether *proc_root* is this process's own ``/proc``."""
    return os.path.normpath(proc_root) == OWN


def network(proc_root: str) -> str:
    """Return the folder below *proc_root* with the host's network: ``net`` or ``1/net``."""
    return "1/net" if not is_own(proc_root) and os.path.isdir(f"{proc_root}/1/net") else "net"


def mount_tables(proc_root: str) -> tuple[str, ...]:
    """Return the files below *proc_root* of which the first that can be read tells the host's mounts."""
    own = ("self/mountinfo", "self/mounts")
    return own if is_own(proc_root) else ("1/mountinfo", "1/mounts", *own)


def roots_of(proc_root: str, table: str) -> tuple[str, ...]:
    """Return where the root of the mounts in *table* may be: empty when it is this process's own for certain.

    The way through process 1 takes its rights, so a container's may be refused; some of what it sees at home are the
    host's mounts as well.
    """
    return (f"{proc_root}/1/root", "") if table.startswith("1/") and os.path.lexists(f"{proc_root}/1/root") else ()


def own_proc(proc_root: str) -> str:
    """Return the ``/proc`` that tells of this very process: *proc_root* when it is a copy, a folder of recorded files.

    The ``self`` of a real one is a link, and leads nowhere in another namespace of processes.
    """
    return proc_root if os.path.isdir(f"{proc_root}/self") and not os.path.islink(f"{proc_root}/self") else OWN
