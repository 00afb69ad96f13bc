"""``salt.utils.systemd``: whether systemd runs this host, and which one."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from typing import Any, TypeVar

from saltern_compat.exceptions import SaltInvocationError
from saltern_compat.utils.path import which

T = TypeVar("T")
TIMEOUT_S = 20.0


def _kept(context: Any, name: str, found: Callable[[], T]) -> T:
    """Return what *found* finds, kept in *context* for the next time."""
    if context is None:
        return found()
    if not hasattr(context, "setdefault"):
        raise SaltInvocationError("context must be a dictionary if passed")
    key = f"salt.utils.systemd.{name}"
    if key not in context:
        context[key] = found()
    kept: T = context[key]
    return kept


def _run(*words: str) -> subprocess.CompletedProcess[bytes] | None:
    try:
        return subprocess.run(  # an argv of ours
            words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def booted(context: Any = None) -> bool:
    """Return whether systemd started this host."""
    return _kept(context, "booted", lambda: os.path.exists("/run/systemd/system"))


def offline(context: Any = None) -> bool:
    """Return whether systemd is installed and doesn't run."""
    return _kept(context, "offline", lambda: not booted() and which("systemctl") is not None)


def status(context: Any = None) -> bool:
    """Return whether systemd answers."""

    def ask() -> bool:
        answer = _run("systemctl", "status")
        return answer is not None and b"Failed to get D-Bus connection: No such file or directory" not in answer.stderr

    return _kept(context, "status", ask)


def version(context: Any = None) -> int | None:
    """Return the number of its release, or ``None``."""

    def ask() -> int | None:
        answer = _run("systemctl", "--version")
        found = re.match(rb"\w+ (\d+)", answer.stdout) if answer is not None else None
        return int(found[1]) if found else None

    return _kept(context, "version", ask)


def has_scope(context: Any = None) -> bool:
    """Return whether processes can be put into scopes of their own."""
    if not booted(context):
        return False
    number = version(context)
    return number is not None and number >= 205 and status(context)


def pid_to_service(pid: int) -> str | None:
    """Return the name of the service that a process belongs to, or ``None``."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as stream:
            found = re.findall(r"/([^/\n]+)\.service", stream.read())
    except OSError:
        return None
    return found[-1] if found else None
