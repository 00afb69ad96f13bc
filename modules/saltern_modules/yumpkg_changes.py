"""Packages of Red Hat's kin, by rpm and dnf, dnf5 or yum: the part of the module ``pkg`` that changes them.

Changes are told as ``{name: {"old": version, "new": version}}``, ``""`` for none. ``fromrepo``, ``enablerepo``,
``disablerepo`` and ``disableexcludes`` are dnf's options, and where that is said ``setopt``, which may run a program.
"""

from __future__ import annotations

import contextlib
import fnmatch
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _keywords, _package_targets, _rpm, _yum

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]
__context__: dict[str, Any]

__virtualname__ = "pkg"

__powers__ = {
    "clean_metadata": "writes",
    "install": "indirect",
    "purge": "writes",
    "refresh_db": "writes",
    "remove": "writes",
    "update": "indirect",
    "upgrade": "indirect",
}

KEPT_BESIDE = re.compile(r"kernel(|-devel)")
"""Packages of which several versions are installed at a time."""


def __virtual__() -> str | tuple[bool, str]:
    """Only on Red Hat's kin."""
    return _yum.here(__grains__)


def refresh_db(**kwargs: Any) -> bool | None:
    """Read the repositories anew: True when there are upgrades, None for none, False when it failed.

    ``check_update=False``: don't look for upgrades; then True.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.refresh_db
    """
    return _refreshed(_yum.options(kwargs), bool(kwargs.get("check_update", True)))


def _refreshed(options: list[str], looks: bool = True) -> bool | None:
    _yum.call(__salt__, ["--quiet", "--assumeyes", "clean", "expire-cache", *options], ignore_retcode=True)
    if not looks:
        return True
    words = ["--quiet", "--assumeyes", "check-update"]
    if __grains__.get("os_family") == "RedHat" and __grains__.get("osmajorrelease") == 7:
        words.append("--setopt=autocheck_running_kernel=false")
    code = _yum.call(__salt__, [*words, *options], ignore_retcode=True)["retcode"]
    return {100: True, 0: None}.get(code, False)


def clean_metadata(**kwargs: Any) -> bool | None:
    """Return what ``pkg.refresh_db`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.clean_metadata
    """
    return refresh_db(**kwargs)


