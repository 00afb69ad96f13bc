"""Programs run on the minion.

A command that somebody typed, as a job or for ``saltern-call``, goes to a shell. From other modules it is run as argv:
a list as it is, a string split at blanks as a shell would split it but with no shell's other powers. ``python_shell``
says which of the two it is to be; ``cmd.shell`` always takes a shell.

What every function here takes, after its own arguments in this order, or by name:

``cwd``
    where to run; the home of the user that runs it by default, ``/`` when that can't be entered.
``stdin``
    text for its standard input; none by default.
``runas``
    the name of the user to become; the agent must be root for it. The program starts with that user's environment:
    of the agent's it keeps ``LANG``, ``LC_*`` and ``TZ`` alone.

And what they take by name alone:

``umask``
    which permissions new files don't get, in octal, ``022`` by default whatever the agent's own is.
``python_shell``, ``shell``
    whether to use a shell, and which: the agent's ``$SHELL`` by default, where it is one that takes a shell's usual
    syntax, else ``/bin/sh``.
``env``
    variables to add: a dict, a list of dicts, or YAML of these; a value of ``False`` removes one. ``clean_env`` starts
    from none.
``prepend_path``
    a folder that is put before the others in ``PATH``.
``timeout``
    seconds after which the program and all that it started are ended. The retcode is then 1, and a line that says
    so ends the output.
``ignore_retcode``
    count any exit as success. ``success_retcodes`` (a list) counts those, ``success_stdout`` and ``success_stderr``
    (lists) those that print exactly one of these texts.
``raise_err``
    raise ``CommandError`` when it doesn't succeed.
``rstrip``
    whether blanks and line ends at the end of the output are cut (``True``).
``redirect_stderr``
    whether errors go where the output goes; ``True`` for ``cmd.run`` and ``cmd.shell``.
``hide_output``
    return no output.
``output_limit``
    bytes kept of each output, 1 MiB by default; a line says how much was cut.

``output_loglevel``, ``log_callback``, ``output_encoding``, ``reset_system_locale``, ``saltenv`` and ``use_vt`` are
taken, and do nothing: a program's output isn't logged, and is read as UTF-8.

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
    "script_retcode": "runs",
    "exec_code": "runs",
    "exec_code_all": "runs",
    "shells": "reads",
    "which": "reads",
    "which_bin": "reads",
    "has_exec": "reads",
}

SHELL = "/bin/sh"
USUAL_SHELLS = frozenset(("ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"))
"""Names of the shells that are taken from ``$SHELL``: a service's may be ``nologin``."""
OUTPUT_LIMIT = 1 << 20
TIMEOUT_RETCODE = 1
OPTIONS = {
    "cwd": None,
    "stdin": None,
    "runas": None,
    "umask": "022",
    "python_shell": None,
    "shell": None,
    "env": None,
    "clean_env": False,
    "prepend_path": None,
    "timeout": None,
    "ignore_retcode": False,
    "success_retcodes": (),
    "success_stdout": (),
    "success_stderr": (),
    "raise_err": False,
    "rstrip": True,
    "redirect_stderr": None,
    "hide_output": False,
    "output_limit": OUTPUT_LIMIT,
}
"""What the functions take by name, with the defaults."""

IN_ORDER = ("cwd", "stdin", "runas")
WITHOUT_EFFECT = frozenset(
    ("output_loglevel", "log_callback", "output_encoding", "reset_system_locale", "saltenv", "use_vt")
)


def run(cmd: str | Sequence[str], *given: Any, **kwargs: Any) -> str:
    """Run *cmd* and return what it printed, output and errors together; *kwargs* as the module says.

    Raises ``CommandError`` when it can't be started, and for an option that is unknown or wrong.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.run 'uptime'
        saltern '*' cmd.run "ls -l | awk '/foo/{print \\$2}'"
    """
    return str(_execute("cmd.run", cmd, given, kwargs, merge=True)["stdout"])


