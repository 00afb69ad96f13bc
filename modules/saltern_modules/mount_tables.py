"""``mount``: what is to be mounted at boot (``/etc/fstab``) or when asked for, and what was mounted before."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _fstab
from saltern_modules._needed import found

__virtualname__ = "mount"

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]

__powers__ = {
    "fstab": "indirect",
    "set_fstab": "indirect",
    "rm_fstab": "indirect",
    "automaster": "indirect",
    "set_automaster": "indirect",
    "rm_automaster": "indirect",
    "read_mount_cache": "reads",
    "write_mount_cache": "writes",
    "delete_mount_cache": "writes",
}

AUTO_MASTER = "/etc/auto_master"


def fstab(config: str = "/etc/fstab") -> dict[str, dict[str, Any]]:
    """Return the entries of *config*: ``{'/': {'device', 'fstype', 'opts': list, 'dump': '0', 'pass': '1'}}``.

    ``{}`` when there is no such file. Blanks in a field are ``\\\\040``, as they are written; a second entry of a mount
    point has ``_`` behind it.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.fstab
    """
    return _fstab.parse_fstab(_read(config)) if os.path.isfile(config) else {}


def set_fstab(
    name: str,
    device: str,
    fstype: str,
    opts: str | list[str] = "defaults",
    dump: int | str = 0,
    pass_num: int | str = 0,
    config: str = "/etc/fstab",
    test: bool = False,
    match_on: str | list[str] = "auto",
    not_change: bool = False,
    **kwargs: Any,
) -> str:
    """Have *config* mount *device* at *name*; return ``new``, ``change`` or ``present``. Its other lines stay.

    *match_on*: which fields (``device``, ``name``, ``fstype``, ``opts``, ``dump``, ``pass_num``) make a line this
    entry; ``auto`` is the device, or the name for types such as tmpfs and nfs. With *not_change* a line that is there
    stays as it is, with *test* the file does. Raises ``CommandError`` when it can't be read or written.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.set_fstab /mnt/share /dev/sdb1 ext4
    """
    options = ",".join(opts) if isinstance(opts, list) else opts
    given = {"device": device, "name": name, "fstype": fstype, "opts": options, "dump": dump, "pass_num": pass_num}
    entry = {key: _fstab.encoded(str(value)) for key, value in given.items() if value is not None}
    if entry.get("device", "").startswith("#") or not all(entry.values()) or len(entry) < len(given):
        raise ArgumentError("mount.set_fstab: no field may be empty, and no device begin with '#'")
    if isinstance(match_on, list):
        keys: Sequence[str] = match_on
    elif not isinstance(match_on, str):
        raise CommandError("match_on must be a string or list of strings")
    elif match_on == "auto":
        keys = ["name" if fstype in _fstab.BY_NAME else "device"]
    else:
        keys = [match_on]
    if unknown := [key for key in keys if key not in entry]:
        raise CommandError(f'Unrecognized keys in match_on: "{", ".join(map(str, unknown))}"')
    if not os.path.isfile(config):
        raise CommandError(f'Bad config file "{config}"')
    text, state = _fstab.with_entry(_read(config), entry, keys, not_change)
    if state != "present" and not _is_test(test, kwargs):
        _write(config, text, f"File not writable {config}")
    return state


def rm_fstab(name: str, device: str | None, config: str = "/etc/fstab") -> bool:
    """Have *config* no longer mount *device* (any, when None) at *name*; return ``True``, also when it didn't.

    Raises ``CommandError`` when it can't be read or written.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.rm_fstab /mnt/share /dev/sdb1
    """
    old = _read(config)
    text = old
    given = {"name": name} if device is None else {"name": name, "device": device}
    for wanted in (given, {key: _fstab.encoded(value) for key, value in given.items()}):
        text = _fstab.without_entry(text, wanted)
    if text != old:
        _write(config, text, f"Couldn't write to {config}")
    return True


def automaster(config: str = "/etc/auto_salt") -> dict[str, dict[str, Any]]:
    """Return the entries of an automounter's map: ``{'/share': {'device', 'fstype': '-fstype=nfs', 'opts': list}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.automaster
    """
    return _fstab.parse_automaster(_read(config)) if os.path.isfile(config) else {}


def set_automaster(
    name: str,
    device: str,
    fstype: str,
    opts: str | list[str] = "",
    config: str = "/etc/auto_salt",
    test: bool = False,
    not_change: bool = False,
    **kwargs: Any,
) -> str:
    """Have the automounter's map *config* mount *device* at *name*; return ``new``, ``change`` or ``present``.

    A map that isn't there is made, and named in ``/etc/auto_master``. With *test* nothing is written.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.set_automaster /share server:/export nfs
    """
    options = ",".join(opts) if isinstance(opts, list) else opts
    place = f":{device}" if fstype == "smbfs" else f"{fstype}:{device}"
    entry = (f"/..{name}", f"-fstype={fstype},{options}", place)
    if any(len(field.split()) != 1 for field in entry) or entry[0].startswith("#"):
        raise ArgumentError("mount.set_automaster: no field may have blanks in it")
    is_test = _is_test(test, kwargs)
    there = os.path.isfile(config)
    text, state = _fstab.with_automount(_read(config) if there else "", *entry, not_change=not_change)
    if state != "present" and not is_test:
        if not there:
            master = _read(AUTO_MASTER) if os.path.isfile(AUTO_MASTER) else ""
            ended = master if not master or master.endswith("\n") else f"{master}\n"
            _write(AUTO_MASTER, f"{ended}/-\t\t\t{config}\n", f"File not writable {AUTO_MASTER}")
        _write(config, text, f"File not writable {config}")
    return state


def rm_automaster(name: str, device: str, config: str = "/etc/auto_salt") -> bool:
    """Have the automounter's map *config* no longer mount *device* at *name*; return ``True``, also when it didn't.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.rm_automaster /share server:/export
    """
    if name not in automaster(config):
        return True
    _write(config, _fstab.without_automount(_read(config), name, device), f"Couldn't write to {config}")
    if program := found("automount"):
        __salt__["cmd.run"]([program, "-cv"], python_shell=False)
    return True


def read_mount_cache(name: str) -> dict[str, Any]:
    """Return what :func:`write_mount_cache` kept of the mount point *name*, ``{}`` for nothing.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.read_mount_cache /mnt/share
    """
    kept = _cache().get(name)
    return kept if isinstance(kept, dict) else {}


def write_mount_cache(real_name: str, device: str, mkmnt: bool, fstype: str, mount_opts: list[str]) -> bool:
    """Keep how *real_name* is mounted, below the agent's ``cachedir``; return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.write_mount_cache /mnt/share /dev/sdb1 False ext4 defaults,nosuid
    """
    entry = {"device": device, "fstype": fstype, "mkmnt": mkmnt, "opts": mount_opts}
    _keep({**_cache(), real_name: entry})
    return True


def delete_mount_cache(real_name: str) -> bool:
    """Forget how *real_name* is mounted; return ``True``.

    CLI Example:

    .. code-block:: bash

        saltern '*' mount.delete_mount_cache /mnt/share
    """
    cache = _cache()
    if real_name in cache:
        del cache[real_name]
        _keep(cache)
    return True


def _cache() -> dict[Any, Any]:
    import yaml

    path = f"{__opts__['cachedir']}/mounts"
    try:
        kept = yaml.safe_load(_read(path)) if os.path.exists(path) else None
    except yaml.YAMLError:
        kept = None
    mounts = kept.get("mounts") if isinstance(kept, dict) else None
    return mounts if isinstance(mounts, dict) else {}


def _keep(mounts: Mapping[Any, Any]) -> None:
    import yaml

    folder = __opts__["cachedir"]
    text = yaml.safe_dump({"mounts": dict(mounts)}, allow_unicode=True)
    try:
        os.makedirs(folder, exist_ok=True)
        _write(f"{folder}/mounts", text, "Unable to write mount cache.")
    except OSError:
        raise CommandError("Unable to write mount cache.") from None


def _is_test(test: object, kwargs: Mapping[str, Any]) -> bool:
    """Return whether any keyword called ``test``, in whatever case, is true."""
    given = [test, *(value for name, value in kwargs.items() if name.lower() == "test")]
    return any(str(value).lower() in ("true", "1") if isinstance(value, str) else bool(value) for value in given)


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise CommandError(f"Couldn't read from {path}: {error}") from None


def _write(path: str, text: str, failure: str) -> None:
    from saltern_modules._rewriting import rewrite

    try:
        rewrite(path, text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise CommandError(f"{failure}: {error}" if failure.startswith("Couldn't") else failure) from None