def install(
    name: str | None = None,
    refresh: bool = False,
    skip_verify: bool = False,
    pkgs: Any = None,
    sources: Any = None,
    downloadonly: bool = False,
    reinstall: bool = False,
    normalize: bool = True,
    update_holds: bool = False,
    saltenv: str = "base",
    ignore_epoch: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """Install packages, or upgrade them, and return the changes.

    *name*: a name, or several with commas; ``version``: which of it (``1.2-1``, ``1.2*``, ``>=1.2``). *pkgs*: a list of
    names and ``{name: version}``. *sources*: a list of ``{name: path or address}``. *reinstall*: also what is there.
    *downloadonly*: don't install. *skip_verify*: take what nobody signed. *update_holds*: also what is held, which is
    held again. ``diff_attr``: what changes tell of packages, as ``attr`` of ``pkg.list_pkgs``. ``advisory_ids``: what
    these advisories need.

    ``setopt``: dnf's settings. Raises ``CommandError`` with what dnf says, and with the changes that were made.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.install 'foo,bar' refresh=True
        saltern '*' pkg.install pkgs='["foo", {"bar": "1.2.3-4.el9"}]'
    """
    options = _yum.options(kwargs, settings=True)
    if _keywords.is_true(refresh):
        _refreshed(options)
    plan = _Plan(_listed(True, downloadonly), _keywords.is_true(reinstall), ignore_epoch)
    if "advisory_ids" in kwargs:
        plan.advisories = _advisories(kwargs["advisory_ids"] or [name])
    else:
        normalized = __salt__["pkg.normalize_name"] if normalize and kwargs.get("split_arch", True) else str
        found = _package_targets.targets(__salt__, name, pkgs, sources, normalized, kwargs.get("version"), saltenv)
        if found is None:
            return {}
        plan.fill(found)
    old = _listed(False, downloadonly, kwargs.get("diff_attr"))
    tail = [*options, *(["--nogpgcheck"] if skip_verify else [])]
    tail += ["--downloadonly"] if downloadonly and _yum.program() != "dnf5" else []
    with _unheld(plan, update_holds):
        for command in plan.commands(tail):
            done = _yum.call(__salt__, command, changes=True, redirect_stderr=True)
            plan.errors += [done["stdout"]] if done["retcode"] else []
    new = _listed(False, downloadonly, kwargs.get("diff_attr"))
    changes = plan.told(old, new)
    if plan.errors:
        what = "/reinstalling" if plan.again else ""
        raise CommandError(f"Error occurred installing{what} package(s)", {"errors": plan.errors, "changes": changes})
    return changes


def _listed(as_list: bool, downloaded: bool, attr: Any = None) -> dict[str, Any]:
    __context__.pop("pkg.list_pkgs", None)
    if downloaded:
        return dict(__salt__["pkg.list_downloaded"]())
    return dict(__salt__["pkg.list_pkgs"](versions_as_list=as_list, **({"attr": attr} if attr else {})))


def _advisories(wanted: Any) -> list[str]:
    known = __salt__["pkg.list_patches"]()
    for one in wanted:
        if one not in known:
            raise CommandError(f'Advisory id "{one}" not found')
    return [f"--advisory={one}" for one in wanted]


class _Plan:
    """What is to be installed, put back to an earlier version, and installed again, by name."""

    def __init__(self, old: Mapping[str, Any], reinstall: bool, ignore_epoch: bool) -> None:
        self.old = old
        self.reinstall = reinstall
        self.ignore_epoch = ignore_epoch
        self.ahead: dict[str, str] = {}
        self.back: dict[str, str] = {}
        self.again: dict[str, str] = {}
        self.advisories: list[str] = []
        self.errors: list[str] = []

    def fill(self, found: _package_targets.Targets) -> None:
        """Take over what is wanted."""
        for path in found.paths:
            info = __salt__["lowpkg.bin_pkg_info"](path)
            if info is None:
                self.ahead[path] = path
            else:
                self.add(info["name"], info["version"], path)
        ranged = [
            name for name, version in found.versions.items() if version and (version[0] in "<>" or "*" in version)
        ]
        known = __salt__["pkg.list_repo_pkgs"](*ranged) if ranged else {}
        for name, version in found.versions.items():
            if version is None:
                self.add(name, None, name)
            elif (chosen := self._chosen(name, version.lstrip("="), known.get(name, []))) is not None:
                short, _, arch = name.rpartition(".")
                kept = arch in _rpm.ARCHES and short
                base, suffix = (short, f".{arch}") if kept else (name, "")
                number = chosen if self.ignore_epoch else chosen.split(":", 1)[-1]
                self.add(base, chosen, f"{base}-{number}{suffix}")

    def _chosen(self, name: str, version: str, candidates: list[str]) -> str | None:
        """Return the newest of *candidates* that *version* (``>=1.2``, ``1.2*``) fits, or *version* itself."""
        there = ", ".join(candidates)
        if version[:1] in ("<", ">"):
            fits = _package_targets.available(version, candidates, self._compare)
            if fits is None:
                said = f"No version matching '{name}{version}' could be found (available: {there or None})"
                self.errors.append(said)
            return fits
        if "*" in version:
            fits = next((one for one in candidates if fnmatch.fnmatch(one, version)), None)
            if fits is None:
                said = f"No version matching '{version}' found for package '{name}' (available: {there or 'none'})"
                self.errors.append(said)
            return fits
        return version

    def _compare(self, first: str, second: str) -> int:
        return _rpm.version_cmp(first, second, self.ignore_epoch)

    def add(self, name: str, version: str | None, target: str) -> None:
        """Plan what dnf is to do of *target*, the package *name*, of which *version* is wanted (``None``: any)."""
        present = list(self.old.get(name, []))
        if version is None:
            (self.again if self.reinstall and present else self.ahead)[name] = target
        elif self.reinstall and any(self._compare(version, one) == 0 for one in present):
            self.again[name] = target
        elif not present or any(self._compare(version, one) >= 0 for one in present) or KEPT_BESIDE.fullmatch(name):
            self.ahead[name] = target
        else:
            self.back[name] = target

    def commands(self, tail: list[str]) -> list[list[str]]:
        """Return the commands, with the options *tail*."""
        tool = _yum.program()
        best = ["--best", "--allowerasing"]
        verb = "update" if self.advisories else "install"
        targets = [*self.advisories, *self.ahead.values()]
        head = ["-y", *(best if tool == "dnf" else []), *tail, verb, *(best if tool == "dnf5" else []), *targets]
        others = (("downgrade", self.back), ("reinstall", self.again))
        return [
            *([head] if targets else []),
            *(["-y", *tail, other, *chosen.values()] for other, chosen in others if chosen),
        ]

    def told(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
        """Return what has changed, and what was installed again."""
        changes: dict[str, Any] = _keywords.changes(old, new)
        for name in self.again:
            if name in old or name not in changes:
                changes[name] = {"old": old.get(name, ""), "new": new.get(name, "")}
        return changes


@contextlib.contextmanager
def _unheld(plan: _Plan, update_holds: bool) -> Iterator[None]:
    """Take what is held out of *plan*, which is an error, or with *update_holds* let it go meanwhile."""
    try:
        holds = set(__salt__["pkg.list_holds"](full=False))
    except (ArgumentError, CommandError):  # without the plug-in nothing is held
        holds = set()
    concerned = [name for part in (plan.ahead, plan.back, plan.again) for name in part if name in holds]
    if not concerned:
        yield
        return
    if not update_holds:
        for part in (plan.ahead, plan.back, plan.again):
            for name in concerned:
                part.pop(name, None)
        yield
        plan.errors.append(
            f"The following package(s) could not be updated because they are being held: {', '.join(concerned)}. Set"
            " 'update_holds' to True to temporarily unhold these packages so that they can be updated."
        )
        return
    __salt__["pkg.unhold"](pkgs=concerned)
    try:
        yield
    finally:
        __salt__["pkg.hold"](pkgs=concerned)


def upgrade(
    name: str | None = None,
    pkgs: Any = None,
    refresh: bool = True,
    skip_verify: bool = False,
    normalize: bool = True,
    minimal: bool = False,
    obsoletes: bool = True,
    diff_attr: Any = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """Upgrade all packages, or those named, and return the changes.

    *minimal*: only what fixes something. *obsoletes*: replace what is obsolete. Keywords that aren't known are dnf's
    options: ``security=True``, ``exclude=kernel*``. Raises ``CommandError`` with what dnf says, and with the changes.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.upgrade name=openssl
    """
    dnf = _yum.program() in ("dnf", "dnf5")
    if dnf and not obsoletes:
        given = _keywords.split(kwargs.pop("setopt", [])) if kwargs.get("setopt") else []
        kwargs["setopt"] = [*(one for one in given if not str(one).startswith("obsoletes=")), "obsoletes=False"]
    options = _yum.options(kwargs, extra=True, settings=True)
    if _keywords.is_true(refresh):
        _refreshed(_yum.options(kwargs, settings=True))
    old = _listed(False, False, diff_attr)
    normalized = __salt__["pkg.normalize_name"] if normalize else str
    found = _package_targets.targets(__salt__, name, pkgs, normalize=normalized) if name or pkgs else None
    verb = "upgrade" if obsoletes or dnf else "update"
    words = ["--quiet", "-y", *options, *(["--nogpgcheck"] if skip_verify else [])]
    words += [f"{verb}-minimal" if minimal else verb, *(found.versions if found else ())]
    done = _yum.call(__salt__, words, changes=True)
    changes = _keywords.changes(old, _listed(False, False, diff_attr))
    if done["retcode"]:
        raise CommandError("Problem encountered upgrading packages", {"changes": changes, "result": done})
    return changes


def update(
    name: str | None = None,
    pkgs: Any = None,
    refresh: bool = True,
    skip_verify: bool = False,
    normalize: bool = True,
    minimal: bool = False,
    obsoletes: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """Do what ``pkg.upgrade`` does, but leave what is obsolete.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.update
    """
    return upgrade(name, pkgs, refresh, skip_verify, normalize, minimal, obsoletes, **kwargs)


def remove(name: str | None = None, pkgs: Any = None, **kwargs: Any) -> dict[str, Any]:
    """Remove packages and return the changes; ``{}`` when none is there.

    *name*: a name or pattern, or several with commas; *pkgs*: a list of them, also ``{name: version}``. Raises
    ``CommandError`` with what dnf says, and with the changes that were made.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.remove 'foo,bar'
    """
    found = _package_targets.targets(__salt__, name, pkgs, normalize=__salt__["pkg.normalize_name"])
    if found is None:
        raise ArgumentError("pkg.remove: name or pkgs must say which packages")
    old = _listed(False, False)
    targets = []
    for one, version in _package_targets.matched(old, found.versions).items():
        if one in old and not version:
            targets.append(one)
        elif one in old and version in old[one].split(","):
            short, _, arch = one.rpartition(".")
            base, suffix = (short, f".{arch}") if arch in _rpm.ARCHES and short else (one, "")
            targets.append(f"{base}-{str(version).split(':', 1)[-1]}{suffix}")
    if not targets:
        return {}
    done = _yum.call(__salt__, ["-y", "remove", *targets], changes=True)
    changes = _keywords.changes(old, _listed(False, False))
    if done["retcode"] and done["stderr"]:
        raise CommandError("Error occurred removing package(s)", {"errors": [done["stderr"]], "changes": changes})
    return changes


def purge(name: str | None = None, pkgs: Any = None, **kwargs: Any) -> dict[str, Any]:
    """Do what ``pkg.remove`` does: rpm has no settings of its own to purge.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.purge foo
    """
    return remove(name, pkgs)
