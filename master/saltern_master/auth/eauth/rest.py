"""``rest``: an HTTP service of the operator's, at ``^url``, says who may log in.

It is sent a form, ``username`` and ``password``, by POST. 200 lets him in, and a JSON list in its body is what he is
granted beside what ``external_auth`` has for him; 4xx doesn't. Any other status is a service that can't tell; so is a
redirection, which is never followed: it would carry a password elsewhere. Proxies of the environment aren't used.
"""

from __future__ import annotations

import http.client
import json
import logging
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, Any

from saltern.errors import ChannelError
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.eauth.given import Given
from saltern_master.auth.eauth.loopback import is_loopback

log = logging.getLogger(__name__)

WITHIN_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024
MAX_ENTRIES = 1000
CHUNK_BYTES = 4096


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Return nothing: the redirection is an error like any other."""


class RestDriver:
    """Asks the service at *url*."""

    def __init__(self, url: str, within_s: float = WITHIN_S) -> None:
        self._url = url
        self._within_s = within_s
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())

    def authenticate(self, username: str, password: str) -> Identity | None:
        """Return *username*, with what the service grants him, when it lets him in."""
        form = urllib.parse.urlencode({"username": username, "password": password}).encode()
        request = urllib.request.Request(self._url, form, {"Accept": "application/json"})  # noqa: S310  # http(s) alone
        until = time.monotonic() + self._within_s
        try:
            with self._opener.open(request, timeout=self._within_s) as answer:
                if answer.status != 200:
                    raise self._fault(f"answered {answer.status}: 200 lets someone in, 4xx doesn't")
                body = self._body(answer, until)
        except urllib.error.HTTPError as error:
            with error:
                if 400 <= error.code < 500:
                    return None
                raise self._fault(f"answered {error.code}: 200 lets someone in, 4xx doesn't") from None
        except (OSError, http.client.HTTPException) as error:
            raise self._fault(str(getattr(error, "reason", "")) or str(error) or type(error).__name__) from None
        return Identity(username, entries=_entries(body))

    def _body(self, answer: IO[bytes], until: float) -> bytes:
        body = bytearray()
        while chunk := answer.read(CHUNK_BYTES):
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                raise self._fault(f"answered over {MAX_ANSWER_BYTES:,} bytes")
            if time.monotonic() > until:
                raise self._fault(f"took over {self._within_s:g} s")
        return bytes(body)

    def _fault(self, why: str) -> ChannelError:
        return ChannelError(f"external_auth: rest: {self._url}: {why:.200}")


def configured(given: Given) -> RestDriver:
    """Return the driver that ``^url`` asks for. Raises ``ConfigError``."""
    given.known(("url",))
    url = given.text("url")
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https") or not url.isascii() or not url.isprintable() or " " in url:
        raise given.fault("url", "must be where the service is, as in https://auth.example.com/login")
    if parts.username or parts.password:
        raise given.fault("url", "must not hold a user or a password: it is shown in the log")
    if parts.scheme == "http" and not is_loopback(host):
        log.warning("external_auth: rest: passwords go to %s unencrypted: use https", host)
    return RestDriver(url)


def _entries(body: bytes) -> list[Any]:
    """Return the list that *body* is, in JSON; what is none grants nothing."""
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        return []
    return entries[:MAX_ENTRIES] if isinstance(entries, list) else []
