"""File systems and block devices: what they are, and how full."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules._needed import PLAIN, found, needed, operand

__salt__: Mapping[str, Callable[..., Any]]

__powers__ = {
    "usage": "reads",
    "inodeusage": "reads",
    "percent": "reads",
    "blkid": "reads",
    "fstype": "reads",
    "get_fstype_from_path": "reads",
    "iostat": "reads",
}

DF_FLAGS = frozenset("aBhHiklPtTxv")
TIMEOUT_S = 60
"""For programs that look at all file systems, of which one may not answer."""
MAX_IOSTAT_S = 3600


def usage(args: Iterable[str] | None = None) -> dict[str, dict[str, str]]:
    """Return the use of mounted file systems, numbers as texts, by mount point.

    ``{'/': {'filesystem': '/dev/sda1', '1K-blocks': '264212084', 'used': …, 'available': …, 'capacity': '28%'}}``.
    *args*: flags for ``df``, each a letter. Raises ``CommandError`` for one that there isn't.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.usage
    """
    names = ("filesystem", "1K-blocks", "used", "available", "capacity")
    rows = _df("disk.usage", "-P", args).items()
    return {point: dict(zip(names, row, strict=True)) for point, row in rows}


def inodeusage(args: Iterable[str] | None = None) -> dict[str, dict[str, str]]:
    """Return the use of inodes of mounted file systems, numbers as texts, by mount point.

    ``{'/': {'inodes': '16777216', 'used': …, 'free': …, 'use': '3%', 'filesystem': '/dev/sda1'}}``. *args*: flags for
    ``df``, each a letter. Raises ``CommandError`` for one that there isn't.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.inodeusage
    """
    names = ("filesystem", "inodes", "used", "free", "use")
    rows = _df("disk.inodeusage", "-iP", args).items()
    return {point: dict(zip(names, row, strict=True)) for point, row in rows}


def percent(args: str | None = None) -> dict[str, str] | str:
    """Return how full file systems are: ``{'/': '28%', …}``; only the text of the mount point *args* when given.

    ``{}`` when nothing is mounted there.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.percent /var
    """
    percents = {point: row[4] for point, row in _df("disk.percent", "-P", None).items()}
    return percents.get(args, {}) if args else percents


def blkid(device: str | None = None, token: str | None = None) -> dict[str, dict[str, str]]:
    """Return what is on block devices: ``{'/dev/sda1': {'UUID': …, 'TYPE': 'ext4', 'LABEL': …}}``.

    Only of *device*, or of those that have the *token*, as in ``TYPE=ext4``; ``{}`` when there is none. Raises
    ``CommandError`` without ``blkid``.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.blkid
        saltern '*' disk.blkid /dev/sda1
        saltern '*' disk.blkid token='TYPE=ext4'
    """
    from saltern_modules._disk_texts import parse_blkid

    argv = [needed("blkid")]
    if device:
        argv.append(operand("disk.blkid", "device", device))
    elif token:
        argv += ["-t", operand("disk.blkid", "token", token)]
    done = _ran(argv)
    return parse_blkid(done["stdout"]) if done["retcode"] <= 0 else {}


def fstype(device: str) -> str:
    """Return the type of the file system on *device*, or of the one that it is in; ``""`` when it can't be told.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.fstype /dev/sda1
    """
    device = operand("disk.fstype", "device", device)
    if lsblk := found("lsblk"):
        lines = _ran([lsblk, "-o", "fstype", "--", device])["stdout"].split("\n")
        if len(lines) > 1 and lines[1].strip():
            return str(lines[1].strip())
    lines = _ran([needed("df"), "--output=fstype", "--", device])["stdout"].split("\n")
    return lines[1].strip() if len(lines) > 1 else ""


def get_fstype_from_path(path: str) -> str:
    """Return the type of the file system that *path* is in.

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.get_fstype_from_path /var/log
    """
    return fstype(__salt__["mount.get_device_from_path"](path))


def iostat(interval: int = 1, count: int = 5, disks: str | Iterable[str] | None = None) -> dict[str, dict[str, float]]:
    """Return the means of *count* reports of ``iostat -x``, *interval* seconds apart.

    ``{'sda': {'r/s': 0.1, '%util': 0.02, …}}``, and without *disks* ``{'sys': {'%user': 1.0, …}}`` too. Raises
    ``CommandError`` without ``iostat`` (package ``sysstat``).

    CLI Example:

    .. code-block:: bash

        saltern '*' disk.iostat 1 5 disks=sda
    """
    from saltern_modules._disk_texts import parse_iostat

    program = needed("iostat")
    try:
        seconds, times = int(interval), int(count)
    except (TypeError, ValueError):
        raise CommandError(f"disk.iostat: interval and count are numbers, not {interval!r} and {count!r}") from None
    if seconds < 1 or times < 1 or seconds * times > MAX_IOSTAT_S:
        raise CommandError(f"disk.iostat: interval and count are at least 1, and their product at most {MAX_IOSTAT_S}")
    names = [] if disks is None else [disks] if isinstance(disks, str) else list(disks)
    words = [operand("disk.iostat", "disk", name) for name in names]
    argv = [program, "-x" if disks is None else "-xd", str(seconds), str(times), *words]
    return parse_iostat(_ran(argv, timeout=seconds * times + TIMEOUT_S)["stdout"])


def _df(function: str, flags: str, args: Iterable[str] | None) -> dict[str, tuple[str, str, str, str, str]]:
    from saltern_modules._disk_texts import parse_df

    more = "".join(map(str, args or ()))
    if not DF_FLAGS.issuperset(more):
        raise CommandError(f"Invalid flag passed to {function}")
    return parse_df(_ran([needed("df"), flags, *([f"-{more}"] if more else [])])["stdout"])


def _ran(argv: list[str], timeout: float = TIMEOUT_S) -> dict[str, Any]:
    done: dict[str, Any] = __salt__["cmd.run_all"](argv, python_shell=False, env=PLAIN, timeout=timeout)
    return done