def shell(cmd: str, *given: Any, **kwargs: Any) -> str:
    """Run *cmd* by a shell and return what it printed, output and errors together.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.shell 'ls -l | wc -l'
    """
    return str(_execute("cmd.shell", cmd, given, {**kwargs, "python_shell": True}, merge=True)["stdout"])


def run_stdout(cmd: str | Sequence[str], *given: Any, **kwargs: Any) -> str:
    """Run *cmd* and return its standard output alone.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.run_stdout 'df -h'
    """
    return str(_execute("cmd.run_stdout", cmd, given, kwargs)["stdout"])


def run_stderr(cmd: str | Sequence[str], *given: Any, **kwargs: Any) -> str:
    """Run *cmd* and return its standard error alone.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.run_stderr 'ls /nowhere'
    """
    return str(_execute("cmd.run_stderr", cmd, given, kwargs)["stderr"])


def run_all(cmd: str | Sequence[str], *given: Any, **kwargs: Any) -> dict[str, Any]:
    """Run *cmd* and return ``{'pid': int, 'retcode': int, 'stdout': str, 'stderr': str}``.

    A program ended by a signal has the signal's negative number for its retcode.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.run_all 'ls -l /etc'
    """
    return _execute("cmd.run_all", cmd, given, kwargs)


def retcode(cmd: str | Sequence[str], *given: Any, **kwargs: Any) -> int:
    """Run *cmd* and return its exit code alone.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.retcode 'test -f /etc/passwd'
    """
    return int(_execute("cmd.retcode", cmd, given, kwargs)["retcode"])


def script(
    source: str, args: str | Sequence[str] = (), *given: Any, saltenv: str = "base", **kwargs: Any
) -> dict[str, Any]:
    """Run a script, from the master (``salt://…``) or an absolute path, and return as ``cmd.run_all`` does.

    A copy is run, so that the script need not be executable, nor stay as it is meanwhile. *args*: a list, or a
    string split at blanks. A script without a first line that names its interpreter is run by ``shell``. When the
    master has no such file, the retcode is 1 and ``cache_error`` is true.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.script salt://scripts/runme.sh 'arg1 "arg 2"'
    """
    from saltern_modules._script import copy_of  # loads tempfile, which only scripts need

    options = _options("cmd.script", given, kwargs)
    as_whom = _account.account("cmd.script", options["runas"])
    words = _words("cmd.script", args or ())
    if source.startswith("salt://"):
        source = __salt__["cp.cache_file"](source, saltenv=saltenv)
        if not source:
            __context__["retcode"] = 1
            return {"pid": 0, "retcode": 1, "stdout": "", "stderr": "", "cache_error": True}
    if not os.path.isabs(source):
        raise CommandError(f"cmd.script: the source must be salt://… or an absolute path, not {source!r}")
    with copy_of(source, as_whom) as copy:
        argv = [copy.path, *words] if copy.interpreted else [_shell(options), copy.path, *words]
        return _execute("cmd.script", argv, given, {**kwargs, "python_shell": False})


def script_retcode(source: str, args: str | Sequence[str] = (), *given: Any, **kwargs: Any) -> int:
    """Run a script as ``cmd.script`` does, and return its exit code alone.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.script_retcode salt://scripts/runme.sh
    """
    return int(script(source, args, *given, **kwargs)["retcode"])


def exec_code(lang: str, code: str | Sequence[str], cwd: str | None = None, args: Any = None, **kwargs: Any) -> str:
    """Run *code*, a text or its lines, by the program *lang*, and return its standard output.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.exec_code python3 'import sys; print(sys.version)'
    """
    return str(_run_code("cmd.exec_code", lang, code, args, {**kwargs, "cwd": cwd})["stdout"])


