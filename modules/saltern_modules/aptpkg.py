"""Packages of Debian and its kin, by apt and dpkg: the part of the module ``pkg`` that reads.

Names may be given with an architecture, ``name:arch``. ``refresh=True`` has apt read its sources first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _apt, _keywords, _package_targets

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "pkg"

__powers__ = {
    "available_version": "writes",
    "file_dict": "reads",
    "file_list": "reads",
    "info_installed": "reads",
    "latest_version": "writes",
    "list_downloaded": "reads",
    "list_pkgs": "reads",
    "list_repo_pkgs": "reads",
    "list_upgrades": "writes",
    "normalize_name": "reads",
    "owner": "reads",
    "parse_arch": "reads",
    "services_need_restart": "reads",
    "show": "writes",
    "upgrade_available": "writes",
    "version": "reads",
    "version_cmp": "reads",
    "which": "reads",
}

CACHE = "/var/cache/apt"
RENAMED = {
    "package": "name",
    "origin": "vendor",
    "section": "group",
    "maintainer": "packager",
    "homepage": "url",
}


def __virtual__() -> str | tuple[bool, str]:
    """Only on Debian and its kin."""
    return _apt.here(__grains__)


def normalize_name(name: str) -> str:
    """Return *name* without the architecture that goes without saying.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.normalize_name zsh:amd64
    """
    short, _, arch = name.rpartition(":")
    return short if short and arch in (__grains__.get("osarch"), "all", "any") else name


def parse_arch(name: str) -> dict[str, str | None]:
    """Return ``{"name": name, "arch": architecture or None}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.parse_arch zsh:amd64
    """
    short, _, arch = name.rpartition(":")
    return {"name": short, "arch": arch} if short else {"name": name, "arch": None}


def version(*names: str, **kwargs: Any) -> Any:
    """Return the installed version of a package, ``""`` for none; of several, or a pattern, ``{name: version}``.

    Several versions of one are separated by commas; ``versions_as_list=True`` returns them as lists.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.version bash
        saltern '*' pkg.version 'lib*' zsh
    """
    found = list_pkgs(versions_as_list=True, **{k: v for k, v in kwargs.items() if k in ("removed", "purge_desired")})
    return _package_targets.versions_of(names, found, _keywords.is_true(kwargs.get("versions_as_list", False)))


def list_pkgs(
    versions_as_list: bool = False, removed: bool = False, purge_desired: bool = False, **kwargs: Any
) -> dict[str, Any]:
    """Return the installed packages, ``{name: version}``.

    *removed*: those of which only settings are left. *purge_desired*: those that are marked to be purged.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_pkgs
        saltern '*' pkg.list_pkgs versions_as_list=True
    """
    found = _apt.installed(__salt__, __grains__)
    if _keywords.is_true(removed):
        chosen = found["removed"]
    elif _keywords.is_true(purge_desired):
        chosen = found["purge_desired"]
    else:
        chosen = {**found["purge_desired"], **found["installed"]}
    return dict(chosen) if _keywords.is_true(versions_as_list) else dict(_apt.joined(chosen))


def latest_version(*names: str, **kwargs: Any) -> Any:
    """Return the version that a package could be upgraded to, or installed in, ``""`` when it is up to date.

    Of several ``{name: version}``, and of one that apt doesn't know too. ``fromrepo``: the release to look at;
    ``refresh=False``: don't read the sources first; ``show_installed=True``: also of those that are up to date.
    ``cache_valid_time``: seconds for which what was read is good.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.latest_version bash
        saltern '*' pkg.latest_version bash zsh fromrepo=unstable
    """
    if "repo" in kwargs:
        raise ArgumentError("The 'repo' argument is invalid, use 'fromrepo' instead")
    if not names:
        return ""
    wanted = [_package_targets.safe(str(name)) for name in names]
    found = list_pkgs(versions_as_list=True)
    if _keywords.is_true(kwargs.get("refresh", True)):
        __salt__["pkg.refresh_db"](kwargs.get("cache_valid_time", 0))
    release = kwargs.get("fromrepo")
    words = ["apt-cache", "-q", "policy", *wanted, *(["-o", f"APT::Default-Release={release}"] if release else [])]
    known = _apt.candidates(_apt.call(__salt__, words)["stdout"], wanted)
    others = [full for name in wanted if name not in known for full in known if full.startswith(f"{name}:")]
    answers = dict.fromkeys(wanted, "")
    for name in [*wanted, *others]:
        candidate, present = known.get(name, ""), found.get(name, [])
        shown = not present or _keywords.is_true(kwargs.get("show_installed", False))
        if shown or (candidate and not any(_reaches(one, candidate) for one in present)):
            answers[name] = candidate
    left = [name for name in wanted if name in known] + others
    return answers[left[0]] if len(left) == 1 else answers


def _reaches(version: str, candidate: str) -> bool:
    return _apt.version_cmp(__salt__, version, candidate) in (0, 1)


def available_version(*names: str, **kwargs: Any) -> Any:
    """Return what ``pkg.latest_version`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.available_version bash
    """
    return latest_version(*names, **kwargs)


def upgrade_available(name: str, **kwargs: Any) -> bool:
    """Return whether *name* could be upgraded, or installed.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.upgrade_available bash
    """
    return bool(latest_version(name) != "")


def list_upgrades(refresh: bool = True, dist_upgrade: bool = True, **kwargs: Any) -> dict[str, str]:
    """Return what an upgrade would install, ``{name: version}``; *dist_upgrade*: new packages too.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_upgrades
    """
    if _keywords.is_true(refresh):
        __salt__["pkg.refresh_db"](kwargs.get("cache_valid_time", 0))
    words = ["apt-get", "--just-print", "dist-upgrade" if dist_upgrade else "upgrade"]
    words += ["-o", f"APT::Default-Release={kwargs['fromrepo']}"] if "fromrepo" in kwargs else []
    done = _apt.call(__salt__, words)
    if done["retcode"]:
        why = done["stderr"] or done["stdout"]
        raise CommandError(f"Failed to get upgrades: {why}" if why else "Failed to get upgrades")
    return _apt.upgrades(done["stdout"])


def list_repo_pkgs(*args: str, **kwargs: Any) -> dict[str, list[str]]:
    """Return the versions that the sources have of these packages, or of all: ``{name: [newest, …]}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_repo_pkgs bash
    """
    words = ["apt-cache", "show", *(_package_targets.safe(str(arg)) for arg in args)] if args else ["apt-cache", "dump"]
    return _apt.repository_versions(_apt.call(__salt__, words, ignore_retcode=True)["stdout"])


def version_cmp(pkg1: str, pkg2: str, ignore_epoch: bool = False, **kwargs: Any) -> int | None:
    """Return -1, 0 or 1 for an earlier, the same or a later version, as dpkg has it; None when it can't be told.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.version_cmp '0.2.4-0ubuntu1' '0.2.4.1-0ubuntu1'
    """
    return _apt.version_cmp(__salt__, pkg1, pkg2, ignore_epoch)


def owner(*paths: str, **kwargs: Any) -> Any:
    """Return the package that a path is of, ``""`` for none; of several ``{path: name}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.owner /usr/bin/apachectl
    """
    found = {path: _owner(str(path)).split(":")[0] for path in paths}
    return next(iter(found.values()), "") if len(found) <= 1 else found


def which(path: str) -> str | bool:
    """Return the package that *path* is of, ``""`` for none; ``False`` when it isn't there, or isn't absolute.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.which /usr/bin/apachectl
    """
    if not os.path.isabs(path) or not os.path.exists(path):
        return False
    return _owner(path).split(":")[0]


def _owner(path: str) -> str:
    words = ["dpkg", "-S", "--", path]
    return str(__salt__["cmd.run_stdout"](words, python_shell=False, env=_apt.ENVIRONMENT))


def show(*names: str, **kwargs: Any) -> dict[str, Any]:
    """Return what the sources say of packages: ``{name: {version: {field: text}}}``.

    ``filter``: the fields that are wanted, a list or comma text. ``refresh=True``: read the sources first.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.show bash 'lib*' filter=description-en,provides
    """
    given = _keywords.own(kwargs)
    refresh, wanted = given.pop("refresh", False), _keywords.split(given.pop("filter", []))
    _keywords.refuse(given)
    if refresh:
        __salt__["pkg.refresh_db"]()
    if not names:
        return {}
    words = ["apt-cache", "show", *(_package_targets.safe(str(name)) for name in names)]
    return dict(_apt.records(_apt.call(__salt__, words)["stdout"], [str(one).lower() for one in wanted]))


def info_installed(*names: str, **kwargs: Any) -> dict[str, dict[str, str]]:
    """Return what dpkg knows of installed packages, ``{name: {"version": …, "description": …, …}}``; of all by default.

    Raises ``CommandError`` for one that isn't installed, unless ``failhard=False``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.info_installed bash
    """
    given = _keywords.own(kwargs)
    failhard = given.pop("failhard", True)
    _keywords.refuse(given)
    return {
        name: {RENAMED.get(key, key): value for key, value in info.items() if key != "status"}
        for name, info in __salt__["lowpkg.info"](*names, failhard=failhard).items()
        if info.get("status", "ii")[1:2] == "i"
    }


def file_list(*packages: str, **kwargs: Any) -> Any:
    """Return the files of packages, ``{"errors": [], "files": [path, …]}``; of all by default.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.file_list bash
    """
    return __salt__["lowpkg.file_list"](*packages)


def file_dict(*packages: str, **kwargs: Any) -> Any:
    """Return the files of packages by package, ``{"errors": [], "packages": {name: [path, …]}}``; of all by default.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.file_dict bash zsh
    """
    return __salt__["lowpkg.file_dict"](*packages)


def list_downloaded(root: str | None = None, **kwargs: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the packages in apt's cache, below *root* if given.

    ``{name: {version: {"path": …, "size": bytes, "creation_date_time_t": unix time, "creation_date_time": ISO 8601}}}``

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_downloaded
    """
    import datetime

    found: dict[str, dict[str, dict[str, Any]]] = {}
    cache = os.path.join(root, CACHE.lstrip("/")) if root else CACHE
    for folder, _, files in os.walk(cache):
        for path in (os.path.join(folder, name) for name in sorted(files) if name.endswith(".deb")):
            info, made = __salt__["lowpkg.bin_pkg_info"](path), int(os.path.getctime(path))
            found.setdefault(info["name"], {})[info["version"]] = {
                "path": path,
                "size": os.path.getsize(path),
                "creation_date_time_t": made,
                "creation_date_time": datetime.datetime.fromtimestamp(made, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            }
    return found


def services_need_restart(**kwargs: Any) -> list[str]:
    """Return the services that still run what an upgrade replaced, as ``checkrestart`` finds them.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.services_need_restart
    """
    import shutil

    from saltern_modules._salt_errors import CommandNotFoundError

    if shutil.which("checkrestart") is None:
        raise CommandNotFoundError(
            "'checkrestart' is needed. It is part of the 'debian-goodies' package which can be installed from official"
            " repositories."
        )
    output = __salt__["cmd.run_stdout"](["checkrestart", "--machine", "--package"], python_shell=False)
    return sorted({line[8:].split(",")[0] for line in output.split("\n") if line.startswith("SERVICE:")})
