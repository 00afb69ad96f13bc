"""``/login``, ``/logout`` and ``/token``: who someone is, asked once and kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from saltern.errors import NotAuthorised
from saltern_api.addresses import address_of, may_log_in_from
from saltern_api.answers import CHALLENGE, Refused
from saltern_api.bodies import as_text, kind_of, lowstate, read_value
from saltern_api.context import HEADERS, Context, wanted_form
from saltern_api.master import Client
from saltern_api.tokens import CSRF_HEADER, HEADER, csrf_of, end_cookie, session_token, set_cookie

CREDENTIALS = ("username", "password", "eauth")
REFUSED = "Could not authenticate using provided credentials"
NO_CREDENTIALS = "No authentication credentials given"
MAX_LOGINS = 20
"""Tokens that one request to ``/token`` may ask for."""


class Sessions:
    """The endpoints."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def please(self, request: Request) -> ASGIApp:
        """GET ``/login``: that one is needed."""
        form = wanted_form(request)
        told = {"status": None, "return": "Please log in"}
        return Response(form.whole(told), headers={**HEADERS, **CHALLENGE}, media_type=form.media_type)

    async def login(self, request: Request) -> ASGIApp:
        """POST ``/login``: a new session."""
        form = wanted_form(request)
        body, kind, address = await self._context.body(request), kind_of(request), address_of(request)
        settings = self._context.settings

        def make(client: Client) -> tuple[dict[str, Any], bytes]:
            asked = lowstate(read_value(kind, body, known=False))
            credentials = _credentials(asked[0] if asked else {}, 401)
            if not may_log_in_from(settings, credentials["username"], address):
                raise NotAuthorised(REFUSED)
            session = client.login(credentials)
            if not may_log_in_from(settings, session.get("user"), address):  # by another of his names
                client.logout(str(session["token"]))
                raise NotAuthorised(REFUSED)
            return session, form.whole({"return": [session]})

        session, told = await self._context.workers.call(request, make)
        token = str(session["token"])
        answer = Response(
            told, headers={**HEADERS, HEADER: token, CSRF_HEADER: csrf_of(token)}, media_type=form.media_type
        )
        lasts_s = max(0, int(float(session["expire"]) - time.time()))
        set_cookie(answer, token, lasts_s, secure=self._secure(request))
        return answer

    async def logout(self, request: Request) -> ASGIApp:
        """POST ``/logout``: the session is over."""
        form = wanted_form(request)
        token = session_token(request)

        def make(client: Client) -> None:
            client.session(token)
            client.logout(token)

        await self._context.workers.call(request, make, token)
        told = form.whole({"return": "Your token has been cleared"})
        answer = Response(told, headers=HEADERS, media_type=form.media_type)
        end_cookie(answer, secure=self._secure(request))
        return answer

    async def tokens(self, request: Request) -> ASGIApp:
        """POST ``/token``: tokens for chunks of ``/run`` and for ``/events``; a bare list."""
        body, kind, address = await self._context.body(request), kind_of(request), address_of(request)
        settings = self._context.settings

        def make(client: Client) -> list[dict[str, Any]]:
            asked = lowstate(read_value(kind, body, known=False))
            if len(asked) > MAX_LOGINS:
                raise Refused(400, f"a request may ask for {MAX_LOGINS} tokens, not {len(asked):,}")
            all_credentials = [_credentials(one, 400) for one in asked]
            if not all(may_log_in_from(settings, one["username"], address) for one in all_credentials):
                raise NotAuthorised(REFUSED)
            made = [client.mk_token(one) for one in all_credentials]
            if not all(may_log_in_from(settings, one.get("name"), address) for one in made):  # by another name
                raise NotAuthorised(REFUSED)
            return made

        return await self._context.answer(request, make)

    def _secure(self, request: Request) -> bool:
        """Whether the client speaks TLS, to us or to a proxy before us."""
        return request.url.scheme == "https" or (
            self._context.settings.disable_ssl and request.headers.get("x-forwarded-proto", "").lower() == "https"
        )


def _credentials(asked: Mapping[str, Any], status: int) -> dict[str, Any]:
    """Return who says that he is who. Raises ``Refused`` with *status* where something is missing or no text."""
    missing = [name for name in CREDENTIALS if not asked.get(name)]
    if missing:
        why = NO_CREDENTIALS if len(missing) == len(CREDENTIALS) else f"{', '.join(missing)} must be given"
        raise Refused(status, why)
    found: dict[str, Any] = {}
    for name in CREDENTIALS:
        found[name] = as_text(name, asked[name], status)
    if asked.get("token_expire") is not None:
        try:
            found["token_expire"] = float(asked["token_expire"])
        except (TypeError, ValueError, OverflowError):
            raise Refused(status, "token_expire must be a number of seconds") from None
    return found
