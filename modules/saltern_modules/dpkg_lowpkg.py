"""Packages as dpkg has them: the module ``lowpkg`` of Debian and its kin."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _apt, _keywords, _package_targets

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "lowpkg"

__powers__ = {
    "bin_pkg_info": "indirect",
    "file_dict": "reads",
    "file_list": "reads",
    "info": "reads",
    "list_pkgs": "reads",
    "unpurge": "writes",
}

DOCUMENTATION = "/usr/share/doc"
FIELDS = {
    "package": "Package",
    "revision": "binary:Revision",
    "architecture": "Architecture",
    "maintainer": "Maintainer",
    "summary": "Summary",
    "source": "source:Package",
    "version": "Version",
    "section": "Section",
    "size": "Size",
    "MD5": "MD5sum",
    "SHA1": "SHA1",
    "SHA256": "SHA256",
    "origin": "Origin",
    "homepage": "Homepage",
    "status": "db:Status-Abbrev",
    "install_date": "db-fsys:Last-Modified",
    "description": "Description",
}
END, LAST = "\x01", "\x02"
"""Behind each field, and behind each package: no field has them in it."""


def __virtual__() -> str | tuple[bool, str]:
    """Only on Debian and its kin."""
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The dpkg execution module cannot be loaded: only works on Debian family systems."


def _dpkg(words: list[str], **options: Any) -> dict[str, Any]:
    given = {"python_shell": False, "env": _apt.ENVIRONMENT, "output_limit": _apt.OUTPUT_LIMIT, **options}
    found: dict[str, Any] = __salt__["cmd.run_all"](words, **given)
    return found


def bin_pkg_info(path: str, saltenv: str = "base") -> dict[str, str]:
    """Return ``{"name", "version", "arch"}`` of the package file *path*, absolute or ``salt://…``.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.bin_pkg_info /root/foo-1.2.3-1ubuntu1_all.deb
    """
    where = path
    if __salt__["config.valid_fileproto"](path):
        where = __salt__["cp.cache_file"](path, saltenv)
        if not where:
            raise CommandError(f"Unable to retrieve {path} from saltenv '{saltenv}'")
    elif not os.path.exists(path):
        raise CommandError(f"{path} does not exist on minion")
    elif not os.path.isabs(path):
        raise ArgumentError(f"{path} does not exist on minion")
    done = _dpkg(["dpkg", "-I", where])
    if done["retcode"]:
        why = f": {done['stderr']}" if done["stderr"] else ""
        raise CommandError(f"Unable to get info for {where}{why}")
    found: dict[str, str] = {}
    for line in map(str.strip, done["stdout"].splitlines()):
        field, colon, value = line.partition(":")
        name = {"Package": "name", "Version": "version", "Architecture": "arch"}.get(field.strip())
        if colon and name and value.split():
            found[name] = value.split()[-1]
    if missing := [name for name in ("name", "version", "arch") if name not in found]:
        raise CommandError(f"Unable to get {', '.join(missing)} for {where}")
    if __grains__.get("cpuarch") == "x86_64" and __grains__.get("osarch") == "amd64":
        found["name"] += "" if found["arch"] in ("all", "amd64") else f":{found['arch']}"
    return found


def unpurge(*packages: str) -> dict[str, dict[str, str]]:
    """Tell dpkg to keep packages that it was told to purge, and return the changes.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.unpurge curl
    """
    if not packages:
        return {}
    if any(len(str(name).split()) != 1 for name in packages):
        raise ArgumentError(f"lowpkg.unpurge: names of packages are wanted, not {packages!r}")
    old = _purged()
    _dpkg(["dpkg", "--set-selections"], stdin="\n".join(f"{name} install" for name in packages))
    return _keywords.changes(old, _purged())


def _purged() -> dict[str, str]:
    return _apt.joined(_apt.installed(__salt__, __grains__)["purge_desired"])


def list_pkgs(*packages: str, **kwargs: Any) -> Any:
    """Return the installed packages, of these or all, ``{name: version}``; a text that begins with ``Error:`` for none.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.list_pkgs
        saltern '*' lowpkg.list_pkgs httpd
    """
    done = _query("${db:Status-Status}\t${binary:Package}\t${Version}\n", packages)
    if done["retcode"]:
        return f"Error:  {done['stderr']}"
    lines = [line.split("\t") for line in done["stdout"].splitlines()]
    return {line[1]: line[2] for line in lines if line[0] == "installed" and len(line) == 3}


def _query(form: str, packages: tuple[str, ...]) -> dict[str, Any]:
    names = [_package_targets.safe(str(name)) for name in packages]
    return _dpkg(["dpkg-query", f"-f={form}", "-W", *names])


def file_list(*packages: str, **kwargs: Any) -> Any:
    """Return the files of packages, of these or all, ``{"errors": [], "files": [path, …]}``.

    A text that begins with ``Error:`` when one isn't known.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.file_list httpd
    """
    found = _files(packages)
    if isinstance(found, str):
        return found
    return {"errors": [], "files": sorted({path for paths in found.values() for path in paths})}


def file_dict(*packages: str, **kwargs: Any) -> Any:
    """Return the files of packages, of these or all, by package: ``{"errors": [], "packages": {name: [path, …]}}``.

    A text that begins with ``Error:`` when one isn't known.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.file_dict httpd
    """
    found = _files(packages)
    return found if isinstance(found, str) else {"errors": [], "packages": found}


def _files(packages: tuple[str, ...]) -> dict[str, list[str]] | str:
    done = _query("${db:Status-Status}\t${binary:Package}\n", packages)
    if done["retcode"]:
        return f"Error:  {done['stderr']}"
    names = [line.split("\t")[1] for line in done["stdout"].splitlines() if line.startswith("installed\t")]
    return {name: _dpkg(["dpkg", "-L", name])["stdout"].splitlines() for name in names}


def info(*packages: str, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """Return what dpkg knows of packages, of these or all: ``{name: {"version": …, "description": …, …}}``.

    Fields that a package doesn't have are left out. Raises ``CommandError`` when one isn't known, unless
    ``failhard=False``: then ``{}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' lowpkg.info apache2 bash
    """
    given = _keywords.own(kwargs)
    failhard = given.pop("failhard", True)
    _keywords.refuse(given)
    form = "".join(f"${{{field}}}{END}" for field in FIELDS.values()) + LAST
    done = _query(form, packages)
    if done["retcode"]:
        if failhard:
            raise CommandError(f"Error getting packages information: {done['stderr']}")
        return {}
    found: dict[str, dict[str, Any]] = {}
    for record in done["stdout"].split(LAST):
        values = dict(zip(FIELDS, record.strip("\n").split(END), strict=False))
        if len(values) == len(FIELDS):
            found[values["package"]] = _record(values)
    return found


def _record(values: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {key: text.strip() for key, text in values.items() if text.strip()}
    found["description"] = values["description"] + "\n"
    if when := _date(values["install_date"]):
        found["install_date"] = when
    else:
        found.pop("install_date", None)
    if licences := _licences(values["package"]):
        found["license"] = licences
    return found


def _date(text: str) -> str:
    import datetime

    if not text.strip().isdecimal():
        return ""
    return datetime.datetime.fromtimestamp(int(text), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _licences(name: str) -> str:
    """Return the licences that a package's copyright names, in order."""
    path = os.path.join(DOCUMENTATION, name, "copyright")
    try:
        with open(path, encoding="utf-8", errors="ignore") as file:
            found = {line.split(":", 1)[1].strip() for line in file if line.startswith("License:")}
    except OSError:
        return ""
    return ", ".join(sorted(found))
