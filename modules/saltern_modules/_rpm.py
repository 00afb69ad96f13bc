"""What rpm prints, and the order of its versions, for the modules ``lowpkg`` and ``pkg``."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Any

from saltern.named import NamedTuple

GAP = "_|-"
LISTED = GAP.join(("%{NAME}", "%{EPOCH}", "%{VERSION}", "%{RELEASE}", "%{ARCH}", "(none)", "%{INSTALLTIME}"))
X86_64 = ("x86_64", "x86_64_v2")
ARM_32 = ("armv5tel", "armv5tejl", "armv6l", "armv6hl", "armv7l", "armv7hl", "armv7hnl")
X86_32 = ("i386", "i486", "i586", "i686")
ARCHES = (
    *(*X86_64, "athlon", "amd64", "ia32e", "ia64", "geode"),
    *X86_32,
    *("ppc", "ppc64", "ppc64le", "ppc64iseries", "ppc64pseries", "s390", "s390x"),
    *("alpha", "alphaev4", "alphaev45", "alphaev5", "alphaev56", "alphapca56", "alphaev6", "alphaev67", "alphaev68"),
    *("alphaev7", *ARM_32, "aarch64", "sh3", "sh4", "sh4a"),
)
ENABLED = ("amazon", "xcp", "xenserver", "virtuozzolinux", "virtuozzo", "issabel pbx", "openeuler", "vmware photon os")
"""Systems that use rpm, whatever their family."""


class Package(NamedTuple):
    """A package as it is listed: *version* is ``epoch:version-release``, without an epoch that is 0."""

    name: str
    version: str
    arch: str
    repoid: str = "(none)"
    install_date: str | None = None
    install_date_time_t: int | None = None


def are_32(arch: str, osarch: str) -> bool:
    """Return whether both are of one 32-bit kind."""
    return any(arch in kind and osarch in kind for kind in (X86_32, ARM_32))


def full_name(name: str, arch: str, osarch: str) -> str:
    """Return *name*, with the architecture where that doesn't go without saying."""
    usual = arch in (osarch, "noarch") or are_32(arch, osarch) or (arch in X86_64 and osarch in X86_64)
    return name if usual else f"{name}.{arch}"


def package_of(line: str, osarch: str) -> Package | None:
    """Return the package of a line in the form ``LISTED``, None for another."""
    parts = line.split(GAP)
    if len(parts) != 7:
        return None
    name, epoch, version, release, arch, repoid, installed = parts
    version += f"-{release}" if release else ""
    version = version if epoch in ("(none)", "0") else f"{epoch}:{version}"
    when = int(installed) if installed.strip().isdecimal() and int(installed) else None
    return Package(
        full_name(name, arch, osarch),
        version,
        arch,
        repoid,
        f"{(date(when) or '')[:-1]}+00:00Z" if when else None,
        when,
    )


def date(when: int | None) -> str | None:
    """Return a Unix time as ISO 8601."""
    import datetime

    if when is None or when > 253402300799:
        return None
    return datetime.datetime.fromtimestamp(when, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def evr(text: str) -> tuple[str, str, str]:
    """Return epoch, version and release of ``epoch:version-release``."""
    epoch, colon, rest = text.partition(":")
    if not colon:
        epoch, rest = "0", text
    version, _, release = rest.partition("-")
    return (str(int(epoch)) if epoch.strip().isdecimal() else "0", version, release)


def version_cmp(first: Any, second: Any, ignore_epoch: bool = False) -> int:
    """Return -1, 0 or 1 as rpm compares two versions; a release counts only when both have one."""
    one, two = (evr(str(text).split(":", 1)[-1] if ignore_epoch else str(text)) for text in (first, second))
    order = compare(one[0], two[0]) or compare(one[1], two[1])
    return order or (compare(one[2], two[2]) if one[2] and two[2] else 0)


def compare(first: str, second: str) -> int:
    """Return -1, 0 or 1: numbers and words by turns; ``~`` is before, ``^`` behind the end of the other."""
    for one, two in zip_longest(_parts(first), _parts(second), fillvalue=""):
        if one == two:
            continue
        for mark, before in (("~", -1), ("^", 0)):
            if mark in (one, two):
                other = two if one == mark else one
                sign = 1 if one == mark else -1
                return sign * (before or (1 if other == "" else -1))
        if not one or not two:
            return 1 if one else -1
        if one.isdigit() and two.isdigit():
            if int(one) != int(two):
                return 1 if int(one) > int(two) else -1
        elif one.isdigit() or two.isdigit():
            return 1 if one.isdigit() else -1
        else:
            return 1 if one > two else -1
    return 0


def _parts(text: str) -> list[str]:
    return re.findall(r"[0-9]+|[A-Za-z]+|[~^]", text, re.ASCII)


def here(grains: dict[str, Any] | Any) -> bool:
    """Return whether this host's packages are rpm's."""
    return str(grains.get("os_family", "")).lower() == "redhat" or str(grains.get("os", "")).lower() in ENABLED
