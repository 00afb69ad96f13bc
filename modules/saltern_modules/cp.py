"""Files of the master, by ``salt://`` paths.

A file is fetched in chunks into a temporary one beside its destination, checked against the master's
digest, and only then moved into place.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, Literal

from saltern.errors import CommandError, os_errors
from saltern.files import make_folder, replacement
from saltern_modules import _agent

log = logging.getLogger(__name__)

__opts__: Mapping[str, Any]

__powers__ = {
    "get_file": "indirect",
    "recv": "indirect",
    "get_file_str": "writes",
    "cache_file": "writes",
    "hash_file": "reads",
    "list_master": "reads",
    "is_cached": "reads",
}

SCHEME = "salt://"
MAX_TEXT_BYTES = 1 << 20
"""``get_file_str`` returns no file larger than this: a return travels in one message."""

NEW_FILE_MODE = 0o644
NEW_FOLDER_MODE = 0o755


def get_file(path: str, dest: str, saltenv: str = "base", makedirs: bool = False) -> str:
    """Fetch ``salt://…`` to *dest* (a file, or a folder); return where it is.

    A file that is there keeps its permissions; a new one gets 0644. With *makedirs*, missing folders of *dest* are
    made. A link of another user's on the way to *dest* is not followed to what isn't that user's. Raises
    ``CommandError`` when what arrived is not what the master announced, or when *dest* can't be written. ``""`` when
    the master has no such file.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.get_file salt://vimrc /etc/vimrc
    """
    name = _name(path, "cp.get_file")
    if not isinstance(dest, str) or not os.path.isabs(dest):
        raise CommandError(f"cp.get_file: the destination must be an absolute path, not {dest!r}")
    if dest.endswith("/") or os.path.isdir(dest):
        dest = os.path.join(dest, os.path.basename(name))
    if not (known := _hash(name, saltenv, "cp.get_file")):
        return ""
    _fetch(name, dest, saltenv, "cp.get_file", known=known, makedirs=makedirs)
    return dest


def get_file_str(path: str, saltenv: str = "base") -> str | Literal[False]:
    """Return the text of ``salt://…``, read as UTF-8; at most 1 MiB. ``False`` when the master has no such file.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.get_file_str salt://motd
    """
    name = _name(path, "cp.get_file_str")
    known = _hash(name, saltenv, "cp.get_file_str")
    if not known:
        return False
    if known["size"] > MAX_TEXT_BYTES:
        raise CommandError(f"cp.get_file_str: {path} has {known['size']} bytes: cp.get_file takes large files")
    with open(_cached(name, saltenv, known, "cp.get_file_str"), "rb") as file:
        return file.read().decode("utf-8", "replace")


def cache_file(path: str, saltenv: str = "base") -> str | Literal[False]:
    """Fetch ``salt://…`` into the agent's cache, unless it is there already; return where it is.

    ``False`` when the master has no such file.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.cache_file salt://scripts/install.sh
    """
    name = _name(path, "cp.cache_file")
    known = _hash(name, saltenv, "cp.cache_file")
    return _cached(name, saltenv, known, "cp.cache_file") if known else False


def recv(upload: str, hsum: str, listing_size: int, dest: str) -> dict[str, bool]:
    """Fetch what ``saltern-cp`` sends to *dest*; return ``{path: True}`` for each file and folder that it was given.

    A file is verified before it is moved into place; one with this content already is left. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern-cp '*' app.conf conf.d /etc/app/        # has the minions call cp.recv
    """
    from saltern_modules import _receive

    sent = _receive.Upload(_agent.connected(__opts__, "cp.recv"), upload)
    return _receive.receive(sent, sent.listing(listing_size, hsum), listing_size, dest)


def hash_file(path: str, saltenv: str = "base") -> dict[str, Any] | Literal[""]:
    """Return what the master says of ``salt://…``: ``{'hash_type': 'sha256', 'hsum', 'size', 'commit'}``.

    ``""`` when it has no such file.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.hash_file salt://vimrc
    """
    return _hash(_name(path, "cp.hash_file"), saltenv, "cp.hash_file") or ""


def list_master(saltenv: str = "base", prefix: str = "") -> list[str]:
    """Return the paths of the files that the master serves, those beginning with *prefix*, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.list_master prefix=scripts/
    """
    paths = _agent.connected(__opts__, "cp.list_master").request("file_list", saltenv=saltenv)
    return sorted(path for path in paths if path.startswith(prefix))


def is_cached(path: str, saltenv: str = "base") -> str:
    """Return where ``salt://…`` is in the agent's cache, or ``""``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.is_cached salt://vimrc
    """
    place = _place(_name(path, "cp.is_cached"), saltenv)
    return place if os.path.isfile(place) else ""


def _name(path: str, function: str) -> str:
    """Return *path* without its scheme; raises ``CommandError`` for anything but a plain relative path."""
    name = path.removeprefix(SCHEME) if isinstance(path, str) else ""
    parts = name.split("/")
    if not name or name == path or "\0" in name or any(part in ("", ".", "..") for part in parts):
        raise CommandError(f"{function}: the path must be like salt://folder/file, not {path!r}")
    return name


def _place(name: str, saltenv: str) -> str:
    if not saltenv or not saltenv.replace("_", "").replace("-", "").isalnum():
        raise CommandError(f"cp: an environment is a word such as base, not {saltenv!r}")
    cache = __opts__.get("cachedir")
    if not cache:
        raise CommandError("cp: the option cachedir is not set: it says where fetched files are kept")
    return os.path.join(cache, "files", saltenv, name)


def _hash(name: str, saltenv: str, function: str) -> dict[str, Any]:
    """Return what the master says of a file; nothing, and a line in the log, when it has none."""
    known = _agent.connected(__opts__, function).request("file_hash", path=name, saltenv=saltenv)
    if not known:
        log.error("%s: the master has no %s%s in environment %s", function, SCHEME, name, saltenv)
    return dict(known or {})


def _cached(name: str, saltenv: str, known: Mapping[str, Any], function: str) -> str:
    place = _place(name, saltenv)
    if not os.path.isfile(place) or _digest(place) != known["hsum"]:
        _fetch(name, place, saltenv, function, known=known, makedirs=True)
    return place


def _digest(path: str) -> str:
    from saltern.digest import sha256  # loaded when the first file is fetched

    digest = sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 16):
            digest.update(chunk)
    return digest.hexdigest()


def _fetch(
    name: str,
    dest: str,
    saltenv: str,
    function: str,
    *,
    known: Mapping[str, Any],
    makedirs: bool = False,
) -> None:
    """Fetch the file *name* to *dest*, verified and whole or not at all. Raises ``CommandError``."""
    with os_errors(CommandError, dest, f"can't write {dest}", called=function):
        if makedirs:
            make_folder(os.path.dirname(dest), NEW_FOLDER_MODE)
        with replacement(dest, NEW_FILE_MODE, keep_mode=True) as file:
            _receive(name, saltenv, known, file.write, function)


def _receive(name: str, saltenv: str, known: Mapping[str, Any], write: Any, function: str) -> None:
    from saltern.digest import sha256  # loaded when the first file is fetched

    agent = _agent.connected(__opts__, function)
    digest = sha256()
    received = 0
    while received < known["size"]:
        chunk = agent.request("file_chunk", path=name, offset=received, saltenv=saltenv, hsum=known["hsum"])
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
