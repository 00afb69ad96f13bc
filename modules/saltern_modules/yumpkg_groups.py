"""Groups of packages: a part of the module ``pkg`` of Red Hat's kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _package_targets, _yum, _yum_groups
from saltern_modules._yum_groups import KINDS

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]

__virtualname__ = "pkg"

__powers__ = {
    "group_diff": "reads",
    "group_info": "reads",
    "group_install": "indirect",
    "group_list": "reads",
    "groupinstall": "indirect",
}


def __virtual__() -> str | tuple[bool, str]:
    """Only on Red Hat's kin."""
    return _yum.here(__grains__)


def group_list() -> dict[str, Any]:
    """Return the groups: ``{"installed": […], "available": […], "installed environments": […], …}``.

    ``available languages``: ``{text: {"name", "language"}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.group_list
    """
    dnf5 = _yum.program() == "dnf5"
    words = ["group", "list", "--hidden"] if dnf5 else ["grouplist", "hidden"]
    return _yum_groups.listed(_yum.call(__salt__, words)["stdout"], dnf5)


def group_info(name: str, expand: bool = False, ignore_groups: Any = None, **kwargs: Any) -> dict[str, Any]:
    """Return the group *name*: ``{"mandatory": […], "optional": […], "default": […], "conditional": […], …}``.

    With ``type``, ``group``, ``id``, ``description``. *expand*: of an environment the packages of its groups, but those
    of *ignore_groups*. Raises ``CommandError`` when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.group_info 'Perl Support'
    """
    limits: dict[str, Any] = {key: kwargs[key] for key in ("fromrepo", "enablerepo", "disablerepo") if key in kwargs}
    verb = ["group", "info"] if _yum.program() == "dnf5" else ["groupinfo"]
    words = ["--quiet", *_yum.options(limits), *verb, _package_targets.safe(str(name))]
    found = _yum_groups.about(_yum.call(__salt__, words, ignore_retcode=True)["stdout"])
    if found is None:
        raise CommandError(f"Group '{name}' not found")
    if expand and found["type"] == "environment group":
        done = list(ignore_groups or [])
        groups = sorted(set().union(*(found[kind] for kind in KINDS)) - set(done))
        found |= {kind: set() for kind in KINDS}
        for group in groups:
            done.append(group)
            inner = _inner(group, done)
            for kind in KINDS:
                found[kind].update(inner[kind])
    return {key: sorted(value) if key in KINDS else value for key, value in found.items()}


def _inner(group: str, done: list[str]) -> dict[str, Any]:
    try:
        return group_info(f"@{group}", True, done)
    except CommandError:
        return group_info(group, True, done)


def group_diff(name: str, **kwargs: Any) -> dict[str, dict[str, list[str]]]:
    """Return which packages of the group *name* are installed: ``{kind: {"installed": […], "not installed": […]}}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.group_diff 'Perl Support'
    """
    present = __salt__["pkg.list_pkgs"]()
    group = group_info(name, expand=True, **kwargs)
    return {
        kind: {
            "installed": [one for one in group[kind] if one in present],
            "not installed": [one for one in group[kind] if one not in present],
        }
        for kind in KINDS
    }


def group_install(name: Any, skip: Any = (), include: Any = (), **kwargs: Any) -> dict[str, Any]:
    """Install the mandatory and default packages of groups (a list or comma text), and return the changes.

    *skip*: default ones that aren't wanted; *include*: others that are; lists or comma texts.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.group_install 'My Group' skip=foo,bar
    """
    groups = name.split(",") if isinstance(name, str) else name
    if not groups:
        raise ArgumentError("no groups specified")
    if not isinstance(groups, list):
        raise ArgumentError("'groups' must be a list")
    skip = skip.split(",") if isinstance(skip, str) else skip
    include = include.split(",") if isinstance(include, str) else include
    for what, value in (("skip", skip), ("include", include)):
        if not isinstance(value, list | tuple):
            raise ArgumentError(f"'{what}' must be a list")
    wanted: list[str] = []
    for group in groups:
        found = group_info(group)
        wanted += [*found["mandatory"], *(one for one in found["default"] if one not in skip)]
    present = __salt__["pkg.list_pkgs"]()
    missing = sorted({one for one in (*wanted, *include) if one not in present})
    return dict(__salt__["pkg.install"](pkgs=missing, **kwargs)) if missing else {}


def groupinstall(name: Any, skip: Any = (), include: Any = (), **kwargs: Any) -> dict[str, Any]:
    """Do what ``pkg.group_install`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.groupinstall 'My Group'
    """
    return group_install(name, skip, include, **kwargs)
