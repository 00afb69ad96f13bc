"""Packages of Red Hat's kin, by rpm and dnf, dnf5 or yum: the part of the module ``pkg`` that reads.

What many take: ``fromrepo`` (that repository alone), ``enablerepo``, ``disablerepo``, ``disableexcludes``, as dnf's
options. ``refresh=True`` has the repositories read first.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules import _keywords, _package_targets, _rpm, _yum

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "pkg"

__powers__ = {
    "available_version": "writes",
    "file_dict": "reads",
    "file_list": "reads",
    "info_installed": "reads",
    "latest_version": "writes",
    "list_pkgs": "reads",
    "list_repo_pkgs": "reads",
    "list_updates": "writes",
    "list_upgrades": "writes",
    "modified": "reads",
    "normalize_name": "reads",
    "owner": "reads",
    "parse_arch": "reads",
    "upgrade_available": "writes",
    "verify": "reads",
    "version": "reads",
    "version_cmp": "reads",
}

ATTRIBUTES = ("epoch", "version", "release", "arch", "install_date", "install_date_time_t")


def __virtual__() -> str | tuple[bool, str]:
    """Only on Red Hat's kin."""
    return _yum.here(__grains__)


def _osarch() -> str:
    return str(__grains__.get("osarch", ""))


def normalize_name(name: str) -> str:
    """Return *name* without the architecture that goes without saying.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.normalize_name zsh.x86_64
    """
    short, _, arch = name.rpartition(".")
    usual = arch in (*_rpm.ARCHES, "noarch") and _rpm.full_name(short, arch, _osarch()) == short
    return short if short and usual else name


def parse_arch(name: str) -> dict[str, str | None]:
    """Return ``{"name": name, "arch": architecture or None}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.parse_arch zsh.x86_64
    """
    short, _, arch = name.rpartition(".")
    return {"name": short, "arch": arch} if arch in (*_rpm.ARCHES, "noarch") else {"name": name, "arch": None}


def version(*names: str, **kwargs: Any) -> Any:
    """Return the installed version of a package, ``""`` for none; of several, or a pattern, ``{name: version}``.

    Several versions of one are separated by commas; ``versions_as_list=True`` returns them as lists.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.version bash
    """
    as_list = _keywords.is_true(kwargs.get("versions_as_list", False))
    return _package_targets.versions_of(names, list_pkgs(versions_as_list=True), as_list)


def version_cmp(pkg1: str, pkg2: str, ignore_epoch: bool = False, **kwargs: Any) -> int:
    """Return -1, 0 or 1 for an earlier, the same or a later version, as rpm has it.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.version_cmp '0.2-001' '0.2.0.1-002'
    """
    return _rpm.version_cmp(pkg1, pkg2, ignore_epoch)


def list_pkgs(versions_as_list: bool = False, **kwargs: Any) -> dict[str, Any]:
    """Return the installed packages, ``{name: version}``.

    ``attr``: a list or comma text of ``epoch version release arch install_date install_date_time_t``, or ``all``; then
    ``{name: [{attribute: value}]}``. ``removed``, ``purge_desired``: ``{}``, rpm has no such packages.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_pkgs attr=version,arch
    """
    if any(_keywords.is_true(kwargs.get(name)) for name in ("removed", "purge_desired")):
        return {}
    words = ["rpm", "-qa", "--nodigest", "--nosignature", "--queryformat", f"{_rpm.LISTED}\n"]
    output = __salt__["cmd.run_stdout"](words, python_shell=False, env=_yum.ENVIRONMENT, output_limit=_yum.OUTPUT_LIMIT)
    return _listed(output, _osarch(), _keywords.is_true(versions_as_list), kwargs.get("attr"))


