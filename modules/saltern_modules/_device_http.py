"""HTTP to one device, as its pillar's ``proxy`` says: a request in one connection, bounded in time and bytes.

Of ``proxy``::

    url: https://10.0.0.9:8443/api     # with or without a slash at its end; paths are below it
    username: admin                    # by Basic authentication
    password: secret
    token: secret                      # or by "Authorization: Bearer"
    headers: {X-Api-Key: secret}
    verify: true                       # false: whatever certificate it shows
    ca: /etc/ssl/devices.pem           # who signed its certificate, instead of the system's
    timeout: 10                        # seconds for one call

Nothing is kept of a device between requests. No credential ever goes to another host: where one redirects is said, and
not followed, unless it is the same.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from saltern.errors import CommandError
from saltern.named import NamedTuple
from saltern.secret import MASK
from saltern_modules._http import CA_BUNDLES, WINDOWS, unpacked

TIMEOUT_S = 10.0
SHARE = 0.9
"""Of the time for a call, so that a device that doesn't answer is told of before the call is given up."""
MAX_BYTES = 8 << 20
CHUNK_BYTES = 1 << 16
MAX_REDIRECTS = 3
REDIRECTS = frozenset((301, 302, 303, 307, 308))
KNOWN = ("url", "username", "password", "token", "headers", "verify", "ca", "timeout")
PORTS = {"http": 80, "https": 443}
EMPTY = (204, 205)
"""Statuses whose answer has nothing in it."""
AROUND = "\0\ufeff \t\r\n"
"""What some put around JSON."""


class Answer(NamedTuple):
    """What a device answered; *kind*: its ``Content-Type`` without parameters; *where*: the request, to be shown.

    *charset* is what it says that its text is in.
    """

    status: int
    reason: str
    kind: str
    body: bytes
    where: str
    charset: str = ""

    @property
    def text(self) -> str:
        """Return the body as text: in its charset, in UTF-8 where it is that, else in Latin-1."""
        for charset in (self.charset, "utf-8-sig"):
            try:
                return self.body.decode(charset)
            except (LookupError, UnicodeDecodeError, ValueError):  # one that isn't known, is none, or is wrong
                continue
        return self.body.decode("latin-1")

    def json(self) -> Any:
        """Return what the body is as JSON, ``None`` when there is nothing by its status. Raises ``CommandError``."""
        if not self.body and self.status in EMPTY:
            return None
        try:
            try:
                return json.loads(self.body)
            except UnicodeDecodeError:
                return json.loads(self.text.strip(AROUND))
            except ValueError:
                if self.body[-1:] not in (b"\0", b" ", b"\r", b"\n"):
                    raise
                return json.loads(self.text.strip(AROUND))
        except (ValueError, RecursionError) as error:
            raise CommandError(f"{self.where}: the answer is no JSON: {str(error)[:100]}") from None


