"""What is mounted, mounting, and swap; ``fstab`` is in a file of its own beside."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError, os_errors
from saltern_modules._needed import PLAIN, found, needed, operand
from saltern_modules._salt_errors import CommandNotFoundError

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]

__powers__ = {
    "active": "reads",
    "is_mounted": "reads",
    "mount": "indirect",  # a file system over /etc, from anywhere, is anything
    "remount": "indirect",
    "umount": "writes",
    "is_fuse_exec": "runs",  # ldd(1) may run the program
    "swaps": "reads",
    "swapon": "indirect",
    "swapoff": "writes",
    "get_mount_from_path": "reads",
    "get_device_from_path": "reads",
}

TABLE_BYTES = 64 << 20


def active(extended: bool = False) -> dict[str, dict[str, Any]]:
    """Return what is mounted: ``{'/': {'device', 'alt_device', 'fstype', 'opts': list}}``.

    Blanks in mount points are ``\\\\040``, as the kernel writes them; ``alt_device`` has them plain. *extended* adds
    ``mountid``, ``parentid``, ``major``, ``minor``, ``root``, ``superopts``, ``device_uuid`` and ``device_label``.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.active
        saltern '*' mount.active extended=True
    """
    from saltern_modules import _fstab

    mounts = _fstab.parse_active_info(_table("mountinfo")) if extended else _fstab.parse_active(_table("mounts"))
    labels = __salt__["disk.blkid"]() if extended and found("blkid") else {}
    ids = {"uid": _uid, "gid": _gid}
    for mount_ in mounts.values():
        for kind in ("opts", "superopts"):
            if kind in mount_:
                mount_[kind] = _fstab.numbered(mount_[kind], ids)
        if extended and (tags := labels.get(mount_["alt_device"])):
            uuid = tags.get("UUID")
            mount_.update(device_uuid=uuid.lower() if uuid else None, device_label=tags.get("LABEL"))
    return mounts


def is_mounted(name: str) -> bool:
    """Return whether something is mounted at *name*; blanks in it may be plain or ``\\\\040``.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.is_mounted /mnt/share
    """
    return _point(name) is not None


def mount(
    name: str,
    device: str | bool = False,
    mkmnt: bool = False,
    fstype: str = "",
    opts: str | list[str] | None = "defaults",
    user: str | None = None,
    util: str = "mount",
) -> bool | str:
    """Mount *device* at *name*, or what fstab has for *name* without one; return ``True``, or what ``mount`` says.

    *mkmnt* makes the folder *name* first; *user* mounts it. ``False`` for another *util* than ``mount``.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.mount /mnt/share /dev/sdb1 mkmnt=True fstype=ext4 opts=ro,noexec
    """
    if util != "mount":
        return False
    if mkmnt and not os.path.exists(name):
        _make_folder(name, user)
    return _mount(name, device, fstype, opts.split(",") if isinstance(opts, str) else opts, user)


def remount(
    name: str,
    device: str,
    mkmnt: bool = False,
    fstype: str = "",
    opts: str | list[str] = "defaults",
    user: str | None = None,
) -> bool | str:
    """Mount *device* at *name* again with other options, or for the first time; return as :func:`mount` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.remount /mnt/share /dev/sdb1 opts=rw
    """
    options = opts.split(",") if isinstance(opts, str) else list(opts)
    if _point(name) is None:
        return mount(name, device, mkmnt, fstype, options, user=user)
    return _mount(name, device, fstype, options if "remount" in options else [*options, "remount"], user)


def umount(
    name: str, device: str | None = None, user: str | None = None, util: str = "mount", lazy: bool = False
) -> bool | str:
    """Unmount what is at *name*, or *device*, which is mounted there; return ``True``, or what ``umount`` says.

    *lazy*: take it away at once, though it is still in use. A text says so when nothing is mounted at *name*.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.umount /mnt/share
    """
    if _point(name) is None:
        return f"{name} does not have anything mounted"
    what = operand("mount.umount", "mount point", device or name)
    return _said([needed("umount"), *(["-l"] if lazy else []), "--", what], user)


def is_fuse_exec(cmd: str) -> bool:
    """Return whether the program *cmd* is linked to libfuse; ``False`` when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.is_fuse_exec sshfs
    """
    path = found(cmd)
    if not path:
        return False
    if not (ldd := found("ldd")):
        raise CommandNotFoundError("ldd")
    return "libfuse" in __salt__["cmd.run"]([ldd, path], python_shell=False, env=PLAIN)


def swaps() -> dict[str, dict[str, str]]:
    """Return the areas of swap in use: ``{'/dev/sda2': {'type', 'size', 'used', 'priority'}}``, texts, sizes in KiB.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.swaps
    """
    from saltern_modules import _fstab

    return _fstab.parse_swaps(_table("swaps"))


def swapon(name: str, priority: int | None = None) -> dict[str, Any]:
    """Have the kernel swap to *name*; return ``{'stats': as swaps has it, 'new': whether it didn't before}``.

    ``{}`` when it can't.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.swapon /swapfile
    """
    if name in (before := swaps()):
        return {"stats": before[name], "new": False}
    argv = [needed("swapon"), *(["-p", str(priority)] if priority else [])]
    __salt__["cmd.run"]([*argv, "--", operand("mount.swapon", "area", name)], python_shell=False, env=PLAIN)
    after = swaps()
    return {"stats": after[name], "new": True} if name in after else {}


def swapoff(name: str) -> bool | None:
    """Have the kernel no longer swap to *name*; return whether it doesn't, None when it didn't before.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.swapoff /swapfile
    """
    if name not in swaps():
        return None
    argv = [needed("swapoff"), "--", operand("mount.swapoff", "area", name)]
    __salt__["cmd.run"](argv, python_shell=False, env=PLAIN)
    return name not in swaps()


def get_mount_from_path(path: str) -> str:
    """Return the mount point that *path* is below, links followed.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.get_mount_from_path /var/log
    """
    path = os.path.realpath(path)
    while path != "/" and not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def get_device_from_path(path: str) -> str | None:
    """Return the device of the file system that *path* is in, None when the kernel doesn't tell.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.get_device_from_path /var/log
    """
    point = _point(get_mount_from_path(path))
    return None if point is None else active()[point]["device"]


def _mount(name: str, device: str | bool, fstype: str, opts: list[str] | None, user: str | None) -> bool | str:
    argv = [needed("mount")]
    if device:
        argv += ["-o", ",".join(map(str, opts))] if opts else []
        argv += ["-t", operand("mount.mount", "type of file system", fstype)] if fstype else []
    words = [operand("mount.mount", "device", device)] if device else []
    return _said([*argv, "--", *words, operand("mount.mount", "mount point", name)], user)


def _make_folder(path: str, user: str | None) -> None:
    import pwd

    from saltern.files import make_folder

    with os_errors(CommandError, path, f"can't make {path}", called="mount.mount"):
        make_folder(path, 0o755)
        if user:
            try:
                os.chown(path, pwd.getpwnam(user).pw_uid, -1, follow_symlinks=False)
            except KeyError:
                raise CommandError(f"User {user!r} is not available") from None


def _said(argv: list[str], user: str | None) -> bool | str:
    done = __salt__["cmd.run_all"](argv, runas=user, python_shell=False, env=PLAIN)
    return str(done["stderr"]) if done["retcode"] else True


def _point(name: str) -> str | None:
    """Return the mount point *name* as the kernel writes it, None when nothing is mounted there."""
    from saltern_modules._fstab import decoded

    mounts = active()
    return name if name in mounts else next((point for point in mounts if decoded(point) == name), None)


def _table(name: str) -> str:
    root = __opts__.get("proc_root") or "/proc"
    path = f"{root}/{name}" if name == "swaps" else f"{root}/self/{name}"
    with os_errors(CommandError, path, f"File not readable {path}", called="mount"), open(path, "rb") as file:
        return file.read(TABLE_BYTES).decode("utf-8", "surrogateescape")


def _uid(name: str) -> Any:
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return name


def _gid(name: str) -> Any:
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return name
