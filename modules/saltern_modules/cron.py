"""Crontabs of users, by the program ``crontab``: jobs in a part that is managed, in Salt's form.

What users wrote above that part stays as it is, and so does what isn't changed in it. A job is known by its
*identifier*, or by its command when it has none. Percent signs of a command are crontab's own (crontab(5)): a
backslash before them is the caller's business.

Functions that change something return ``new``, ``updated``, ``present``, ``removed`` or ``absent``; what ``crontab``
said when it didn't take the file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules import _accounts

__salt__: Mapping[str, Callable[..., Any]]

__powers__ = {
    "raw_cron": "reads",
    "list_tab": "reads",
    "ls": "reads",
    "get_entry": "reads",
    "write_cron_file": "indirect",
    "write_cron_file_verbose": "indirect",
    "set_job": "indirect",
    "set_special": "indirect",
    "set_env": "indirect",
    "rm_job": "writes",
    "rm": "writes",
    "rm_special": "writes",
    "rm_env": "writes",
}

TIMEOUT_S = 60
LARGEST_BYTES = 16 << 20
NONE_YET = ("no crontab for", "has no fcrontab", "No such file or directory")
"""What programs say of a user without a crontab: cronie and Debian's cron, fcron, busybox."""

UNREADABLE = "\N{REPLACEMENT CHARACTER}"
_changing = threading.Lock()
"""One job reads and writes a crontab at a time."""


def __virtual__() -> bool | tuple[bool, str]:
    """There must be a program ``crontab``."""
    if _accounts.found_program("crontab"):
        return True
    return (False, "Cannot load cron module: crontab command not found")


def raw_cron(user: str) -> str:
    """Return the crontab of *user* as it is, an empty text when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.raw_cron root
    """
    from saltern_modules import _crontab

    text = _read(user)["stdout"]
    lines = _crontab.lines_of(text)
    return "\n".join(lines) + ("\n" if lines and text.endswith("\n") else "")


def list_tab(user: str) -> dict[str, list[Any]]:
    """Return what is in the crontab of *user*.

    ``{'pre': [lines above the managed part], 'crons': [{'minute', 'hour', 'daymonth', 'month', 'dayweek', 'cmd',
    'identifier', 'comment', 'commented': bool}], 'special': [{'spec', 'cmd', 'identifier', 'comment', 'commented'}],
    'env': [{'name', 'value'}]}``; *identifier* and *comment* are None where there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.list_tab root
    """
    from saltern_modules import _crontab

    return _crontab.parse(_read(user)["stdout"]).shown()


def ls(user: str) -> dict[str, list[Any]]:
    """Return what ``cron.list_tab`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.ls root
    """
    return list_tab(user)


def get_entry(user: str, identifier: str | None = None, cmd: str | None = None) -> dict[str, Any] | bool:
    """Return the managed job of *user* with this *identifier*, or else this command; ``False`` when there is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.get_entry root identifier=task1
    """
    found = list_tab(user)
    name, wanted = ("identifier", identifier) if identifier else ("cmd", cmd)
    jobs: list[dict[str, Any]] = [*found["crons"], *found["special"]]
    return next((job for job in jobs if wanted and job[name] == wanted), False)


def write_cron_file(user: str, path: str) -> bool:
    """Make the file *path* the crontab of *user*, and return whether ``crontab`` took it.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.write_cron_file root /tmp/new_cron
    """
    return bool(write_cron_file_verbose(user, path)["retcode"] == 0)


def write_cron_file_verbose(user: str, path: str) -> dict[str, Any]:
    """Make the file *path* the crontab of *user*, and return as ``cmd.run_all`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.write_cron_file_verbose root /tmp/new_cron
    """
    name = str(path)
    return _crontab_program(user, f"./{name}" if name.startswith("-") else name)


def set_job(
    user: str,
    minute: str | int,
    hour: str | int,
    daymonth: str | int,
    month: str | int,
    dayweek: str | int,
    cmd: str,
    commented: bool = False,
    comment: str | None = None,
    identifier: str | None = None,
) -> str:
    """Have *user* run *cmd* at these times.

    A time is as in crontab(5), or ``random``, or ``from:to`` for a number in between; one that was found so stays.
    *commented*: it is there but not run. A job with the same *identifier* takes these times and this command.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.set_job root '*' '*' '*' '*' 1 /usr/local/weekly identifier=weekly
    """
    times = {"minute": minute, "hour": hour, "daymonth": daymonth, "month": month, "dayweek": dayweek}
    notes = {"commented": commented, "comment": comment, "identifier": identifier}
    return _put(user, {**{name: str(value).lower() for name, value in times.items()}, "cmd": str(cmd), **notes})


def set_special(
    user: str,
    special: str,
    cmd: str,
    commented: bool = False,
    comment: str | None = None,
    identifier: str | None = None,
) -> str:
    """Have *user* run *cmd* at a time of crontab(5)'s that has a name: ``@hourly``, ``@reboot``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.set_special root @hourly 'echo foobar'
    """
    notes = {"commented": commented, "comment": comment, "identifier": identifier}
    return _put(user, {"spec": special, "cmd": str(cmd), **notes})


