"""Tables of file systems: ``/etc/fstab`` and the kernel's ``mounts``, ``mountinfo``, ``swaps``; automounter maps.

In a field the kernel, and fstab, write a blank as ``\\040``, and other bytes likewise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from saltern_modules._lines import ended

KEYS = ("device", "name", "fstype", "opts", "dump", "pass_num")
"""The fields of a line."""

BY_NAME = frozenset(
    {
        *("none", "tmpfs", "sysfs", "proc", "fusectl", "debugfs", "securityfs", "devtmpfs", "cgroup"),
        *("nfs", "nfs4", "glusterfs", "btrfs", "ceph"),
    }
)
"""Types of which many lines have the same device: a line is found by where it is mounted."""

_OCTAL = re.compile(r"\\([0-7]{3})")


def decoded(field: str) -> str:
    """Return *field* with ``\\040`` and its like as the bytes that they stand for."""
    if "\\" not in field:
        return field
    data = field.encode("utf-8", "surrogateescape").decode("latin-1")
    plain = _OCTAL.sub(lambda match: chr(int(match[1], 8) & 0xFF), data)
    return plain.encode("latin-1").decode("utf-8", "surrogateescape")


def encoded(field: str) -> str:
    """Return *field* with ``\\040`` for blanks, which end a field; ``\\ `` stands for one too."""
    return re.sub(
        r"[\s]", lambda match: "".join(f"\\{byte:03o}" for byte in match[0].encode()), field.replace("\\ ", " ")
    )


def parse_entry(line: str) -> dict[str, str] | None:
    """Return the fields of a line by :data:`KEYS`, the last two ``0`` where they aren't; None for another line."""
    fields = line.split()
    if line.lstrip().startswith("#") or not 4 <= len(fields) <= 6:
        return None
    return dict(zip(KEYS, [*fields, "0", "0"][:6], strict=True))


def parse_fstab(text: str) -> dict[str, dict[str, Any]]:
    """Return ``{mount point: {'device', 'fstype', 'opts': list, 'dump', 'pass'}}``; a second one has a ``_`` behind."""
    found: dict[str, dict[str, Any]] = {}
    for line in text.split("\n"):
        if entry := parse_entry(line):
            name = entry["name"]
            while name in found:
                name += "_"
            found[name] = {
                "device": entry["device"],
                "fstype": entry["fstype"],
                "opts": entry["opts"].split(","),
                "dump": entry["dump"],
                "pass": entry["pass_num"],
            }
    return found


def fits(line: str, wanted: Mapping[str, str]) -> bool:
    """Return whether *line* is an entry with the fields *wanted*; options may be in another order."""
    entry = parse_entry(line)
    return entry is not None and all(
        sorted(entry[key].split(",")) == sorted(value.split(",")) if key == "opts" else entry[key] == value
        for key, value in wanted.items()
    )


def with_entry(text: str, entry: Mapping[str, str], match_on: Sequence[str], not_change: bool) -> tuple[str, str]:
    """Return *text* with the *entry*, and what became of it: ``new``, ``change`` or ``present``.

    Lines that have its fields *match_on* are it; with *not_change* they stay as they are.
    """
    wanted = {key: entry[key] for key in match_on}
    new = "{device}\t\t{name}\t{fstype}\t{opts}\t{dump} {pass_num}\n".format(**entry)
    lines, state = [], ""
    for line in ended(text):
        if not fits(line, wanted):
            lines.append(line)
        elif not_change or fits(line, entry):
            lines.append(line)
            state = state or "present"
        else:
            lines.append(new)
            state = "change"
    if not state:
        lines.append(new)
        if len(lines) > 1 and not lines[-2].endswith("\n"):
            lines[-2] += "\n"
        state = "new"
    return "".join(lines), state


def without_entry(text: str, wanted: Mapping[str, str]) -> str:
    """Return *text* without the lines that have the fields *wanted*."""
    return "".join(line for line in ended(text) if not fits(line, wanted))


