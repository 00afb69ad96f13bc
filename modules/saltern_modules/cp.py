"""Files of the master, and of URLs: fetched to a place on this host.

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
from saltern_modules import _cache, _file_client

log = logging.getLogger(__name__)

__opts__: Mapping[str, Any]
__salt__: Mapping[str, Any]
__grains__: Mapping[str, Any]
__pillar__: Mapping[str, Any]

__powers__ = {
    "get_file": "indirect",
    "get_template": "indirect",
    "get_dir": "indirect",
    "get_url": "indirect",
    "get_file_str": "indirect",
}
"""All write, or show, files of the caller's choice."""

ENGINES = ("cheetah", "genshi", "jinja", "mako", "py", "wempy")
"""Template engines that Salt knows; those that aren't here are refused when one is asked for."""
TEMPLATE_MODE = 0o600
"""What was rendered may hold secrets of the pillar."""


def get_file(
    path: str,
    dest: str,
    saltenv: str | None = None,
    makedirs: bool = False,
    template: str | None = None,
    gzip: int | None = None,
    **kwargs: Any,
) -> str | Literal[False]:
    """Fetch ``salt://…`` to *dest* (a file, or a folder); return where it is.

    ``""`` when there is no such file, ``False`` when the folder isn't there and *makedirs* isn't said. With *template*
    (``jinja``) the names *path* and *dest* are templates. *gzip* is taken, and changes nothing. ``?saltenv=x`` in the
    URL comes before *saltenv*. A file that is there keeps its permissions; a new one gets 0644. A link of another
    user's on the way to *dest* is not followed to what isn't that user's. Raises ``CommandError`` when what arrived is
    not what the master announced, or when *dest* can't be written.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.get_file salt://vimrc /etc/vimrc
    """
    path, dest = _names(path, dest, saltenv, template, kwargs)
    found = _file_client.get(__opts__, path, saltenv, dest, makedirs, "cp.get_file")
    return "" if found is None else found


def get_template(
    path: str, dest: str, template: str = "jinja", saltenv: str | None = None, makedirs: bool = False, **kwargs: Any
) -> str:
    """Render the file at *path* (any URL that ``cache_file`` takes) with *kwargs*, put it to *dest*, and return that.

    Templates have ``salt``, ``grains``, ``pillar``, ``opts``, ``saltenv`` and *kwargs*. ``""`` when there is no such
    file, no such engine, or no folder for it and *makedirs* isn't said. A new file is its owner's alone (0600). Raises
    ``CommandError`` for a template that fails.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.get_template salt://motd.jinja /etc/motd town=Ulm
    """
    source = _cached(path, saltenv, None, function="cp.get_template")
    if not source or not os.path.exists(source):
        return ""
    if template not in ENGINES:
        log.error("Attempted to render template with unavailable engine %s", template)
        return ""
    _, env = _file_client.split(path, saltenv, __opts__)
    if dest:
        dest = _file_client.absolute(dest, "cp.get_template")
    else:
        dest, makedirs = _cache.place_of_url(__opts__, path, env), True
    with os_errors(CommandError, source, "can't be read", called="cp.get_template"), open(source, "rb") as file:
        text = file.read().decode("utf-8", "surrogateescape")
    data = _rendered(text, template, kwargs, path, env).encode("utf-8", "surrogateescape")
    with os_errors(CommandError, dest, f"can't write {dest}", called="cp.get_template"):
        if not os.path.isdir(os.path.dirname(dest)):
            if not makedirs:
                return ""
            make_folder(os.path.dirname(dest), _file_client.NEW_FOLDER_MODE)
        if os.path.isdir(dest):
            dest = os.path.join(dest, os.path.basename(source))
        with replacement(dest, TEMPLATE_MODE) as written:
            written.write(data)
    return dest


def get_dir(
    path: str,
    dest: str,
    saltenv: str | None = None,
    template: str | None = None,
    gzip: int | None = None,
    **kwargs: Any,
) -> list[str]:
    """Fetch the folder ``salt://…`` into the folder *dest*, and return what is there now, sorted; empty folders too.

    *template* and *gzip* are those of ``get_file``. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.get_dir salt://nginx/ /etc
    """
    path, dest = _names(path, dest, saltenv, template, kwargs)
    bare, env = _file_client.split(path, saltenv, __opts__)
    if not _file_client.is_url(bare):
        raise CommandError(f"Unsupported path: {path}")
    dest = _file_client.absolute(dest, "cp.get_dir")
    folder = bare.removeprefix(_file_client.SCHEME).strip("/")
    above = folder.rpartition("/")[0]
    files = _file_client.files_of(__opts__, "cp.get_dir")
    done: list[str] = []
    for name in files.request("file_list", saltenv=env):
        if name.startswith(f"{folder}/"):
            place = f"{dest}/{name[len(above) :].lstrip('/')}"
            url = f"{_file_client.SCHEME}{name}"
            if found := _file_client.get(__opts__, url, env, place, True, "cp.get_dir"):
                done.append(found)
    for name in files.request("file_dirs", saltenv=env)["empty"]:
        if name.startswith(f"{folder}/"):
            place = f"{dest}/{name[len(above) :].lstrip('/')}"
            with os_errors(CommandError, place, f"can't make {place}", called="cp.get_dir"):
                make_folder(place, _file_client.NEW_FOLDER_MODE)
            done.append(place)
    return sorted(done)


