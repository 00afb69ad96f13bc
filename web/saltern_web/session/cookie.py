"""The cookie that holds a login's token: for this site alone, out of reach of any script.

Nothing of it is kept here: who has it is asked of the master, so that a login ended there is ended here.
"""

from __future__ import annotations

import re
import time

from django.http import HttpRequest, HttpResponse

_TOKEN = re.compile(r"[0-9a-f]{64}")


def cookie_name(*, secure: bool) -> str:
    """Return its name; browsers take ``__Host-`` by TLS alone, for this very host."""
    return "__Host-saltern" if secure else "saltern"


def token_in(request: HttpRequest, *, secure: bool) -> str:
    """Return the token that *request* brings, or nothing."""
    token = request.COOKIES.get(cookie_name(secure=secure), "")
    return token if _TOKEN.fullmatch(token) else ""


def keep_token(answer: HttpResponse, token: str, expire: float, *, secure: bool) -> None:
    """Have the browser keep *token* until *expire* (epoch s).

    Lax, so that a link in a mail opens the page that it names: no GET changes anything, and every form has a token.
    """
    answer.set_cookie(
        cookie_name(secure=secure),
        token,
        max_age=max(0, int(expire - time.time())),
        secure=secure,
        httponly=True,
        samesite="Lax",
    )


def drop_token(answer: HttpResponse, *, secure: bool) -> None:
    """Have the browser forget it."""
    answer.set_cookie(cookie_name(secure=secure), "", max_age=0, secure=secure, httponly=True, samesite="Lax")
