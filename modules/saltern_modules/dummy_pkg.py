"""Packages of a device of the proxytype ``dummy``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError

__proxy__: Mapping[str, Callable[..., Any]]

__virtualname__ = "pkg"
__proxyenabled__ = ["dummy"]

__powers__ = {
    "list_pkgs": "reads",
    "version": "reads",
    "installed": "reads",
    "install": "writes",
    "remove": "writes",
    "upgrade": "writes",
}


def list_pkgs(versions_as_list: bool = False, **kwargs: Any) -> dict[str, str]:
    """Return the packages with their versions.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.list_pkgs
    """
    found: dict[str, str] = __proxy__["dummy.package_list"]()
    return found


def install(name: str | None = None, refresh: bool = False, version: Any = None, **kwargs: Any) -> dict[str, str]:
    """Install *name*, of a *version* (default 1.0); return ``{name: version}``. The others are Salt's.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.install redbull version=2.0
    """
    found: dict[str, str] = __proxy__["dummy.package_install"](_named(name), version=version)
    return found


def remove(name: str | None = None, **kwargs: Any) -> dict[str, str]:
    """Remove *name*; return the packages that are left.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.remove redbull
    """
    found: dict[str, str] = __proxy__["dummy.package_remove"](_named(name))
    return found


def version(*names: str, **kwargs: Any) -> str | dict[str, str]:
    """Return the version of a package, empty when it isn't there; of several those that are: ``{name: version}``.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.version coreutils
    """
    if not names:
        raise ArgumentError("pkg.version: give a package's name")
    found: dict[str, str] = {}
    for name in names:
        found.update(__proxy__["dummy.package_status"](str(name)))
    return found if len(names) > 1 else found.get(str(names[0]), "")


def installed(name: str, version: Any = None, **kwargs: Any) -> bool:
    """Return whether the package *name* is there, and of the *version* that is given.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.installed coreutils
    """
    found = __proxy__["dummy.package_status"](str(name))
    return bool(found) if version is None else found.get(str(name)) == str(version)


def upgrade(**kwargs: Any) -> dict[str, dict[str, str]]:
    """Add one to each version; return ``{name: {'old': version, 'new': version}}``.

    CLI Example:

    .. code-block:: bash

        saltern device pkg.upgrade
    """
    before = list_pkgs()
    after: dict[str, str] = __proxy__["dummy.upgrade"]()
    return {name: {"old": before.get(name, ""), "new": new} for name, new in after.items() if before.get(name) != new}


def _named(name: Any) -> str:
    if name in (None, ""):
        raise ArgumentError("give a package's name")
    return str(name)