def get_url(
    path: str,
    dest: str | None = "",
    saltenv: str | None = None,
    makedirs: bool = False,
    source_hash: str | None = None,
) -> str | Literal[False]:
    """Fetch *path*, a ``salt://``, ``http(s)://``, ``ftp://`` or ``file://`` URL or a path of this host.

    Without *dest* it goes into the agent's cache; either way where it is is returned. With ``dest=None`` the content
    is, as text, at most a quarter of ``max_return_bytes``. A file of this host stays where it is. *source_hash*
    (``sha256=…``): what is in the cache with that digest isn't fetched again. ``False`` when the master has no such
    file; ``""`` when there is no folder for it and *makedirs* isn't said. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.get_url https://example.org/app.tar.gz /srv/app.tar.gz
        saltern '*' cp.get_url salt://motd dest=None
    """
    if not isinstance(dest, str):
        return _content(path, saltenv)
    if not dest:
        return _cached(path, saltenv, source_hash, function="cp.get_url")
    if _file_client.is_url(path):
        dest = _inside(path, _file_client.absolute(dest, "cp.get_url"))
        return _file_client.get(__opts__, path, saltenv, dest, makedirs, "cp.get_url") or False
    local = _cache.local_path(path)
    if local is not None:
        return local
    from saltern_modules import _download

    return _download_to(_download, path, _file_client.absolute(dest, "cp.get_url"), makedirs)


def get_file_str(path: str, saltenv: str | None = None) -> str | Literal[False]:
    """Return the text of *path*, a URL as ``get_url`` takes it or a path of this host, read as UTF-8.

    At most a quarter of ``max_return_bytes``. ``False`` when there is no such file. Raises ``CommandError``.

    CLI Example:

    .. code-block:: bash

        saltern '*' cp.get_file_str salt://motd
    """
    place = _cached(path, saltenv, None, function="cp.get_file_str")
    return _text(place, "cp.get_file_str") if place and os.path.isfile(place) else False


def _cached(path: str, saltenv: str | None, source_hash: str | None, *, function: str) -> str | Literal[False]:
    return _cache.of_any(__opts__, path, saltenv, source_hash=source_hash, function=function)


def _content(path: str, saltenv: str | None) -> str | Literal[False]:
    """Return the text of what *path* leads to."""
    if not _file_client.is_url(path) and _cache.local_path(path) is None:
        from saltern_modules import _download

        return _download.content(path, _most())
    place = _cached(path, saltenv, None, function="cp.get_url")
    return _text(place, "cp.get_url") if place else False


def _inside(url: str, dest: str) -> str:
    """Return *dest*, or where in that folder *url* goes: by its last name, ``index.html`` where its host has all."""
    if not dest.endswith("/") and not os.path.isdir(dest):
        return dest
    parts = _cache.parts_of(url)
    named = len(parts.path) > 1 and not parts.path.endswith("/")
    last = url.partition("?")[0].partition("#")[0].rpartition("/")[2] if named else ""
    return os.path.join(dest, last if last not in ("", ".", "..") else "index.html")


def _download_to(download: Any, url: str, dest: str, makedirs: bool) -> str:
    dest = _inside(url, dest)
    if not os.path.isdir(os.path.dirname(dest)):
        if not makedirs:
            return ""
        with os_errors(CommandError, dest, f"can't write {dest}", called="cp.get_url"):
            make_folder(os.path.dirname(dest), _file_client.NEW_FOLDER_MODE)
    found: str = download.to_file(url, dest)
    return found


def _text(place: str, function: str) -> str:
    with os_errors(CommandError, place, f"can't read {place}", called=function), open(place, "rb") as file:
        data = file.read(_most() + 1)
    if len(data) > _most():
        raise CommandError(f"{function}: {place} has over {_most():,} bytes: cp.get_file takes large files")
    return data.decode("utf-8", "replace")


def _most() -> int:
    """Return how many bytes of content are returned at most: a return travels in one message, as UTF-8."""
    return int(__opts__.get("max_return_bytes") or 8 * 1024 * 1024) // 4


def _names(
    path: str, dest: str, saltenv: str | None, template: str | None, given: Mapping[str, Any]
) -> tuple[str, str]:
    """Return *path* and *dest*, rendered when *template* says how."""
    if not template:
        return path, dest
    if template not in ENGINES:
        raise CommandError(f"Attempted to render file paths with unavailable engine {template}")
    _, env = _file_client.split(path, saltenv, __opts__)
    context = {"pillar": given["pillar"]} if isinstance(given.get("pillar"), Mapping) else {}
    return _rendered(path, template, context, path, env), _rendered(dest, template, context, dest, env)


def _rendered(text: str, template: str, context: Mapping[str, Any], source: str, saltenv: str) -> str:
    from saltern_modules._template import rendered

    given = {key: value for key, value in context.items() if not key.startswith("__pub_")}
    more = given.pop("context", None)
    given.update(more if isinstance(more, Mapping) else {})
    found: str = rendered(
        text,
        template,
        given,
        salt=given.pop("salt", __salt__),
        grains=given.pop("grains", __grains__),
        pillar=given.pop("pillar", __pillar__),
        opts=given.pop("opts", __opts__),
        source=source,
        saltenv=saltenv,
    )
    return found
