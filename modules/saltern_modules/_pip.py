"""Runs pip for the module ``pip``: which pip, with what environment, on which files of requirements."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern.own_python import module_of, python_module
from saltern_modules._salt_errors import CommandNotFoundError

Salt = Mapping[str, Callable[..., Any]]

PROTOCOLS = ("http", "https", "ftp", "file")
OUTPUT_LIMIT = 16 << 20
TIMEOUT_S = 7200.0

_PYTHON = re.compile(r"python(\d+(\.\d+)?)?")
_REMARK = re.compile(r"(?:^|\s+)#.*$", re.MULTILINE)
_FURTHER = re.compile(r"(?:-r\s|--requirement[=\s])(.*)\n?", re.MULTILINE)


def program(bin_env: str | None) -> list[str]:
    """Return how pip is run: of the agent's own Python, of a virtual environment, or the program *bin_env* itself.

    Raises ``CommandNotFoundError``, ``CommandError``.
    """
    if not bin_env:
        return python_module("pip")
    if os.path.isdir(bin_env):
        return module_of(_python_of(bin_env), "pip")
    if not os.access(bin_env, os.X_OK):
        raise CommandNotFoundError(f"Access denied to {bin_env}, could not find a pip binary")
    if not os.path.isfile(bin_env):
        raise CommandError(f"Could not find a pip binary within {bin_env}")
    path = os.path.normpath(bin_env)
    return module_of(path, "pip") if "python" in os.path.basename(bin_env) else [path]


def _python_of(folder: str) -> str:
    bins = os.path.join(folder, "bin")
    names = sorted(os.listdir(bins)) if os.path.isdir(bins) else []
    names = [name for name in names if _PYTHON.fullmatch(name) and name not in ("python", "python3")]
    paths = [os.path.join(folder, "python"), *(os.path.join(bins, name) for name in ("python", "python3", *names))]
    paths.insert(2, os.path.join(folder, "Scripts", "python"))
    for path in paths:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.normpath(path)
    raise CommandNotFoundError(f"Could not find a pip binary in virtualenv {folder}")


def run(
    salt: Salt,
    words: Sequence[Any],
    bin_env: str | None,
    user: str | None = None,
    cwd: str | None = None,
    env_vars: Mapping[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Run pip and return as ``cmd.run_all`` does. Raises ``CommandNotFoundError`` when that Python has none."""
    if env_vars is not None and not isinstance(env_vars, Mapping):
        raise CommandError(f"env_vars {env_vars} is not a dictionary")
    own = {"VIRTUAL_ENV": bin_env} if bin_env and os.path.isdir(bin_env) else {}
    env = {
        **(options.pop("env", None) or {}),
        **own,
        **{str(key): str(value) for key, value in (env_vars or {}).items()},
    }
    given = {"python_shell": False, "timeout": TIMEOUT_S, "output_limit": OUTPUT_LIMIT, **options}
    command = [*program(bin_env), *map(str, words)]
    found: dict[str, Any] = salt["cmd.run_all"](command, cwd=cwd, runas=user or None, env=env, **given)
    if found["retcode"] and "No module named pip" in found["stderr"] + found["stdout"]:
        raise CommandNotFoundError("Could not find a `pip` binary")
    return found


def checked(done: dict[str, Any]) -> str:
    """Return what pip printed. Raises ``CommandError`` with what it says when it failed."""
    if done["retcode"]:
        raise CommandError(done["stderr"], done)
    return str(done["stdout"])


def version(salt: Salt, bin_env: str | None, user: str | None, cwd: str | None) -> str | None:
    """Return pip's version. Raises ``CommandNotFoundError`` when there is no pip."""
    done = run(salt, ["--version"], bin_env, user, cwd)
    if done["retcode"]:
        raise CommandNotFoundError("Could not find a `pip` binary")
    match = re.match(r"^pip (\S+)", done["stdout"])
    return match[1] if match else None


def numbers(text: str | None) -> tuple[int, ...]:
    """Return the numbers of a version, for comparing it."""
    return tuple(map(int, re.findall(r"\d+", text or "0")[:3]))


def listed(value: Any) -> list[str]:
    """Return a list as texts, or the members of a comma text."""
    members = value if isinstance(value, list | tuple) else str(value).split(",")
    return [str(one).strip() for one in members]


