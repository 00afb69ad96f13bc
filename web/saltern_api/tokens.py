"""By what a request says whose it is: ``X-Auth-Token``, ``Authorization: Bearer``, or the cookie ``session_id``.

They count in this order; a token in the URL never does.

The cookie is there for ``EventSource``, which sends no headers. Whatever page a browser shows, it sends the cookie
along: so who has the cookie alone changes something only from an own page, as ``Origin`` or ``Sec-Fetch-Site`` says, or
with the header ``X-CSRF-Token`` that came with his login. A program says none of these; from it JSON and YAML are
taken, which a foreign page may send only after it has asked, in vain.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import NamedTuple

from starlette.requests import HTTPConnection
from starlette.responses import Response

from saltern.errors import NotAuthorised
from saltern.http.origins import body_kind
from saltern_api.answers import Refused, no_session
from saltern_api.bodies import JSON_KIND, YAML_KINDS

HEADER = "X-Auth-Token"
COOKIE = "session_id"
HOST_COOKIE = f"__Host-{COOKIE}"
"""Its name with TLS: a browser takes such a one from this very host alone, by TLS, for the whole of it."""
BEARER = "bearer"
CSRF_HEADER = "X-CSRF-Token"
_TOKEN = re.compile("[0-9A-Fa-f]{16,128}")
_READING = ("GET", "HEAD")
IN_URL = f"a token is not taken in the URL, where logs and histories keep it: send the header {HEADER} or the cookie"


class Token(NamedTuple):
    """A session's token, and whether it came by the cookie alone."""

    text: str
    by_cookie: bool


def token_of(request: HTTPConnection) -> Token:
    """Return the token of a request. Raises ``NotAuthorised`` when there is none."""
    text = request.headers.get(HEADER, "").strip() or _bearer(request)
    by_cookie = not text
    text = text or request.cookies.get(HOST_COOKIE) or request.cookies.get(COOKIE, "")
    if not text:
        raise no_session()
    if not _TOKEN.fullmatch(text):
        raise NotAuthorised("Invalid token")
    return Token(text, by_cookie)


def _bearer(request: HTTPConnection) -> str:
    """Return what follows ``Bearer``; nothing where another scheme is named, which a proxy before us may ask for."""
    scheme, _, text = request.headers.get("authorization", "").strip().partition(" ")
    return text.strip() or "-" if scheme.lower() == BEARER else ""


def session_token(request: HTTPConnection) -> str:
    """Return the token of a request that it may use for what it asks. Raises ``NotAuthorised``, ``Refused``."""
    token = token_of(request)
    if token.by_cookie and request.scope.get("method", "GET") not in _READING and not _is_no_accident(request, token):
        raise Refused(
            403,
            f"the cookie alone changes nothing unless an own page sends it, or JSON is sent: send the header {HEADER}",
        )
    return token.text


def csrf_of(token: str) -> str:
    """Return what a page shows beside the cookie with this token: who can tell it has read the answer to the login."""
    return hashlib.sha256(f"csrf:{token}".encode()).hexdigest()


def _is_no_accident(request: HTTPConnection, token: Token) -> bool:
    """Whether no foreign page can have sent *request*; that ``Origin`` is an own one was seen to before.

    Raises ``Refused`` for a header that is another session's.
    """
    headers = request.headers
    if CSRF_HEADER in headers:
        if hmac.compare_digest(headers[CSRF_HEADER].encode(), csrf_of(token.text).encode()):
            return True
        raise Refused(403, f"{CSRF_HEADER} is not this session's: it came with the answer to the login")
    if "origin" in headers or "sec-fetch-site" in headers:
        return True  # OwnPages has let it pass
    return body_kind(headers) in (JSON_KIND, *YAML_KINDS)


def set_cookie(response: Response, token: str, max_age_s: int, *, secure: bool) -> None:
    """Have a browser keep *token*, out of reach of scripts and of requests that other sites make it send."""
    name = HOST_COOKIE if secure else COOKIE
    response.set_cookie(name, token, max_age=max_age_s, path="/", httponly=True, samesite="strict", secure=secure)


def end_cookie(response: Response, *, secure: bool) -> None:
    """Have a browser forget its token."""
    response.delete_cookie(HOST_COOKIE if secure else COOKIE, path="/", httponly=True, samesite="strict", secure=secure)
