"""The agent's cache of fetched files, laid out as Salt's below ``cachedir``.

::

    files/<environment>/<path>                   of the master
    extrn_files/<environment>/<host>/<path>      of other URLs
    localfiles/<path>                            copies of files of this host
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from saltern.errors import CommandError, os_errors
from saltern.files import make_folder
from saltern_modules import _file_client as client

if TYPE_CHECKING:
    from urllib.parse import SplitResult

MAX_NAME_BYTES = 255
INVALID = "Invalid path"


def cachedir(opts: Mapping[str, Any]) -> str:
    """Return the folder. Raises ``CommandError`` when the option isn't set."""
    folder = opts.get("cachedir")
    if not folder:
        raise CommandError("cp: the option cachedir is not set: it says where fetched files are kept")
    return str(folder)


def place_of(opts: Mapping[str, Any], name: str, saltenv: str) -> str:
    """Return where a file of the master is cached."""
    return os.path.join(cachedir(opts), "files", saltenv, name)


def parts_of(url: str) -> SplitResult:
    """Return the parts of a URL. Raises ``CommandError`` for what is none."""
    from urllib.parse import urlsplit  # loaded when the first URL is asked for

    try:
        return urlsplit(url)
    except ValueError as error:
        raise CommandError(f"cp: {url[:200]!r} is no URL: {error}") from None


def place_of_url(opts: Mapping[str, Any], url: str, saltenv: str) -> str:
    """Return where what another URL leads to is cached, ``"Invalid path"`` for one that leads out of its folder."""
    parts = parts_of(url)
    host = parts.netloc.rpartition("@")[2].replace(":", "")
    name = "-".join((parts.path, parts.query)) if parts.query else parts.path
    folder = os.path.join(cachedir(opts), "extrn_files", saltenv, host).rstrip("/")
    place = os.path.normpath(f"{folder}/{name}")
    outside = place != folder and not place.startswith(f"{folder}/")
    if "\0" in url or host in (".", "..") or outside or (place == folder and not host):
        return INVALID
    if len(name) > MAX_NAME_BYTES:
        from saltern.digest import sha256

        return os.path.join(folder, sha256(name.encode("utf-8", "surrogateescape")).hexdigest())
    return place


def cached(opts: Mapping[str, Any], path: str, saltenv: str | None, function: str) -> str | Literal[False]:
    """Have a ``salt://`` URL in the cache, and return where; ``False`` when there is no such file.

    Raises ``CommandError``.
    """
    path, saltenv = client.split(path, saltenv, opts)
    name = client.name_of(path)
    place = place_of(opts, name, saltenv)
    files = client.files_of(opts, function)
    if not (known := client.known_of(files, name, saltenv)):
        client.log.error("Unable to cache file '%s' from saltenv '%s'.", path, saltenv)
        return False
    if not os.path.isfile(place) or client.digest_of(place) != known["hsum"]:
        with os_errors(CommandError, place, f"can't write {place}", called=function):
            _clear_way(place, os.path.join(cachedir(opts), "files"))
            make_folder(os.path.dirname(place), client.NEW_FOLDER_MODE)
        client.fetch(files, name, saltenv, known, place, function)
    return place


def in_cache(opts: Mapping[str, Any], path: str, saltenv: str | None) -> str:
    """Return where *path*, a URL or a file of this host, is cached, or ``""``."""
    path, saltenv = client.split(path, saltenv, opts)
    bare = path.removeprefix(client.SCHEME).lstrip("|/")
    if "\0" in bare or ".." in bare.split("/"):
        return ""
    places = [place_of(opts, bare, saltenv), os.path.join(cachedir(opts), "localfiles", bare)]
    if "://" in path and not client.is_url(path):
        places.append(place_of_url(opts, path, saltenv))
    return next((place for place in places if os.path.exists(place)), "")


def _clear_way(place: str, top: str) -> None:
    """Delete what was cached as a file where a folder is needed now, or the other way round."""
    if os.path.isdir(place) and not os.path.islink(place):
        import shutil  # rarely needed, and it brings much

        shutil.rmtree(place)
    folder = os.path.dirname(place)
    while folder.startswith(f"{top}/"):
        if os.path.lexists(folder) and not os.path.isdir(folder):
            os.unlink(folder)
        folder = os.path.dirname(folder)


def local_path(path: str) -> str | None:
    """Return the path of this host that *path* is, bare or ``file://…``; ``None`` for another URL.

    Raises ``CommandError`` for one that isn't absolute.
    """
    parts = parts_of(path)
    if parts.scheme not in ("file", ""):
        return None
    found = os.path.join(parts.netloc, parts.path).rstrip(os.sep) if parts.scheme or parts.netloc else path
    if not os.path.isabs(found):
        raise CommandError(f"Path '{found}' is not absolute")
    return found


def of_any(
    opts: Mapping[str, Any],
    path: str,
    saltenv: str | None,
    *,
    source_hash: str | None = None,
    verify_ssl: bool = True,
    use_etag: bool = False,
    function: str,
) -> str | Literal[False]:
    """Have what *path* leads to on this host, and return where; ``False`` for a file that the master hasn't.

    A path of this host is returned as it is. Raises ``CommandError``.
    """
    if not isinstance(path, str):
        raise CommandError(f"{function}: the path must be text such as salt://folder/file, not {path!r:.200}")
    if client.is_url(path):
        return cached(opts, path, saltenv, function)
    local = local_path(path)
    if local is not None:
        return local
    from saltern_modules import _download

    _download.check_scheme(path)
    _, env = client.split(path, saltenv, opts)
    place = place_of_url(opts, path, env)
    if place == INVALID:
        raise CommandError(f"{function}: {_download.redacted(path)} leads out of the cache")
    if source_hash and _download.has_hash(place, source_hash):
        return place
    with os_errors(CommandError, place, f"can't write {place}", called=function):
        _clear_way(place, os.path.join(cachedir(opts), "extrn_files"))
        make_folder(os.path.dirname(place), client.NEW_FOLDER_MODE)
    return _download.to_file(path, place, verify_ssl=verify_ssl, use_etag=use_etag)
