"""Holding packages, by dnf's or yum's plug-in versionlock: a part of the module ``pkg`` of Red Hat's kin."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError
from saltern_modules import _package_targets, _yum

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]
__opts__: Mapping[str, Any]

__virtualname__ = "pkg"

__powers__ = {
    "get_locked_packages": "reads",
    "hold": "writes",
    "list_holds": "reads",
    "unhold": "writes",
}

LOCKS = "/etc/dnf/versionlock.toml"


def __virtual__() -> str | tuple[bool, str]:
    """Only on Red Hat's kin."""
    return _yum.here(__grains__)


def _plugin() -> str | None:
    """Return the package that holds others; None for dnf5, which does it itself."""
    tool = _yum.program()
    if tool == "dnf5":
        return None
    if tool == "tdnf":
        raise ArgumentError("Cannot proceed, no versionlock for tdnf")
    if tool == "dnf":
        old = str(__grains__.get("os", "")).lower() != "fedora" and int(__grains__.get("osmajorrelease") or 8) < 8
        return "python2-dnf-plugin-versionlock" if old else "python3-dnf-plugin-versionlock"
    return "yum-plugin-versionlock"


def _check() -> None:
    plugin = _plugin()
    if plugin is not None and plugin not in __salt__["pkg.list_pkgs"]():
        raise ArgumentError(f"Cannot proceed, {plugin} is not installed.")


def list_holds(pattern: str = _yum.NAME, full: bool = True) -> list[str]:
    """Return what is held, as the plug-in has it (``bash-0:4.2.46-34.el7.*``), or names alone without *full*.

    *pattern*: the regex of names that are looked for. Raises ``ArgumentError`` without the plug-in.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.list_holds full=False
    """
    _check()
    tool = str(_yum.program())
    if tool == "dnf5":
        try:
            with open(LOCKS, encoding="utf-8", errors="replace") as file:
                return _yum.locks(file.read(), full)
        except OSError:
            return []
    output = _yum.call(__salt__, ["versionlock", "list"], ignore_retcode=True)["stdout"]
    found = (_yum.held(line, tool, full, pattern) for line in output.split("\n"))
    return [one for one in found if one is not None]


def get_locked_packages(pattern: str = _yum.NAME, full: bool = True) -> list[str]:
    """Return what ``pkg.list_holds`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.get_locked_packages
    """
    return list_holds(pattern, full)


def hold(
    name: str | None = None, pkgs: Any = None, sources: Any = None, normalize: bool = True, **kwargs: Any
) -> dict[str, dict[str, Any]]:
    """Keep packages in the version that they have.

    ``{name: {"name": name, "changes": {"old": "", "new": "hold"}, "result": True, "comment": text}}``

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.hold zsh
    """
    _check()
    targets = _targets(name, pkgs, sources)
    held = list_holds(full=False)
    told = {}
    for target in targets:
        answer: dict[str, Any] = {"name": target, "changes": {}, "result": True}
        if target in held:
            answer["comment"] = f"Package {target} is already set to be held."
        elif __opts__.get("test"):
            answer.update(result=None, comment=f"Package {target} is set to be held.")
        elif _yum.call(__salt__, ["versionlock", "add", target])["retcode"] == 0:
            answer.update(changes={"new": "hold", "old": ""}, comment=f"Package {target} is now being held.")
        else:
            answer.update(result=False, comment=f"Package {target} was unable to be held.")
        told[target] = answer
    return told


def unhold(name: str | None = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> dict[str, dict[str, Any]]:
    """Let packages be upgraded again; the answer is as for ``pkg.hold``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.unhold zsh
    """
    _check()
    targets = _targets(name, pkgs, sources)
    tool = str(_yum.program())
    held = list_holds(full=tool == "yum")
    told = {}
    for target in targets:
        locks = [one for one in held if _is(one, target, tool)]
        answer: dict[str, Any] = {"name": target, "changes": {}, "result": True}
        if not locks:
            answer["comment"] = f"Package {target} is not being held."
        elif __opts__.get("test"):
            answer.update(result=None, comment=f"Package {target} is set to be unheld.")
        elif _yum.call(__salt__, ["versionlock", "delete", *locks])["retcode"] == 0:
            answer.update(changes={"new": "", "old": "hold"}, comment=f"Package {target} is no longer held.")
        else:
            answer.update(result=False, comment=f"Package {target} was unable to be unheld.")
        told[target] = answer
    return told


def _is(held: str, target: str, tool: str) -> bool:
    if tool in ("dnf", "dnf5"):
        return held == target
    return fnmatch.fnmatch(held, f"*{target}*") and target == _yum.held(held, tool, full=False)


def _targets(name: Any, pkgs: Any, sources: Any) -> list[str]:
    if not name and not pkgs and not sources:
        raise ArgumentError("One of name, pkgs, or sources must be specified.")
    if pkgs and sources:
        raise ArgumentError("Only one of pkgs or sources can be specified.")
    given = pkgs or sources or [name]
    return [_package_targets.safe(str(next(iter(one)) if isinstance(one, Mapping) else one)) for one in given]
