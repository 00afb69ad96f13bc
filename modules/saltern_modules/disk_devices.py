"""``disk``: what changes a block device, or asks the device itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _keywords
from saltern_modules._needed import PLAIN, needed, operand

__virtualname__ = "disk"

__salt__: Mapping[str, Callable[..., Any]]

__func_alias__ = {"format_": "format"}

__powers__ = {
    "tune": "writes",
    "wipe": "indirect",
    "dump": "reads",
    "resize2fs": "writes",
    "format": "indirect",
    "hdparms": "reads",
    "hpa": "indirect",
    "smart_attributes": "reads",
}

TUNED = {
    "read-ahead": "ra",
    "filesystem-read-ahead": "fra",
    "read-only": "ro",
    "read-write": "rw",
}
"""The names of settings, and what blockdev(8) calls them."""

DUMPED = "ro sz ss pbsz iomin ioopt alignoff maxsect size size64 ra fra"
HDPARM_LETTERS = "aAbBcCdgHiJkMmNnQrRuW"


def tune(device: str, **kwargs: Any) -> dict[str, str] | bool:
    """Set ``read-ahead``, ``filesystem-read-ahead`` (numbers of sectors), ``read-only`` or ``read-write`` (``True``).

    Return what these are now, as :func:`dump` does. Raises ``ArgumentError`` for other settings, ``CommandError`` when
    the device takes none of it.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.tune /dev/sda1 read-ahead=1024 read-write=True
    """
    given = _keywords.own(kwargs)
    switches = ("read-only", "read-write")
    wrong = [
        f"{name}={value}"
        for name, value in given.items()
        if name not in TUNED or (name in switches and value is not True and value != "True")
    ]
    if wrong:
        raise ArgumentError(f"Invalid keyword arguments: {', '.join(wrong)}")
    argv = [needed("blockdev")]
    shown = []
    for name, value in given.items():
        argv.append(f"--set{TUNED[name]}")
        if name not in switches:
            argv.append(operand("disk.tune", "number", value))
        shown.append("getro" if name == "read-write" else f"get{TUNED[name]}")
    done = _ran([*argv, operand("disk.tune", "device", device)])
    if done["retcode"] != 0:
        raise CommandError(done["stderr"])
    return dump(device, shown)


def wipe(device: str) -> bool:
    """Remove the signatures of file systems, RAIDs and partition tables from *device*; return whether it went well.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.wipe /dev/sda1
    """
    return _retcode([needed("wipefs"), "-a", operand("disk.wipe", "device", device)]) == 0


def dump(device: str, args: Iterable[str] | None = None) -> dict[str, str] | bool:
    """Return what the kernel says of *device*: ``{'getro': '0', 'getsz': '…', …}``; only *args* of it when given.

    ``False`` when it is no block device. Raises ``CommandError`` for a name in *args* that there isn't.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.dump /dev/sda1
    """
    names = [f"get{name}" for name in DUMPED.split()]
    argv = [needed("blockdev"), *(f"--{name}" for name in names)]
    done = _ran([*argv, operand("disk.dump", "device", device)])
    if done["retcode"] != 0:
        return False
    told = dict(zip(names, filter(None, done["stdout"].split("\n")), strict=False))
    wanted = list(args or ())
    if missing := [name for name in wanted if name not in told]:
        raise CommandError(f"disk.dump: there is no {missing[0]!r}: there are {', '.join(told)}")
    return {name: told[name] for name in wanted} or told


def resize2fs(device: str) -> bool | None:
    """Have the ext file system on *device* fill it; return ``True``, or None when that failed.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.resize2fs /dev/sda1
    """
    done = _ran([needed("resize2fs"), operand("disk.resize2fs", "device", device)])
    return True if done["retcode"] == 0 else None


def format_(
    device: str,
    fs_type: str = "ext4",
    inode_size: int | None = None,
    lazy_itable_init: int | None = None,
    fat: int | None = None,
    force: bool = False,
) -> bool:
    """Make a file system of the type *fs_type* on *device*; return whether it went well. What was on it is gone.

    *inode_size* is for ext and xfs, *lazy_itable_init* (0 or 1) for ext, *fat* (12, 16 or 32) for FAT; *force* takes a
    whole disk or a file too (ext), or one that has a file system (xfs).

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.format /dev/sdX1
    """
    sync, argv = needed("sync"), [needed("mkfs"), "-t", operand("disk.format", "type of file system", fs_type)]
    is_ext, is_xfs = fs_type.startswith("ext"), fs_type == "xfs"
    if inode_size is not None and (is_ext or is_xfs):
        argv += ["-i", str(inode_size) if is_ext else f"size={inode_size}"]
    if lazy_itable_init is not None and is_ext:
        argv += ["-E", f"lazy_itable_init={lazy_itable_init}"]
    if fat in (12, 16, 32) and fs_type.endswith("fat"):
        argv += ["-F", str(fat)]
    if force and (is_ext or is_xfs):
        argv.append("-F" if is_ext else "-f")
    made = _retcode([*argv, operand("disk.format", "device", device)]) == 0
    return _retcode([sync]) == 0 and made


def hdparms(disks: str | Iterable[str], args: str | Iterable[str] = HDPARM_LETTERS) -> dict[str, dict[str, Any]]:
    """Return settings of *disks* (one, or a list) as ``hdparm`` tells them: ``{'/dev/sda': {'multcount': 0, …}}``.

    *args*: letters of settings that ``hdparm`` shows when they are given no value.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.hdparms sda
    """
    from saltern_modules._disk_texts import parse_hdparm

    letters = "".join(args)
    if not letters or not set(HDPARM_LETTERS).issuperset(letters):
        raise CommandError(f"disk.hdparms: the letters of settings are {HDPARM_LETTERS}, not {letters!r}")
    found = {}
    for name in [disks] if isinstance(disks, str) else disks:
        disk = operand("disk.hdparms", "disk", name)
        disk = disk if disk.startswith("/dev") else f"/dev/{disk}"
        found[disk] = parse_hdparm(_ran([needed("hdparm"), f"-{letters}", disk])["stdout"], disk)
    return found


def hpa(disks: str | Iterable[str], size: int | str | None = None) -> dict[str, dict[str, int]] | None:
    """Return the sectors of *disks* and of their host protected area, or set it when *size* is given: then None.

    ``{'/dev/sda': {'total': …, 'visible': …, 'hidden': …}}``, the last two where there is such an area. *size*:
    sectors to hide, or a share, as in ``5%``; 0 hides none. What is in it is out of reach.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.hpa sda
        saltern '*' disk.hpa sda 5%
    """
    from saltern_modules._disk_texts import areas

    found = areas(hdparms(disks, "N"))
    if size is None:
        return found
    for disk, data in found.items():
        done = _ran([needed("hdparm"), "--yes-i-know-what-i-am-doing", f"-Np{_visible(data['total'], size)}", disk])
        if done["retcode"] != 0:
            raise CommandError(f"disk.hpa: {disk}: {done['stderr']}")
    return None


def smart_attributes(
    dev: str, attributes: Iterable[int] | None = None, values: Iterable[str] | None = None
) -> dict[int, dict[str, Any]]:
    """Return the SMART attributes of the disk *dev*: ``{5: {'attribute_name': …, 'value': 100, 'raw_value': 0, …}}``.

    Only the numbers *attributes* and the columns *values* when given. Raises ``CommandError`` with what ``smartctl``
    says when it fails.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.smart_attributes /dev/sda
        saltern '*' disk.smart_attributes sda '[5, 194]' values='[raw_value]'
    """
    from saltern_modules._disk_texts import parse_smart

    device = operand("disk.smart_attributes", "disk", dev)
    device = device if device.startswith("/dev/") else f"/dev/{device}"
    done = _ran([needed("smartctl"), "--attributes", device])
    if done["retcode"] != 0:
        raise CommandError(done["stderr"] or done["stdout"])
    return parse_smart(done["stdout"], attributes, values)


def _visible(total: int, size: int | str) -> int:
    """Return how many sectors stay visible when *size* of *total* is hidden; all when that leaves none."""
    try:
        share = str(size).strip()
        left = (100 - int(share[:-1])) * total // 100 if share.endswith("%") else total - int(share)
    except ValueError:
        raise CommandError(f"disk.hpa: the size is a number of sectors or a share as in 5%, not {size!r}") from None
    return left if 0 < left <= total else total


def _ran(argv: list[str]) -> dict[str, Any]:
    done: dict[str, Any] = __salt__["cmd.run_all"](argv, python_shell=False, env=PLAIN)
    return done


def _retcode(argv: list[str]) -> int:
    return int(__salt__["cmd.retcode"](argv, python_shell=False, env=PLAIN, ignore_retcode=True))
