"""Programs of the host that a module needs, and names that a caller gives to one."""

from __future__ import annotations

import os
from typing import Any

from saltern.errors import CommandError
from saltern_modules._salt_errors import CommandNotFoundError

FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin")
"""Looked in after ``PATH``: a service's often lacks the administrator's."""

PLAIN = {"LC_ALL": "C.UTF-8", "LANGUAGE": False}
"""The environment of a program whose output is read: no translations, and no names turned into question marks."""


def found(name: str) -> str | None:
    """Return the path of the program *name*, None when this host has none."""
    import shutil

    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *FOLDERS)))


def needed(name: str) -> str:
    """Return the path of the program *name*. Raises ``CommandNotFoundError`` when this host has none."""
    if path := found(name):
        return path
    raise CommandNotFoundError(f"The '{name}' binary was not found in $PATH.")


def operand(function: str, what: str, value: object) -> str:
    """Return *value* as a word for a program that can't take it for an option. Raises ``CommandError``."""
    text = str(value)
    if not text or text.startswith("-") or "\0" in text or "\n" in text:
        raise CommandError(f"{function}: {text!r} is no {what}")
    return text


def psutil_loaded() -> Any:
    """Return psutil, loaded by the first who needs it: it costs 2 MB. Raises ``CommandError``."""
    try:
        import psutil
    except ImportError:
        raise CommandError("psutil is not installed: install saltern[agent]") from None
    return psutil