def exec_code_all(
    lang: str, code: str | Sequence[str], cwd: str | None = None, args: Any = None, **kwargs: Any
) -> dict[str, Any]:
    """Run *code*, a text or its lines, by the program *lang*, and return as ``cmd.run_all`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.exec_code_all python3 'print(1)'
    """
    return _run_code("cmd.exec_code_all", lang, code, args, {**kwargs, "cwd": cwd})


def shells() -> list[str]:
    """Return the shells that ``/etc/shells`` lists.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.shells
    """
    with contextlib.suppress(OSError), open("/etc/shells", encoding="utf-8", errors="replace") as file:
        return [line.strip() for line in file if line.strip() and not line.lstrip().startswith("#")]
    return []


def which(cmd: str) -> str | None:
    """Return the path of the program *cmd*, or None when it is not in ``PATH``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.which cat
    """
    import shutil

    return shutil.which(cmd)


def which_bin(cmds: Sequence[str]) -> str | None:
    """Return the path of the first of the programs *cmds* that is in ``PATH``, or None.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.which_bin '[pip3, pip]'
    """
    names = [cmds] if isinstance(cmds, str) else cmds
    return next((found for name in names if (found := which(str(name)))), None)


def has_exec(cmd: str) -> bool:
    """Return whether the program *cmd* is in ``PATH`` and may be run.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.has_exec cat
    """
    return which(cmd) is not None


