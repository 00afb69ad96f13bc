"""Packages of a device of the proxytype ``rest_sample``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError

__proxy__: Mapping[str, Callable[..., Any]]

__virtualname__ = "pkg"
__proxyenabled__ = ["rest_sample"]

__powers__ = {
    "list_pkgs": "reads",
    "version": "reads",
    "installed": "reads",
    "install": "writes",
    "remove": "writes",
    "upgrade": "writes",
}


def list_pkgs(versions_as_list: bool = False, **kwargs: Any) -> dict[str, Any]:
    """Return the packages with their versions; with *versions_as_list* each in a list.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.list_pkgs
    """
    found: dict[str, Any] = __proxy__["rest_sample.package_list"]()
    return {name: [version] for name, version in found.items()} if versions_as_list is True else found


def install(
    name: str | None = None,
    refresh: bool = False,
    fromrepo: str | None = None,
    pkgs: list[Any] | None = None,
    sources: Any = None,
    version: Any = None,
    **kwargs: Any,
) -> Any:
    """Install *name*, of a *version* (default 1.0); return what the device says: ``{'comment': 'installed', …}``.

    *pkgs* installs several, each a name or ``{name: version}``, and returns what the device says of each. The others
    are Salt's, and say nothing here. Raises ``ArgumentError`` without a name.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.install redbull version=3.2
        saltern device pkg.install pkgs='[redbull, {coreutils: "2.0"}]'
    """
    put = __proxy__["rest_sample.package_install"]
    return {one: put(one, version=of) for one, of in _several(pkgs)} if pkgs else put(_named(name), version=version)


def remove(name: str | None = None, pkgs: list[Any] | None = None, **kwargs: Any) -> Any:
    """Remove *name*, or each of *pkgs*; return what the device says: ``{'comment': 'removed', 'ret': True}``.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.remove redbull
    """
    take = __proxy__["rest_sample.package_remove"]
    return {one: take(one) for one, _ in _several(pkgs)} if pkgs else take(_named(name))


def version(*names: str, **kwargs: Any) -> str | dict[str, str]:
    """Return the version of a package, empty when it isn't there; of several ``{name: version}``.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.version coreutils
    """
    if not names:
        raise ArgumentError("pkg.version: give a package's name")
    found = {str(name): _version(str(name)) for name in names}
    return found if len(found) > 1 else found[str(names[0])]


def installed(name: str, version: Any = None, **kwargs: Any) -> bool:
    """Return whether the package *name* is there, and of the *version* that is given.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.installed coreutils version=1.05
    """
    found = _version(str(name))
    return bool(found) if version is None else found == str(version)


def upgrade(refresh: bool = True, skip_verify: bool = True, **kwargs: Any) -> dict[str, dict[str, str]]:
    """Bring the packages up to date; return those that changed: ``{'coreutils': {'old': '1.05', 'new': '2.05'}}``.

    Raises ``CommandError`` for a device of the first generation, which can't.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.upgrade
    """
    before = list_pkgs()
    __proxy__["rest_sample.uptodate"]()
    __proxy__["rest_sample.upgrade"]()
    after = list_pkgs()
    return {
        name: {"old": str(before.get(name, "")), "new": str(after.get(name, ""))}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }


def _version(name: str) -> str:
    answer = __proxy__["rest_sample.package_status"](name)
    if isinstance(answer, Mapping):
        answer = answer.get("ret") or ""
    return str(answer)


def _named(name: Any) -> str:
    if name in (None, ""):
        raise ArgumentError("give a package's name, or pkgs with several")
    return str(name)


def _several(pkgs: Any) -> list[tuple[str, Any]]:
    """Return names with versions, ``None`` for any."""
    found: list[tuple[str, Any]] = []
    for one in pkgs if isinstance(pkgs, (list, tuple)) else [pkgs]:
        found += [(str(name), of) for name, of in one.items()] if isinstance(one, Mapping) else [(str(one), None)]
    return found
