"""What modules of package managers share; custom ones ask for it by Salt's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern_modules import _keywords, _package_targets

__salt__: Mapping[str, Callable[..., Any]]

__powers__ = {
    "add_pkg": "reads",
    "check_extra_requirements": "reads",
    "format_pkg_list": "reads",
    "format_version": "reads",
    "pack_sources": "reads",
    "parse_targets": "indirect",
    "sort_pkglist": "reads",
    "stringify": "reads",
    "version": "reads",
    "version_clean": "reads",
    "version_compare": "reads",
}

ATTRIBUTES = ("epoch", "version", "release", "arch", "install_date", "install_date_time_t")


def _normalized(normalize: bool) -> Callable[[str], str]:
    return __salt__["pkg.normalize_name"] if normalize and "pkg.normalize_name" in __salt__ else str


def pack_sources(sources: Any, normalize: bool = True) -> dict[str, str]:
    """Return ``{name: where}`` of a list of one-key dicts, or of YAML; ``{}`` for anything else.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg_resource.pack_sources '[{"foo": "salt://foo.rpm"}]'
    """
    return {_normalized(normalize)(name): where for name, where in _package_targets.sources_of(sources).items()}


def parse_targets(
    name: str | None = None,
    pkgs: Any = None,
    sources: Any = None,
    saltenv: str = "base",
    normalize: bool = True,
    **kwargs: Any,
) -> tuple[Any, str | None]:
    """Return what a call is about: ``({name: version or None}, "repository")``.

    Or ``([paths], "file")``, or ``(None, None)`` for nothing. *name*: comma text; *pkgs*: a list of names and
    ``{name: version}``; *sources*: as ``pkg.install``'s, of which those of the master are fetched.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg_resource.parse_targets foo,bar
    """
    found = _package_targets.targets(
        __salt__, name, pkgs, sources, _normalized(normalize), kwargs.get("version"), saltenv
    )
    if found is None:
        return None, None
    return (found.paths if found.kind == "file" else found.versions), found.kind


def version(*names: str, **kwargs: Any) -> Any:
    """Return the installed version of a package, ``""`` for none; of several, or a pattern, ``{name: version}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg_resource.version vim
    """
    as_list = _keywords.is_true(kwargs.pop("versions_as_list", False))
    installed = __salt__["pkg.list_pkgs"](versions_as_list=True, **_keywords.own(kwargs)) if names else {}
    return _package_targets.versions_of(names, installed, as_list)


def add_pkg(pkgs: dict[str, list[str]], name: str, pkgver: str) -> None:
    """Add a version to the packages *pkgs*, ``{name: [versions]}``, in place.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg_resource.add_pkg '{}' bind 9
    """
    pkgs.setdefault(name, []).append(pkgver)


def sort_pkglist(pkgs: dict[str, Any]) -> None:
    """Sort the versions in *pkgs*, ``{name: [versions]}``, as texts, each once, in place.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg_resource.sort_pkglist '["3.45", "2.13"]'
    """
    for name in pkgs if isinstance(pkgs, dict) else ():
        pkgs[name] = sorted(set(pkgs[name]))


def stringify(pkgs: dict[str, Any]) -> None:
    """Join the versions in *pkgs*, ``{name: [versions]}``, by commas, in place.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg_resource.stringify 'vim: 7.127'
    """
    for name in pkgs if isinstance(pkgs, dict) else ():
        pkgs[name] = ",".join(pkgs[name])


def version_clean(verstr: str) -> Any:
    """Return a version as the package manager cleans it, or as it is.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg_resource.version_clean 1.2
    """
    return __salt__["pkg.version_clean"](verstr) if verstr and "pkg.version_clean" in __salt__ else verstr


def version_compare(ver1: str, oper: str, ver2: str, ignore_epoch: bool = False) -> bool:
    """Return whether *ver1* ``<``, ``<=``, ``==``, ``!=``, ``>=`` or ``>`` *ver2*, as the package manager has it.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg_resource.version_compare 1.2 '<' 1.10
    """
    return _keywords.compares(ver1, oper, ver2, lambda a, b: __salt__["pkg.version_cmp"](a, b, ignore_epoch))


def check_extra_requirements(pkgname: str, pkgver: str) -> Any:
    """Return whether the package manager's further requirements are met; true where it has none.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg_resource.check_extra_requirements vim 1.2
    """
    if pkgver and "pkg.check_extra_requirements" in __salt__:
        return __salt__["pkg.check_extra_requirements"](pkgname, pkgver)
    return True


def format_pkg_list(packages: Mapping[str, Any], versions_as_list: bool, attr: Any) -> dict[str, Any]:
    """Return *packages*, ``{name: [{"epoch", "version", "release", …}]}``, as ``pkg.list_pkgs`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg_resource.format_pkg_list '{}' False all
    """
    if attr:
        wanted = set(ATTRIBUTES) if attr == "all" else set(ATTRIBUTES) & {*attr, "version", "arch"}
        told: dict[str, Any] = {}
        for name, versions in packages.items():
            has = "pkg.parse_arch" in __salt__
            parsed = __salt__["pkg.parse_arch"](name) if has else {"name": name, "arch": None}
            chosen = [{key: one[key] for key in one if key in wanted} for one in versions]
            short = parsed["name"] if any(one.get("arch") == parsed["arch"] for one in chosen) else name
            told.setdefault(short or name, []).extend(chosen)
        return told
    texts = {
        name: [format_version(one["epoch"], one["version"], one["release"]) for one in versions]
        for name, versions in packages.items()
    }
    return dict(texts) if versions_as_list else {name: ",".join(versions) for name, versions in texts.items()}


def format_version(epoch: Any, version: str, release: Any) -> str:
    """Return ``epoch:version-release``, without what is empty.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg_resource.format_version 1 2.0 3
    """
    text = f"{epoch}:{version}" if epoch else str(version)
    return f"{text}-{release}" if release else text
