"""Runs apt and dpkg for the parts of the module ``pkg``, and reads what they print."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _debian_versions

Salt = Mapping[str, Callable[..., Any]]

ENVIRONMENT = {
    "APT_LISTBUGS_FRONTEND": "none",
    "APT_LISTCHANGES_FRONTEND": "none",
    "DEBIAN_FRONTEND": "noninteractive",
    "UCF_FORCE_CONFFOLD": "1",
    "LC_ALL": "C.UTF-8",
    "LANGUAGE": "C",
}
OUTPUT_LIMIT = 256 << 20
"""``apt-cache dump`` of a large archive."""
TIMEOUT_S = 7200.0
LOCK_WAIT_S = 300.0
LOCK_RETRY_S = 2.0
LOCKED = "Could not get lock"
LISTED = "${Status} ${Package} ${Version} ${Architecture}\n"


def here(grains: Mapping[str, Any]) -> str | tuple[bool, str]:
    """Return what ``__virtual__`` of ``pkg``'s parts for apt does."""
    if grains.get("os_family") == "Debian":
        return "pkg"
    return False, "The pkg module could not be loaded: unsupported OS family"


def call(salt: Salt, words: Sequence[str], *, changes: bool = False, **options: Any) -> dict[str, Any]:
    """Run a program of apt's and return as ``cmd.run_all`` does.

    While another one holds apt's lock, it is tried again for five minutes. What *changes* packages runs in a systemd
    scope of its own, where there is systemd: an upgrade of the agent must not end it.
    """
    command = [*(scope(salt) if changes else []), *words]
    env = {**ENVIRONMENT, **(options.pop("env", None) or {})}
    options = {"python_shell": False, "timeout": TIMEOUT_S, "output_limit": OUTPUT_LIMIT, **options}
    end = time.monotonic() + LOCK_WAIT_S
    while True:
        done: dict[str, Any] = salt["cmd.run_all"](command, env=env, **options)
        if LOCKED not in done["stderr"] or time.monotonic() >= end:
            return done
        time.sleep(LOCK_RETRY_S)


def scope(salt: Salt) -> list[str]:
    """Return what goes before a command so that it outlives the agent's own unit."""
    import shutil

    if os.path.isdir("/run/systemd/system") and shutil.which("systemd-run") and os.geteuid() == 0:
        asked = salt["config.get"]("systemd.scope", True)
        return ["systemd-run", "--scope", "--quiet"] if asked else []
    return []


def version_cmp(salt: Salt, first: Any, second: Any, ignore_epoch: bool = False) -> int | None:
    """Return -1, 0 or 1 as dpkg compares two versions, None when it can't be told."""
    one, two = (str(text).split(":", 1)[-1] if ignore_epoch else str(text) for text in (first, second))
    found = _debian_versions.compare(one, two)
    if found is not None:
        return found
    for operator, answer in (("lt", -1), ("eq", 0), ("gt", 1)):
        words = ["dpkg", "--compare-versions", one, operator, two]
        try:
            if salt["cmd.retcode"](words, python_shell=False, ignore_retcode=True) == 0:
                return answer
        except CommandError:
            return None
    return None