def _listed(output: str, osarch: str, as_list: bool, attr: Any) -> dict[str, Any]:
    """Return rpm's list as ``list_pkgs`` does."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in filter(None, (_rpm.package_of(line, osarch) for line in output.splitlines())):
        epoch, colon, rest = one.version.partition(":")
        version, _, release = (rest if colon else one.version).partition("-")
        values = (
            epoch if colon else None,
            version,
            release or None,
            one.arch,
            one.install_date,
            one.install_date_time_t,
        )
        found.setdefault(one.name, []).append(dict(zip(ATTRIBUTES, values, strict=True)))
    for versions in found.values():
        versions.sort(key=lambda each: str(each["version"]))
    if attr:
        wanted = ATTRIBUTES if attr == "all" else {*_keywords.split(attr), "version", "arch"}
        told: dict[str, Any] = {}
        for name, versions in found.items():
            chosen = [{key: value for key, value in each.items() if key in wanted} for each in versions]
            parsed = parse_arch(name)
            short = parsed["name"] if any(each["arch"] == parsed["arch"] for each in versions) else name
            told.setdefault(str(short), []).extend(chosen)
        return told
    texts = {name: [_version_text(each) for each in versions] for name, versions in found.items()}
    return dict(texts) if as_list else {name: ",".join(versions) for name, versions in texts.items()}


def _version_text(each: Mapping[str, Any]) -> str:
    text = f"{each['epoch']}:{each['version']}" if each["epoch"] else str(each["version"])
    return f"{text}-{each['release']}" if each["release"] else text


def latest_version(*names: str, **kwargs: Any) -> Any:
    """Return the version that a package could be upgraded to, or installed in, ``""`` when it is up to date.

    Of several ``{name: version}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.latest_version bash zsh
    """
    if not names:
        return ""
    refresh = _keywords.is_true(kwargs.pop("refresh", True))
    options = _yum.options(kwargs)
    if refresh:
        __salt__["pkg.refresh_db"](**kwargs)
    wanted = [_package_targets.safe(str(name)) for name in names]
    present = list_pkgs(versions_as_list=True)
    done = _yum.call(__salt__, ["--quiet", *options, "list", "available", *wanted], ignore_retcode=True)
    found = [] if done["retcode"] else list(_yum.packages(done["stdout"], _osarch()))
    answers = {name: _newest(name, found, present.get(name, [])) for name in wanted}
    return answers[wanted[0]] if len(wanted) == 1 else answers


def _newest(name: str, found: list[_rpm.Package], present: list[str]) -> str:
    """Return the newest version that is newer than those *present*."""
    arch = name.rsplit(".", 1)[-1] if name.rsplit(".", 1)[-1] in _rpm.ARCHES else _osarch()
    best = ""
    for one in (one for one in found if one.name == name):
        fits = one.arch in ("noarch", arch) or _rpm.are_32(one.arch, _osarch())
        newer = all(_rpm.version_cmp(old, one.version) < 0 for old in present)
        if fits and newer and (not best or _rpm.version_cmp(one.version, best) > 0):
            best = one.version
    return best


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
    return bool(latest_version(name, **kwargs) != "")


def list_upgrades(refresh: bool = True, **kwargs: Any) -> dict[str, str]:
    """Return what an upgrade would install, ``{name: version}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_upgrades
    """
    options = _yum.options(kwargs)
    if _keywords.is_true(refresh):
        __salt__["pkg.refresh_db"](check_update=False, **kwargs)
    which = "--upgrades" if _yum.program() in ("dnf", "dnf5") else "updates"
    done = _yum.call(__salt__, ["--quiet", *options, "list", which], ignore_retcode=True)
    return {one.name: one.version for one in _yum.packages(done["stdout"], _osarch())}


def list_updates(refresh: bool = True, **kwargs: Any) -> dict[str, str]:
    """Return what ``pkg.list_upgrades`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_updates
    """
    return list_upgrades(refresh, **kwargs)


def list_repo_pkgs(*args: str, **kwargs: Any) -> dict[str, Any]:
    """Return the versions that the repositories have of these packages (names, patterns), or of all.

    ``{name: [newest, …]}``; with ``byrepo=True`` ``{repository: {name: [newest, …]}}``. ``cacheonly``: as last read.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_repo_pkgs 'samba4*' fromrepo=base,updates
    """
    chosen, off, on = (_names(kwargs.get(name)) for name in ("fromrepo", "disablerepo", "enablerepo"))
    if not chosen:
        every = __salt__["pkg.list_repos"](**{k: v for k, v in kwargs.items() if k in ("basedir", "strict_config")})
        chosen = [
            r for r, about in every.items() if r in on or (r not in off and str(about.get("enabled", "1")) == "1")
        ]
    wanted = [_package_targets.safe(str(arg)) for arg in args]
    found: dict[str, dict[str, set[str]]] = {}
    for repository in chosen:
        if _yum.program() == "tdnf":
            words = ["--quiet", f"--enablerepo={repository}", "list"]
        elif _yum.program() == "dnf5":
            words = ["--quiet", f"--repo={repository}", "list", "--showduplicates", "--available"]
        else:
            words = ["--quiet", "--showduplicates", "repository-packages", repository, "list"]
        words += ["-C"] if kwargs.get("cacheonly") else []
        done = _yum.call(__salt__, [*words, *wanted], ignore_retcode=True)
        for one in _yum.packages("" if done["retcode"] else done["stdout"], _osarch()):
            if not wanted or any(fnmatch.fnmatch(one.name, pattern) for pattern in wanted):
                found.setdefault(repository, {}).setdefault(one.name, set()).add(one.version)
    if kwargs.get("byrepo"):
        return {of: {name: _sorted(versions) for name, versions in names.items()} for of, names in found.items()}
    merged: dict[str, set[str]] = {}
    for names in found.values():
        for name, versions in names.items():
            merged.setdefault(name, set()).update(versions)
    return {name: _sorted(versions) for name, versions in merged.items()}


def _names(value: Any) -> list[str]:
    return [str(one) for one in _keywords.split(value) if one and one != "*"] if value else []


def _sorted(versions: set[str]) -> list[str]:
    import functools

    return sorted(versions, key=functools.cmp_to_key(_rpm.version_cmp), reverse=True)


def info_installed(*names: str, **kwargs: Any) -> dict[str, Any]:
    """Return what rpm knows of installed packages, ``{name: {"version", "arch", "source", "description", …}}``.

    ``attr``: the fields that are wanted, a comma text. ``all_versions=True``: lists.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.info_installed bash attr=version,vendor
    """

    def renamed(info: Mapping[str, Any]) -> dict[str, Any]:
        return {"source" if key == "source_rpm" else key: value for key, value in info.items()}

    found = __salt__["lowpkg.info"](*names, **_keywords.own(kwargs))
    return {
        name: [renamed(one) for one in info] if isinstance(info, list) else renamed(info)
        for name, info in found.items()
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

        saltern '*' pkg.file_dict bash
    """
    return __salt__["lowpkg.file_dict"](*packages)


def owner(*paths: str, **kwargs: Any) -> Any:
    """Return the package that a path is of, ``""`` for none; of several ``{path: name}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.owner /usr/bin/apachectl
    """
    return __salt__["lowpkg.owner"](*paths)


def verify(*names: str, **kwargs: Any) -> Any:
    """Return what ``lowpkg.verify`` does: the files that differ from what was installed.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.verify httpd ignore_types='["config", "doc"]'
    """
    return __salt__["lowpkg.verify"](*names, **_keywords.own(kwargs))


def modified(*packages: str, **flags: Any) -> Any:
    """Return what ``lowpkg.modified`` does: the files that differ from what was installed.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.modified httpd mode=False
    """
    return __salt__["lowpkg.modified"](*packages, **_keywords.own(flags))
