"""What packages a call is about, however they were named."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal

from saltern.errors import ArgumentError, CommandError
from saltern.named import NamedTuple
from saltern_modules import _keywords

Salt = Mapping[str, Callable[..., Any]]


class Targets(NamedTuple):
    """Names with the versions that are wanted of them (None for any), or paths of package files."""

    kind: Literal["repository", "file"]
    versions: dict[str, str | None]
    paths: list[str]


def targets(
    salt: Salt,
    name: Any = None,
    pkgs: Any = None,
    sources: Any = None,
    normalize: Callable[[str], str] = str,
    version: Any = None,
    saltenv: str = "base",
) -> Targets | None:
    """Return what is meant by *name* (comma text), *pkgs* or *sources*, None for nothing (and for both of these).

    Raises ``ArgumentError`` for names given twice and for what would be an option, ``CommandError`` for a source that
    the master doesn't have.
    """
    if pkgs and sources:
        return None
    if pkgs:
        found = _repacked(pkgs, normalize)
        return Targets("repository", found, []) if found else None
    if sources:
        paths = [_path(salt, of, where, saltenv) for of, where in sources_of(sources).items()]
        return Targets("file", {}, paths) if paths else None
    if not name:
        return None
    wanted = None if version is None else str(version)
    return Targets("repository", {safe(normalize(one)): wanted for one in str(name).split(",")}, [])


def _repacked(pkgs: Any, normalize: Callable[[str], str]) -> dict[str, str | None]:
    """Return ``{name: version or None}`` of a list of names and one-key dicts, of a comma text, or of YAML."""
    if isinstance(pkgs, str):
        import yaml

        try:
            pkgs = yaml.safe_load(pkgs)
        except yaml.YAMLError:
            return {}
        if isinstance(pkgs, str):
            pkgs = pkgs.split(",")
    if isinstance(pkgs, Mapping):
        pkgs = [{key: value} for key, value in pkgs.items()]
    if not isinstance(pkgs, list | tuple):
        return {}
    found: dict[str, str | None] = {}
    for one in pkgs:
        if isinstance(one, Mapping):
            if len(one) != 1:
                return {}
            ((key, value),) = one.items()
        else:
            key, value = one, None
        found[safe(normalize(str(key)))] = None if value is None else str(value)
    if len(found) != len(pkgs):
        raise ArgumentError(
            f"You are passing a list of packages that contains duplicated packages names: {pkgs}. This cannot be"
            " processed. In case you are targeting different versions of the same package, please target them"
            " individually"
        )
    return found


def sources_of(sources: Any) -> dict[str, str]:
    """Return ``{name: where}`` of a list of one-key dicts, or of YAML; ``{}`` for anything else."""
    if isinstance(sources, str):
        import yaml

        try:
            sources = yaml.safe_load(sources)
        except yaml.YAMLError:
            return {}
    if not isinstance(sources, list | tuple) or any(not isinstance(one, Mapping) or len(one) != 1 for one in sources):
        return {}
    return {str(key): str(value) for one in sources for key, value in one.items()}


def _path(salt: Salt, name: str, where: str, saltenv: str) -> str:
    if salt["config.valid_fileproto"](where):
        cached = salt["cp.cache_file"](where, saltenv)
        if not cached:
            raise CommandError(f"Unable to cache source {where} for package {name}")
        return str(cached)
    if not os.path.isabs(where):
        raise ArgumentError(f"Path {where} for package {name} is either not absolute or an invalid protocol")
    return where


def safe(name: str) -> str:
    """Return a package's *name*. Raises ``ArgumentError`` when it would be an option."""
    if name.startswith("-"):
        raise ArgumentError(f"a package can't be called {name!r}: that would be an option")
    return name


def matched(installed: Mapping[str, Any], wanted: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return *wanted* with patterns (``lib*``) replaced by what is installed of them."""
    found = {name: version for name, version in wanted.items() if "*" not in name}
    for pattern in (name for name in wanted if "*" in name):
        found |= {name: wanted[pattern] for name in installed if fnmatch.fnmatch(name, pattern)}
    return found


def versions_of(names: tuple[str, ...], installed: Mapping[str, list[str]], as_list: bool) -> Any:
    """Return the versions of *names*, patterns too: of one name its own, of several ``{name: versions}``."""
    found: dict[str, Any] = {}
    for name in names:
        if "*" in name:
            found |= {match: installed[match] for match in fnmatch.filter(installed, name)}
        else:
            found[name] = list(installed.get(name, []))
    if not as_list:
        found = {name: ",".join(versions) for name, versions in found.items()}
    single = len(found) == 1 and not any("*" in name for name in names)
    return next(iter(found.values())) if single else found


def available(expression: str, candidates: list[str], compare: Callable[[str, str], int | None]) -> str | None:
    """Return the first of *candidates* that *expression* (``>=1.2``) is true of, None for none."""
    import re

    match = re.match(r"^(<=>|!=|>=|<=|>>|<<|<>|>|<|=)?\s?([^<>=]+)$", expression)
    operator, version = ((match[1] or "=="), match[2]) if match else ("==", expression)
    return next((one for one in candidates if _keywords.compares(one, operator, version, compare)), None)
