"""Virtual environments of Python: makes them, and tells where things are in them.

*venv*: the folder of one. Its Python is run, which is why all have the power ``runs``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from saltern.errors import ArgumentError, CommandError
from saltern.own_python import module_of, python_module

__salt__: Mapping[str, Callable[..., Any]]
__opts__: Mapping[str, Any]
__pillar__: Mapping[str, Any]

__virtualname__ = "virtualenv"

__powers__ = {
    "create": "runs",
    "get_distribution_path": "runs",
    "get_resource_content": "runs",
    "get_resource_path": "runs",
    "get_site_packages": "runs",
    "virtualenv_ver": "runs",
}

NAMES = (f"virtualenv-{sys.version_info[0]}.{sys.version_info[1]}", f"virtualenv{sys.version_info[0]}", "virtualenv")
UNSAFE = ("import", ";", "subprocess", "eval", "open", "file", "exec", "input")
RESOURCE = (
    "import importlib.util, os, sys\n"
    "spec = importlib.util.find_spec(sys.argv[1])\n"
    "folder = spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else None\n"
    "if folder is None:\n"
    "    sys.exit('there is no package ' + sys.argv[1])\n"
    "path = os.path.join(folder, *sys.argv[2].split('/'))\n"
)
DISTRIBUTION = (
    "import importlib.metadata, sys\nprint(importlib.metadata.distribution(sys.argv[1]).locate_file('').resolve())\n"
)


def virtualenv_ver(venv_bin: str, user: str | None = None, **kwargs: Any) -> tuple[int, ...]:
    """Return the version of the program *venv_bin* as numbers. Raises ``CommandError`` when it doesn't say.

    CLI Example:

    .. code-block:: bash

        saltern '*' virtualenv.virtualenv_ver virtualenv
    """
    words = [venv_bin, "--version"]
    done = __salt__["cmd.run_all"](words, runas=user, python_shell=False, redirect_stderr=True)
    version = next((word for word in done["stdout"].split() if re.match(r"\d.\d*", word)), "")
    if done["retcode"] > 0 or not version:
        raise CommandError(f"Unable to get the virtualenv version output using '{words}'. Returned data: {done}")
    return tuple(int(part) for part in re.findall(r"\d+", re.sub(r"(rc|\+ds).*$", "", version)))


def create(
    path: str,
    venv_bin: str | None = None,
    system_site_packages: bool = False,
    distribute: bool = False,
    clear: bool = False,
    python: str | None = None,
    extra_search_dir: Any = None,
    never_download: bool | None = None,
    prompt: str | None = None,
    pip: bool = False,
    symlinks: bool | None = None,
    upgrade: bool | None = None,
    user: str | None = None,
    use_vt: bool = False,
    saltenv: str = "base",
    **kwargs: Any,
) -> dict[str, Any]:
    """Make a virtual environment at *path*; returns as ``cmd.run_all`` does.

    *venv_bin*: by what: a program like ``virtualenv``, ``venv`` for the agent's Python's own, or a Python; by default
    pillar or option ``venv_bin``, else ``virtualenv`` where it is, else ``venv``. *python*: whose.
    *system_site_packages*, *clear*, *prompt*, *symlinks*, *upgrade*, *never_download*, *extra_search_dir* (a list or
    comma text): options of these names, not all of which each has. *pip*: put pip into it when it isn't. *distribute*:
    does nothing any more.

    CLI Example:

    .. code-block:: bash

        saltern '*' virtualenv.create /path/to/new/virtualenv
    """
    venv_bin = str(venv_bin or __pillar__.get("venv_bin") or __opts__.get("venv_bin") or _found(NAMES) or "venv")
    python = python.strip() if python else None
    own = venv_bin == "venv" or re.fullmatch(r"(python|pypy)[0-9.]*", os.path.basename(venv_bin), re.IGNORECASE)
    words = _venv(venv_bin, python) if own else [venv_bin]
    if own or "venv" in venv_bin:
        words += _of_venv(
            venv_bin, None if own else python, extra_search_dir, never_download, upgrade, symlinks, prompt
        )
    else:
        words += _of_virtualenv(venv_bin, python, extra_search_dir, never_download, upgrade, symlinks, prompt, user)
    words += ["--clear"] if clear is True else []
    words += ["--system-site-packages"] if system_site_packages is True else []
    if path.startswith("-"):
        raise ArgumentError(f"virtualenv.create: path can't begin with '-' as {path!r} does")
    was = os.path.exists(path)
    options = {name: kwargs[name] for name in ("cwd", "env", "timeout") if name in kwargs}
    done: dict[str, Any] = __salt__["cmd.run_all"]([*words, path], runas=user, python_shell=False, **options)
    if done["retcode"]:
        if not was and os.path.isdir(path):
            import shutil

            shutil.rmtree(path, ignore_errors=True)
        return done
    return _with_pip(path, done, user) if pip else done


def _with_pip(path: str, done: dict[str, Any], user: str | None) -> dict[str, Any]:
    """Put pip into the environment *path* when it isn't in there; return *done* with what that said."""
    if os.path.exists(os.path.join(path, "bin", "pip")):
        return done
    words = module_of(os.path.join(path, "bin", "python"), "ensurepip", "--default-pip")
    added = __salt__["cmd.run_all"](words, runas=user, cwd=path, python_shell=False, env={"VIRTUAL_ENV": path})
    texts = {name: f"{done[name]}\n{added[name]}".strip() for name in ("stdout", "stderr")}
    return {**done, "retcode": added["retcode"], **texts}


