"""What ``cmd``'s functions take, what that means for a program (argv, folder, environment), and what its end means."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from saltern.errors import CommandError
from saltern_modules import _account

if TYPE_CHECKING:
    from saltern_modules._process import Finished

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
    "group": None,
    "template": None,
    "pillar": None,
    "bg": False,
    "saltenv": None,
}
"""What the functions take by name, with the defaults."""

IN_ORDER = (
    *("cwd", "stdin", "runas", "group", "shell", "python_shell", "env"),
    *("clean_env", "template", "rstrip", "umask"),
)
"""What the functions take in order, as Salt's do; these without one of them:"""
LESS: Mapping[str, frozenset[str]] = {
    "cmd.shell": frozenset(("python_shell",)),
    "cmd.retcode": frozenset(("rstrip",)),
    "cmd.script": frozenset(("clean_env", "rstrip")),
}
WITHOUT_EFFECT = frozenset(
    (
        "output_loglevel",
        "log_callback",
        "output_encoding",
        "reset_system_locale",
        "use_vt",
        "pillarenv",
        "password",  # Windows'
        "encoded_cmd",  # likewise
    )
)


def outcome(done: Finished, options: Mapping[str, Any]) -> tuple[int, str, str]:
    """Return the retcode that a program's end stands for, its output and its errors."""
    code = TIMEOUT_RETCODE if done.timed_out else done.retcode
    stdout, stderr = (_text(output, options["rstrip"]) for output in (done.stdout, done.stderr))
    wanted = not done.timed_out and (options["ignore_retcode"] or _counts(code, stdout, stderr, options))
    return 0 if wanted else code, stdout, stderr


def notes(function: str, cmd: Any, done: Finished, options: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the output doesn't tell: that some of it was cut, and that the time was over."""
    if done.cut:
        yield f"[{function}: {done.cut} more bytes of output were cut: output_limit]"
    if done.timed_out:
        words = shlex.join(map(str, cmd)) if isinstance(cmd, list | tuple) else str(cmd)
        yield f"{words} : Timed out after {options['timeout']:g} seconds"


def _text(output: bytes, rstrip: bool) -> str:
    """Return what a program wrote as text, with U+FFFD for what isn't UTF-8; *rstrip*: without blanks at its end."""
    text = output.decode("utf-8", "replace")
    return text.rstrip() if rstrip else text


def _counts(code: int, stdout: str, stderr: str, options: Mapping[str, Any]) -> bool:
    """Return whether a program that ended so did what was wanted, by the codes and texts that say so."""
    codes, outputs, errors = (
        value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
        for value in (options[f"success_{name}"] for name in ("retcodes", "stdout", "stderr"))
    )
    return str(code) in map(str, codes) or stdout in outputs or stderr in errors


def named(function: str, in_order: Sequence[Any]) -> dict[str, Any]:
    """Return what was given in order by name. Raises ``CommandError`` for too much."""
    names = [name for name in IN_ORDER if name not in LESS.get(function, ())]
    if len(in_order) > len(names):
        raise CommandError(f"{function}: only {', '.join(names)} are taken in order: name the others")
    return dict(zip(names, in_order, strict=False))


def options(function: str, in_order: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return all options, those given over the defaults; raises ``CommandError`` naming a wrong one."""
    given = named(function, in_order)
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
    options["umask"] = umask(function, options["umask"])
    return options


def umask(function: str, value: object) -> int:
    """Return a umask; a number's digits are octal too, for ``umask=077`` arrives as 77. Raises ``CommandError``."""
    with contextlib.suppress(ValueError):
        umask = -1 if isinstance(value, bool) else int(str(value), 8)
        if 0 <= umask <= 0o777:
            return umask
    raise CommandError(f"{function}: umask must be octal digits from 000 to 777, as in 022, not {value!r}")


def argv(function: str, cmd: str | Sequence[str], options: Mapping[str, Any]) -> list[str]:
    """Return what to execute; raises ``CommandError`` for an empty command or an open quote."""
    if not isinstance(cmd, str | list | tuple):
        cmd = str(cmd)  # a word of a command line may be a number, or true
    if options["python_shell"]:
        text = cmd if isinstance(cmd, str) else shlex.join(map(str, cmd))
        return [shell(options), "-c", text]
    argv = words(function, cmd)
    if not argv or not argv[0]:
        raise CommandError(f"{function}: the command is empty")
    return argv


def shell(options: Mapping[str, Any]) -> str:
    """Return the shell that is asked for, or the agent's. Raises ``CommandError`` when it isn't there."""
    chosen = options["shell"]
    if not chosen:
        chosen = os.environ.get("SHELL", "")
        return chosen if os.path.basename(chosen) in USUAL_SHELLS and os.access(chosen, os.X_OK) else SHELL
    if os.path.isabs(str(chosen)) and not os.access(str(chosen), os.X_OK):
        raise CommandError(f"The shell {chosen} is not available")
    return str(chosen)


def words(function: str, text: str | Sequence[str]) -> list[str]:
    """Return a list as texts, and a text split as a shell would; raises ``CommandError`` for an open quote."""
    try:
        return shlex.split(text) if isinstance(text, str) else [str(word) for word in text]
    except ValueError as error:
        raise CommandError(f"{function}: can't split {text!r}: {error}") from None


def folder(options: Mapping[str, Any], as_whom: _account.Account | None) -> str:
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


def environment(function: str, options: Mapping[str, Any], as_whom: _account.Account | None) -> dict[str, str]:
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


def credentials(function: str, as_whom: _account.Account | None, group: object) -> dict[str, Any]:
    """Return what ``subprocess.Popen`` takes to become another user or group. Raises ``CommandError``."""
    found = as_whom.credentials() if as_whom else {}
    if group is None:
        return found
    import grp

    try:
        gid = grp.getgrnam(str(group)).gr_gid
    except (KeyError, ValueError):
        raise CommandError(f"Group {group!r} is not available") from None
    if os.geteuid() != 0:
        raise CommandError(f"{function}: only an agent that is root can run as the group {group!r}")
    return {**found, "group": gid}


def in_background(words: Sequence[str]) -> list[str]:
    """Return an argv that starts *words* by themselves, out of our hands, and prints their process id."""
    return [SHELL, "-c", '"$@" </dev/null >/dev/null 2>&1 & echo $!', "sh", *words]