def names(value: Any) -> list[str]:
    """Return packages. Raises ``ArgumentError`` for one that would be an option."""
    found = [one.replace(";", ",") for one in listed(value)]
    for one in found:
        if one.startswith("-"):
            raise ArgumentError(f"pip: a package can't be called {one!r}: options go into 'extra_args'")
    return found


def address(value: Any, *, path: bool = False) -> str:
    """Return an address, or with *path* also where something is. Raises ``CommandError`` for anything else."""
    from urllib.parse import urlparse

    if urlparse(str(value)).scheme in PROTOCOLS or (path and os.path.exists(str(value))):
        return str(value)
    raise CommandError(f"'{value}' is not a valid URL{' or path' if path else ''}")


def seconds(value: Any) -> str:
    """Return a number of seconds. Raises ``ValueError`` for what is none."""
    try:
        if isinstance(value, float):
            raise ValueError
        return str(int(value))
    except (ValueError, TypeError):
        raise ValueError(f"'{value}' is not a valid timeout, must be an integer") from None


def proxy_of(proxy: Any, opts: Mapping[str, Any]) -> list[str]:
    """Return the option for a proxy: the given one, or the configured one unless it is False."""
    host, port = opts.get("proxy_host"), opts.get("proxy_port")
    if proxy:
        return ["--proxy", str(proxy)]
    if proxy is False or not host or not port:
        return []
    user, word = opts.get("proxy_username"), opts.get("proxy_password")
    return ["--proxy", f"http://{user}:{word}@{host}:{port}" if user and word else f"http://{host}:{port}"]


def further(extra_args: Any) -> list[str]:
    """Return options that the caller gives: texts, and dicts of an option and its value."""
    words: list[str] = []
    for one in extra_args or ():
        if isinstance(one, Mapping):
            key, value = list(one.items())[-1]
            if isinstance(value, dict | list):
                raise TypeError(f"Too many levels in: {key}")
            words += [str(key), str(value)]
        else:
            words.append(str(one))
    return words


class Missing(Exception):
    """The master doesn't have a file of requirements."""


@contextlib.contextmanager
def requirements_of(
    salt: Salt, requirements: Any, saltenv: str, user: str | None, cwd: str | None
) -> Iterator[list[str]]:
    """Yield the options for files of requirements: paths, or ``salt://…``; *user* gets copies meanwhile.

    Raises ``Missing`` with the name of one that the master doesn't have.
    """
    if requirements is None:
        yield []
        return
    if not isinstance(requirements, str | list):
        raise TypeError("requirements must be a string or list")
    paths = []
    for one in listed(requirements):
        found = salt["cp.cache_file"](one, saltenv) if one.startswith("salt://") else one
        if not found:
            raise Missing(one)
        paths.append(str(found))
    if not user:
        yield [word for path in paths for word in ("--requirement", path)]
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="saltern-pip-") as folder:
        words = []
        for path in paths:
            words += ["--requirement", _copied(os.path.join(cwd or "/", path), folder)]
        _give(folder, user)
        yield words


def _copied(path: str, folder: str, depth: int = 0, namer: int = 0) -> str:
    """Copy a file of requirements, and those that it names, into *folder*; return where it is.

    *namer*: the user whose file names this one. Another than root, or the agent's own, gets copies of his own files
    alone: he is about to read what root read here.
    """
    from saltern.files import open_file

    copy = os.path.join(folder, os.path.basename(path))
    try:
        with open(open_file(path), encoding="utf-8", errors="surrogateescape") as file:
            owner = os.fstat(file.fileno()).st_uid
            if namer not in (0, os.geteuid(), owner):
                raise OSError(errno.EACCES, "it is named by a file of another user than its own")
            text = file.read(1 << 20)
    except OSError as error:
        raise CommandError(f"{path}: can't be read: {error.strerror or error}") from None
    if not os.path.exists(copy):
        with open(copy, "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    for other in _FURTHER.findall(_REMARK.sub("", text)) if depth < 16 else []:
        _copied(os.path.join(os.path.dirname(path), other.strip()), folder, depth + 1, owner)
    return copy


def _give(folder: str, user: str) -> None:
    import pwd

    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise CommandError(f"User '{user}' is not available") from None
    for name in os.listdir(folder):
        os.chown(os.path.join(folder, name), account.pw_uid, account.pw_gid)
    os.chown(folder, account.pw_uid, account.pw_gid)
