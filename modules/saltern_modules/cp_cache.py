"""The agent's cache of files: ``cp.cache_file`` and what belongs to it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Literal

from saltern.errors import CommandError, os_errors
from saltern.files import make_folder, open_file, replacement
from saltern_modules import _cache, _file_client

__virtualname__ = "cp"

__opts__: Mapping[str, Any]

__powers__ = {
    "cache_file": "indirect",  # of any URL: from inside this host's network
    "cache_file_ssh": "indirect",
    "cache_files": "indirect",
    "cache_dir": "writes",
    "cache_master": "writes",
    "cache_local_file": "writes",
    "cache_dest": "reads",
    "is_cached": "reads",
    "list_minion": "reads",
}


def cache_file(
    path: str,
    saltenv: str | None = None,
    source_hash: str | None = None,
    verify_ssl: bool = True,
    use_etag: bool = False,
) -> str | Literal[False]:
    """Have *path* in the agent's cache, and return where; it is fetched unless what is there is still right.

    *path*: ``salt://…``, ``http(s)://…``, ``ftp://…``; a path of this host is returned as it is. Of other URLs
    than the master's, *source_hash* (``sha256=…``) says when what is cached is right, and *use_etag* has the web
    server say it; without *verify_ssl* its certificate isn't looked at. ``False`` when the master has no such file.
    Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.cache_file salt://scripts/install.sh
    """
    return _cache.of_any(
        __opts__,
        path,
        saltenv,
        source_hash=source_hash,
        verify_ssl=verify_ssl,
        use_etag=use_etag,
        function="cp.cache_file",
    )


def cache_file_ssh(
    path: str,
    saltenv: str | None = None,
    source_hash: str | None = None,
    verify_ssl: bool = True,
    use_etag: bool = False,
) -> str | Literal[False]:
    """Do what ``cache_file`` does.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.cache_file_ssh salt://scripts/install.sh
    """
    return cache_file(path, saltenv, source_hash, verify_ssl, use_etag)


def cache_files(paths: str | list[str], saltenv: str | None = None) -> list[str | Literal[False]]:
    """Do ``cache_file`` with each of *paths*, a list or ``"a,b"``, and return what each came to.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.cache_files salt://motd,salt://vimrc
    """
    wanted = paths.split(",") if isinstance(paths, str) else paths
    return [_cache.of_any(__opts__, path, saltenv, function="cp.cache_files") for path in wanted]


def cache_dir(
    path: str,
    saltenv: str | None = None,
    include_empty: bool = False,
    include_pat: str | list[str] | None = None,
    exclude_pat: str | list[str] | None = None,
) -> list[str]:
    """Have all files of the folder ``salt://…`` in the agent's cache, and return where they are.

    *include_pat*, *exclude_pat*: globs of the files' whole paths, or with ``E@`` before them regular expressions, one
    or a list. *include_empty*: empty folders are made too. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.cache_dir salt://scripts include_pat='*.sh'
    """
    bare, env = _file_client.split(path, saltenv, __opts__)
    if not _file_client.is_url(bare):
        raise CommandError(f"Unsupported path: {path}")
    folder = f"{bare.removeprefix(_file_client.SCHEME).strip('/')}/"
    files = _file_client.files_of(__opts__, "cp.cache_dir")
    done = []
    for name in files.request("file_list", saltenv=env):
        if name.startswith(folder) and _wanted(name, include_pat, exclude_pat):
            done.append(_cache.cached(__opts__, f"{_file_client.SCHEME}{name}", env, "cp.cache_dir"))
    if include_empty:
        for name in files.request("file_dirs", saltenv=env)["empty"]:
            if name.startswith(folder):
                place = _cache.place_of(__opts__, name, env)
                with os_errors(CommandError, place, f"can't make {place}", called="cp.cache_dir"):
                    make_folder(place, _file_client.NEW_FOLDER_MODE)
                done.append(place)
    return [place for place in done if place]


def cache_master(saltenv: str | None = None) -> list[str | Literal[False]]:
    """Have every file that the master serves in the agent's cache, and return where they are.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.cache_master
    """
    _, env = _file_client.split("", saltenv, __opts__)
    names = _file_client.files_of(__opts__, "cp.cache_master").request("file_list", saltenv=env)
    return [_cache.cached(__opts__, f"{_file_client.SCHEME}{name}", env, "cp.cache_master") for name in names]


def cache_local_file(path: str) -> str:
    """Copy a file of this host into the agent's cache, for its owner alone, and return where; ``""`` for none.

    Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.cache_local_file /etc/hosts
    """
    if not os.path.exists(path):
        return ""
    bare = os.path.normpath(_file_client.absolute(path, "cp.cache_local_file")).lstrip("/")
    place = os.path.join(_cache.cachedir(__opts__), "localfiles", bare)
    with os_errors(CommandError, path, f"can't copy {path}", called="cp.cache_local_file"):
        make_folder(os.path.dirname(place), 0o700)
        with open(open_file(path), "rb") as source, replacement(place, 0o600) as copy:
            while data := source.read(1 << 18):
                copy.write(data)
    return place


def cache_dest(url: str, saltenv: str | None = None) -> str:
    """Return where ``cache_file`` would put *url*, whether it is there or not.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.cache_dest https://example.org/app.rpm
    """
    bare, env = _file_client.split(url, saltenv, __opts__)
    if _file_client.is_url(bare):
        return _cache.place_of(__opts__, _file_client.name_of(bare), env)
    return _cache.place_of_url(__opts__, bare, env) if "://" in bare else bare


def is_cached(path: str, saltenv: str | None = None) -> str:
    """Return where *path*, a URL or a path of this host, is in the agent's cache, or ``""``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.is_cached salt://vimrc
    """
    return _cache.in_cache(__opts__, path, saltenv)


def list_minion(saltenv: str | None = None) -> list[str]:
    """Return the files of an environment, and copies of this host's own, that are in the agent's cache, sorted.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.list_minion
    """
    _, env = _file_client.split("", saltenv, __opts__)
    cache = _cache.cachedir(__opts__)
    return sorted(
        os.path.join(folder, name)
        for top in (os.path.join(cache, "files", env), os.path.join(cache, "localfiles"))
        for folder, _, names in os.walk(top)
        for name in names
    )


def _wanted(name: str, include: str | list[str] | None, exclude: str | list[str] | None) -> bool:
    return (not include or _fits(name, include)) and not (exclude and _fits(name, exclude))


def _fits(name: str, patterns: str | list[str]) -> bool:
    import fnmatch

    for pattern in patterns if isinstance(patterns, list) else [patterns]:
        if pattern.startswith("E@"):
            try:
                if re.search(pattern[2:], name):
                    return True
            except re.error as error:
                raise CommandError(f"cp.cache_dir: {pattern[:100]!r} is no regular expression: {error}") from None
        elif fnmatch.fnmatch(name, pattern):
            return True
    return False