class Far(NamedTuple):
    """Where a device is, and how it is asked."""

    scheme: str
    host: str
    port: int
    path: str
    headers: Mapping[str, str]
    verify: bool
    ca: str
    timeout_s: float

    @property
    def base(self) -> str:
        """The URL that paths are below, without credentials, with a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def far(proxy: Any, default_timeout_s: float = TIMEOUT_S) -> Far:
    """Return where the device is that *proxy* tells of. Raises ``CommandError`` that names the key that is wrong."""
    if not isinstance(proxy, Mapping):
        raise CommandError("proxy: must be a mapping, as in {proxytype: rest_sample, url: http://127.0.0.1:8080/}")
    url = str(proxy.get("url") or "")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if "?" in url or "#" in url:  # what is behind may be a key, and isn't shown
        raise CommandError(
            "proxy: url: it may have no ? and no #: paths have them, and headers: and token: what is secret"
        )
    if not host or parts.scheme not in PORTS:
        shown = url.rpartition("@")[2]
        raise CommandError(f"proxy: url: {shown!r:.100} is not valid: use one as in http://10.0.0.9:8080/")
    if any(not "!" <= sign <= "~" for sign in url):
        raise CommandError("proxy: url: it has blanks or other signs that no URL has: write them as %20 and the like")
    return Far(
        parts.scheme,
        host,
        port or PORTS[parts.scheme],
        f"{parts.path.rstrip('/')}/",
        _headers(proxy, unquote(parts.username or ""), unquote(parts.password or "")),
        _flag(proxy, "verify"),
        _text(proxy, "ca"),
        _seconds(proxy, default_timeout_s) * SHARE,
    )


def ask(
    device: Far,
    path: str,
    *,
    method: str = "GET",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    limit: int = MAX_BYTES,
) -> Answer:
    """Return what the device answers to a request of *path*, below its URL.

    *body*: a text or bytes as they are, all else as JSON. Raises ``CommandError`` when there is no answer, for one of
    over *limit* bytes, and for a redirection elsewhere; an error's status is the caller's matter.
    """
    until = time.monotonic() + device.timeout_s
    url = device.base + path.lstrip("/")
    sent = {"Accept": "application/json, */*", "Accept-Encoding": "identity", **device.headers, **(headers or {})}
    data = body.encode() if isinstance(body, str) else body
    if data is not None and not isinstance(data, bytes):
        data = json.dumps(data).encode()
        sent = {"Content-Type": "application/json", **sent}
    for _ in range(MAX_REDIRECTS + 1):
        where = f"{method} {url}"
        try:
            answer, location = _once(device, url, method, data, sent, limit, until)
        except TimeoutError:
            raise CommandError(f"{where}: no answer in {device.timeout_s:.3g} s") from None
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or error.reason or error
            raise CommandError(f"{where}: {why}: see verify and ca") from None
        except OSError as error:
            raise CommandError(f"{where}: {error.strerror or error}") from None
        except (http.client.HTTPException, ValueError) as error:
            why = "a header of proxy isn't valid" if isinstance(error, ValueError) else "it speaks no HTTP"
            raise CommandError(f"{where}: {why}{_short(error)}") from None
        if answer.status not in REDIRECTS or not location:
            return answer
        try:
            url = _same(device, where, urljoin(url, location))
        except ValueError:
            raise CommandError(f"{where}: it redirects to {location!r:.100}, which is no URL") from None
        if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):  # as browsers do
            method, data = "GET", None
    raise CommandError(f"{where}: it redirects over {MAX_REDIRECTS} times")


def good(answer: Answer) -> Answer:
    """Return *answer*. Raises ``CommandError`` for the status of an error."""
    if answer.status >= 400:
        raise CommandError(f"{answer.where}: {answer.status} {answer.reason}")
    return answer


def _once(
    device: Far, url: str, method: str, data: bytes | None, headers: Mapping[str, str], limit: int, until: float
) -> tuple[Answer, str]:
    parts = urlsplit(url)
    target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    connection = _connection(device, _left(until))
    try:
        connection.connect()
        wire = connection.sock
        connection.request(method, target, data, {**headers, "Connection": "close"})
        wire.settimeout(_left(until))
        response = connection.getresponse()
        found = bytearray()
        if not response.isclosed():
            wire.settimeout(_left(until))
        while chunk := response.read1(CHUNK_BYTES):
            found += chunk
            if len(found) > limit:
                raise CommandError(f"{method} {url}: the answer has more than {limit:,} bytes")
            if not response.isclosed():  # the socket is closed with the last byte
                wire.settimeout(_left(until))
        if response.length:
            raise CommandError(f"{method} {url}: the answer ends {response.length:,} bytes too early")
        response.close()
    finally:
        connection.close()
    kind, _, parameters = (response.getheader("Content-Type") or "").partition(";")
    where = f"{method} {url}"
    body = _without_login(_unpacked(bytes(found), response.getheader("Content-Encoding") or "", limit, where), headers)
    answer = Answer(response.status, response.reason, kind.strip().lower(), body, where, _charset(parameters))
    return answer, response.getheader("Location") or ""


def _unpacked(body: bytes, packing: str, limit: int, where: str) -> bytes:
    """Return *body* without what it is packed in. Raises ``CommandError``, also for more than *limit* bytes."""
    packing = packing.strip().lower()
    if not body or packing in ("", "identity"):
        return body
    if packing not in WINDOWS:
        raise CommandError(f"{where}: the answer is packed by {packing!r:.40}, which nobody asked for")
    return unpacked(body, packing, limit, where)


def _charset(parameters: str) -> str:
    """Return the charset among the *parameters* of a ``Content-Type``, ``""`` for none."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip(" \t\"'")[:40]
    return ""


