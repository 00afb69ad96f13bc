"""One HTTP request, bounded in time and bytes, by the standard library."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Mapping
from typing import Any

from saltern.errors import CommandError
from saltern.named import NamedTuple

CA_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/certs/ca-bundle.trust.crt",
    "/etc/ssl/ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
MAX_REDIRECTS = 5
CHUNK_BYTES = 1 << 16
WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""Of zlib, for what an answer is packed in, by some servers though nobody asked for it."""


class Answer(NamedTuple):
    """What a server answered: *headers* by names as ``Content-Type``."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = MAX_REDIRECTS

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Follow to http and https alone, and let no other host see who asks."""
        if urllib.parse.urlsplit(newurl).scheme not in ("http", "https"):
            raise urllib.error.URLError(f"{req.full_url} redirects to {newurl}, which is neither http nor https")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and (request.host != req.host or request.type == "http" != req.type):
            for name in ("Authorization", "Cookie"):
                request.headers.pop(name, None)
                request.unredirected_hdrs.pop(name, None)
        return request


class _Errors(urllib.request.HTTPErrorProcessor):
    """Leaves errors to the caller; redirections go on."""

    def http_response(self, request: Any, response: Any) -> Any:
        """Return the answer, whatever its status."""
        if response.code in (301, 302, 303, 307, 308):
            return super().http_response(request, response)
        return response

    https_response = http_response


def context(verify: bool, ca_bundle: str | None, cert: Any) -> ssl.SSLContext:
    """Return how https is spoken. Raises ``CommandError`` for certificates that can't be read."""
    try:
        if not verify:
            made = ssl._create_unverified_context()  # noqa: S323 - asked for
        else:
            made = ssl.create_default_context(cafile=ca_bundle or next(filter(os.path.exists, CA_BUNDLES), None))
        if cert:
            made.load_cert_chain(*([cert] if isinstance(cert, str) else list(cert)[:2]))
    except OSError as error:
        raise CommandError(f"http.query: certificates can't be read: {error}") from None
    return made


def ask(
    url: str,
    method: str,
    data: bytes | None,
    headers: Mapping[str, str],
    *,
    tls: ssl.SSLContext | None,
    timeout: float,
    limit: int,
    proxies: Mapping[str, str],
) -> Answer:
    """Return the answer of *url*, decompressed. *timeout*: seconds; *limit*: bytes of the body.

    Raises ``OSError`` when there is none (``URLError`` is one), ``CommandError`` for a wrong URL and a large body.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise CommandError(f"Unsupported url scheme: {url:.200}")
    handlers: list[urllib.request.BaseHandler] = [_Redirects(), _Errors(), urllib.request.ProxyHandler(dict(proxies))]
    if tls is not None:
        handlers.append(urllib.request.HTTPSHandler(context=tls))
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.HTTPHandler(), urllib.request.HTTPDefaultErrorHandler(), *handlers):
        opener.add_handler(handler)
    try:
        request = urllib.request.Request(url, data, dict(headers), method=method)  # noqa: S310 - checked above
        with opener.open(request, timeout=timeout) as response:
            body = _body(response, limit)
            names = {
                "-".join(part.capitalize() for part in name.split("-")): value
                for name, value in response.headers.items()
            }
            return Answer(response.status, response.reason, names, _plain(body, names, limit))
    except (ValueError, http.client.HTTPException) as error:
        why = str(error) or type(error).__name__
        if why.startswith("Invalid header"):  # what it is may be a password
            why = "a header has a character, perhaps a line's end, that none can have"
        raise CommandError(f"http.query: {_bare(url)!r:.200}: {why}") from None


def _bare(url: str) -> str:
    """Return *url* without who logs in and without what is asked, for errors."""
    return url.partition("?")[0].partition("#")[0].rpartition("@")[2]


def _body(response: Any, limit: int) -> bytes:
    found = bytearray()
    while chunk := response.read(CHUNK_BYTES):
        found += chunk
        if len(found) > limit:
            raise CommandError(f"http.query: the answer has more than {limit:,} bytes")
    return bytes(found)


def _plain(body: bytes, headers: Mapping[str, str], limit: int) -> bytes:
    coding = headers.get("Content-Encoding", "identity")
    return unpacked(body, coding, limit, "http.query") if coding in WINDOWS else body


def unpacked(body: bytes, packing: str, limit: int, where: str) -> bytes:
    """Return *body*, which is packed by one of ``WINDOWS``, as it was before; an empty one as it is.

    Raises ``CommandError``, which begins with *where*, for what isn't packed so and for more than *limit* bytes.
    """
    if not body:
        return body
    window = WINDOWS[packing]
    if packing == "deflate" and (body[0] & 0x0F != 8 or int.from_bytes(body[:2], "big") % 31):
        window = -window  # without zlib's head, as many send it
    unpacking = zlib.decompressobj(window)
    try:
        found = unpacking.decompress(body, limit + 1)
    except zlib.error as error:
        raise CommandError(f"{where}: the answer is no {packing}: {error}") from None
    if len(found) > limit:
        raise CommandError(f"{where}: the answer has more than {limit:,} bytes")
    if not unpacking.eof:
        raise CommandError(f"{where}: the answer is no {packing}: it ends too early")
    return found


def reason_of(error: OSError) -> str:
    """Return what went wrong, as Salt tells it: the system's own words."""
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, ConnectionRefusedError):
        return f"[Errno {inner.errno}] Connection refused"
    if isinstance(inner, TimeoutError | socket.timeout):
        return "Timeout during request"
    return str(inner)