def installed(salt: Salt, grains: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Return the packages that dpkg knows, ``{"installed" | "removed" | "purge_desired": {name: [versions]}}``."""
    words = ["dpkg-query", "--showformat", LISTED, "-W"]
    output = salt["cmd.run_stdout"](words, python_shell=False, env=ENVIRONMENT, output_limit=OUTPUT_LIMIT)
    return listed(output, str(grains.get("cpuarch", "")), str(grains.get("osarch", "")))


def listed(output: str, cpuarch: str, osarch: str) -> dict[str, dict[str, list[str]]]:
    """Return ``dpkg-query``'s list as ``installed`` does; names of other architectures end in ``:arch``."""
    found: dict[str, dict[str, set[str]]] = {"installed": {}, "removed": {}, "purge_desired": {}}
    for line in output.splitlines():
        columns = line.split()
        if len(columns) < 6:
            continue
        wanted, status, name, version, arch = columns[0], columns[2], columns[3], columns[4], columns[5]
        if cpuarch == "x86_64" and osarch == "amd64" and arch not in ("all", osarch):
            name += f":{arch}"
        if ("install" in wanted or "hold" in wanted) and "installed" in status:
            kind = "installed"
        elif "deinstall" in wanted:
            kind = "removed"
        elif "purge" in wanted and status == "installed":
            kind = "purge_desired"
        else:
            continue
        found[kind].setdefault(name, set()).add(version)
    return {kind: {name: sorted(versions) for name, versions in packages.items()} for kind, packages in found.items()}


def joined(packages: Mapping[str, list[str]]) -> dict[str, str]:
    """Return ``{name: "version,version"}``."""
    return {name: ",".join(versions) for name, versions in packages.items()}


def text_of(packages: Mapping[str, Mapping[str, list[str]]], removed: bool = False) -> dict[str, str]:
    """Return the installed packages with those to be purged, or the *removed* ones, ``{name: versions}``."""
    chosen = packages["removed"] if removed else {**packages["purge_desired"], **packages["installed"]}
    return joined(chosen)


def candidates(output: str, names: Iterable[str]) -> dict[str, str]:
    """Return ``{name: version}`` of what ``apt-cache policy`` would install, ``""`` for nothing."""
    names = list(names)
    short = {name.split(":", maxsplit=1)[0] for name in names}
    found: dict[str, str] = {}
    current = ""
    for line in map(str.strip, output.split("\n")):
        if line.endswith(":") and not line.startswith("Version table"):
            if line[:-1] in names or line[:-1].split(":")[0] in short:
                current = line[:-1]
        elif line.startswith("Candidate") and current:
            words = line.split()
            candidate = words[-1] if len(words) >= 2 else ""
            found[current] = "" if candidate.lower() == "(none)" else candidate
    return found


def upgrades(output: str) -> dict[str, str]:
    """Return ``{name: version}`` of the lines ``Conf name (version …`` of ``apt-get --just-print``."""
    import re

    return dict(re.findall(r"(?m)^Conf ([^ ]+) \(([^ ]+)", output))


def fetched(output: str) -> dict[str, bool | None]:
    """Return what ``apt-get update`` did by source: True new, None as it was, False failed."""
    import re

    found: dict[str, bool | None] = {}
    for line in output.splitlines():
        kind, *rest = line.split() or [""]
        name = " ".join(rest)
        if "Get" in kind:
            found[re.sub(r" \[.+B\]$", "", name)] = True
        elif "Ign" in kind or "Err" in kind:
            found[name] = False
        elif "Hit" in kind:
            found[name] = None
    return found


def failed(output: str) -> list[str]:
    """Return the sources that ``apt-get update`` had an error with."""
    lines = [line.split() for line in output.splitlines() if line.strip()]
    return [" ".join(words[1:]) for words in lines if "Err" in words[0]]


def repository_versions(output: str) -> dict[str, list[str]]:
    """Return ``{name: [versions]}`` of what ``apt-cache show`` or ``dump`` printed, in its order."""
    found: dict[str, list[str]] = {}
    name = None
    for line in output.split("\n"):
        if line.startswith("Package: ") and len(line) > len("Package: "):
            name = line[len("Package: ") :]
            continue
        words = line.strip().split(None, 1)
        if name is not None and len(words) == 2 and words[0] == "Version:":
            found.setdefault(name, []).append(words[1])
    return found


def records(output: str, wanted: Sequence[str]) -> dict[str, dict[str, dict[str, str]]]:
    """Return ``{name: {version: {field: value}}}`` of what ``apt-cache show`` printed.

    Fields other than *wanted* (lower case) are left out, unless it is empty.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    record: dict[str, str] = {}
    for line in [*map(str.strip, output.split("\n")), ""]:
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not line:
            name, version = record.pop("Package", None), record.pop("Version", None)
            if name is not None and version is not None:
                found.setdefault(name, {}).setdefault(version, {}).update(record)
            record = {}
        elif colon and (not wanted or key.lower() in ("package", "version") or key.lower() in wanted):
            record[key] = value
    return found
