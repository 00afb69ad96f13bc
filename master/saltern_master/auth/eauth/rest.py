"""``rest``: an HTTP service of the operator's, at ``^url``, says who may log in.

It is sent a form, ``username`` and ``password``, by POST. 200 lets him in, and a JSON list in its body is what he is
granted beside what ``external_auth`` has for him; 4xx doesn't. Any other status is a service that can't tell; so is a
redirection, which is never followed: it would carry a password elsewhere. Proxies of the environment aren't used.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

from saltern.errors import ChannelError
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.eauth.given import Given
from saltern_master.auth.eauth.loopback import is_loopback

log = logging.getLogger(__name__)

WITHIN_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024
MAX_ENTRIES = 1000
HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", "Connection": "close"}


class RestDriver:
    """Asks the service at *url*."""

    def __init__(self, url: str, within_s: float = WITHIN_S) -> None:
        self._url = url
        self._within_s = within_s

    def authenticate(self, username: str, password: str) -> Identity | None:
        """Return *username*, with what the service grants him, when it lets him in."""
        form = urllib.parse.urlencode({"username": username, "password": password})
        try:
            status, body = self._answer(form)
        except (OSError, http.client.HTTPException) as error:
            raise self._fault(str(error) or type(error).__name__) from None
        if 400 <= status < 500:
            return None
        if status != 200:
            raise self._fault(f"answered {status}: 200 lets someone in, 4xx doesn't")
        return Identity(username, entries=_entries(body))

    def _answer(self, form: str) -> tuple[int, bytes]:
        parts = urllib.parse.urlsplit(self._url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        until = time.monotonic() + self._within_s
        connection = kind(parts.hostname or "", parts.port, timeout=self._within_s)
        with contextlib.closing(connection):
            connection.connect()
            with self._ended_by(connection.sock, until):
                connection.request(
                    "POST", urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, "")), form, HEADERS
                )
                answer = connection.getresponse()
                body = answer.read(MAX_ANSWER_BYTES + 1)
        if len(body) > MAX_ANSWER_BYTES:
            raise self._fault(f"answered over {MAX_ANSWER_BYTES:,} bytes")
        if answer.length:
            raise self._fault("the answer ends in its middle")
        return answer.status, body

    @contextlib.contextmanager
    def _ended_by(self, connected: socket.socket, until: float) -> Iterator[None]:
        """End the connection at a time: its own timeout is for each byte anew. Raises ``ChannelError`` when it came."""
        late = threading.Event()

        def end() -> None:
            late.set()
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(0.0, until - time.monotonic()), end)
        timer.daemon = True
        timer.start()
        try:
            yield
        except (OSError, http.client.HTTPException):
            if not late.is_set():
                raise
        finally:
            timer.cancel()
        if late.is_set():
            raise self._fault(f"took over {self._within_s:g} s")

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
