"""What there is of files: ``cp.list_master``, ``cp.hash_file`` and the like."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from saltern.errors import CommandError, os_errors
from saltern_modules import _file_client

__virtualname__ = "cp"

__opts__: Mapping[str, Any]

__powers__ = {
    "list_master": "reads",
    "list_master_dirs": "reads",
    "list_master_symlinks": "reads",
    "list_states": "reads",
    "envs": "reads",
    "hash_file": "reads",
    "hash_file_ssh": "reads",
    "hash_file_and_stat": "reads",
    "stat_file": "reads",
}


def list_master(saltenv: str | None = None, prefix: str = "") -> list[str]:
    """Return the paths of the files that the master serves, those beginning with *prefix*, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.list_master prefix=scripts/
    """
    _, env = _file_client.split("", saltenv, __opts__)
    return _beginning(_files("cp.list_master").request("file_list", saltenv=env), prefix)


def list_master_dirs(saltenv: str | None = None, prefix: str = "") -> list[str]:
    """Return the paths of the folders that the master serves, those beginning with *prefix*, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.list_master_dirs
    """
    return _beginning(_folders("cp.list_master_dirs", saltenv)["dirs"], prefix)


def list_master_symlinks(saltenv: str | None = None, prefix: str = "") -> dict[str, str]:
    """Return where the links among the master's files lead to, by path, those beginning with *prefix*.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.list_master_symlinks
    """
    links = _folders("cp.list_master_symlinks", saltenv)["links"]
    return {path: links[path] for path in _beginning(links, prefix)}


def list_states(saltenv: str | None = None) -> list[str]:
    """Return the names of the ``.sls`` files that the master serves, as in ``web.conf`` for ``web/conf.sls``, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.list_states
    """
    names = list_master(saltenv)
    stems = (name.removesuffix(".sls").removesuffix("/init") for name in names if name.endswith(".sls"))
    return sorted({stem.replace("/", ".") for stem in stems})


def envs() -> list[str]:
    """Return the environments that the master serves files in.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.envs
    """
    return list(_files("cp.envs").request("file_envs"))


def hash_file(path: str, saltenv: str | None = None) -> Any:
    """Return ``{'hsum': …, 'hash_type': 'sha256'}`` of ``salt://…`` or of a file of this host.

    ``""`` when the master has no such file, ``[{}, None]`` when this host has none.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.hash_file salt://vimrc
    """
    known, _ = _hash_and_mode(path, saltenv, "cp.hash_file")
    if known or _file_client.is_url(path):
        return known or ""
    return [{}, None]


def hash_file_ssh(path: str, saltenv: str | None = None) -> Any:
    """Do what ``hash_file`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.hash_file_ssh salt://vimrc
    """
    return hash_file(path, saltenv)


def hash_file_and_stat(path: str, saltenv: str | None = None) -> list[Any]:
    """Return what ``hash_file`` does of a file, ``{}`` for none, and its mode as in ``'0644'``, ``None`` for none.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.hash_file_and_stat salt://vimrc
    """
    known, mode = _hash_and_mode(path, saltenv, "cp.hash_file_and_stat")
    return [known, None if mode is None else _octal(mode)]


def stat_file(path: str, saltenv: str | None = None, octal: bool = True) -> str | int | None:
    """Return the mode of ``salt://…`` or of a file of this host: ``'0644'``, or the whole number without *octal*.

    ``None`` for a file that isn't there.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.stat_file salt://scripts/run.sh
    """
    _, mode = _hash_and_mode(path, saltenv, "cp.stat_file")
    return mode if mode is None or octal is not True else _octal(mode)


def _hash_and_mode(path: str, saltenv: str | None, function: str) -> tuple[dict[str, Any], int | None]:
    bare, env = _file_client.split(path, saltenv, __opts__)
    if _file_client.is_url(bare):
        known = _file_client.known_of(_files(function), _file_client.name_of(bare), env)
        return {key: known[key] for key in ("hsum", "hash_type") if key in known}, known.get("mode")
    if not os.path.isfile(path):
        return {}, None
    with os_errors(CommandError, path, f"can't read {path}", called=function):
        return {"hsum": _file_client.digest_of(path), "hash_type": "sha256"}, os.stat(path).st_mode


def _octal(mode: int) -> str:
    return oct(mode)[-4:]


def _files(function: str) -> _file_client.Files:
    return _file_client.files_of(__opts__, function)


def _folders(function: str, saltenv: str | None) -> Mapping[Literal["dirs", "empty", "links"], Any]:
    _, env = _file_client.split("", saltenv, __opts__)
    found: Mapping[Literal["dirs", "empty", "links"], Any] = _files(function).request("file_dirs", saltenv=env)
    return found


def _beginning(names: Any, prefix: str) -> list[str]:
    start = prefix.strip("/")
    return sorted(name for name in names if name.startswith(start))
