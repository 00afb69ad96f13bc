"""A master's options that aren't the same here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from saltern.cli.from_salt.conversion import Conversion, Given, seconds
from saltern.cli.from_salt.of_both import BOTH
from saltern.cli.from_salt.of_returners import RETURNER_CONVERTERS
from saltern.config.master import MASTER
from saltern.errors import IdError
from saltern.ids import check_env

FOR_EVER_HOURS = MASTER.bounds["keep_jobs_hours"][1]
BACKENDS = {"roots": "roots", "git": "git", "gitfs": "git"}
REMOTE_KEYS = ("ref", "root", "mountpoint", "saltenv", "name")
OF_ALL_REMOTES = {"gitfs_base": "ref", "gitfs_root": "root", "gitfs_mountpoint": "mountpoint"}

_REGEX = re.compile(r"[\\^$+?()\[\]{}|]")
"""What makes a pattern another thing as a glob."""


def keep_jobs(conversion: Conversion, key: str, given: Given) -> None:
    """``keep_jobs_seconds`` before ``keep_jobs``, which is hours; 0 is for ever."""
    if "keep_jobs_hours" in conversion.options:
        conversion.note(key, given, "left out: keep_jobs_seconds says it too, and wins")
        return
    unit, per_hour = ("seconds", 3600) if key == "keep_jobs_seconds" else ("hours", 1)
    number = seconds(given.value)
    if number is None:
        conversion.note(key, given, f"left out: it is no number of {unit}")
    elif number == 0:
        comment = f"{key} 0 is for ever; this is the longest"
        conversion.take("keep_jobs_hours", FOR_EVER_HOURS, comment, of=(key, given))
    else:
        conversion.take("keep_jobs_hours", number / per_hour, f"{key}: {number:g} {unit}", of=(key, given))


def file_roots(conversion: Conversion, key: str, given: Given) -> None:
    """The same, an environment's folders as one text or a list; its name by our grammar."""
    if not isinstance(given.value, dict):
        conversion.note(key, given, "left out: it is no mapping of environments")
        return
    roots = {}
    for env, folders in given.value.items():
        paths = [folders] if isinstance(folders, str) else folders or []
        try:
            name = check_env(str(env))
        except IdError as error:
            conversion.note(key, given, f"left out in part: {error}")
            continue
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            conversion.note(key, given, f"left out in part: {name} is no list of folders")
        else:
            roots[name] = paths
    if roots:
        comment = "Modules are taken from _modules, _utils, _grains, _proxy and _returners of base."
        conversion.take("file_roots", roots, comment if key == "file_roots" else "", of=(key, given))


def fileserver_backend(conversion: Conversion, key: str, given: Given) -> None:
    """``roots`` and ``gitfs``."""
    names = [given.value] if isinstance(given.value, str) else given.value
    if not isinstance(names, list):
        conversion.note(key, given, "left out: it is no list")
        return
    known = [BACKENDS[name] for name in names if isinstance(name, str) and name in BACKENDS]
    others = [str(name) for name in names if not (isinstance(name, str) and name in BACKENDS)]
    if others:
        conversion.note(key, given, f"left out in part: {', '.join(others)}: files come from folders and from git")
    conversion.take(key, list(dict.fromkeys(known)) or ["roots"], of=(key, given))


def gitfs_remotes(conversion: Conversion, key: str, given: Given) -> None:
    """Each remote with its options, those of all of them in it."""
    for_all = {}
    for name, option in OF_ALL_REMOTES.items():
        if (one := conversion.pop(name)) is not None and isinstance(one.value, str) and one.value:
            for_all[option] = one.value
    if not isinstance(given.value, list):
        conversion.note(key, given, "left out: it is no list")
        return
    remotes = [remote for entry in given.value for remote in _remotes(conversion, given, entry, for_all)]
    comment = "A remote's ref is served as base, or as what its saltenv says; its other branches and tags aren't."
    conversion.take(key, remotes, comment, of=(key, given))


def _remotes(conversion: Conversion, given: Given, entry: Any, for_all: dict[str, str]) -> Iterator[Any]:
    if isinstance(entry, dict) and len(entry) == 1:
        ((url, said),) = entry.items()
    else:
        url, said = entry, []
    if not isinstance(url, str):
        conversion.note("gitfs_remotes", given, "left out in part: a remote is a URL, or one with options")
        return
    url = url.removeprefix("git+")
    options = {}
    for part in said if isinstance(said, list) else [said]:
        if isinstance(part, dict):
            options.update({str(name): value for name, value in part.items()})
    if "base" in options:
        options.setdefault("ref", options.pop("base"))
    left = sorted(name for name in options if name not in REMOTE_KEYS or not isinstance(options[name], str))
    if left:
        where = url.rpartition("@")[2]  # without credentials
        conversion.note(
            "gitfs_remotes",
            given,
            f"{where}: left out: {', '.join(left)}: git and ssh use what their own configuration says, and a name and "
            "a password may stand in an https URL",
        )
    kept = {name: value for name, value in options.items() if name not in left}
    yield {"url": url, **for_all, **kept} if for_all or kept else url


