"""Fetching what ``http://``, ``https://`` and ``ftp://`` URLs lead to, whole or not at all, and within bounds."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import IO, Any, NoReturn
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from saltern.errors import CommandError, os_errors
from saltern.files import replacement

SCHEMES = ("http", "https", "ftp")
MAX_FILE_BYTES = 16 * 1024**3
SOCKET_TIMEOUT_S = 30.0
WHOLE_TIMEOUT_S = 3600.0
BLOCK_BYTES = 1 << 18
MAX_ETAG_CHARACTERS = 1000
MAX_DIGITS = 18
"""Of a length that a far end says."""
HASHES = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}


def check_scheme(url: str) -> None:
    """Raises ``CommandError`` when *url* is of a kind that isn't fetched."""
    scheme = url.partition(":")[0].lower()
    if scheme not in SCHEMES:
        known = ", ".join(f"{one}://" for one in ("salt", *SCHEMES, "file"))
        raise CommandError(f"{scheme}:// isn't fetched here: use one of {known}")


class _Unchanged(Exception):
    """The far end says that what is here is what it has."""


def has_hash(path: str, source_hash: object) -> bool:
    """Return whether the file *path* has the digest *source_hash*, ``sha256=…`` or its hex digits alone."""
    import hashlib

    wanted = str(source_hash).rpartition("=")[2].strip().lower()
    kind = HASHES.get(len(wanted))
    if kind is None:
        return False
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, kind).hexdigest() == wanted
    except OSError:
        return False


def content(url: str, most: int, *, verify_ssl: bool = True) -> str:
    """Return what is at *url* as text, *most* bytes of it at most. Raises ``CommandError``."""
    data = bytearray()
    with _opened(url, verify_ssl, "") as (stream, _):
        _copy(stream, data.extend, most, url)
    return bytes(data).decode("utf-8", "replace")


def to_file(url: str, dest: str, *, verify_ssl: bool = True, use_etag: bool = False, mode: int = 0o644) -> str:
    """Fetch *url* to *dest*, whose folder is there, and return *dest*. Raises ``CommandError``.

    With *use_etag* the server's tag is kept in ``<dest>.etag``, and what it still has isn't fetched again.
    """
    tag_file = f"{dest}.etag"
    tag = ""
    if use_etag and os.path.isfile(dest):
        with contextlib.suppress(OSError), open(tag_file, encoding="ascii", errors="replace") as file:
            tag = file.read(MAX_ETAG_CHARACTERS).strip()
    try:
        with _opened(url, verify_ssl, tag) as (stream, fresh):
            with (
                os_errors(CommandError, dest, f"can't write {dest}", called="cp.get_url"),
                replacement(dest, mode, keep_mode=True) as file,
            ):
                _copy(stream, file.write, MAX_FILE_BYTES, url)
            if use_etag and fresh:
                with os_errors(CommandError, tag_file, "can't be written"), replacement(tag_file, mode) as file:
                    file.write(fresh[:MAX_ETAG_CHARACTERS].encode("ascii", "replace"))
    except _Unchanged:
        pass
    return dest


def _copy(stream: Any, write: Callable[[bytes], Any], most: int, url: str) -> None:
    until = time.monotonic() + WHOLE_TIMEOUT_S
    size = 0
    while True:
        try:
            data = stream.read(BLOCK_BYTES)
        except OSError as error:
            _fail(url, error)
        if not data:
            return
        size += len(data)
        if size > most:
            raise CommandError(f"Error: over {most:,} bytes reading {urlsplit(url).path}")
        if time.monotonic() > until:
            raise CommandError(f"Error: it took over {WHOLE_TIMEOUT_S:g} s reading {urlsplit(url).path}")
        write(data)


@contextlib.contextmanager
def _opened(url: str, verify_ssl: bool, tag: str) -> Iterator[tuple[Any, str]]:
    """Give a stream of what is at *url*, and its ``ETag``. Raises ``CommandError``, ``_Unchanged``."""
    check_scheme(url)
    parts = urlsplit(url)
    if parts.scheme == "ftp":
        with _ftp(parts, url) as stream:
            yield stream, ""
        return
    with _http(parts, url, verify_ssl, tag) as answer:
        yield _Whole(answer, _length(answer.headers.get("Content-Length"))), answer.headers.get("ETag") or ""


def _length(said: str | None) -> int | None:
    """Return how long a body is to be; ``None`` where it isn't said, or not in digits."""
    return int(said) if said and said.isascii() and said.isdigit() and len(said) <= MAX_DIGITS else None


class _Whole:
    """An answer's body that raises ``OSError`` when it ends too early: urllib takes that for its end."""

    def __init__(self, answer: Any, length: int | None) -> None:
        self._answer, self._left = answer, length

    def read(self, size: int) -> bytes:
        """Return the next bytes, none at the end."""
        import http.client

        try:
            data: bytes = self._answer.read(size)
        except http.client.HTTPException as error:
            raise OSError(f"the answer broke off: {type(error).__name__}") from None
        if self._left is not None:
            self._left -= len(data)
            if not data and self._left > 0:
                raise OSError("the answer broke off")
        return data


def _http(parts: SplitResult, url: str, verify_ssl: bool, tag: str) -> Any:
    import http.client
    import ssl
    import urllib.error
    import urllib.request

    class Redirects(urllib.request.HTTPRedirectHandler):
        """Follows to ``http`` and ``https`` alone: nothing else is to be read, by whatever a server says."""

        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
            if urlsplit(newurl).scheme not in ("http", "https"):
                raise CommandError(f"Error: a redirection to {newurl[:100]!r} isn't followed reading {parts.path}")
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    context = ssl.create_default_context()
    if not verify_ssl:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    # Not build_opener: it would add handlers for file:, data: and ftp:.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPDefaultErrorHandler(),
        Redirects(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    try:
        request = urllib.request.Request(bare)  # noqa: S310  # the opener knows http and https alone
        request.add_header("User-Agent", "saltern")
        if parts.username is not None:
            import base64

            who = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(who).decode()}")
        if tag:
            request.add_header("If-None-Match", tag)
        return opener.open(request, timeout=SOCKET_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 304 and tag:
            raise _Unchanged from None
        raise CommandError(f"Error: HTTP {error.code}: {error.reason} reading {parts.path}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        _fail(url, error)


@contextlib.contextmanager
def _ftp(parts: SplitResult, url: str) -> Iterator[IO[bytes]]:
    import ftplib

    try:
        with ftplib.FTP(timeout=SOCKET_TIMEOUT_S) as ftp:  # noqa: S321  # the URL asks for it
            ftp.connect(parts.hostname or "", parts.port or ftplib.FTP_PORT)
            ftp.login(unquote(parts.username or ""), unquote(parts.password or ""))
            ftp.voidcmd("TYPE I")
            with ftp.transfercmd(f"RETR {unquote(parts.path).lstrip('/')}") as data, data.makefile("rb") as stream:
                yield stream
            ftp.voidresp()
    except (ftplib.Error, EOFError, OSError, ValueError) as error:
        raise CommandError(f"Could not retrieve {redacted(url)} from FTP server. Exception: {error}") from None


def redacted(url: str) -> str:
    """Return *url* without the name and password in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _fail(url: str, error: Exception) -> NoReturn:
    reason = getattr(error, "reason", error)
    raise CommandError(f"Error: {str(reason) or type(reason).__name__} reading {urlsplit(url).path}") from None