def _found(names: Any) -> str | None:
    import shutil

    return next((path for name in names if (path := shutil.which(name))), None)


def _venv(venv_bin: str, python: str | None) -> list[str]:
    """Return the command of the module ``venv`` of the Python that is meant. Raises ``CommandError``."""
    if venv_bin != "venv" and python:
        raise CommandError("Pass the target interpreter either as `venv_bin` or as `python`, not both.")
    wanted = python or (None if venv_bin == "venv" else venv_bin)
    if wanted and _found([wanted]) is None:
        raise CommandError(f"Cannot find requested python ({wanted}).")
    return module_of(wanted, "venv") if wanted else python_module("venv")


def _of_venv(
    venv_bin: str, python: Any, extra: Any, never_download: Any, upgrade: Any, symlinks: Any, prompt: Any
) -> list[str]:
    """Return the options for ``python -m venv``. Raises ``CommandError`` for those that it doesn't have."""
    given = {"python": python, "extra_search_dir": extra if str(extra or "").strip() else None}
    for name, value in {**given, "never_download": never_download}.items():
        if value is not None:
            option = f"--{name.replace('_', '-')}"
            raise CommandError(f"The `{name}`(`{option}`) option is not supported by '{venv_bin}'")
    words = [*(["--upgrade"] if upgrade is True else []), *(["--symlinks"] if symlinks is True else [])]
    return [*words, *(["--prompt", prompt] if prompt and prompt.strip() else [])]


def _of_virtualenv(
    venv_bin: str,
    python: str | None,
    extra: Any,
    never_download: Any,
    upgrade: Any,
    symlinks: Any,
    prompt: Any,
    user: str | None,
) -> list[str]:
    """Return the options for ``virtualenv``. Raises ``CommandError`` for those that it doesn't have."""
    for name, value in (("upgrade", upgrade), ("symlinks", symlinks)):
        if value is not None:
            raise CommandError(f"The `{name}`(`--{name}`) option is not supported by '{venv_bin}'")
    version = virtualenv_ver(venv_bin, user=user)
    if python and _found([python]) is None:
        raise CommandError(f"Cannot find requested python ({python}).")
    words = [f"--python={python}"] if python else []
    if extra is not None:
        members = extra.split(",") if isinstance(extra, str) else extra
        words += [f"--extra-search-dir={str(one).strip()}" for one in members if str(one).strip()]
    if never_download is True and not (1, 10) <= version < (14, 0, 0):
        words.append("--never-download")
    elif never_download is False and version >= (20, 0):
        words.append("--download")
    return [*words, *([f"--prompt='{prompt}'"] if prompt and prompt.strip() else [])]


def get_site_packages(venv: str) -> str:
    """Return the folder of the environment's packages.

    CLI Example:

    .. code-block:: bash

        saltern '*' virtualenv.get_site_packages /path/to/my/venv
    """
    return _said(venv, 'import sysconfig; print(sysconfig.get_path("purelib"))')


def get_distribution_path(venv: str, distribution: str) -> str:
    """Return where the installed package *distribution* is.

    CLI Example:

    .. code-block:: bash

        saltern '*' virtualenv.get_distribution_path /path/to/my/venv my_distribution
    """
    return _said(venv, DISTRIBUTION, distribution)


def get_resource_path(venv: str, package: str | None = None, resource: str | None = None) -> str:
    """Return where the file *resource* of the package *package* is.

    CLI Example:

    .. code-block:: bash

        saltern '*' virtualenv.get_resource_path /path/to/my/venv my_package my/resource.xml
    """
    return _said(venv, f"{RESOURCE}print(path)\n", package, resource)


def get_resource_content(venv: str, package: str | None = None, resource: str | None = None) -> str:
    """Return what is in the file *resource* of the package *package*, as Python writes bytes.

    CLI Example:

    .. code-block:: bash

        saltern '*' virtualenv.get_resource_content /path/to/my/venv my_package my/resource.xml
    """
    return _said(venv, f"{RESOURCE}with open(path, 'rb') as file:\n    print(file.read())\n", package, resource)


def _said(venv: str, code: str, *words: Any) -> str:
    """Return what the environment's Python prints for *code*. Raises ``CommandError`` when it fails."""
    for word in words:
        if word is None:
            raise ArgumentError("virtualenv: a package and a resource are needed")
        if any(bad in str(word) for bad in UNSAFE):
            raise ArgumentError(f"Unsafe python code detected in '{word}'")
    program = os.path.join(venv, "bin", "python")
    if not os.path.exists(program):
        raise CommandError(f"Path '{venv}' does not appear to be a virtualenv: '{program}' not found.")
    code = f"import sys; sys.path.remove('')\n{code}"  # nobody's code by the current folder
    done = __salt__["cmd.run_all"]([program, "-c", code, *map(str, words)], python_shell=False)
    if done["retcode"]:
        raise CommandError(f"{done['stdout']}\n{done['stderr']}")
    return str(done["stdout"])
