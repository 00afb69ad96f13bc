"""Runs dnf, dnf5 or yum for the parts of the module ``pkg``, and reads what they print."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from saltern.errors import ArgumentError
from saltern_modules import _apt, _keywords, _rpm

Salt = Mapping[str, Callable[..., Any]]

PROGRAMS = ("dnf5", "dnf", "tdnf", "yum")
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"}
TIMEOUT_S = 7200.0
OUTPUT_LIMIT = 256 << 20
HEADS = ("installed packages", "available packages", "available upgrades", "updated packages", "upgraded packages")
NAME = r"[\w+]+(?:[.-][^-]+)*"
"""Of a package that is held."""


def here(grains: Mapping[str, Any]) -> str | tuple[bool, str]:
    """Return what ``__virtual__`` of ``pkg``'s parts for dnf and yum does."""
    if not _rpm.here(grains):
        return False, "Module yumpkg: no yum based system detected"
    return "pkg" if program() else (False, "DNF nor YUM found")


def program() -> str | None:
    """Return which there is."""
    import shutil

    return next((name for name in PROGRAMS if shutil.which(name)), None)


def call(salt: Salt, words: Sequence[str], *, changes: bool = False, **options: Any) -> dict[str, Any]:
    """Run it and return as ``cmd.run_all`` does; what *changes* packages in a systemd scope of its own."""
    command = [*(_apt.scope(salt) if changes else []), str(program()), *words]
    given = {"python_shell": False, "timeout": TIMEOUT_S, "output_limit": OUTPUT_LIMIT, "env": ENVIRONMENT, **options}
    found: dict[str, Any] = salt["cmd.run_all"](command, **given)
    return found


def options(kwargs: Mapping[str, Any], extra: bool = False, settings: bool = False) -> list[str]:
    """Return the options for which repositories are used (``fromrepo``, ``enablerepo``, …).

    *settings*: ``setopt`` is taken, which may name a folder of plug-ins: it runs what the caller gives. *extra*:
    keywords that aren't known are options too. Raises ``ArgumentError`` for one that can't be.
    """
    given = dict(_keywords.own(kwargs))
    source = given.pop("fromrepo", "") or given.pop("repo", "")
    given.pop("repo", None)
    disabled, enabled = given.pop("disablerepo", ""), given.pop("enablerepo", "")
    words = []
    if source:
        words += ["--disablerepo=*", f"--enablerepo={source}"]
    else:
        for name, value in (("disablerepo", disabled), ("enablerepo", enabled)):
            words += [f"--{name}={one}" for one in (value if isinstance(value, list) else [value]) if one]
    for name in ("disableexcludes", "branch"):
        value = given.pop(name, "")
        words += [f"--{name}={value}"] if value else []
    setopt = given.pop("setopt", None)
    if setopt and not settings:
        raise ArgumentError("pkg: setopt is for pkg.install, pkg.upgrade and pkg.update alone: it may run a program")
    words += [f"--setopt={one}" for one in ([] if setopt is None else _keywords.split(setopt))]
    for key in sorted(given) if extra else ():
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", key):
            raise ArgumentError(f"pkg: {key!r} can't be an option")
        if isinstance(given[key], str):
            words.append(f"--{key}={given[key]}")
        elif given[key] is True:
            words.append(f"--{key}")
    return words


def packages(output: str, osarch: str) -> Iterator[_rpm.Package]:
    """Yield the packages of a list: ``name.arch version repository``, which may go over lines."""
    lines = [line for line in output.split("\n") if line.strip().lower() not in HEADS]
    words = iter(" ".join(lines).split())
    for word, version, repository in zip(words, words, words, strict=False):
        name, dot, arch = word.rpartition(".")
        if not dot:
            name, arch = word, osarch
        yield _rpm.Package(_rpm.full_name(name, arch, osarch), version.rstrip("-"), arch, repository.lstrip("@"))


def held(line: str, tool: str, full: bool, pattern: str = NAME) -> str | None:
    """Return the package of a line of ``versionlock list``: as it stands, or its name alone."""
    by_dnf = tool in ("dnf", "dnf5")
    if full:
        match = re.search(rf"({pattern}-\S+)" if by_dnf else rf"(\d+:{pattern}-\S+)", line)
        return match[1] if match else None
    match = re.search(rf"({pattern}-\S+)" if by_dnf else rf"\d+:({pattern}-\S+)", line)
    return match[1].rsplit(".", 1)[0].rsplit("-", 1)[0].rsplit("-", 1)[0] if match else None


def locks(text: str, full: bool) -> list[str]:
    """Return the packages that dnf5's ``versionlock.toml`` holds: ``name-epoch:version-release.*``, or names."""
    import tomllib

    try:
        found = tomllib.loads(text).get("packages") or []
    except tomllib.TOMLDecodeError:
        return []
    told: list[str] = []
    for one in found if isinstance(found, list) else []:
        name = one.get("name") if isinstance(one, dict) else None
        if not name:
            continue
        conditions = [each for each in one.get("conditions") or [] if isinstance(each, dict)]
        exact = [each for each in conditions if each.get("key") == "evr" and each.get("comparator") == "="]
        if not full:
            told += [name] if name not in told else []
        elif exact and exact[0].get("value"):
            evr = str(exact[0]["value"])
            told.append(f"{name}-{evr if ':' in evr else f'0:{evr}'}.*")
    return told
