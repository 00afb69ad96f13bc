"""Options of the master and of minions, read from YAML and checked.

``master_config(path)`` and ``minion_config(path)`` take a file or a folder. A folder holds ``master`` (or
``minion``) and, beside it, ``master.d/*.conf``, read in order of their names, later ones winning
(``saltern.config.includes``). Without a path it is ``$SALTERN_CONFIG_DIR``, or ``/etc/saltern``. Keys that are no
options are kept as a user's own (``saltern.config.own``).
"""

from __future__ import annotations

import errno
import os
import stat
from typing import cast

from saltern.config.includes import option_files
from saltern.config.load import load_options
from saltern.config.master import MASTER, MasterOptions
from saltern.config.minion import MINION, MinionOptions
from saltern.config.proxy import ProxyOptions, own_files, proxy_schema
from saltern.errors import ConfigError, os_errors

DEFAULT_CONFIG_DIR = "/etc/saltern"

__all__ = [
    "DEFAULT_CONFIG_DIR",
    "MasterOptions",
    "MinionOptions",
    "ProxyOptions",
    "client_config",
    "config_dir",
    "master_config",
    "minion_config",
    "proxy_config",
    "unread_files",
]


def config_dir(path: str | os.PathLike[str] | None = None) -> str:
    """Return the folder or file to read: *path*, else ``$SALTERN_CONFIG_DIR``, else ``/etc/saltern``.

    Raises ``ConfigError`` when one that was asked for isn't there, or this user may not look into the folder; the
    default may be missing.
    """
    chosen = os.fspath(path) if path else os.environ.get("SALTERN_CONFIG_DIR")
    if not chosen:
        return DEFAULT_CONFIG_DIR
    with os_errors(ConfigError, chosen, "can't be read, and was named as the configuration"):
        try:
            is_folder = stat.S_ISDIR(os.stat(chosen).st_mode)
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in it
            raise ConfigError(f"{chosen}: there is no such folder or file: it was named as the configuration") from None
        if is_folder and not os.access(chosen, os.X_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return chosen


def master_config(path: str | os.PathLike[str] | None = None) -> MasterOptions:
    """Return a master's options: defaults, overlaid by the file or folder *path*.

    A folder without the file means defaults alone. Raises ``ConfigError`` naming file, line and key.
    """
    return cast(MasterOptions, load_options(MASTER, config_dir(path)))


def client_config(path: str | os.PathLike[str] | None = None) -> MasterOptions:
    """Return what a program that talks to a master on this host needs of the master's options.

    Files that this user may not read are left out: they may hold secrets, and where the master listens is seldom
    among them. Raises ``ConfigError``.
    """
    return cast(MasterOptions, load_options(MASTER, config_dir(path), readable_alone=True))


def minion_config(path: str | os.PathLike[str] | None = None) -> MinionOptions:
    """Return a minion's options: defaults, overlaid by the file or folder *path*.

    ``id`` is the host's full name when it isn't set. Raises ``ConfigError`` naming file, line and key.
    """
    return cast(MinionOptions, load_options(MINION, config_dir(path)))


def proxy_config(proxyid: str, path: str | os.PathLike[str] | None = None) -> ProxyOptions:
    """Return the options of the device *proxyid*'s own minion, from the file ``proxy`` in place of ``minion``.

    ``proxy.d/<proxyid>/*.conf`` wins over all else. Raises ``ConfigError``, and ``IdError`` for what is no id.
    """
    return cast(ProxyOptions, load_options(proxy_schema(proxyid), config_dir(path), own=own_files(proxyid)))


def unread_files(path: str | os.PathLike[str] | None = None) -> list[str]:
    """Return the files of a master's configuration that ``client_config`` left out. Raises ``ConfigError``."""
    chosen = config_dir(path)
    main = os.path.join(chosen, MASTER.name) if os.path.isdir(chosen) else chosen
    return [file for file in option_files(main) if not os.access(file, os.R_OK, effective_ids=True)]