def _without_login(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return *body* without what the device was logged into by, which some show; nobody else knows it so encoded."""
    login = headers.get("Authorization", "").partition(" ")[2].encode()
    return body.replace(login, MASK.encode()) if login else body


def _connection(device: Far, timeout_s: float) -> http.client.HTTPConnection:
    if device.scheme == "http":
        return http.client.HTTPConnection(device.host, device.port, timeout=timeout_s)
    try:
        tls = _tls(device.verify, device.ca, os.stat(device.ca).st_mtime_ns if device.ca else 0)
    except OSError as error:  # of the file, which may hold no certificate either
        why = getattr(error, "reason", "") or error.strerror
        raise CommandError(f"proxy: ca: {device.ca or 'of the system'}: {why}") from None
    return http.client.HTTPSConnection(device.host, device.port, timeout=timeout_s, context=tls)


@lru_cache(maxsize=16)
def _tls(verify: bool, ca: str, version: int) -> ssl.SSLContext:
    """Return how https is spoken: one for all devices that are trusted alike, for it takes a megabyte."""
    if not verify:
        made = ssl.create_default_context()
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
        return made
    return ssl.create_default_context(cafile=ca or next(filter(os.path.exists, CA_BUNDLES), None))


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _same(device: Far, where: str, url: str) -> str:
    """Return the *url* that *where* redirects to. Raises ``CommandError`` when it is another host's, ``ValueError``."""
    parts = urlsplit(url)
    there = parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)
    if there != (device.scheme, device.host, device.port):
        elsewhere = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        raise CommandError(f"{where}: it redirects to {elsewhere:.100}, another place: say that one in url")
    return parts._replace(fragment="").geturl()


def _headers(proxy: Mapping[str, Any], user: str, password: str) -> dict[str, str]:
    given = proxy.get("headers") or {}
    if not isinstance(given, Mapping):
        raise CommandError("proxy: headers: must be a mapping of names to texts")
    headers = {str(name): str(value) for name, value in given.items()}
    user = str(proxy.get("username") or user)
    password = str(proxy.get("password") or password)
    token = proxy.get("token")
    if token and user:
        raise CommandError("proxy: token: there is a username too: a device is asked by one of them")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif user:
        headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    return headers


def _flag(proxy: Mapping[str, Any], name: str) -> bool:
    value = proxy.get(name, True)
    if not isinstance(value, bool):
        raise CommandError(f"proxy: {name}: must be true or false")
    return value


def _text(proxy: Mapping[str, Any], name: str) -> str:
    value = proxy.get(name) or ""
    if not isinstance(value, str) or (value and not os.path.isabs(value)):
        raise CommandError(f"proxy: {name}: must be the absolute path of a file on the host")
    return value


def _seconds(proxy: Mapping[str, Any], default_s: float) -> float:
    value = proxy.get("timeout", default_s)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 3600:
        raise CommandError(f"proxy: timeout: {value!r:.40} is not valid: use seconds, more than 0")
    return float(value)


def _short(error: Exception) -> str:
    said = str(error).split("\n")[0]
    return f": {said[:100]}" if said and not isinstance(error, ValueError) else ""
