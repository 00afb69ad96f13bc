"""The time zone of this host, and whether its hardware clock is set to it.

``timedatectl`` is asked where it answers, as it does when systemd runs; the files that it keeps are read else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules._needed import PLAIN, found

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__powers__ = {
    "get_zone": "reads",
    "get_zonecode": "reads",
    "get_offset": "reads",
    "zone_compare": "reads",
    "set_zone": "writes",
    "get_hwclock": "reads",
    "set_hwclock": "writes",
    "list_zones": "reads",
}

ETC = "/etc"
ZONES = "/usr/share/zoneinfo"
MAX_BYTES = 1 << 20
TIMEOUT_S = 30
_ZONE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*(?:/[A-Za-z0-9][A-Za-z0-9_+-]*)*")


def get_zone() -> str:
    """Return the name of the time zone, such as ``Europe/Berlin``. Raises ``CommandError`` when it can't be told.

    CLI Example:

    .. code-block:: bash

        saltern '*' timezone.get_zone
    """
    told = _timedatectl()
    if told and (match := re.search(r"^\s*Time ?zone:\s+(\S+)", told, re.MULTILINE)):
        return match[1]
    family = __grains__.get("os_family")
    if family == "Debian" and (name := _read("timezone").strip()):
        return name
    if family in ("RedHat", "Suse") and (name := _assigned("sysconfig/clock", "ZONE")):
        return name
    if name := _linked():
        return name
    raise CommandError("Unable to get timezone")


def get_zonecode() -> str:
    """Return the zone's short name now, such as ``CET``.

    CLI Example:

    .. code-block:: bash

        saltern '*' timezone.get_zonecode
    """
    return str(__salt__["cmd.run"](["date", "+%Z"], python_shell=False))


def get_offset() -> str:
    """Return how far the zone's time is from UTC now, such as ``+0100``.

    CLI Example:

    .. code-block:: bash

        saltern '*' timezone.get_offset
    """
    return str(__salt__["cmd.run"](["date", "+%z"], python_shell=False))


def zone_compare(timezone: str) -> bool:
    """Return whether *timezone* is the time zone of this host.

    Where its name can't be told, whether the rules are the same; then ``ArgumentError`` is raised for a zone that
    there isn't, and ``CommandError`` when this host has none.

    CLI Example:

    .. code-block:: bash

        saltern '*' timezone.zone_compare Europe/Berlin
    """
    try:
        return timezone == get_zone()
    except CommandError:
        pass
    rules = _rules(timezone)
    if rules is None:
        raise ArgumentError(f'Can\'t find a local timezone "{timezone}"')
    path = f"{ETC}/localtime"
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES) == rules
    except OSError as error:
        raise CommandError(f"Failed to read {path} to determine current timezone: {error.strerror}") from None


def set_zone(timezone: str) -> bool | str:
    """Have this host be in the time zone *timezone*; return ``True``, or a text when there is no such zone.

    CLI Example:

    .. code-block:: bash

        saltern '*' timezone.set_zone Europe/Berlin
    """
    if _rules(timezone) is None:
        return f"Zone does not exist: {ZONES}/{timezone}"
    if program := found("timedatectl"):
        # Without systemd it fails, and what it would do is done here.
        __salt__["cmd.run_all"]([program, "set-timezone", timezone], python_shell=False, timeout=TIMEOUT_S)
    _link(timezone)
    family = __grains__.get("os_family")
    if family == "RedHat":
        _assign("sysconfig/clock", "ZONE", f'"{timezone}"')
    elif family == "Suse":
        _assign("sysconfig/clock", "TIMEZONE", f'"{timezone}"')
    elif family == "Debian":
        _write("timezone", f"{timezone}\n")
    return True


def list_zones() -> list[str]:
    """Return the names of the time zones that this host knows, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' timezone.list_zones
    """
    table = next((text for name in ("tzdata.zi", "zone.tab") if (text := _read(name, ZONES))), "")
    words = [line.split() for line in table.split("\n") if line and not line.startswith("#")]
    # tzdata.zi: "Z NAME …" begins a zone, "L TARGET NAME" is another name of one; zone.tab: "DE PLACE NAME …".
    zones = {row[1] for row in words if row[0] == "Z" and len(row) > 1}
    zones |= {row[2] for row in words if len(row) > 2 and (row[0] == "L" or len(row[0]) == 2)}
    return sorted(zones)


def get_hwclock() -> str | None:
    """Return ``UTC`` or ``localtime``, whichever the hardware clock is set to; None when nothing says so.

    CLI Example:

    .. code-block:: bash

        saltern '*' timezone.get_hwclock
    """
    told = _timedatectl()
    if told and (match := re.search(r"^\s*RTC in local TZ:\s*(\S+)", told, re.MULTILINE | re.IGNORECASE)):
        return "localtime" if match[1].lower() == "yes" else "UTC"
    if __grains__.get("os_family") == "Debian" and (utc := _assigned("default/rcS", "UTC")):
        return "UTC" if utc.lower() == "yes" else "localtime"
    if lines := _read("adjtime").splitlines():
        return lines[-1]
    if os.path.exists("/dev/rtc"):
        raise CommandError(f"Unable to get hwclock timezone from {ETC}/adjtime")
    return None


def set_hwclock(clock: str) -> bool:
    """Say that the hardware clock is set to ``UTC`` or ``localtime``; return whether that went well.

    Raises ``ArgumentError`` for anything else.

    CLI Example:

    .. code-block:: bash

        saltern '*' timezone.set_hwclock UTC
    """
    if clock not in ("UTC", "localtime"):
        raise ArgumentError("Only 'UTC' and 'localtime' are allowed")
    if _timedatectl():
        argv = [found("timedatectl"), "set-local-rtc", "true" if clock == "localtime" else "false"]
        return bool(__salt__["cmd.retcode"](argv, python_shell=False, timeout=TIMEOUT_S) == 0)
    zone = get_zone()
    if _rules(zone) is None:
        raise CommandError(f"Zone '{ZONES}/{zone}' does not exist")
    _link(zone)
    family = __grains__.get("os_family")
    if family == "Debian":
        _assign("default/rcS", "UTC", "yes" if clock == "UTC" else "no")
    elif family in ("RedHat", "Suse"):
        _assign("sysconfig/clock", "ZONE" if family == "RedHat" else "TIMEZONE", f'"{zone}"')
    return True


def _timedatectl() -> str:
    """Return what ``timedatectl`` tells, ``""`` without it and where it can't: it needs a running systemd."""
    program = found("timedatectl")
    if not program:
        return ""
    argv = [program]
    done = __salt__["cmd.run_all"](argv, python_shell=False, env=PLAIN, timeout=TIMEOUT_S, ignore_retcode=True)
    return str(done["stdout"]) if done["retcode"] == 0 else ""


