"""``salt.utils.platform``: what kind of system this is."""

from __future__ import annotations

import os
import platform
import sys

from saltern_compat._caller import options


def is_linux() -> bool:
    """Return whether this is Linux."""
    return sys.platform.startswith("linux")


def is_proxy() -> bool:
    """Return whether the caller works for a proxy minion."""
    return bool(options().get("proxyid"))


def is_windows() -> bool:
    """Return ``False``: agents run on Linux."""
    return False


is_darwin = is_sunos = is_smartos = is_smartos_globalzone = is_smartos_zone = is_freebsd = is_netbsd = is_windows
is_openbsd = is_aix = is_junos = spawning_platform = is_windows


def is_fedora() -> bool:
    """Return whether this is Fedora."""
    return _release_id() == "fedora"


def is_photonos() -> bool:
    """Return whether this is Photon OS."""
    return _release_id() == "photon"


def is_aarch64() -> bool:
    """Return whether the processor is a 64-bit ARM."""
    return platform.machine().startswith("aarch64")


def _release_id() -> str:
    try:
        return platform.freedesktop_os_release().get("ID", "")
    except OSError:
        return ""


def linux_distribution(full_distribution_name: bool = True) -> tuple[str, str, str]:
    """Return the distribution's name, version and code name."""
    try:
        found = platform.freedesktop_os_release()
    except OSError:
        found = {}
    name = found.get("NAME" if full_distribution_name else "ID", "")
    return name, found.get("VERSION_ID", ""), found.get("VERSION_CODENAME", "")


def get_machine_identifier() -> str:
    """Return what ``/etc/machine-id`` says, or an empty text."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        if os.path.exists(path):
            with open(path, encoding="utf-8") as stream:
                return stream.read().strip()
    return ""
