"""What ``systemctl`` is told and what it says, for the files that serve ``service`` with systemd.

The parsers take what versions from 204 on print with ``--full --no-legend --no-pager``.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _accounts

UNIT_TYPES = ("service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer")
OTHER_TYPES = ("slice", "scope")
BOOTED = "/run/systemd/system"
UNIT_FOLDERS = ("/lib/systemd/system", "/usr/lib/systemd/system")
LOCAL_FOLDER = "/etc/systemd/system"
SCRIPTS = "/etc/init.d"
OWN = ("saltern-agent.service", "salt-minion.service")
"""A stop or restart of these isn't waited for: who waits is ended by it."""

MARKS = frozenset("●*○↻×")
"""What newer versions put before a unit's line."""

LISTS = ("Before", "After", "Wants")
QUERY_TIMEOUT_S = 60
STATUS_TELLS_SINCE = 231
"""From this version on ``systemctl status`` ends with 4 for a unit that there isn't."""


def booted() -> bool:
    """Return whether systemd started this host."""
    return os.path.exists(BOOTED)


def unit(name: object) -> str:
    """Return the full name of a unit: one without a type is a service."""
    text = str(name)
    return text if text.rpartition(".")[2] in (*UNIT_TYPES, *OTHER_TYPES) and "." in text else f"{text}.service"


def named(name: object) -> str:
    """Return the name of a unit that is to be changed. Raises ``CommandError`` for an option or a path."""
    text = str(name)
    if text.startswith("-") or "/" in text or not text.isprintable():
        raise CommandError(f"service: {text!r} is not the name of a unit")
    return text


def short(full: str) -> str | None:
    """Return how a unit is listed: a service without its type, others with it; None for a scope, a slice, no unit."""
    name, _, kind = full.rpartition(".")
    if not name or kind not in UNIT_TYPES:
        return None
    return name if kind == "service" else full


def parse_running(text: str) -> list[str]:
    """Return the running units that ``systemctl`` lists, sorted."""
    found = set()
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in MARKS:
            del words[0]
        if len(words) > 3 and words[3] == "running":
            found.add(short(words[0]))
    return sorted(name for name in found if name)


def parse_unit_files(text: str, state: str) -> list[str]:
    """Return the units in *state* that ``systemctl list-unit-files`` lists, sorted."""
    lines = (line.split() for line in text.splitlines())
    found = {short(words[0]) for words in lines if len(words) > 1 and words[1] == state}
    return sorted(name for name in found if name)


def parse_show(text: str) -> dict[str, Any]:
    """Return the properties that ``systemctl show`` prints.

    A structure is a dict of its members, each as far as the next ``=``; what orders units is a list.
    """
    found: dict[str, Any] = {}
    for line in text.split("\n") if text else ():
        name, _, value = line.partition("=")
        if value.startswith("{"):
            items = (item.split("=") for item in value.replace("{", "").replace("}", "").split(" ; "))
            found[name] = {words[0].strip(): words[1].strip() for words in items if len(words) > 1}
        else:
            found[name] = value.split() if name in LISTS else value
    return found


def parse_version(text: str) -> int | None:
    """Return the number in the first line of ``systemctl --version``."""
    found = re.match(r"\w+ ([0-9]{1,6})", text)
    return int(found[1]) if found else None


def parse_loaded(text: str) -> bool | None:
    """Return whether an old ``systemctl status`` speaks of a unit that there is, None when it says nothing."""
    lowered = text.lower()
    if "could not be found" in lowered:
        return False
    found = re.search(r"^\s+loaded:\s+(\S+)", lowered, re.MULTILINE)
    return found[1] != "not-found" if found else None


def without_scope(text: str) -> str:
    """Return what systemctl complained of, without the line about the scope that it ran in."""
    return "\n".join(line for line in text.splitlines() if not line.endswith(".scope")).strip()


def below(path: str, root: object) -> str:
    """Return *path* below another root folder."""
    return os.path.join(str(root), path.lstrip("/")) if root else path


def unit_files(root: object = None) -> set[str]:
    """Return the units that have a file."""
    found = set()
    for folder in (*UNIT_FOLDERS, LOCAL_FOLDER):
        path = below(folder, root)
        if os.access(path, os.R_OK) and not os.path.islink(path):  # a link leads to another one of them
            found |= {short(name) for name in os.listdir(path)}
    return {name for name in found if name}