def _run_code(function: str, lang: str, code: str | Sequence[str], args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Run *code* from a file that only the one who runs it can read."""
    import tempfile  # only this needs it

    as_whom = _account.account(function, kwargs.get("runas"))
    text = code if isinstance(code, str) else "\n".join(map(str, code))
    words = _words(function, args if isinstance(args, list | tuple) else [] if args is None else [args])
    with tempfile.NamedTemporaryFile("w", prefix="saltern-code-", dir="/tmp") as file:
        file.write(text)
        file.flush()
        if as_whom:
            os.fchown(file.fileno(), as_whom.uid, as_whom.gid)
        return _execute(function, [str(lang), file.name, *words], (), {**kwargs, "python_shell": False})


def _execute(
    function: str, cmd: str | Sequence[str], given: Sequence[Any], kwargs: Mapping[str, Any], *, merge: bool = False
) -> dict[str, Any]:
    """Run *cmd* and return ``cmd.run_all``'s dict; sets ``__context__['retcode']``."""
    from saltern_modules import _process  # loads subprocess, which an agent that only samples never needs

    options = _options(function, given, kwargs)
    as_whom = _account.account(function, options["runas"])
    if options["redirect_stderr"] is not None:
        merge = bool(options["redirect_stderr"])
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
    stdout, stderr = (_text(output, options["rstrip"]) for output in (done.stdout, done.stderr))
    if not done.timed_out and (options["ignore_retcode"] or _counts(code, stdout, stderr, options)):
        code = 0
    __context__["retcode"] = code
    notes = []
    if done.cut:
        notes.append(f"[{function}: {done.cut} more bytes of output were cut: output_limit]")
    if done.timed_out:
        text = shlex.join(map(str, cmd)) if isinstance(cmd, list | tuple) else str(cmd)
        notes.append(f"{text} : Timed out after {options['timeout']:g} seconds")
    if options["hide_output"]:
        stdout = stderr = ""
    if notes:
        stdout = "\n".join(filter(None, (stdout, *notes)))
    if options["raise_err"] and code:
        raise CommandError(f"{function}: the command ended with the retcode {code}: {(stderr or stdout)[-1000:]}")
    return {
        "pid": done.pid,
        "retcode": done.retcode if options["ignore_retcode"] and not done.timed_out else code,
        "stdout": stdout,
        "stderr": stderr,
    }


def _text(output: bytes, rstrip: bool) -> str:
    text = output.decode("utf-8", "replace")
    return text.rstrip() if rstrip else text


def _counts(code: int, stdout: str, stderr: str, options: Mapping[str, Any]) -> bool:
    """Return whether a program that ended so did what was wanted, by the codes and texts that say so."""
    codes, outputs, errors = (
        value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
        for value in (options[f"success_{name}"] for name in ("retcodes", "stdout", "stderr"))
    )
    return str(code) in map(str, codes) or stdout in outputs or stderr in errors


def _options(function: str, in_order: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options, those given over the defaults; raises ``CommandError`` naming a wrong one."""
    if len(in_order) > len(IN_ORDER):
        raise CommandError(f"{function}: only {', '.join(IN_ORDER)} are taken in order: name the others")
    given = dict(zip(IN_ORDER, in_order, strict=False))
    for name, value in kwargs.items():
        if name in given:
            raise CommandError(f"{function}: {name} is given twice")
        if not name.startswith("__") and name not in WITHOUT_EFFECT:
            given[name] = value
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
    """Return a umask; a number's digits are octal too, for ``umask=077`` arrives as 77. Raises ``CommandError``."""
    with contextlib.suppress(ValueError):
        umask = -1 if isinstance(value, bool) else int(str(value), 8)
        if 0 <= umask <= 0o777:
            return umask
    raise CommandError(f"{function}: umask must be octal digits from 000 to 777, as in 022, not {value!r}")


def _argv(function: str, cmd: str | Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """Return what to execute; raises ``CommandError`` for an empty command or an open quote."""
    if not isinstance(cmd, str | list | tuple):
        cmd = str(cmd)  # a word of a command line may be a number, or true
    if options["python_shell"]:
        text = cmd if isinstance(cmd, str) else shlex.join(map(str, cmd))
        return [_shell(options), "-c", text]
    argv = _words(function, cmd)
    if not argv or not argv[0]:
        raise CommandError(f"{function}: the command is empty")
    return argv


def _shell(options: Mapping[str, Any]) -> str:
    """Return the shell that is asked for, or the agent's. Raises ``CommandError`` when it isn't there."""
    chosen = options["shell"]
    if not chosen:
        chosen = os.environ.get("SHELL", "")
        return chosen if os.path.basename(chosen) in USUAL_SHELLS and os.access(chosen, os.X_OK) else SHELL
    if os.path.isabs(str(chosen)) and not os.access(str(chosen), os.X_OK):
        raise CommandError(f"The shell {chosen} is not available")
    return str(chosen)


def _words(function: str, text: str | Sequence[str]) -> list[str]:
    """Return a list as texts, and a text split as a shell would; raises ``CommandError`` for an open quote."""
    try:
        return shlex.split(text) if isinstance(text, str) else [str(word) for word in text]
    except ValueError as error:
        raise CommandError(f"{function}: can't split {text!r}: {error}") from None


def _folder(options: Mapping[str, Any], as_whom: _account.Account | None) -> str:
    """Return where to run: where the caller says, or home, or ``/``."""
    if options["cwd"]:
        cwd = str(options["cwd"])
        if not os.path.isabs(cwd) or not os.path.isdir(cwd):
            raise CommandError(f"Specified cwd '{cwd}' either not absolute or does not exist")
        return cwd
    home = as_whom.home if as_whom else os.path.expanduser("~")
    # Another user's rights can't be asked of the kernel from here; "/" is always open to it.
    usable = os.path.isdir(home) if as_whom else os.access(home, os.X_OK)
    return str(home) if usable else "/"


def _environment(function: str, options: Mapping[str, Any], as_whom: _account.Account | None) -> dict[str, str]:
    """Return the program's environment. Raises ``CommandError``."""
    changes = options["env"] or []
    if isinstance(changes, str):
        import yaml  # only a text needs it

        with contextlib.suppress(yaml.YAMLError):
            changes = yaml.safe_load(changes) or []
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
    if options["prepend_path"]:
        folders = (str(options["prepend_path"]), environment.get("PATH", ""))
        environment["PATH"] = ":".join(filter(None, folders))
    return environment