def parse_active(text: str) -> dict[str, dict[str, Any]]:
    """Return what is mounted by the text of ``mounts``, points as the kernel writes them; the last one wins."""
    found = {}
    for line in text.split("\n"):
        fields = line.split(" ")
        if len(fields) >= 4:
            found[fields[1]] = {
                "device": fields[0],
                "alt_device": decoded(fields[0]),
                "fstype": fields[2],
                "opts": fields[3].split(","),
            }
    return found


def parse_active_info(text: str) -> dict[str, dict[str, Any]]:
    """Return what is mounted by the text of ``mountinfo`` (proc_pid_mountinfo(5)), points as the kernel writes them."""
    found = {}
    for line in text.split("\n"):
        place, dash, source = line.partition(" - ")
        fields, kind = place.split(" "), source.split(" ")
        if dash and len(fields) >= 6 and len(kind) >= 3:
            major, _, minor = fields[2].partition(":")
            found[fields[4]] = {
                "mountid": fields[0],
                "parentid": fields[1],
                "major": major,
                "minor": minor,
                "root": fields[3],
                "opts": fields[5].split(","),
                "fstype": kind[0],
                "device": kind[1].replace("\\040", "\\ "),
                "alt_device": decoded(kind[1]),
                "superopts": kind[2].split(","),
                "device_uuid": None,
                "device_label": None,
            }
    return found


def parse_swaps(text: str) -> dict[str, dict[str, str]]:
    """Return ``{file: {'type', 'size', 'used', 'priority'}}`` by the text of ``/proc/swaps``, sizes in KiB."""
    found = {}
    for line in text.split("\n")[1:]:
        fields = line.split()
        if len(fields) >= 5:
            found[fields[0]] = dict(zip(("type", "size", "used", "priority"), fields[1:5], strict=True))
    return found


def parse_automaster(text: str) -> dict[str, dict[str, Any]]:
    """Return ``{mount point: {'device', 'fstype': its option, 'opts': the others}}`` by an automounter's map."""
    found = {}
    for line in text.split("\n"):
        if fields := _map_fields(line):
            options = fields[1].split(",")
            device = fields[2].split(":")
            found[fields[0].replace("/..", "")] = {
                "device": device[1] if len(device) > 1 else device[0],
                "fstype": options[0],
                "opts": options[1:],
            }
    return found


def with_automount(text: str, name: str, options: str, device: str, not_change: bool) -> tuple[str, str]:
    """Return a map with the entry, and what became of it: ``new``, ``change`` or ``present``.

    A line of the same mount point, or of the same device, is it; with *not_change* it stays as it is.
    """
    new = f"{name}\t{options}\t{device}\n"
    lines, state = [], ""
    for line in ended(text):
        fields = _map_fields(line)
        if not fields or (fields[0] != name and fields[2] != device):
            lines.append(line)
        elif not_change or fields == [name, options, device]:
            lines.append(line)
            state = state or "present"
        else:
            lines.append(new)
            state = "change"
    if state:
        return "".join(lines), state
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join([*lines, new]), "new"


def without_automount(text: str, name: str, device: str) -> str:
    """Return a map without the mount point *name*, of *device* when one is given."""
    kept = []
    for line in ended(text):
        fields = _map_fields(line)
        if fields and fields[0].replace("/..", "") == name and (not device or fields[2].split(":")[1:2] == [device]):
            continue
        kept.append(line)
    return "".join(kept)


def _map_fields(line: str) -> list[str]:
    fields = line.split()
    return fields if len(fields) == 3 and not line.startswith("#") else []


def numbered(options: Iterable[str], ids: Mapping[str, Any]) -> list[str]:
    """Return mount options with blanks as ``\\ ``, users and groups as numbers, asked of *ids* (``uid``, ``gid``)."""
    found = []
    for option in options:
        key, equals, value = option.partition("=")
        if equals and key in ids and not re.match("[0-9]+$", value):
            option = f"{key}={ids[key](value)}"
        found.append(option.replace("\\040", "\\ "))
    return found