def rm_job(
    user: str,
    cmd: str,
    minute: str | int | None = None,
    hour: str | int | None = None,
    daymonth: str | int | None = None,
    month: str | int | None = None,
    dayweek: str | int | None = None,
    identifier: str | None = None,
) -> str:
    """Remove a job of *user*: the one with this *identifier*, or this command, and these times when any is given.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.rm_job root /usr/local/weekly
        saltern '*' cron.rm_job root /usr/bin/foo dayweek=1
    """
    times = {"minute": minute, "hour": hour, "daymonth": daymonth, "month": month, "dayweek": dayweek}

    def change(crontab: Any, tab: Any) -> str | None:
        return "removed" if crontab.remove(tab, "crons", str(cmd), identifier, **times) else None

    return _changed(user, change) or "absent"


def rm(
    user: str,
    cmd: str,
    minute: str | int | None = None,
    hour: str | int | None = None,
    daymonth: str | int | None = None,
    month: str | int | None = None,
    dayweek: str | int | None = None,
    identifier: str | None = None,
) -> str:
    """Remove a job as ``cron.rm_job`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.rm root /usr/local/weekly
    """
    return rm_job(user, cmd, minute, hour, daymonth, month, dayweek, identifier)


def rm_special(user: str, cmd: str, special: str | None = None, identifier: str | None = None) -> str:
    """Remove a job of *user* whose time has a name; only one of the time *special* when that is given.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.rm_special root /usr/bin/foo
    """
    when = {} if special is None else {"spec": special}

    def change(crontab: Any, tab: Any) -> str:
        return "removed" if crontab.remove(tab, "special", str(cmd), identifier, **when) else "absent"

    return _changed(user, change) or ""


def set_env(user: str, name: str, value: str | None = None) -> str:
    """Set a variable for the jobs of *user*.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.set_env root MAILTO user@example.com
    """

    def change(crontab: Any, tab: Any) -> str | None:
        answer = "new"
        while same := [entry for entry in tab.env if entry.values["name"] == name]:
            if same[0].values["value"] == value:
                return "present" if answer == "updated" else None
            tab.env.remove(same[-1])
            answer = "updated"
        tab.env.append(crontab.entry_of({"name": name, "value": value}))
        return answer

    return _changed(user, change) or "present"


def rm_env(user: str, name: str) -> str:
    """Remove a variable of the jobs of *user*.

    CLI Example:

    .. code-block:: bash

        saltern '*' cron.rm_env root MAILTO
    """

    def change(crontab: Any, tab: Any) -> str:
        same = [entry for entry in tab.env if entry.values["name"] == name]
        if same:
            tab.env.remove(same[-1])
        return "removed" if same else "absent"

    return _changed(user, change) or ""


def _put(user: str, wanted: dict[str, Any]) -> str:
    return _changed(user, lambda crontab, tab: crontab.put(tab, wanted) or None) or "present"


def _changed(user: str, change: Callable[[Any, Any], str | None]) -> str | None:
    """Let *change* change the crontab of *user*, and install it unless it returns None; what it returned is returned.

    What ``crontab`` said instead, when it could not read the old one or didn't take the new one.
    """
    from saltern_modules import _crontab

    with _changing:
        found = _read(user)
        failed = found["retcode"] and not any(text in found["stderr"] for text in NONE_YET)
        if UNREADABLE in found["stdout"]:
            raise CommandError(f"cron: the crontab of {user} isn't UTF-8: it is left as it is")
        tab = _crontab.parse("" if failed else found["stdout"])
        answer = change(_crontab, tab)
        if answer is None:
            return None
        if failed:  # it isn't known what there is: nothing is written over it
            return str(found["stderr"]).rstrip()
        done = _crontab_program(user, "-", stdin=tab.text())
        return str(done["stderr"]).rstrip() if done["retcode"] else answer


def _read(user: str) -> dict[str, Any]:
    """Return ``crontab -l`` as ``cmd.run_all`` does."""
    return _crontab_program(user, "-l", ignore_retcode=True, rstrip=False)


def _crontab_program(user: str, *words: str, **options: Any) -> dict[str, Any]:
    """Run ``crontab`` for *user* and return as ``cmd.run_all`` does. Raises ``CommandError``."""
    if not isinstance(user, str) or not user:
        raise ArgumentError(f"cron: the name of a user is wanted, not {user!r}")
    argv = [_accounts.program("crontab")]
    found = _accounts.user(user)
    if found is None or found.pw_uid != os.geteuid():
        if os.geteuid() == 0:
            argv += ["-u", user]
        else:
            options["runas"] = user
    done: dict[str, Any] = __salt__["cmd.run_all"](
        [*argv, *words],
        python_shell=False,
        env=_accounts.PLAIN,
        timeout=TIMEOUT_S,
        output_limit=LARGEST_BYTES,
        **options,
    )
    if len(done["stdout"]) >= LARGEST_BYTES:
        raise CommandError(f"cron: the crontab of {user} is over {LARGEST_BYTES >> 20} MiB")
    return done
