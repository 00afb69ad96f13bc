"""Programs run on the minion.

A command that somebody typed, as a job or for ``saltern-call``, goes to a shell. From other modules it is run as argv:
a list as it is, a string split at blanks as a shell would split it but with no shell's other powers. ``python_shell``
says which of the two it is to be; ``cmd.shell`` always takes a shell.

What every function here takes, after its own arguments in this order, or by name; then, in order too, ``group``,
``shell``, ``python_shell``, ``env``, ``clean_env``, ``template``, ``rstrip`` and ``umask``, but for those that one has
no use for (``shell`` for ``python_shell``, ``retcode`` for ``rstrip``, scripts for ``clean_env`` and ``rstrip``):

``cwd``
    where to run; the home of the user that runs it by default, ``/`` when that can't be entered.
``stdin``
    text for its standard input; none by default.
``runas``
    the name of the user to become; the agent must be root for it. The program starts with that user's environment:
    of the agent's it keeps ``LANG``, ``LC_*`` and ``TZ`` alone.

And what else they take:

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
``group``
    the name of the group to run as; the agent must be root for it.
``bg``
    don't wait: the program goes on by itself, its output is nobody's, and no ``timeout`` ends it.
``template``
    ``jinja``: the command and ``cwd`` are templates, of ``salt``, ``grains``, ``pillar``, ``opts`` and ``saltenv``;
    ``pillar`` is a dict to merge into the pillar for them.

``output_loglevel``, ``log_callback``, ``output_encoding``, ``reset_system_locale``, ``use_vt``, and Windows'
``password`` and ``encoded_cmd`` are taken, and do nothing: a program's output isn't logged, and is read as UTF-8.

A program that ends with anything but 0 is no error of the function: its output is returned, and
``__context__['retcode']`` is set to the code, from where the agent takes the job's retcode.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from saltern.errors import CommandError
from saltern_modules import _account, _agent, _command

__salt__: Mapping[str, Callable[..., Any]]
__grains__: Mapping[str, Any]
__pillar__: Mapping[str, Any]
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
    source: str,
    args: str | Sequence[str] | None = None,
    *given: Any,
    saltenv: str | None = None,
    template: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """Run a script, from the master (``salt://…``) or an absolute path, and return as ``cmd.run_all`` does.

    A copy is run, so that the script need not be executable, nor stay as it is meanwhile. *args*: a list, or a
    string split at blanks. A script without a first line that names its interpreter is run by ``shell``. When the
    master has no such file, the retcode is 1 and ``cache_error`` is true. *template*: ``jinja`` renders the script.

    CLI Example:

    .. code-block:: bash

        saltern '*' cmd.script salt://scripts/runme.sh 'arg1 "arg 2"'
    """
    from saltern_modules._script import copy_of  # loads tempfile, which only scripts need

    options = _command.options("cmd.script", given, {**kwargs, **({"template": template} if template else {})})
    as_whom = _account.account("cmd.script", options["runas"])
    words = _command.words("cmd.script", args or ())
    if source.startswith("salt://"):
        source = __salt__["cp.cache_file"](source, saltenv=saltenv or "base")
        if not source:
            __context__["retcode"] = 1
            return {"pid": 0, "retcode": 1, "stdout": "", "stderr": "", "cache_error": True}
    if not os.path.isabs(source):
        raise CommandError(f"cmd.script: the source must be salt://… or an absolute path, not {source!r}")
    render = (lambda text: _rendered(text, {**options, "saltenv": saltenv})) if options["template"] else None
    with copy_of(source, as_whom, render) as copy:
        argv = [copy.path, *words] if copy.interpreted else [_command.shell(options), copy.path, *words]
        taken = {**_command.named("cmd.script", given), **kwargs, "python_shell": False, "template": None}
        return _execute("cmd.script", argv, (), taken)


def script_retcode(source: str, args: str | Sequence[str] | None = None, *given: Any, **kwargs: Any) -> int:
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
    words = _command.words(function, args if isinstance(args, list | tuple) else [] if args is None else [args])
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

    options = _command.options(function, given, kwargs)
    as_whom = _account.account(function, options["runas"])
    if options["redirect_stderr"] is not None:
        merge = bool(options["redirect_stderr"])
    cmd, options["cwd"] = _rendered(cmd, options), _rendered(options["cwd"], options)
    agent = _agent.present(__opts__)
    stdin = options["stdin"]
    argv = _command.argv(function, cmd, options)
    if options["bg"]:
        argv = _command.in_background(argv)
    done = _process.run(
        argv,
        cwd=_command.folder(options, as_whom),
        env=_command.environment(function, options, as_whom),
        credentials=_command.credentials(function, as_whom, options["group"]),
        umask=options["umask"],
        stdin=None if stdin is None else str(stdin).encode(),
        timeout=options["timeout"],
        limit=options["output_limit"],
        merge=merge,
        started=agent.register_child if agent else lambda pid: None,
        ended=agent.forget_child if agent else lambda pid: None,
    )
    code, stdout, stderr = _command.outcome(done, options)
    __context__["retcode"] = code
    if options["bg"]:
        return {"pid": int(stdout) if stdout.isdigit() else done.pid, "retcode": code, "stdout": "", "stderr": ""}
    if options["hide_output"]:
        stdout = stderr = ""
    stdout = "\n".join(filter(None, (stdout, *_command.notes(function, cmd, done, options))))
    if options["raise_err"] and code:
        raise CommandError(f"{function}: the command ended with the retcode {code}: {(stderr or stdout)[-1000:]}")
    return {
        "pid": done.pid,
        "retcode": done.retcode if options["ignore_retcode"] and not done.timed_out else code,
        "stdout": stdout,
        "stderr": stderr,
    }


def _rendered(value: Any, options: Mapping[str, Any]) -> Any:
    """Return a command, its words or a path, rendered when the caller asked for it."""
    if not options["template"] or value is None:
        return value
    if isinstance(value, list | tuple):
        return [_rendered(word, options) for word in value]
    from saltern.merging import merge
    from saltern_modules._template import rendered

    return rendered(
        str(value),
        options["template"],
        {},
        salt=__salt__,
        grains=__grains__,
        pillar=merge(dict(__pillar__), options["pillar"]) if options["pillar"] else __pillar__,
        opts=__opts__,
        saltenv=str(options["saltenv"] or "base"),
    )