def scripts(root: object = None, beside: set[str] | None = None) -> list[str]:
    """Return System V's scripts that no unit takes the place of."""
    folder = below(SCRIPTS, root)
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    units = unit_files(root) if beside is None else beside
    return [name for name in names if name not in units and os.access(os.path.join(folder, name), os.X_OK)]


class Systemctl:
    """Runs ``systemctl``, by the functions *salt*."""

    def __init__(self, salt: Mapping[str, Any]) -> None:
        self._salt = salt

    def argv(
        self, *action: str, name: object = None, root: object = None, no_block: bool = False, more: Sequence[str] = ()
    ) -> list[str]:
        """Return a command line; a name is never taken for an option."""
        words = [_accounts.program("systemctl"), *(["--no-block"] if no_block else [])]
        words += ["--root", _accounts.own_root(root)] if root else []
        words += [*action, *more]
        return words if name is None else [*words, "--", unit(name)]

    def ask(self, *action: str, **how: Any) -> dict[str, Any]:
        """Run it for an answer, its errors among its output, and return as ``cmd.run_all`` does."""
        return self._run(self.argv(*action, **how), ignore_retcode=True, redirect_stderr=True, timeout=QUERY_TIMEOUT_S)

    def do(self, *action: str, fails: bool = False, **how: Any) -> dict[str, Any]:
        """Run it to change something, as long as that takes; *fails*: how it ends is the job's retcode."""
        return self._run(self.argv(*action, **how), ignore_retcode=not fails)

    def _run(self, argv: Sequence[str], **options: Any) -> dict[str, Any]:
        done: dict[str, Any] = self._salt["cmd.run_all"](
            list(argv), python_shell=False, env=_accounts.PLAIN, output_limit=16 << 20, **options
        )
        return done

    def available(self, name: object) -> bool:
        """Return whether there is such a unit. Raises ``CommandError`` where systemd isn't at work."""
        if not booted():
            raise CommandError(f"Cannot run in offline mode. Failed to get information on unit '{name}'")
        status = self._status(name)
        version = parse_version(self.ask("--version")["stdout"])
        if version is not None and version >= STATUS_TELLS_SINCE:
            return bool(0 <= status["retcode"] < 4)
        found = parse_loaded(status["stdout"])
        if found is None:
            raise CommandError(f"Failed to get information on unit '{name}'")
        return found

    def _status(self, name: object) -> dict[str, Any]:
        return self.ask("status", name=name, more=("-n", "0"))

    def tidy(self, name: object) -> None:
        """Have systemd read the unit files anew when that of *name* is new or changed."""
        local = os.path.join(LOCAL_FOLDER, unit(name))
        if (os.access(local, os.R_OK) and not self.available(name)) or (
            "'systemctl daemon-reload'" in self._status(name)["stdout"].lower()
        ):
            self.reload()

    def reload(self) -> None:
        """Have systemd read all unit files anew. Raises ``CommandError``."""
        done = self.ask("--system", "daemon-reload")
        if done["retcode"]:
            raise CommandError(f"Problem performing systemctl daemon-reload: {done['stdout']}")

    def masked(self, name: object, runtime: bool, root: object) -> bool:
        """Return whether a link to nothing takes the unit's place."""
        self.tidy(name)
        folder = below("/run" if runtime else "/etc", root)
        try:
            return os.readlink(os.path.join(folder, "systemd", "system", unit(name))) == os.devnull
        except OSError:
            return False

    def script_enabled(self, name: str, root: object) -> bool:
        """Return whether System V's script *name* is started in the present runlevel."""
        folder = below(f"/etc/rc{self._runlevel()}.d", root)
        try:
            return any(re.fullmatch(rf"S\d{{0,2}}{re.escape(name)}", link) for link in os.listdir(folder))
        except OSError:
            return False

    def _runlevel(self) -> str:
        program = _accounts.found_program("runlevel")
        words = self._run([program], ignore_retcode=True, timeout=QUERY_TIMEOUT_S)["stdout"].split() if program else []
        return words[1] if len(words) > 1 else "2"


def links(name: str) -> Iterator[str]:
    """Yield the links below systemd's folder that are called *name*: what is enabled of a template has one."""
    for top, _, files in os.walk(LOCAL_FOLDER):
        for one in files:
            path = os.path.join(top, one)
            if fnmatch.fnmatchcase(one, name) and os.path.islink(path):
                yield path
