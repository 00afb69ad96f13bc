"""What every endpoint needs: the settings, the threads, the counters, and the way from a request to its chunks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from saltern.http.bodies import read_body
from saltern_api.accepting import form_of
from saltern_api.addresses import address_of
from saltern_api.answers import NOT_ACCEPTABLE, Refused
from saltern_api.bodies import kind_of, lowstate, read_value
from saltern_api.counters import Counters
from saltern_api.master import Client, Low
from saltern_api.places import Bytes
from saltern_api.rendering import Form, form_for
from saltern_api.running import check, run
from saltern_api.settings import ApiSettings
from saltern_api.working import Sink, Workers

MAX_BODIES = 64
MAX_BODIES_OF_AN_ADDRESS = 16
"""Bodies of the greatest size that are held at once."""
HEADERS = {"Cache-Control": "no-store", "Vary": "Accept"}


@dataclass(frozen=True, slots=True)
class Context:
    """One API."""

    settings: ApiSettings
    workers: Workers
    counters: Counters
    incoming: Bytes

    @classmethod
    def of(cls, settings: ApiSettings, workers: Workers, counters: Counters) -> Context:
        """Return the context of an API with *settings*."""
        most = settings.max_request_body_size
        return cls(settings, workers, counters, Bytes(MAX_BODIES * most, MAX_BODIES_OF_AN_ADDRESS * most))

    async def body(self, request: Request) -> bytes:
        """Return the body of *request*. Raises ``Busy``, and what ``saltern.http.bodies`` does."""
        most = self.settings.max_request_body_size
        async with self.incoming.held(address_of(request), most):
            return await read_body(request, most, " (max_request_body_size)")

    async def answer(
        self,
        request: Request,
        make: Callable[[Client], Any],
        token: str = "",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return what *make* returns, written in the form that the client wants."""
        form = wanted_form(request)
        body = await self.workers.call(request, lambda client: form.whole(make(client)), token)
        return Response(body, status, {**HEADERS, **(headers or {})}, form.media_type)

    async def lowstate(self, request: Request, session: str, prepare: Callable[[Low], Low]) -> ASGIApp:
        """Run the chunks in the body of *request*, each as *prepare* has it, and stream what they give."""
        form = wanted_form(request)
        body = await self.body(request)
        kind = kind_of(request)

        def work(client: Client, sink: Sink) -> None:
            if session:
                client.session(session)  # nothing is parsed for nobody
            chunks = [prepare(chunk) for chunk in lowstate(read_value(kind, body, known=bool(session)))]
            check(chunks, self.settings.clients)
            run(client, chunks, session, form, sink)

        return await self.workers.stream(request, work, session, headers=_typed(form))

    async def stream(self, request: Request, session: str, chunks: list[Low]) -> ASGIApp:
        """Run *chunks* for a session and stream what they give."""
        form = wanted_form(request)
        check(chunks, self.settings.clients)

        def work(client: Client, sink: Sink) -> None:
            run(client, chunks, session, form, sink)

        return await self.workers.stream(request, work, session, headers=_typed(form))


def wanted_form(request: Request) -> Form:
    """Return the form that the answer to *request* is to have. Raises ``Refused``."""
    media_type = form_of(",".join(request.headers.getlist("accept")))
    if media_type is None:
        raise Refused(406, NOT_ACCEPTABLE)
    return form_for(media_type)


def _typed(form: Form) -> Mapping[str, str]:
    return {**HEADERS, "Content-Type": form.media_type}
