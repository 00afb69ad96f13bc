"""Where managed files come from: paths of this host, ``salt://``, and URLs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlparse

from saltern.errors import CommandError

Salt = Mapping[str, Callable[..., Any]]

REMOTE = ("http", "https", "ftp", "swift", "s3")
LOCAL = ("", "file")
ASKING_TIMEOUT_S = 30.0


def scheme_of(source: str) -> str:
    """Return the protocol of *source*, ``""`` for a path."""
    return urlparse(source).scheme


def local_path(source: str) -> str:
    """Return the path that a ``file://`` URL, or a path, means."""
    parsed = urlparse(source)
    return source if parsed.scheme != "file" else os.path.join(parsed.netloc, parsed.path).rstrip("/")


def cached(
    source: str,
    saltenv: str = "base",
    *,
    salt: Salt,
    source_hash: str | None = None,
    verify_ssl: bool = True,
    use_etag: bool = False,
) -> str | bool:
    """Return a path of this host with what *source* holds, ``False`` for what isn't there. Raises ``CommandError``."""
    if scheme_of(source) in LOCAL:
        path = local_path(source)
        if not os.path.isabs(path):
            raise CommandError(f"Path '{path}' is not absolute")
        return path
    options: dict[str, Any] = {}
    if scheme_of(source) in REMOTE:
        asked = {"source_hash": (source_hash, None), "verify_ssl": (verify_ssl, True), "use_etag": (use_etag, False)}
        options = {name: given for name, (given, usual) in asked.items() if given != usual}
    path = salt["cp.cache_file"](source, saltenv, **options)
    return path or False


def check_signature(backend: str, *, salt: Salt) -> None:
    """Raise ``CommandError``: there is no module here that checks signatures."""
    raise CommandError(
        f"Signature verification requires the {backend} module, which could not be found. Make sure you have the "
        "necessary tools and libraries intalled"
    )


def chosen(source: Any, source_hash: Any, saltenv: str, *, salt: Salt) -> tuple[Any, Any]:
    """Return the first of a list of sources that is there, with its hash; what is no list as it is.

    A member of the list is a source, or ``{source: hash}``. Raises ``CommandError`` when none is there.
    """
    if not isinstance(source, list):
        return source, source_hash
    served = _Served(salt)
    for one, own_hash in _members(source):
        if _is_there(one, saltenv, served):
            return one, own_hash or source_hash
    raise CommandError("none of the specified sources were found")


def _members(sources: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for one in sources:
        if isinstance(one, str):
            yield one, None
        elif isinstance(one, dict) and len(one) == 1:
            yield from one.items()


class _Served:
    """What the master serves, asked for once an environment."""

    def __init__(self, salt: Salt) -> None:
        self._salt = salt
        self._found: dict[str, set[str]] = {}

    def has(self, path: str, saltenv: str) -> bool:
        """Return whether there is such a file, or a folder with any in it. Asks the master once an environment."""
        if saltenv not in self._found:
            self._found[saltenv] = set(self._salt["cp.list_master"](saltenv))
        files = self._found[saltenv]
        folder = f"{path.rstrip('/')}/"
        return path in files or any(file.startswith(folder) for file in files)


def _is_there(source: str, saltenv: str, served: _Served) -> bool:
    scheme = scheme_of(source)
    if scheme == "salt":
        path, _, own_env = source.removeprefix("salt://").lstrip("/").partition("?saltenv=")
        return served.has(path, own_env or saltenv)
    if scheme in ("http", "https", "ftp"):
        return _answers(source)
    return scheme in LOCAL and os.path.isabs(local_path(source)) and os.path.exists(local_path(source))


def _answers(url: str) -> bool:
    from urllib.request import Request, urlopen

    asked = Request(url, method="HEAD")  # noqa: S310  # the caller has looked at the scheme
    try:
        with urlopen(asked, timeout=ASKING_TIMEOUT_S):  # noqa: S310  # likewise
            return True
    except (OSError, ValueError):
        return False


def octal_mode(source: str, saltenv: str, *, salt: Salt) -> Any:
    """Return the mode of *source* as octal digits, ``None`` when it can't be told."""
    if scheme_of(source) in LOCAL:
        from saltern_modules._file_status import mode_text

        try:
            return mode_text(oct(os.stat(local_path(source)).st_mode & 0o7777))
        except OSError:
            return None
    try:
        return salt["cp.stat_file"](source, saltenv=saltenv, octal=True)
    except Exception:  # whatever a module that isn't there, or a master, makes of it: the mode stays
        return None
