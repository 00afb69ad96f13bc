"""Processes, and the host's use of processors, memory, disks and networks, as psutil tells of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern_modules._needed import PLAIN, needed, operand, psutil_loaded

__salt__: Mapping[str, Callable[..., Any]]

__powers__ = {
    "top": "reads",
    "get_pid_list": "reads",
    "proc_info": "indirect",
    "kill_pid": "writes",
    "pkill": "writes",
    "pgrep": "reads",
    "status": "reads",
    "lsof": "reads",
    "netstat": "reads",
    "ss": "reads",
    "psaux": "reads",
}

MAX_INTERVAL_S = 600
TIMEOUT_S = 60


def top(num_processes: int = 5, interval: float = 3) -> list[dict[str, Any]]:
    """Return the *num_processes* that used the processors most in *interval* seconds, the busiest first.

    ``[{'cmd': [words], 'user', 'status', 'pid', 'create_time', 'cpu': {'user': seconds, …}, 'mem': {'rss': bytes,
    …}}]``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.top
        saltern '*' ps.top 5 10
    """
    import time

    if not 0 <= interval <= MAX_INTERVAL_S:
        raise ArgumentError(f"ps.top: the interval is from 0 to {MAX_INTERVAL_S} seconds, not {interval!r}")
    psutil = psutil_loaded()
    before = {process: used for process in psutil.process_iter() if (used := _used(process)) is not None}
    time.sleep(interval)
    after = [(used - start, process) for process, start in before.items() if (used := _used(process)) is not None]
    found: list[dict[str, Any]] = []
    for _, process in sorted(after, key=lambda pair: pair[0], reverse=True):
        if len(found) >= max(num_processes, 1):
            break
        try:
            with process.oneshot():
                cpu, memory = process.cpu_times()._asdict(), process.memory_info()._asdict()
        except psutil.NoSuchProcess:
            continue
        found.append(
            {
                "cmd": _told(process.cmdline, []) or _told(process.name, []),
                "user": _told(process.username),
                "status": _told(process.status),
                "pid": process.pid,
                "create_time": _told(process.create_time),
                "cpu": dict(cpu),
                "mem": dict(memory),
            }
        )
    return found


def get_pid_list() -> list[int]:
    """Return the ids of all processes.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.get_pid_list
    """
    return list(psutil_loaded().pids())


def proc_info(pid: int, attrs: Iterable[str] | None = None) -> dict[str, Any]:
    """Return what there is to say of the process *pid*, or what *attrs* name of it: psutil's names.

    Raises ``CommandError`` when there is no such process, or it may not be seen.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.proc_info 2322
        saltern '*' ps.proc_info 2322 attrs='[pid, name]'
    """
    psutil = psutil_loaded()
    try:
        return dict(psutil.Process(pid).as_dict(attrs))
    except (psutil.NoSuchProcess, psutil.AccessDenied, AttributeError, TypeError, ValueError) as error:
        raise CommandError(str(error)) from None


def kill_pid(pid: int, signal: int = 15) -> bool:
    """Send *signal*, a number, to the process *pid*; ``False`` when there is none. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.kill_pid 2000 signal=9
    """
    psutil = psutil_loaded()
    try:
        psutil.Process(pid).send_signal(signal)
    except psutil.NoSuchProcess:
        return False
    except (psutil.AccessDenied, TypeError, ValueError, OSError) as error:
        raise CommandError(f"ps.kill_pid: {error}") from None
    return True


def pkill(pattern: str, user: str | None = None, signal: int = 15, full: bool = False) -> dict[str, list[int]] | None:
    """Send *signal* to the processes whose name has *pattern* in it, of *user* alone when given.

    With *full* the command line is looked at. Return ``{'killed': [ids]}``, None when there was none. Raises
    ``ArgumentError`` for an empty pattern, which all have.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.pkill httpd signal=1
    """
    if not str(pattern):
        raise ArgumentError("ps.pkill: the pattern is empty: every process has that in its name")
    psutil = psutil_loaded()
    killed = []
    for process in _having(lambda text: str(pattern) in text, user, full):
        try:
            process.send_signal(signal)
        except psutil.NoSuchProcess:
            continue
        except (psutil.AccessDenied, TypeError, ValueError, OSError) as error:
            raise CommandError(f"ps.pkill: {error}") from None
        killed.append(process.pid)
    return {"killed": killed} if killed else None


def pgrep(
    pattern: str, user: str | None = None, full: bool = False, pattern_is_regex: bool = False
) -> list[int] | None:
    """Return the ids of the processes whose name has *pattern* in it, of *user* alone when given; None for none.

    With *full* the command line is looked at. Raises ``CommandError`` for a regular expression that is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.pgrep httpd
        saltern '*' ps.pgrep '^http' pattern_is_regex=True
    """
    text = str(pattern)
    search = _expression("ps.pgrep", text).search if pattern_is_regex else lambda line: text in line
    return [process.pid for process in _having(search, user, full)] or None


def status(status: str) -> list[dict[str, Any]]:
    """Return the processes in the state *status*: ``[{'pid': int, 'name': str}]``.

    States are ``running``, ``sleeping``, ``disk-sleep``, ``stopped``, ``tracing-stop``, ``zombie``, ``dead``,
    ``idle``, … Raises ``ArgumentError`` for an empty one.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.status zombie
    """
    if not status:
        raise ArgumentError("Filter is required for ps.status")
    processes = psutil_loaded().process_iter(["pid", "name", "status"])
    return [
        {"pid": process.info["pid"], "name": process.info["name"]}
        for process in processes
        if process.info["status"] == status
    ]


def lsof(name: str) -> list[str]:
    """Return the files that processes whose name begins with *name* have open: ``[name, what lsof prints]``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.lsof apache2
    """
    word = operand("ps.lsof", "name of a program", name)
    return [word, __salt__["cmd.run"]([needed("lsof"), "-c", word], python_shell=False, env=PLAIN, timeout=TIMEOUT_S)]


def netstat(name: str) -> list[Any]:
    """Return the lines of ``netstat -nap`` that have *name* in them: ``[name, [lines]]``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.netstat apache2
    """
    return [str(name), [line for line in _lines("netstat", "-nap") if str(name) in line]]


def ss(name: str) -> list[Any]:
    """Return the lines of ``ss -neap`` that have *name* in them: ``[name, [lines]]``.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.ss apache2
    """
    return [str(name), [line for line in _lines("ss", "-neap") if str(name) in line]]


def psaux(name: str) -> list[Any]:
    """Return the lines of ``ps aux`` in which the regular expression *name* is found.

    ``[name, [lines], '2 occurrence(s).']``. Raises ``CommandError`` for an expression that is none.

    CLI Example:

    .. code-block:: bash

        saltern '*' ps.psaux 'www-data.+apache2'
    """
    import re

    wanted = _expression("ps.psaux", str(name))
    who_asks = re.compile("salt.+ps.psaux.+")
    lines = [line for line in _lines("ps", "aux") if wanted.search(line) and not who_asks.search(line)]
    return [str(name), lines, f"{len(lines)} occurrence(s)."]


def _having(wanted: Callable[[str], Any], user: str | None, full: bool) -> list[Any]:
    """Return the processes whose name, or whole command line, is *wanted*."""
    processes = psutil_loaded().process_iter()
    return [
        process
        for process in processes
        if wanted(" ".join(_told(process.cmdline, [])) if full else _told(process.name, ""))
        and (user is None or _told(process.username) == user)
    ]


def _told(ask: Callable[[], Any], default: Any = None) -> Any:
    """Return the answer to a question about a process, *default* when it has ended or may not be seen."""
    psutil = psutil_loaded()
    try:
        return ask()
    except (psutil.Error, KeyError):
        return default


def _used(process: Any) -> float | None:
    """Return the seconds that *process* has used the processors, None when it has ended."""
    psutil = psutil_loaded()
    try:
        return float(sum(process.cpu_times()[:2]))
    except psutil.ZombieProcess:
        return 0.0
    except psutil.Error:
        return None


def _lines(program: str, options: str) -> list[str]:
    output = __salt__["cmd.run"]([needed(program), options], python_shell=False, env=PLAIN, timeout=TIMEOUT_S)
    return str(output).split("\n")


def _expression(function: str, text: str) -> Any:
    import re

    try:
        return re.compile(text)
    except re.error as error:
        raise CommandError(f"{function}: {text!r} is no regular expression: {error}") from None
