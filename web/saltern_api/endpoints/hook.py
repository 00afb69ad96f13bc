"""``/hook/…``: what others tell, put on the master's bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from saltern_api.answers import Refused
from saltern_api.bodies import kind_of, read_value
from saltern_api.context import HEADERS, Context, wanted_form
from saltern_api.master import Client
from saltern_api.tokens import session_token

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-auth-token", "x-csrf-token"})
"""What no event tells of."""
MAX_PATH_CHARS = 200


class Hook:
    """The endpoint."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def fire(self, request: Request) -> ASGIApp:
        """POST ``/hook/a/b``: the event ``salt/netapi/hook/a/b`` with ``body``, ``post`` and ``headers``."""
        form = wanted_form(request)
        token = "" if self._context.settings.webhook_disable_auth else session_token(request)
        path = request.path_params.get("tag", "").strip("/")
        if len(path) > MAX_PATH_CHARS or not path.isprintable():
            raise Refused(400, f"a hook's path is printable and has at most {MAX_PATH_CHARS} characters")
        body, kind = await self._context.body(request), kind_of(request)
        headers = told_headers(request)

        def work(client: Client) -> bytes:
            if token:
                client.session(token)  # nothing is parsed for nobody
            client.hook(token, path, body.decode(errors="replace"), _parsed(kind, body), headers)
            return form.whole({"success": True})

        told = await self._context.workers.call(request, work, token)
        return Response(told, headers=HEADERS, media_type=form.media_type)


def told_headers(request: Request) -> Mapping[str, str]:
    """Return the headers of *request*, without what proves who sent it."""
    return {name.title(): value for name, value in request.headers.items() if name not in SECRET_HEADERS}


def _parsed(kind: str, body: bytes) -> Any:
    """Return what *body* holds, an empty map where that can't be read: others' webhooks send what they like."""
    try:
        value = read_value(kind, body)
    except Refused:
        return {}
    return value or {}
