"""``status``: processes, sessions, file systems, and the way to the master."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import CommandError, os_errors
from saltern_modules import _agent
from saltern_modules._needed import PLAIN, found, psutil_loaded

__virtualname__ = "status"

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]
__context__: dict[str, Any]

__powers__ = {
    "diskusage": "reads",
    "procs": "reads",
    "pid": "reads",
    "w": "reads",
    "master": "reads",
    "ping_master": "reads",
}

TABLE_BYTES = 64 << 20
CONNECT_S = 10


def diskusage(*args: str) -> dict[str, dict[str, int | None]]:
    """Return the space of file systems in bytes: ``{'/': {'total': …, 'available': for users}}``.

    Of all that is mounted, or of the paths and of the types (globs) that *args* name. Of one that gives no answer both
    are None.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.diskusage
        saltern '*' status.diskusage / 'ext*'
    """
    import fnmatch

    from saltern_modules.collectors.disk import AT_ONCE
    from saltern_modules.collectors.reading.mounts import TRIGGER

    globs = [arg for arg in args if not arg.startswith("/")] if args else ["*"]
    wanted = dict.fromkeys((arg for arg in args if arg.startswith("/")), "")
    for mount in _mounts() if globs else ():
        # Asking for what an automounter would mount mounts it.
        if mount.fstype != TRIGGER and any(fnmatch.fnmatchcase(mount.fstype, glob) for glob in globs):
            wanted[mount.point] = mount.fstype
    may_hang = {path: functools.partial(os.statvfs, path) for path, kind in wanted.items() if kind not in AT_ONCE}
    answers = _questions().ask(may_hang) if may_hang else {}
    report: dict[str, dict[str, int | None]] = {}
    for path in wanted:
        answer = answers.get(path) if path in may_hang else _asked(path)
        if isinstance(answer, FileNotFoundError | NotADirectoryError):
            continue
        told = answer if isinstance(answer, os.statvfs_result) else None
        report[path] = {
            "available": told.f_bavail * told.f_frsize if told else None,
            "total": told.f_blocks * told.f_frsize if told else None,
        }
    return report


def procs() -> dict[str, dict[str, str]]:
    """Return the processes: ``{pid: {'user': name, 'cmd': command line}}``; a thread of the kernel is ``[name]``.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.procs
    """
    return {
        str(process.pid): {
            "user": process.info["username"],
            "cmd": " ".join(" ".join(process.info["cmdline"] or ()).split()) or f"[{process.info['name']}]",
        }
        for process in psutil_loaded().process_iter(["username", "cmdline", "name"])
    }


def pid(sig: str) -> str:
    """Return the ids of the processes in whose user, id or command line the regular expression *sig* is found.

    One a line, the agent's left out; ``""`` for none. Raises ``CommandError`` for an expression that is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.pid sshd
    """
    try:
        wanted = re.compile(str(sig))
    except re.error as error:
        raise CommandError(f"status.pid: {sig!r} is no regular expression: {error}") from None
    own = str(os.getpid())
    lines = {number: f"{process['user']} {number} {process['cmd']}" for number, process in procs().items()}
    return "\n".join(number for number, line in lines.items() if number != own and wanted.search(line))


def w() -> list[dict[str, str]]:
    """Return who is logged in, and at what.

    ``[{'user', 'tty', 'login', 'idle', 'jcpu', 'pcpu', 'what'}]`` as w(1) tells it, ``idle`` and what follows empty
    where this host doesn't have it.

    CLI Example:

    .. code-block:: bash

        saltern '*' status.w
    """
    if program := found("w"):
        from saltern_modules._status_texts import parse_w

        return parse_w(__salt__["cmd.run"]([program, "-fh"], python_shell=False, env=PLAIN))
    import time

    return [
        {
            "user": session.name,
            "tty": session.terminal or "",
            "login": time.strftime("%H:%M", time.localtime(session.started)),
            **dict.fromkeys(("idle", "jcpu", "pcpu", "what"), ""),
        }
        for session in psutil_loaded().users()
    ]


def master(master: str | None = None, connected: bool = True) -> bool:
    """Return whether the agent's channel to the master is up. The arguments are taken, and do nothing.

    CLI Example:

    .. code-block:: bash

        saltern-call status.master
    """
    return _agent.connected(__opts__, "status.master").connected()


def ping_master(master: str) -> bool:
    """Return whether somebody listens at the host *master* where masters do (``master_port``).

    CLI Example:

    .. code-block:: bash

        saltern '*' status.ping_master localhost
    """
    import socket

    if not master:
        return False
    try:
        port = int(__opts__.get("master_port") or __opts__.get("ret_port") or 4506)
        socket.create_connection((str(master), port), CONNECT_S).close()
    except (OSError, UnicodeError, ValueError):
        return False
    return True


def _mounts() -> list[Any]:
    from saltern_modules.collectors.reading.mounts import parse_mounts

    path = f"{__opts__.get('proc_root') or '/proc'}/self/mounts"
    with os_errors(CommandError, path, f"can't read {path}", called="status"), open(path, "rb") as file:
        return list(parse_mounts(file.read(TABLE_BYTES)))


def _questions() -> Any:
    """Return who asks what may hang; kept from call to call, so that what hangs isn't asked a second time."""
    from saltern_modules.collectors.asking.questions import Questions

    return __context__.setdefault("status.questions", Questions("statvfs"))


def _asked(path: str) -> os.statvfs_result | OSError:
    try:
        return os.statvfs(path)
    except OSError as error:
        return error
