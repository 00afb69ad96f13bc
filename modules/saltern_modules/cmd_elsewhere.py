"""``cmd`` beyond a program on this host: in the background, in a changed root, on a terminal; and what shells are."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.errors import CommandError

__salt__: Mapping[str, Callable[..., Any]]

__virtualname__ = "cmd"

__powers__ = {
    "run_bg": "runs",
    "run_chroot": "runs",
    "shell_info": "reads",
    "tty": "writes",
}

MOUNTED = (("dev", "devtmpfs", "devtmpfs"), ("proc", "proc", "proc"), ("sys", "sysfs", "sysfs"))
SHELLS: Mapping[str, tuple[str, list[str]]] = {
    "bash": (r"version (\d\S*)", ["bash", "--version"]),
    "zsh": (r"^zsh (\d\S*)", ["zsh", "--version"]),
    "tcsh": (r"^tcsh (\d\S*)", ["tcsh", "--version"]),
    "perl": (r"^(\d\S*)", ["perl", "-e", 'printf "%vd\n", $^V;']),
    "python": (r"^Python (\d\S*)", ["python", "-V"]),
    "ruby": (r"^ruby (\d\S*)", ["ruby", "-v"]),
    "php": (r"^PHP (\d\S*)", ["php", "-v"]),
    "powershell": (r"PSVersion\s+(\d\S*)", ["powershell", "-NonInteractive", "$PSVersionTable"]),
    "cmd": (r"Version ([\d.]+)", ["cmd.exe", "/C", "ver"]),
}
VERSION_TIMEOUT_S = 10
KILL_ROUNDS = 6
KILL_WAIT_S = 0.2


def run_bg(
    cmd: str | Sequence[str], cwd: str | None = None, runas: str | None = None, group: str | None = None, **kwargs: Any
) -> dict[str, int]:
    """Start *cmd* and don't wait for it; return ``{'pid': int}``. Its output is nobody's; no ``timeout`` ends it.

    *kwargs* are those of ``cmd.run``. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.run_bg 'fstrim-all'
    """
    done = __salt__["cmd.run_all"](cmd, **{**kwargs, "cwd": cwd, "runas": runas, "group": group, "bg": True})
    return {"pid": int(done["pid"])}


def run_chroot(
    root: str,
    cmd: str | Sequence[str],
    cwd: str | None = None,
    stdin: str | None = None,
    runas: str | None = None,
    group: str | None = None,
    shell: str | None = None,
    python_shell: bool = True,
    binds: Sequence[str] | None = None,
    hide_output: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """Run *cmd* by a shell in the system below *root*, and return as ``cmd.run_all`` does.

    ``dev``, ``proc``, ``sys`` and the folders *binds* are mounted for it, and unmounted when it is done; what still
    runs there is ended. *kwargs* are those of ``cmd.run``; the shell is the system's own, bash where it has it, so that
    *shell* and *python_shell* are taken, and do nothing. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.run_chroot /var/lib/lxc/container_name/rootfs 'sh /tmp/bootstrap.sh'
    """
    if not os.path.isabs(root) or not os.path.isdir(root):
        raise CommandError(f"cmd.run_chroot: the root must be a folder's absolute path, not {root!r}")
    own_shell = "/bin/bash" if os.path.isfile(os.path.join(root, "bin/bash")) else "/bin/sh"
    text = " ".join(map(str, cmd)) if isinstance(cmd, list | tuple) else str(cmd)
    whom = ["--userspec", f"{runas}:{group or ''}"] if runas else []
    mounted: list[str] = []
    try:
        for name, device, kind in MOUNTED:
            mounted += _mount(["-t", kind, device], os.path.join(root, name))
        for folder in binds or []:
            mounted += _mount(["--bind", str(folder)], os.path.join(root, os.path.relpath(str(folder), "/")))
        argv = ["chroot", *whom, root, own_shell, "-c", text]
        done: dict[str, Any] = __salt__["cmd.run_all"](argv, cwd=cwd, stdin=stdin, **{**kwargs, "python_shell": False})
        _end_all(root)
    finally:
        for place in reversed(mounted):
            __salt__["cmd.run_all"](["umount", "--", place], python_shell=False, ignore_retcode=True)
    if hide_output:
        done["stdout"] = done["stderr"] = ""
    return done


def shell_info(shell: str, list_modules: bool = False) -> dict[str, Any]:
    """Return ``{'installed', 'path', 'version', 'version_raw'}`` of a shell or an interpreter; ``error`` says why not.

    *shell*: bash, zsh, tcsh, perl, python, ruby, php, powershell or cmd. *list_modules* is powershell's.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.shell_info bash
    """
    if shell not in SHELLS:
        return {"error": f"Salt does not know how to get the version number for {shell}", "installed": None}
    pattern, argv = SHELLS[shell]
    path = __salt__["cmd.which"](argv[0])
    if path is None:
        reason = f"[Errno 2] No such file or directory: {argv[0]!r}"
        return {"error": f"Unable to run command '{' '.join(argv)}' Reason: {reason}", "installed": False}
    output = __salt__["cmd.run"](argv, python_shell=False, timeout=VERSION_TIMEOUT_S, ignore_retcode=True)
    found: dict[str, Any] = {"installed": None, "path": path}
    raw = re.search(pattern, output, re.IGNORECASE)
    if raw:
        found["installed"] = False
        found["version_raw"] = raw[1]
        version = re.match(r"(\d[\d.]*)", raw[1])
        if version:
            parts = version[1].split(".")[:3]
            found |= {"installed": True, "version": ".".join([*parts, "0"] if len(parts) == 1 else parts)}
    if "version" not in found:
        found["error"] = f"The version regex pattern for shell {shell}, could not find the version string"
        found["stdout"] = output
    return found


def tty(device: str, echo: str = "") -> dict[str, str]:
    """Write *echo* to the terminal *device*, ``tty1`` or ``pts3``; return ``{'Success': …}`` or ``{'Error': …}``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.tty tty0 'This is a test'
        saltern '*' cmd.tty pts3 'This is a test'
    """
    if re.fullmatch(r"tty\w+", device):
        path = f"/dev/{device}"
    elif re.fullmatch(r"pts/?\d+", device):
        path = f"/dev/pts/{device.removeprefix('pts').removeprefix('/')}"
    else:
        return {"Error": "The specified device is not a valid TTY"}
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(descriptor, echo.encode())
        finally:
            os.close(descriptor)
    except OSError:
        return {"Error": f"Echoing to {path} returned error"}
    return {"Success": f"Message was successfully echoed to {path}"}


def _mount(how: list[str], place: str) -> list[str]:
    """Mount there, and return the place; nothing when it can't be: the command may do without."""
    if not os.path.isdir(place) or os.path.islink(place):
        return []
    done = __salt__["cmd.run_all"](["mount", *how, place], python_shell=False, ignore_retcode=True, raise_err=False)
    return [place] if done["retcode"] == 0 else []


def _end_all(root: str) -> None:
    """End what still runs below *root*, at first kindly."""
    import signal
    import time

    for turn in range(KILL_ROUNDS):
        pids = _within(root)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGTERM if turn < KILL_ROUNDS // 2 else signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not pids:
            return
        time.sleep(KILL_WAIT_S)


def _within(root: str) -> list[int]:
    found = []
    inside = os.path.realpath(root)
    if inside == "/":
        return []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            place = os.readlink(f"/proc/{name}/root")
        except OSError:
            continue
        if place == inside or place.startswith(inside + "/"):
            found.append(int(name))
    return found
