"""Asking for files by ``salt://`` URLs: of the master, or of this host with ``file_client: local``."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from saltern.errors import CommandError, os_errors
from saltern.files import make_folder, replacement
from saltern_modules import _agent

log = logging.getLogger(__name__)

SCHEME = "salt://"
NEW_FILE_MODE = 0o644
NEW_FOLDER_MODE = 0o755
LOCAL = "local"


class Files(Protocol):
    """What answers ``file_list``, ``file_dirs``, ``file_envs``, ``file_hash`` and ``file_chunk``."""

    def request(self, command: str, **kwargs: Any) -> Any:
        """Return the answer."""


def files_of(opts: Mapping[str, Any], function: str) -> Files:
    """Return what has the files: this host's ``file_roots``, or the master. Raises ``CommandError``."""
    if opts.get("file_client") == LOCAL:
        from saltern_modules._roots import Roots  # only where there is no master

        return Roots(opts.get("file_roots") or {})
    return _agent.connected(opts, function)


def is_url(path: object) -> bool:
    """Return whether *path* is a ``salt://`` URL."""
    return isinstance(path, str) and path.startswith(SCHEME)


def split(path: str, saltenv: str | None, opts: Mapping[str, Any]) -> tuple[str, str]:
    """Return *path* without ``?saltenv=x``, and the environment: that one, *saltenv*, or the minion's own."""
    saltenv = saltenv or opts.get("saltenv") or "base"
    if is_url(path):
        path, found, env = path.partition("?saltenv=")
        if found and env:
            saltenv = env
    return path, check_env(saltenv)


def check_env(saltenv: object) -> str:
    """Return *saltenv* when it names an environment. Raises ``CommandError``."""
    from saltern.ids import check_env as check

    try:
        return check(saltenv)
    except ValueError:
        raise CommandError(f"cp: an environment is a word such as base, not {saltenv!r:.80}") from None


def name_of(path: Any) -> str:
    """Return *path* without its scheme, ``""`` for what no file of the master can be called.

    Raises ``CommandError`` for what isn't a ``salt://`` URL.
    """
    if not is_url(path):
        raise CommandError(f"Unsupported path: {path}")
    name = str(path).removeprefix(SCHEME).lstrip("/").lstrip("|").partition("?")[0]
    while "//" in name or "/./" in name:
        name = name.replace("//", "/").replace("/./", "/")
    parts = name.split("/")
    return "" if "\0" in name or "\\" in name or any(part in ("", ".", "..") for part in parts) else name


def known_of(files: Files, name: str, saltenv: str) -> dict[str, Any]:
    """Return what there is to say of a file: ``hsum``, ``hash_type``, ``size``, ``mode``; nothing when it isn't there.

    Raises ``CommandError`` when the master can't say.
    """
    if not name:
        return {}
    return dict(files.request("file_hash", path=name, saltenv=saltenv) or {})


def digest_of(path: str) -> str:
    """Return a file's SHA-256 in hex. Raises ``OSError``."""
    from saltern.digest import sha256  # loaded when the first file is fetched

    digest = sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 16):
            digest.update(chunk)
    return digest.hexdigest()


def fetch(files: Files, name: str, saltenv: str, known: Mapping[str, Any], dest: str, function: str) -> None:
    """Fetch the file *name* to *dest*, verified and whole or not at all. Raises ``CommandError``."""
    with (
        os_errors(CommandError, dest, f"can't write {dest}", called=function),
        replacement(dest, NEW_FILE_MODE, keep_mode=True) as file,
    ):
        receive(files, name, saltenv, known, file.write, function)


def receive(
    files: Files, name: str, saltenv: str, known: Mapping[str, Any], write: Callable[[bytes], Any], function: str
) -> None:
    """Have *write* take all of a file. Raises ``CommandError`` when it isn't what was announced."""
    from saltern.digest import sha256  # loaded when the first file is fetched

    digest = sha256()
    received = 0
    while received < known["size"]:
        chunk = files.request("file_chunk", path=name, offset=received, saltenv=saltenv, hsum=known["hsum"])
        data = chunk["data"]
        if not data:
            break
        received += len(data)
        if received > known["size"]:
            break
        digest.update(data)
        write(data)
    if received != known["size"] or digest.hexdigest() != known["hsum"]:
        raise CommandError(f"{function}: {SCHEME}{name} changed or was damaged on its way: try again")


def absolute(dest: Any, function: str) -> str:
    """Return *dest*. Raises ``CommandError`` for what isn't an absolute path."""
    if not isinstance(dest, str) or not os.path.isabs(dest) or "\0" in dest:
        raise CommandError(f"{function}: the destination must be an absolute path, not {dest!r:.200}")
    return dest


def get(
    opts: Mapping[str, Any], path: str, saltenv: str | None, dest: str, makedirs: bool, function: str
) -> str | Literal[False] | None:
    """Fetch a ``salt://`` URL to *dest*, a file or a folder; return where it is.

    ``None`` when there is no such file, ``False`` when no folder is there for it and *makedirs* isn't said. Raises
    ``CommandError``.
    """
    path, saltenv = split(path, saltenv, opts)
    name = name_of(path)
    files = files_of(opts, function)
    if not (known := known_of(files, name, saltenv)):
        log.error("%s: there is no %s in environment %s", function, path, saltenv)
        return None
    absolute(dest, function)
    if dest.endswith("/") or os.path.isdir(dest):
        dest = os.path.join(dest, os.path.basename(name))
    with os_errors(CommandError, dest, f"can't write {dest}", called=function):
        if os.path.isfile(dest) and digest_of(dest) == known["hsum"]:
            return dest
        if not os.path.isdir(os.path.dirname(dest)):
            if not makedirs:
                return False
            make_folder(os.path.dirname(dest), NEW_FOLDER_MODE)
    fetch(files, name, saltenv, known, dest, function)
    return dest
