"""``rest``: an HTTP service of the operator's, at ``^url``, says who may log in.

It is sent a form, ``username`` and ``password``, by POST. 200 lets him in, and a JSON list in its body is what he is
granted beside what ``external_auth`` has for him; 4xx doesn't. Any other status is a service that can't tell; so is a
redirection, which is never followed: it would carry a password elsewhere. Proxies of the environment aren't used.
"""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.parse
from typing import Any

from saltern.errors import ChannelError, ConfigError
from saltern_master.auth.eauth.driver import Identity
from saltern_master.auth.eauth.given import Given
from saltern_master.auth.eauth.loopback import is_loopback
from saltern_master.web_end import AnswerTooLarge, NoAnswer, WebEnd

log = logging.getLogger(__name__)

WITHIN_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024
MAX_ENTRIES = 1000
FORM = "application/x-www-form-urlencoded"
EXAMPLE = "https://auth.example.com/login"


class RestDriver:
    """Asks the service at *url*."""

    def __init__(self, url: str, within_s: float = WITHIN_S) -> None:
        """Raises ``ConfigError`` when *url* is no URL of a host."""
        self._url = url
        self._within_s = within_s
        self.has_login = self._end().has_login

    def authenticate(self, username: str, password: str) -> Identity | None:
        """Return *username*, with what the service grants him, when it lets him in."""
        form = urllib.parse.urlencode({"username": username, "password": password})
        try:
            status, _, body, _ = asyncio.run(self._end().post(FORM, form.encode("ascii")))
        except AnswerTooLarge:
            raise self._fault(f"answered over {MAX_ANSWER_BYTES:,} bytes") from None
        except NoAnswer as error:
            raise self._fault(str(error)) from None
        if 400 <= status < 500:
            return None
        if status != 200:
            raise self._fault(f"answered {status}: 200 lets someone in, 4xx doesn't")
        return Identity(username, entries=_entries(body))

    def _end(self) -> WebEnd:
        """Return an end for one login: each is in a thread of its own, which TLS shares nothing with."""
        return WebEnd("^url", self._url, EXAMPLE, timeout_s=self._within_s, max_answer_bytes=MAX_ANSWER_BYTES)

    def _fault(self, why: str) -> ChannelError:
        return ChannelError(f"external_auth: rest: {self._url}: {why:.200}")


def configured(given: Given) -> RestDriver:
    """Return the driver that ``^url`` asks for. Raises ``ConfigError``."""
    given.known(("url",))
    url = given.text("url")
    try:
        driver = RestDriver(url)
    except ConfigError:  # whose text has the URL
        raise given.fault("url", f"must be where the service is, as in {EXAMPLE}") from None
    if driver.has_login:
        raise given.fault("url", "must not hold a user or a password: it is shown in the log")
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http" and not is_loopback(host):
        log.warning("external_auth: rest: passwords go to %s unencrypted: use https", host)
    return driver


def _entries(body: bytes) -> list[Any]:
    """Return the list that *body* is, in JSON; what is none grants nothing."""
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        return []
    return entries[:MAX_ENTRIES] if isinstance(entries, list) else []
