"""What the drivers of ``service`` for System V's scripts share."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

SCRIPTS = "/etc/init.d"
QUERY_TIMEOUT_S = 60
GLOB = re.compile(r"\*|\?|\[.+\]")
NAME = re.compile(r"[A-Za-z0-9_.:@+][A-Za-z0-9_.:@+-]*")
"""Of a script: no option and no path can be one."""


def is_name(name: object) -> bool:
    """Return whether a script can be called so."""
    return isinstance(name, str) and NAME.fullmatch(name) is not None and name not in (".", "..")


def went_well(salt: Mapping[str, Any], argv: list[str], *, asked: bool = False) -> bool:
    """Return whether a program ended well; *asked*: it was a question, and its answer is no failure."""
    options: dict[str, Any] = {"ignore_retcode": True, "timeout": QUERY_TIMEOUT_S} if asked else {}
    return not salt["cmd.retcode"](argv, python_shell=False, **options)


def each(name: str, every: Callable[[], Iterable[str]], status: Callable[[str], Any]) -> Any:
    """Return the status of the service *name*, or of all those that the glob *name* means, by name."""
    if not GLOB.search(name):
        return status(name)
    return {service: status(service) for service in fnmatch.filter(every(), name)}


def runlevel(salt: Mapping[str, Any], program: str | None, usual: str) -> str:
    """Return the runlevel that ``runlevel`` tells, *usual* when it doesn't know."""
    if program is None:
        return usual
    words = salt["cmd.run_stdout"]([program], python_shell=False, ignore_retcode=True, timeout=QUERY_TIMEOUT_S).split()
    return str(words[1]) if len(words) > 1 else usual


def started(folders: Iterable[str]) -> set[str]:
    """Return the scripts that the links ``S01name`` in *folders* start."""
    found = set()
    for folder in folders:
        if os.path.isdir(folder):
            found |= {re.sub(r"^S\d*", "", link) for link in os.listdir(folder) if link.startswith("S")}
    return found


def scripts(folder: str = "") -> list[str]:
    """Return the names of the scripts in *folder*, the usual one by default, sorted."""
    path = folder or SCRIPTS
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def parse_chkconfig(text: str) -> dict[str, set[str]]:
    """Return the scripts that ``chkconfig --list`` tells of, each with the runlevels that it is started in."""
    found = {}
    for line in text.splitlines():
        name, *words = line.split() or [""]
        if words and words[0].startswith("0:"):
            found[name] = {word.partition(":")[0] for word in words if word.endswith(":on")}
    return found
