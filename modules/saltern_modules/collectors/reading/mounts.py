"""What is mounted where, and which of it is a file system of its own that is worth measuring.

``/proc/<pid>/mountinfo`` (proc_pid_mountinfo(5)) tells each mount's device number, which is one file system's whatever
its source is called, and which folder of the file system the mount shows::

    36 35 98:0 /folder /mnt/point rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    id parent device root point options optional… - type source options

``/proc/<pid>/mounts`` (fstab(5)) tells less, and is for kernels before 2.6.26 and for systems that aren't Linux.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from saltern.named import NamedTuple
from saltern_modules.collectors.numbers import integer
from saltern_modules.collectors.segment import segment

STORED_WITHOUT_DEVICE = frozenset({"zfs", "overlay", "bcachefs", "ubifs"})
TRIGGER = "autofs"
"""Not a file system but what mounts one as soon as somebody asks for it: it is never asked."""

_OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A file system, or a part of one, at a place."""

    device: str
    point: str
    fstype: str
    readonly: bool
    number: str = ""
    """``major:minor``, empty where it isn't known."""

    root: str = "/"
    """What of the file system is mounted: ``/`` is all of it."""

    ident: int = 0
    parent: int = 0
    """The mount that this one is mounted on; both 0 where they aren't known."""

    @property
    def part(self) -> bool:
        """Whether it shows a folder or a file of a file system. A subvolume of btrfs stands for the whole one."""
        return self.root != "/" and self.fstype != "btrfs"

    def same(self) -> str:
        """Return what all mounts of this one's file system have in common, and no other's."""
        # A source that is no path ("overlay", "tmpfs") may be that of many.
        named = "/" in self.device or ":" in self.device
        return self.number or (self.device if named else f"{self.device} {self.point}")


def parse_mounts(data: bytes) -> list[Mount]:
    """Return the mounts in the text of ``mounts``, lines of another form left out.

    The kernel writes blanks, tabs, newlines and backslashes as ``\\040`` and so on (fstab(5)).
    """
    mounts = []
    for line in _lines(data):
        fields = line.split(" ")
        if len(fields) >= 4 and fields[1].startswith("/"):
            mounts.append(Mount(_plain(fields[0]), _plain(fields[1]), fields[2], "ro" in fields[3].split(",")))
    return mounts


def parse_mountinfo(data: bytes) -> list[Mount]:
    """Return the mounts in the text of ``mountinfo``, lines of another form left out."""
    mounts = []
    for line in _lines(data):
        place, _, source = line.partition(" - ")
        fields, kind = place.split(" "), source.split(" ")
        if len(fields) < 6 or len(kind) < 3 or not fields[4].startswith("/"):
            continue
        ident, parent = integer(fields[0].encode("ascii", "replace")), integer(fields[1].encode("ascii", "replace"))
        if ident is None or parent is None:
            continue
        mounts.append(
            Mount(
                _plain(kind[1]),
                _plain(fields[4]),
                kind[0],
                "ro" in fields[5].split(",") or "ro" in kind[2].split(","),
                fields[2],
                _plain(fields[3]),
                ident,
                parent,
            )
        )
    return mounts


def parse_filesystems(data: bytes) -> frozenset[str]:
    """Return the file system types that live on a block device: those without ``nodev`` in ``/proc/filesystems``."""
    lines = data.decode("ascii", "replace").split("\n")
    return frozenset(line.strip() for line in lines if line.startswith("\t") and line.strip())


def seen(mounts: Sequence[Mount]) -> list[Mount]:
    """Return those of *mounts* that whoever follows their path comes to: none that another one covers."""
    on: dict[tuple[int, str], Mount] = {(mount.parent, mount.point): mount for mount in mounts if mount.ident}
    known = {mount.ident for mount in mounts}
    roots = [mount for mount in mounts if mount.point == "/" and mount.ident]
    top = next((mount for mount in roots if mount.parent not in known or mount.parent == mount.ident), None)
    if top is None:
        return _seen_by_order(mounts)
    order = {mount.ident: at for at, mount in enumerate(mounts)}
    # What covers another was mounted later, and so is listed later: a table whose parents don't fit hides nothing.
    return [mount for at, mount in enumerate(mounts) if order[_comes_to(mount.point, top, on).ident] <= at]


def _comes_to(point: str, top: Mount, on: dict[tuple[int, str], Mount]) -> Mount:
    """Return the mount that the path *point* ends in, beginning at *top*, by what is mounted *on* what."""
    at = top
    parts = point.split("/")
    for path in ("/", *("/".join(parts[:end]) for end in range(2, len(parts) + 1) if point != "/")):
        while (over := on.get((at.ident, path))) is not None and over is not at:
            at = over
    return at


def _seen_by_order(mounts: Sequence[Mount]) -> list[Mount]:
    """As :func:`seen`, where only the order is known: a later mount covers an earlier one below it."""
    left: list[Mount] = []
    for mount in mounts:
        if mount.point == "/":  # what was mounted before it was moved to where it is now
            left = [other for other in left if other.point != "/"]
        else:
            left = [other for other in left if not _lies(other.point, mount.point)]
        left.append(mount)
    return left


def choose(
    mounts: Sequence[Mount],
    on_device: frozenset[str],
    exclude_fstype: Sequence[str],
    exclude_mount: Sequence[str],
    include_fstype: Sequence[str] = (),
    include_mount: Sequence[str] = (),
    is_file: Callable[[Mount], bool] = lambda mount: False,
    never_fstype: Sequence[str] = (),
    never_mount: Sequence[str] = (),
) -> dict[str, Mount]:
    """Return the mounts worth measuring, one for each file system, by the segment that names them.

    Those are what is stored on a device or like it (*on_device*, overlays, ZFS), and the root; what one of the
    ``exclude`` patterns fits is left out; what one of the ``include`` patterns fits is there all the same, unless one
    of the ``never`` patterns fits it. Of several mounts of one file system the first that shows all of it stands for
    it, so that a later one changes no name; where each shows only a part, the first that is a folder (*is_file* tells).
    """
    groups: dict[str, list[Mount]] = {}
    for mount in seen(mounts):
        stored = mount.fstype in on_device or mount.fstype in STORED_WITHOUT_DEVICE or mount.point == "/"
        excluded = _fits(mount.fstype, exclude_fstype) or _fits(mount.point, exclude_mount)
        never = _fits(mount.fstype, never_fstype) or _fits(mount.point, never_mount)
        included = _fits(mount.fstype, include_fstype) or _fits(mount.point, include_mount)
        if mount.fstype != TRIGGER and not never and (included or (stored and not excluded)):
            groups.setdefault(mount.same(), []).append(mount)
    chosen = (next(_ranked(group, is_file), None) for group in groups.values())
    return {segment(mount.point): mount for mount in chosen if mount is not None}


def _ranked(group: Sequence[Mount], is_file: Callable[[Mount], bool]) -> Iterator[Mount]:
    """Yield the mounts of one file system, those before others that stand for it rather."""
    yield from sorted((mount for mount in group if not mount.part), key=lambda mount: mount.point != "/")
    yield from (mount for mount in group if mount.part and (mount.point == "/" or not is_file(mount)))


def above(mount: Mount, mounts: Iterable[Mount]) -> list[Mount]:
    """Return those of *mounts* that whoever looks for *mount* passes, itself among them."""
    return [other for other in mounts if _lies(mount.point, other.point)]


def _lies(point: str, folder: str) -> bool:
    return folder in ("/", point) or point.startswith(f"{folder}/")


def _fits(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "surrogateescape").split("\n")


def _plain(field: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field) if "\\" in field else field