def update_interval(conversion: Conversion, key: str, given: Given) -> None:
    """One interval for all backends: the shortest of Salt's."""
    number = seconds(given.value)
    known = conversion.options.get("fileserver_update_interval")
    if number is None:
        conversion.note(key, given, "left out: it is no number of seconds")
    elif known is None or number < known.value:
        comment = "One interval for all backends: the shortest that was given."
        conversion.take("fileserver_update_interval", number, comment, of=(key, given))


def file_ignore_glob(conversion: Conversion, key: str, given: Given) -> None:
    """Ours take away what holds secrets by custom: Salt's are put beside them."""
    globs = [given.value] if isinstance(given.value, str) else given.value
    if isinstance(globs, list):
        own = MASTER.defaults["file_ignore_glob"]
        globs = [*own, *(one for one in globs if one not in own)]
    conversion.take(key, globs, "Beside our own, which take away what holds secrets by custom.", of=(key, given))


def publisher_acl(conversion: Conversion, key: str, given: Given) -> None:
    """Salt's are regular expressions, ours globs; and a glob grants nothing that runs what it is given."""
    if not isinstance(given.value, dict):
        conversion.note(key, given, "left out: it is no mapping of users")
        return
    grants: dict[str, Any] = dict(conversion.options["publisher_acl"].value) if _has_acl(conversion) else {}
    for user, rules in given.value.items():
        name = _glob(str(user).replace(".*", "*"))
        left: list[Any] = []
        kept = [one for rule in _list(rules) if (one := _rule(rule, left)) is not None]
        if name is None:
            conversion.note(key, given, f"left out in part: {user!r:.80} is a regular expression: name the users")
        elif kept:
            grants[name] = kept
        for word in left:
            conversion.note(key, given, f"left out in part: {user!r:.80}: {word!r:.80} is a regular expression")
    if grants:
        comment = (
            "Globs, where Salt has regular expressions. No glob covers a function that runs what it is given, as "
            "cmd.run does: name such functions exactly."
        )
        conversion.take("publisher_acl", grants, comment, of=(key, given))


def _has_acl(conversion: Conversion) -> bool:
    return "publisher_acl" in conversion.options


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _rule(rule: Any, left: list[Any]) -> Any:
    """Return a grant as ours; what can't be one goes to *left*."""
    if isinstance(rule, str):
        found = _glob(rule)
    elif isinstance(rule, dict) and len(rule) == 1:
        ((minions, functions),) = rule.items()
        names = [name for one in _list(functions) if (name := _glob(one) if isinstance(one, str) else None)]
        left += [one for one in _list(functions) if not isinstance(one, str) or _glob(one) is None]
        return {str(minions): names} if names else None
    else:
        found = None
    if found is None:
        left.append(rule)
    return found


def _glob(pattern: str) -> str | None:
    """Return Salt's *pattern* as a glob, ``None`` when it is more than one."""
    if pattern.startswith("@") or pattern.endswith("%"):
        return pattern
    if _REGEX.search(pattern):
        return None
    return "*" if pattern == ".*" else pattern


def runners_schedule(conversion: Conversion, key: str, given: Given) -> None:
    """Of a master's, it runs runners; ours is for minions."""
    names = ", ".join(map(str, given.value)) if isinstance(given.value, dict) else "it"
    conversion.note(
        key,
        given,
        f"left out: {names}: a schedule in Salt's master runs runners; ours runs functions on minions. A timer of the "
        "service manager can run saltern-run",
    )


MASTER_CONVERTERS: dict[str, Callable[[Conversion, str, Given], None]] = {
    **BOTH,
    **RETURNER_CONVERTERS,
    "keep_jobs_seconds": keep_jobs,
    "keep_jobs": keep_jobs,
    "file_roots": file_roots,
    "fileserver_backend": fileserver_backend,
    "gitfs_remotes": gitfs_remotes,
    "gitfs_update_interval": update_interval,
    "fileserver_interval": update_interval,
    "roots_update_interval": update_interval,
    "file_ignore_glob": file_ignore_glob,
    "publisher_acl": publisher_acl,
    "client_acl": publisher_acl,
    "schedule": runners_schedule,
}
