"""Programs run on the minion.

A command that somebody typed, as a job or for ``saltern-call``, goes to a shell. From other modules it is run as argv:
a list as it is, a string split at blanks as a shell would split it but with no shell's other powers. ``python_shell``
says which of the two it is to be; ``cmd.shell`` always takes a shell.

What every function here takes:

``cwd``
    where to run; the home of the user that runs it by default, ``/`` when that can't be entered.
``stdin``
    text for its standard input; none by default.
``runas``
    the name of the user to become; the agent must be root for it. The program starts with that user's environment:
    of the agent's it keeps ``LANG``, ``LC_*`` and ``TZ`` alone.
``umask``
    which permissions new files don't get, in octal, ``022`` by default whatever the agent's own is.
``python_shell``, ``shell``
    whether to use a shell, and which (``/bin/sh``).
``env``
    variables to add: a dict, or a list of dicts; a value of ``False`` removes one. ``clean_env`` starts from none.
``timeout``
    seconds after which the program and all that it started are ended. The retcode is then 1, and a line that says
    so ends the output.
``ignore_retcode``
    count any exit as success. ``success_retcodes`` (a list) counts those.
``output_limit``
    bytes kept of each output, 1 MiB by default; a line says how much was cut.

A program that ends with anything but 0 is no error of the function: its output is returned, and
``__context__['retcode']`` is set to the code, from where the agent takes the job's retcode.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _account, _agent

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]
__context__: dict[str, Any]

__powers__ = {
    "run": "runs",
    "shell": "runs",
    "run_stdout": "runs",
    "run_stderr": "runs",
    "run_all": "runs",
    "retcode": "runs",
    "script": "runs",
    "which": "reads",
    "has_exec": "reads",
}

SHELL = "/bin/sh"
OUTPUT_LIMIT = 1 << 20
TIMEOUT_RETCODE = 1
OPTIONS = {
    "cwd": None,
    "stdin": None,
    "runas": None,
    "umask": "022",
    "python_shell": None,
    "shell": SHELL,
    "env": None,
    "clean_env": False,
    "timeout": None,
    "ignore_retcode": False,
    "success_retcodes": (),
    "output_limit": OUTPUT_LIMIT,
}
"""What the functions take by name, with the defaults."""


def run(cmd: str | Sequence[str], **kwargs: Any) -> str:
    """Run *cmd* and return what it printed, output and errors together; *kwargs* as the module says.

    Raises ``CommandError`` when it can't be started, and for an option that is unknown or wrong.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.run 'uptime'
        saltern '*' cmd.run "ls -l | awk '/foo/{print \\$2}'"
    """
    return str(_execute("cmd.run", cmd, kwargs, merge=True)["stdout"])


def shell(cmd: str, **kwargs: Any) -> str:
    """Run *cmd* by a shell and return what it printed, output and errors together.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.shell 'ls -l | wc -l'
    """
    return str(_execute("cmd.shell", cmd, {**kwargs, "python_shell": True}, merge=True)["stdout"])


def run_stdout(cmd: str | Sequence[str], **kwargs: Any) -> str:
    """Run *cmd* and return its standard output alone.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.run_stdout 'df -h'
    """
    return str(_execute("cmd.run_stdout", cmd, kwargs)["stdout"])


def run_stderr(cmd: str | Sequence[str], **kwargs: Any) -> str:
    """Run *cmd* and return its standard error alone.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.run_stderr 'ls /nowhere'
    """
    return str(_execute("cmd.run_stderr", cmd, kwargs)["stderr"])


def run_all(cmd: str | Sequence[str], **kwargs: Any) -> dict[str, Any]:
    """Run *cmd* and return ``{'pid': int, 'retcode': int, 'stdout': str, 'stderr': str}``.

    A program ended by a signal has the signal's negative number for its retcode.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.run_all 'ls -l /etc'
    """
    return _execute("cmd.run_all", cmd, kwargs)


def retcode(cmd: str | Sequence[str], **kwargs: Any) -> int:
    """Run *cmd* and return its exit code alone.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.retcode 'test -f /etc/passwd'
    """
    return int(_execute("cmd.retcode", cmd, kwargs)["retcode"])


def script(source: str, args: str | Sequence[str] = (), saltenv: str = "base", **kwargs: Any) -> dict[str, Any]:
    """Run a script, from the master (``salt://…``) or an absolute path, and return as ``cmd.run_all`` does.

    A copy is run, so that the script need not be executable, nor stay as it is meanwhile. *args*: a list, or a
    string split at blanks. A script without a first line that names its interpreter is run by ``shell``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.script salt://scripts/runme.sh 'arg1 "arg 2"'
    """
    from saltern_modules._script import copy_of  # loads tempfile, which only scripts need

    options = _options("cmd.script", kwargs)
    as_whom = _account.account("cmd.script", options["runas"])
    words = _words("cmd.script", args)
    if source.startswith("salt://"):
        source = __salt__["cp.cache_file"](source, saltenv=saltenv)
    if not os.path.isabs(source):
        raise CommandError(f"cmd.script: the source must be salt://… or an absolute path, not {source!r}")
    with copy_of(source, as_whom) as copy:
        argv = [copy.path, *words] if copy.interpreted else [options["shell"], copy.path, *words]
        return _execute("cmd.script", argv, {**kwargs, "python_shell": False})


def which(cmd: str) -> str | None:
    """Return the path of the program *cmd*, or None when it is not in ``PATH``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.which cat
    """
    import shutil

    return shutil.which(cmd)


def has_exec(cmd: str) -> bool:
    """Return whether the program *cmd* is in ``PATH`` and may be run.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.has_exec cat
    """
    return which(cmd) is not None


def _execute(
    function: str, cmd: str | Sequence[str], kwargs: Mapping[str, Any], *, merge: bool = False
) -> dict[str, Any]:
    """Run *cmd* and return ``cmd.run_all``'s dict; sets ``__context__['retcode']``."""
    from saltern_modules import _process  # loads subprocess, which an agent that only samples never needs

    options = _options(function, kwargs)
    as_whom = _account.account(function, options["runas"])
    agent = _agent.present(__opts__)
    stdin = options["stdin"]
    done = _process.run(
        _argv(function, cmd, options),
        cwd=_folder(options, as_whom),
        env=_environment(function, options, as_whom),
        credentials=as_whom.credentials() if as_whom else {},
        umask=options["umask"],
        stdin=None if stdin is None else str(stdin).encode(),
        timeout=options["timeout"],
        limit=options["output_limit"],
        merge=merge,
        started=agent.register_child if agent else lambda pid: None,
        ended=agent.forget_child if agent else lambda pid: None,
    )
    code = TIMEOUT_RETCODE if done.timed_out else done.retcode
    if not done.timed_out and (options["ignore_retcode"] or code in options["success_retcodes"]):
        code = 0
    __context__["retcode"] = code
    notes = []
    if done.cut:
        notes.append(f"[{function}: {done.cut} more bytes of output were cut: output_limit]")
    if done.timed_out:
        notes.append(f"[{function}: timed out after {options['timeout']:g} s and was ended]")
    stdout = "\n".join(filter(None, (_text(done.stdout), *notes)))
    return {
        "pid": done.pid,
        "retcode": done.retcode if options["ignore_retcode"] and not done.timed_out else code,
        "stdout": stdout,
        "stderr": _text(done.stderr),
    }


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").rstrip("\n")


def _options(function: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options, those given over the defaults; raises ``CommandError`` naming a wrong one."""
    given = {name: value for name, value in kwargs.items() if not name.startswith("__")}
    for name in given:
        if name not in OPTIONS:
            import difflib  # only a mistake needs it

            close = difflib.get_close_matches(name, OPTIONS, 1)
            hint = f": did you mean {close[0]!r}?" if close else f": there are {', '.join(OPTIONS)}"
            raise CommandError(f"{function}: there is no option {name!r}{hint}")
    options = {**OPTIONS, **given}
    if options["python_shell"] is None:  # a shell where a person typed the command, none where a module has it
        options["python_shell"] = "__pub_jid" in kwargs
    for name, least in (("timeout", 0), ("output_limit", 0)):
        value = options[name]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if (value is not None or name == "output_limit") and (not number or value <= least):
            raise CommandError(f"{function}: {name} must be a number above {least}, not {value!r}")
    options["umask"] = _umask(function, options["umask"])
    return options


def _umask(function: str, value: object) -> int:
    """Return a umask: a text is in octal, as a shell takes it. Raises ``CommandError``."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            value = int(value, 8)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o777:
        return value
    raise CommandError(f"{function}: umask must be octal digits from 000 to 777, as in 022, not {value!r}")


def _argv(function: str, cmd: str | Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """Return what to execute; raises ``CommandError`` for an empty command or an open quote."""
    if options["python_shell"]:
        text = cmd if isinstance(cmd, str) else shlex.join(map(str, cmd))
        return [str(options["shell"]), "-c", text]
    argv = _words(function, cmd)
    if not argv or not argv[0]:
        raise CommandError(f"{function}: the command is empty")
    return argv


def _words(function: str, text: str | Sequence[str]) -> list[str]:
    """Return a list as texts, and a text split as a shell would; raises ``CommandError`` for an open quote."""
    try:
        return shlex.split(text) if isinstance(text, str) else [str(word) for word in text]
    except ValueError as error:
        raise CommandError(f"{function}: can't split {text!r}: {error}") from None


def _folder(options: Mapping[str, Any], as_whom: _account.Account | None) -> str:
    """Return where to run: where the caller says, or home, or ``/``."""
    if options["cwd"]:
        return str(options["cwd"])
    home = as_whom.home if as_whom else os.path.expanduser("~")
    # Another user's rights can't be asked of the kernel from here; "/" is always open to it.
    usable = os.path.isdir(home) if as_whom else os.access(home, os.X_OK)
    return str(home) if usable else "/"


def _environment(function: str, options: Mapping[str, Any], as_whom: _account.Account | None) -> dict[str, str]:
    """Return the program's environment. Raises ``CommandError``."""
    changes = options["env"] or []
    if isinstance(changes, Mapping):
        changes = [changes]
    if not isinstance(changes, list | tuple) or not all(isinstance(change, Mapping) for change in changes):
        raise CommandError(f"{function}: env must be a dict or a list of dicts, not {options['env']!r}")
    environment = {} if options["clean_env"] else _account.environment(as_whom)
    for change in changes:
        for variable, value in change.items():
            if value is False or value is None:
                environment.pop(str(variable), None)
            else:
                environment[str(variable)] = str(value)
    return environment
