"""What kind of container this process is in, by the traces that each kind leaves."""

from __future__ import annotations

import os
import re

READ_BYTES = 65536

NAMES = {
    "lxc": "LXC",
    "lxc-libvirt": "LXC",
    "systemd-nspawn": "systemd-nspawn",
    "docker": "Docker",
    "podman": "Podman",
    "wsl": "WSL",
    "rkt": "rkt",
    "garden": "Garden",
    "proot": "PRoot",
}
"""By what a manager writes into ``container=`` or ``/run/systemd/container``, as systemd-detect-virt(1) reads it."""

CGROUPS = (
    (re.compile(r"[/.]kubepods|:/kubelet"), "kubernetes"),
    (re.compile(r":/docker[/-]|docker-[0-9a-f]{64}|:/docker-ce"), "Docker"),
    (re.compile(r"libpod[_-]"), "Podman"),
    (re.compile(r":/lxc[./]"), "LXC"),
    (re.compile(r"/machine\.slice/machine-"), "systemd-nspawn"),
)
"""By the control group of process 1, where its namespace shows it."""


def kind(proc_root: str = "/proc", root: str = "") -> str:
    """Return Salt's ``virtual_subtype`` of the container that process 1 of *proc_root* is in, ``""`` when in none.

    *root* is the folder of the root file system that goes with it, empty for this process's own.
    """
    environ = dict(field.partition("=")[::2] for field in _read(f"{proc_root}/1/environ").split("\0"))
    named = environ.get("container", "")
    told = named or _read(f"{root}/run/systemd/container").strip()
    cgroup = _read(f"{proc_root}/1/cgroup")
    of_cgroup = next((name for pattern, name in CGROUPS if pattern.search(cgroup)), "")
    pod = "KUBERNETES_SERVICE_HOST" in environ or os.path.isdir(f"{root}/var/run/secrets/kubernetes.io")
    if of_cgroup == "kubernetes" or pod:
        return "kubernetes"
    if told and told != "oci":  # which many managers say, and which the files below tell apart
        return NAMES.get(told.lower(), told)
    if os.path.exists(f"{root}/run/.containerenv"):
        return "Podman"
    if os.path.exists(f"{root}/.dockerenv"):
        return "Docker"
    if "microsoft" in _read(f"{proc_root}/sys/kernel/osrelease").lower():
        return "WSL"
    return of_cgroup or told.upper()


def in_openvz(proc_root: str = "/proc") -> bool:
    """Return whether this is a container of OpenVZ's: its host has ``/proc/bc`` as well."""
    return os.path.isdir(f"{proc_root}/vz") and not os.path.isdir(f"{proc_root}/bc")


def in_chroot(proc_root: str = "/proc") -> bool:
    """Return whether this process's root isn't that of process 1, as far as it may know."""
    try:
        first, own = os.stat(f"{proc_root}/1/root/."), os.stat("/")
    except OSError:
        return False
    return (first.st_dev, first.st_ino) != (own.st_dev, own.st_ino)


def _read(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return stream.read(READ_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
