"""Python packages, by pip: the module ``pip``'s part that reads. What all take is told in the module's first part."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _pip

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "pip"

__func_alias__ = {"list_": "list"}

__powers__ = {
    "freeze": "runs",
    "is_installed": "runs",
    "list": "runs",
    "list_all_versions": "runs",
    "list_freeze_parse": "runs",
    "list_upgrades": "runs",
    "normalize": "reads",
    "upgrade_available": "runs",
    "version": "runs",
}

QUIET = "--disable-pip-version-check"


def normalize(name: str) -> str:
    """Return the name of a package as it is compared (PEP 503): small letters, ``-`` for ``_`` and ``.``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.normalize Foo_Bar
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def version(bin_env: str | None = None, cwd: str | None = None, user: str | None = None) -> str | None:
    """Return pip's version.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.version
    """
    return _pip.version(__salt__, bin_env, user, cwd)


def freeze(
    bin_env: str | None = None,
    user: str | None = None,
    cwd: str | None = None,
    use_vt: bool = False,
    env_vars: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> list[str]:
    """Return what is installed as lines of a file of requirements, ``name==1.2``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.freeze bin_env=/srv/venv
    """
    return _pip.checked(_pip.run(__salt__, ["freeze", "--all", QUIET], bin_env, user, cwd, env_vars)).splitlines()


def list_(
    prefix: str | None = None,
    bin_env: str | None = None,
    user: str | None = None,
    cwd: str | None = None,
    env_vars: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, str]:
    """Return what is installed, ``{name: version}``; names that begin with *prefix* alone.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.list salt
    """
    done = _pip.run(__salt__, ["list", "--format=json", QUIET], bin_env, user, cwd, env_vars)
    return _beginning({one["name"]: one["version"] for one in _records(done)}, prefix)


def list_freeze_parse(
    prefix: str | None = None,
    bin_env: str | None = None,
    user: str | None = None,
    cwd: str | None = None,
    env_vars: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, str]:
    """Return what ``pip.list`` does, told from ``pip.freeze``: editable ones by where they are from.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.list_freeze_parse
    """
    found = {"pip": str(version(bin_env, cwd, user))}
    for line in freeze(bin_env, user, cwd, env_vars=env_vars):
        if line.startswith(("-f", "#", "-e hg+not trust")):
            continue
        text = line.split("-e ", 1)[-1]
        if line.startswith("-e") and "#egg=" in text:
            where, _, name = text.partition("#egg=")
            found[name] = where
        elif len(parts := re.split("={2,3}", text)) >= 2:
            found[parts[0]] = parts[1]
    return _beginning(found, prefix)


def _beginning(found: Mapping[str, str], prefix: str | None) -> dict[str, str]:
    start = normalize(prefix) if prefix else ""
    return {normalize(name): one for name, one in found.items() if normalize(name).startswith(start)}


def _records(done: dict[str, Any]) -> list[dict[str, Any]]:
    import json

    try:
        found = json.loads(_pip.checked(done), strict=False)
    except ValueError:
        raise CommandError("Invalid JSON", done) from None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def list_upgrades(bin_env: str | None = None, user: str | None = None, cwd: str | None = None) -> dict[str, str]:
    """Return what could be upgraded, ``{name: "version [wheel]"}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.list_upgrades
    """
    done = _pip.run(__salt__, ["list", "--outdated", QUIET, "--format=json"], bin_env, user, cwd)
    return {one["name"]: f"{one['latest_version']} [{one['latest_filetype']}]" for one in _records(done)}


def is_installed(pkgname: str, bin_env: str | None = None, user: str | None = None, cwd: str | None = None) -> bool:
    """Return whether the package *pkgname* is installed.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.is_installed salt
    """
    return any(name == pkgname.lower() for name in list_(pkgname, bin_env, user, cwd))


def upgrade_available(pkg: str, bin_env: str | None = None, user: str | None = None, cwd: str | None = None) -> bool:
    """Return whether *pkg* could be upgraded.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.upgrade_available requests
    """
    return pkg in list_upgrades(bin_env, user, cwd)


def list_all_versions(
    pkg: str,
    bin_env: str | None = None,
    include_alpha: bool = False,
    include_beta: bool = False,
    include_rc: bool = False,
    user: str | None = None,
    cwd: str | None = None,
    index_url: str | None = None,
    extra_index_url: str | None = None,
) -> list[str] | None:
    """Return the versions that an index has of *pkg*, oldest first, None for none; final ones unless told otherwise.

    CLI Example:

    .. code-block:: bash

        saltern '*' pip.list_all_versions requests
    """
    (name,) = _pip.names([pkg])
    if _pip.numbers(_pip.version(__salt__, bin_env, user, cwd)) >= (21, 2):
        words, said = ["index", "versions", name], re.compile(r"\s*Available versions: (.*)")
    else:
        words = ["install", f"{name}==versions"]
        said = re.compile(r"\s*Could not find a version.* \(from versions: (.*)\)")
    for option, value in (("--index-url", index_url), ("--extra-index-url", extra_index_url)):
        words += [option, _pip.address(value)] if value else []
    done = _pip.run(__salt__, [QUIET, *words], bin_env, user, cwd, redirect_stderr=True)
    match = next(filter(None, map(said.search, done["stdout"].splitlines())), None)
    kinds = (("a", include_alpha), ("b", include_beta), ("rc", include_rc))
    left_out = [letter for letter, wanted in kinds if not wanted]
    found = [one for one in (match[1].split(", ") if match else []) if one]
    found = [one for one in found if not any(letter in one for letter in left_out)]
    return sorted(found, key=_order) or None


def _order(version: str) -> tuple[Any, ...]:
    """Return what versions are sorted by: numbers, then ``dev``, ``a``, ``b``, ``rc``, nothing, ``post``."""
    ranks = {"dev": -4, "a": -3, "b": -2, "rc": -1, "post": 1}
    match = re.match(r"(?:(\d+)!)?(\d+(?:\.\d+)*)(.*)", version)
    if not match:
        return (-1, (), ((0, 0),), version)
    release = [int(part) for part in match[2].split(".")]
    while release and release[-1] == 0:
        release.pop()
    parts = [(ranks[kind], int(number or 0)) for kind, number in re.findall(r"(dev|a|b|rc|post)\.?(\d*)", match[3])]
    return (int(match[1] or 0), tuple(release), tuple(parts) or ((0, 0),), "")
