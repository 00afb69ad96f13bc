"""``salt.utils.path``: programs found, paths joined."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

PLACES = ("/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")
"""Where programs are looked for, whatever ``PATH`` says."""


def which(exe: str | None = None) -> str | None:
    """Return the path of the program *exe*, or ``None``; Salt's usual folders count beside those of ``PATH``."""
    if not exe:
        return None
    places = os.environ.get("PATH", "").split(os.pathsep)
    places += [one for one in PLACES if one not in places]
    return shutil.which(os.path.expanduser(exe), path=os.pathsep.join(places))


def which_bin(exes: Any) -> str | None:
    """Return the path of the first of *exes* that is there, or ``None``."""
    if not isinstance(exes, Iterable):
        return None
    exes = [exes] if isinstance(exes, str) else exes
    return next((path for exe in exes if (path := which(exe)) is not None), None)


def check_or_die(command: str | None) -> None:
    """Raise ``CommandNotFoundError`` when there is no program *command*."""
    from saltern_compat.exceptions import CommandNotFoundError

    if command is None:
        raise CommandNotFoundError("'None' is not a valid command.")
    if not which(command):
        raise CommandNotFoundError(f"'{command}' is not in the path")


def join(*parts: Any, **kwargs: Any) -> str:
    """Return *parts* as one path below the first, also when later ones begin with a slash."""
    texts = [part.decode() if isinstance(part, bytes) else str(part) for part in parts]
    if not texts:
        return ""
    first, *others = map(os.path.normpath, texts)
    return os.path.normpath(os.path.join(first, *(part.lstrip("/") for part in others)))


def islink(path: str) -> bool:
    """Return whether *path* is a symbolic link."""
    return os.path.islink(path)


def readlink(path: str) -> str:
    """Return where the symbolic link *path* leads."""
    return os.readlink(path)


def expand(path: str) -> str:
    """Return *path* with ``~`` and ``$VARIABLES`` replaced."""
    return os.path.expandvars(os.path.expanduser(path))


def os_walk(top: str, *args: Any, **kwargs: Any) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk as ``os.walk`` does."""
    return os.walk(top, *args, **kwargs)


def safe_path(path: str, allow_path: str | None = None) -> bool:
    """Return whether the real *path* is itself, and not below ``/proc`` and the like."""
    real = os.path.realpath(path)
    if allow_path and real.startswith(os.path.realpath(allow_path) + os.sep):
        return True
    return not any(real == bad or real.startswith(f"{bad}/") for bad in ("/proc", "/sys", "/dev"))