def _linked() -> str:
    """Return the zone that ``/etc/localtime`` is a link to, ``""`` when it isn't one."""
    try:
        path = os.path.normpath(os.path.join(ETC, os.readlink(f"{ETC}/localtime")))
    except OSError:
        return ""
    return path.removeprefix(f"{ZONES}/") if path.startswith(f"{ZONES}/") else ""


def _link(zone: str) -> None:
    """Have ``/etc/localtime`` be a link to the rules of *zone*; it is never missing meanwhile."""
    if _linked() == zone:
        return
    path = f"{ETC}/localtime"
    temporary = f"{path}.saltern-{os.urandom(4).hex()}"
    try:
        os.symlink(f"{ZONES}/{zone}", temporary)
        try:
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise CommandError(f"timezone: can't link {path}: {error.strerror}") from None


def _rules(zone: str) -> bytes | None:
    """Return the rules of *zone*, None when there is no such zone."""
    if not _ZONE.fullmatch(zone):
        return None
    try:
        with open(f"{ZONES}/{zone}", "rb") as file:
            data = file.read(MAX_BYTES)
    except OSError:
        return None
    return data if data.startswith(b"TZif") else None


def _read(name: str, folder: str = "") -> str:
    try:
        with open(f"{folder or ETC}/{name}", encoding="utf-8", errors="surrogateescape") as file:
            return file.read(MAX_BYTES)
    except OSError:
        return ""


def _write(name: str, text: str) -> None:
    from saltern_modules._rewriting import rewrite

    path = f"{ETC}/{name}"
    try:
        rewrite(path, text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise CommandError(f"timezone: can't write {path}: {error.strerror}") from None


def _assigned(name: str, variable: str) -> str:
    """Return what a file of shell variables gives *variable*, ``""`` for nothing."""
    lines = (line.partition("=") for line in _read(name).split("\n"))
    return next((value.strip().strip("'\"") for key, _, value in lines if key.strip() == variable), "")


def _assign(name: str, variable: str, value: str) -> None:
    """Have a file of shell variables that names *variable* give it *value*; one that doesn't stays as it is."""
    old = _read(name)
    new = re.sub(rf"^{variable}=.*", lambda match: f"{variable}={value}", old, flags=re.MULTILINE)
    if new != old:
        _write(name, new)
