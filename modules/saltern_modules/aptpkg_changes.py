"""Packages of Debian and its kin, by apt and dpkg: the part of the module ``pkg`` that changes them.

Changes are told as ``{name: {"old": version, "new": version}}``, ``""`` for none. Settings that an administrator has
changed are kept.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _apt, _keywords, _package_targets

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]
__opts__: Mapping[str, Any]
__context__: dict[str, Any]

__virtualname__ = "pkg"

__powers__ = {
    "autoremove": "writes",
    "install": "indirect",
    "purge": "writes",
    "refresh_db": "writes",
    "remove": "writes",
    "upgrade": "indirect",
}

LISTS = "/var/lib/apt/lists"
REFRESH_TIMEOUT_S = 30
KEEP_SETTINGS = ("-o", "DPkg::Options::=--force-confold", "-o", "DPkg::Options::=--force-confdef")
NEW_SETTINGS = ("-o", "DPkg::Options::=--force-confnew")


def __virtual__() -> str | tuple[bool, str]:
    """Only on Debian and its kin."""
    return _apt.here(__grains__)


def refresh_db(cache_valid_time: float = 0, failhard: bool = False, **kwargs: Any) -> dict[str, bool | None]:
    """Read the sources anew, unless that was done in the last *cache_valid_time* seconds; what came of it by source.

    True: something new, None: nothing, False: it failed, for which *failhard* raises ``CommandError``. ``timeout``:
    seconds, by default the option ``aptpkg_refresh_db_timeout``, 30; then apt's cache is cleaned and it is tried again.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.refresh_db
    """
    if cache_valid_time and _refreshed_within(cache_valid_time):
        return {}
    words = ["apt-get", "-q", "update"]
    timeout = kwargs.get("timeout", __opts__.get("aptpkg_refresh_db_timeout", REFRESH_TIMEOUT_S))
    done = _apt.call(__salt__, words, timeout=timeout)
    if "Timed out" in done["stdout"]:
        _apt.call(__salt__, ["apt-get", "-q", "clean"])
        done = _apt.call(__salt__, words)
    if done["retcode"]:
        raise CommandError(done["stderr"] or done["stdout"])
    problems = _apt.failed(done["stdout"])
    if _keywords.is_true(failhard) and problems:
        raise CommandError(f"Error getting repos: {', '.join(problems)}")
    return _apt.fetched(done["stdout"])


def _refreshed_within(seconds: float) -> bool:
    try:
        return os.stat(LISTS).st_mtime + seconds > time.time()
    except (OSError, TypeError):
        return False


def install(
    name: str | None = None,
    refresh: bool = False,
    fromrepo: str | None = None,
    skip_verify: bool = False,
    debconf: str | None = None,
    pkgs: Any = None,
    sources: Any = None,
    reinstall: bool = False,
    downloadonly: bool = False,
    ignore_epoch: bool = False,
    normalize: bool = True,
    **kwargs: Any,
) -> dict[str, Any]:
    """Install packages, or upgrade them, and return the changes.

    *name*: a name, or several with commas; ``version``: which of it (``1.2-1``, ``>=1.2``). *pkgs*: a list of names
    and ``{name: version}``. *sources*: a list of ``{name: path or address}``. *fromrepo*: the release to take it
    from. *refresh*: read the sources first (``cache_valid_time``). *reinstall*: also what is there.
    *downloadonly*: don't install. *skip_verify*: take what nobody signed. *debconf*: a file of answers to packages'
    questions. ``only_upgrade``, ``install_recommends``, ``force_conf_new``, ``force_yes``, ``env``: as apt's.

    Packages on hold that are named are installed, and held again. Raises ``CommandError`` with what apt says, and with
    the changes that were made.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.install bash refresh=True
        saltern '*' pkg.install pkgs='["foo", {"bar": "1.2.3-0ubuntu0"}]'
        saltern '*' pkg.install sources='[{"foo": "salt://foo.deb"}]'
    """
    refresh = _keywords.is_true(refresh) and _needs_refresh(name, pkgs, kwargs.get("version"))
    if debconf:
        if "debconf.set_file" not in __salt__:
            raise CommandError("pkg.install: there is no module debconf here: run debconf-set-selections before")
        __salt__["debconf.set_file"](debconf)
    normalized = __salt__["pkg.normalize_name"] if normalize and kwargs.get("split_arch", True) else str
    saltenv = str(kwargs.get("saltenv", "base"))
    found = _package_targets.targets(__salt__, name, pkgs, sources, normalized, kwargs.get("version"), saltenv)
    if found is None:
        return {}
    plan = _Plan(_installed(), _keywords.is_true(reinstall))
    plan.fill(found, ignore_epoch)
    commands = plan.commands(_words(found.kind, fromrepo or kwargs.get("repo"), skip_verify, downloadonly, kwargs))
    changes: dict[str, Any] = {}
    if commands:
        if refresh:
            refresh_db(kwargs.get("cache_valid_time", 0))
        with _unheld(plan.names()):
            for command in commands:
                done = _apt.call(__salt__, command, changes=True, env=kwargs.get("env"))
                plan.errors += [done["stderr"]] if done["retcode"] and done["stderr"] else []
        changes = plan.told(_installed())
    if plan.errors:
        raise CommandError("Problem encountered installing package(s)", {"errors": plan.errors, "changes": changes})
    return changes


@contextlib.contextmanager
def _unheld(names: Collection[str]) -> Iterator[None]:
    """Let those of *names* that are on hold go meanwhile."""
    held = [one for one in __salt__["pkg.get_selections"](state="hold")["hold"] if one in names]
    if held:
        __salt__["pkg.unhold"](pkgs=held)
    try:
        yield
    finally:
        if held:
            __salt__["pkg.hold"](pkgs=held)


def _needs_refresh(name: Any, pkgs: Any, version: Any) -> bool:
    """Return whether the sources must be read: not when what is wanted is known to be the newest."""
    wanted = [(name, version)] if version else []
    if pkgs and isinstance(pkgs, list | tuple):
        wanted = [next(iter(one.items())) if isinstance(one, Mapping) else (one, None) for one in pkgs]
    latest = __salt__["pkg.latest_version"]
    return not wanted or any(
        not version or latest(one, refresh=False, show_installed=True) != version for one, version in wanted
    )


def _chosen(wanted: Mapping[str, str | None], ignore_epoch: bool, errors: list[str]) -> list[tuple[str, str | None]]:
    """Return names and versions, with ``>=1.2`` replaced by the newest that fits; without one an error is added."""
    ranged = [name for name, version in wanted.items() if version and version[0] in "<>"]
    known = __salt__["pkg.list_repo_pkgs"](*ranged) if ranged else {}
    chosen: list[tuple[str, str | None]] = []
    for name, version in wanted.items():
        if name.endswith("-"):
            raise ArgumentError(f"pkg.install: {name!r} would remove a package: pkg.remove does that")
        if version is not None:
            version = version.lstrip("=")
        if name in ranged and version is not None:
            candidates = known.get(name, [])
            fits = _package_targets.available(version, candidates, _compare(ignore_epoch))
            if fits is None:
                there = ", ".join(candidates) or None
                errors.append(f"No version matching '{name}{version}' could be found (available: {there})")
                continue
            version = fits
        chosen.append((name, version))
    return chosen


def _compare(ignore_epoch: bool = False) -> Callable[[str, str], int | None]:
    return lambda first, second: _apt.version_cmp(__salt__, first, second, ignore_epoch)


def _words(kind: str, release: Any, skip_verify: Any, downloadonly: Any, kwargs: Mapping[str, Any]) -> list[str]:
    """Return the command up to ``install``."""
    words = ["apt-get", "-q", "-y", *_settings(kwargs)]
    if "install_recommends" in kwargs:
        words.append("--install-recommends" if kwargs["install_recommends"] else "--no-install-recommends")
    words += ["--only-upgrade"] if kwargs.get("only_upgrade") else []
    words += ["--allow-unauthenticated"] if skip_verify else []
    words += ["-t", _package_targets.safe(str(release))] if release and kind == "repository" else []
    words += ["--download-only"] if downloadonly else []
    return [*words, "install"]


def _settings(kwargs: Mapping[str, Any]) -> list[str]:
    forced = ["--force-yes"] if kwargs.get("force_yes") else []
    return [*forced, *(NEW_SETTINGS if kwargs.get("force_conf_new") else KEEP_SETTINGS)]


class _Plan:
    """What is to be installed, put back to an earlier version, and installed again."""

    def __init__(self, old: Mapping[str, str], reinstall: bool) -> None:
        self.old = old
        self.reinstall = reinstall
        self.ahead: list[str] = []
        self.back: list[str] = []
        self.again: dict[str, str] = {}
        self.errors: list[str] = []

    def fill(self, found: _package_targets.Targets, ignore_epoch: bool) -> None:
        """Take over what is wanted."""
        if found.kind == "file":
            for path in found.paths:
                info = __salt__["lowpkg.bin_pkg_info"](path)
                self.add(info["name"], info["version"], path)
        else:
            for name, version in _chosen(found.versions, ignore_epoch, self.errors):
                self.add(name, version, name if version is None else f"{name}={version}")

    def add(self, name: str, version: str | None, target: str) -> None:
        """Plan what apt is to do of *target*, the package *name*, of which *version* is wanted (``None``: any)."""
        present = self.old.get(name, "")
        order = _compare()(version, present) if version is not None and present else 1
        if self.reinstall and present and (version is None or order == 0):
            self.again[name] = target
        elif order in (0, 1):
            self.ahead.append(target)
        else:
            self.back.append(target)

    def names(self) -> set[str]:
        """Return the names of all that something is done to."""
        return {target.split("=")[0] for target in (*self.ahead, *self.back, *self.again)}

    def commands(self, words: Sequence[str]) -> list[list[str]]:
        """Return the commands; *words* end with ``install``."""
        before = list(words[:-1])
        return [
            *([[*words, *self.ahead]] if self.ahead else []),
            *([[*before, "--allow-downgrades", "install", *self.back]] if self.back else []),
            *([[*words, "--reinstall", *self.again.values()]] if self.again else []),
        ]

    def told(self, new: Mapping[str, str]) -> dict[str, Any]:
        """Return what has changed, now that *new* is there, and what was installed again."""
        again = {name: {"old": self.old.get(name, ""), "new": new.get(name, "")} for name in self.again}
        return {**_keywords.changes(self.old, new), **again}


def _installed(removed: bool = False) -> dict[str, str]:
    __context__.pop("pkg.list_pkgs", None)
    return _apt.text_of(_apt.installed(__salt__, __grains__), removed)


def remove(name: str | None = None, pkgs: Any = None, **kwargs: Any) -> dict[str, Any]:
    """Remove packages, but for their settings, and return the changes; ``{}`` when none is there.

    *name*: a name or pattern, or several with commas; *pkgs*: a list of them. Raises ``CommandError`` with what apt
    says, and with the changes that were made.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.remove 'foo,bar'
        saltern '*' pkg.remove pkgs='["foo", "bar"]'
    """
    return _uninstalled("remove", name, pkgs, kwargs)


def purge(name: str | None = None, pkgs: Any = None, **kwargs: Any) -> dict[str, Any]:
    """Remove packages with their settings, and return ``{"installed": changes, "removed": changes}``; else ``{}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.purge 'foo,bar'
    """
    return _uninstalled("purge", name, pkgs, kwargs)


def _uninstalled(action: str, name: Any, pkgs: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    wanted = _package_targets.targets(__salt__, name, pkgs, normalize=__salt__["pkg.normalize_name"])
    if wanted is None:
        raise ArgumentError(f"pkg.{action}: name or pkgs must say which packages")
    env = kwargs.get("env") or {}
    if any(name != "DEBIAN_FRONTEND" or not str(value).isalpha() for name, value in env.items()):
        raise ArgumentError(f"pkg.{action}: env takes DEBIAN_FRONTEND alone: others may make apt run a program")
    old, old_removed = _installed(), _installed(removed=True)
    targets = [one for one in _package_targets.matched(old, wanted.versions) if one in old]
    if action == "purge":
        gone = _package_targets.matched(old_removed, wanted.versions)
        targets += [one for one in gone if one in old_removed and one not in targets]
    if not targets:
        return {}
    done = _apt.call(__salt__, ["apt-get", "-q", "-y", action, *targets], changes=True, env=env)
    changes: dict[str, Any] = _keywords.changes(old, _installed())
    if action == "purge":
        changes = {"removed": _keywords.changes(old_removed, _installed(removed=True)), "installed": changes}
    if done["retcode"] and done["stderr"]:
        info = {"errors": [done["stderr"]], "changes": changes}
        raise CommandError("Problem encountered removing package(s)", info)
    return changes


def autoremove(list_only: bool = False, purge: bool = False) -> Any:
    """Remove packages that were installed for others that are gone, and return the changes.

    *list_only*: return their names, and leave them. *purge*: with their settings.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.autoremove list_only=True
    """
    purged = ["--purge"] if purge else []
    if list_only:
        words = ["apt-get", "--assume-no", *purged, "autoremove"]
        return _removed_by(_apt.call(__salt__, words, ignore_retcode=True)["stdout"])
    old = _installed()
    _apt.call(__salt__, ["apt-get", "--assume-yes", *purged, "autoremove"], changes=True, ignore_retcode=True)
    return _keywords.changes(old, _installed())


def _removed_by(output: str) -> list[str]:
    """Return the packages that apt says will be removed."""
    found: list[str] = []
    within = False
    for line in output.splitlines():
        if within and line.startswith(" "):
            found += line.split()
        else:
            within = "The following packages will be REMOVED:" in line
    return sorted(found)


def upgrade(refresh: bool = True, dist_upgrade: bool = False, **kwargs: Any) -> dict[str, Any]:
    """Upgrade all packages, with *dist_upgrade* also where others must come or go, and return the changes.

    ``download_only``, ``allow_downgrades``, ``force_conf_new``, ``force_yes``, ``skip_verify``, ``cache_valid_time``:
    as for ``pkg.install``. Raises ``CommandError`` with what apt says, and with the changes that were made.

    CLI Example:

    .. code-block:: bash

        saltern '*' pkg.upgrade dist_upgrade=True
    """
    if _keywords.is_true(refresh):
        refresh_db(kwargs.get("cache_valid_time", 0))
    old = _installed()
    words = ["apt-get", "-q", "-y", *_settings(kwargs)]
    words += ["--allow-unauthenticated"] if kwargs.get("skip_verify") else []
    words += ["--download-only"] if kwargs.get("download_only") or kwargs.get("downloadonly") else []
    words += ["--allow-downgrades"] if kwargs.get("allow_downgrades") else []
    done = _apt.call(__salt__, [*words, "dist-upgrade" if dist_upgrade else "upgrade"], changes=True)
    changes = _keywords.changes(old, _installed())
    if done["retcode"]:
        raise CommandError("Problem encountered upgrading packages", {"changes": changes, "result": done})
    return changes
