"""``/``, ``/run``, ``/minions``, ``/jobs`` and ``/keys``: what runs something on the master or the fleet."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from saltern.errors import CallFailed, NotAuthorised
from saltern.ids import check_minion_id
from saltern_api.addresses import address_of, may_log_in_from
from saltern_api.answers import Refused
from saltern_api.bodies import as_text, kind_of, lowstate, read_value
from saltern_api.context import HEADERS, Context, wanted_form
from saltern_api.master import Client, Low
from saltern_api.running import OF_WHO, check, gathered, of_nobody, of_session
from saltern_api.settings import CLIENTS
from saltern_api.tokens import session_token

ASYNC = "local_async"
REFUSED = "Could not authenticate using provided credentials"
NO_CREDENTIALS = "No authentication credentials given"
NO_JOB = "Cannot contact returner or no job with this jid"


class Commands:
    """The endpoints."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._enabled = context.settings.clients

    async def welcome(self, request: Request) -> ASGIApp:
        """GET ``/``: which clients there are."""
        form = wanted_form(request)
        told = {"return": "Welcome", "clients": [one for one in CLIENTS if one in self._enabled]}
        return Response(form.whole(told), headers=HEADERS, media_type=form.media_type)

    async def lowstate(self, request: Request) -> ASGIApp:
        """POST ``/``: the chunks of a session."""
        return await self._context.lowstate(request, session_token(request), of_session)

    async def run(self, request: Request) -> ASGIApp:
        """POST ``/run``: chunks that say themselves who asks."""
        return await self._context.lowstate(request, "", partial(self._admitted, address_of(request)))

    def _admitted(self, address: str, chunk: Low) -> Low:
        """Return a chunk that says who asks, and may from *address*. Raises ``NotAuthorised``, ``Refused``."""
        low = _identified(chunk)
        if "username" in low and not may_log_in_from(self._context.settings, low["username"], address):
            raise NotAuthorised(REFUSED)
        return low

    async def minions(self, request: Request) -> ASGIApp:
        """GET ``/minions`` and ``/minions/MID``: grains."""
        session = session_token(request)
        low = {"client": "local", "tgt": request.path_params.get("mid", "*"), "fun": "grains.items"}
        return await self._context.stream(request, session, [low])

    async def begin_jobs(self, request: Request) -> ASGIApp:
        """POST ``/minions``: the chunks of a session as jobs that nobody waits for."""
        session = session_token(request)
        body, kind = await self._context.body(request), kind_of(request)

        def make(client: Client) -> Mapping[str, Any]:
            client.session(session)  # nothing is parsed for nobody
            chunks = [{**of_session(chunk), "client": ASYNC} for chunk in lowstate(read_value(kind, body))]
            check(chunks, self._enabled)
            started = [one for chunk in chunks for one in gathered(client, chunk, session)]
            jids = [one["jid"] for one in started if isinstance(one, dict) and one.get("jid")]
            links = [{"href": f"{self._context.settings.root_prefix}/jobs/{jid}"} for jid in jids]
            return {"return": started, "_links": {"jobs": links}}

        return await self._context.answer(request, make, session, status=202)

    async def jobs(self, request: Request) -> ASGIApp:
        """GET ``/jobs``: those that are known."""
        return await self._context.stream(
            request, session_token(request), [{"client": "runner", "fun": "jobs.list_jobs"}]
        )

    async def job(self, request: Request) -> ASGIApp:
        """GET ``/jobs/JID``: one, with what its minions returned."""
        session = session_token(request)
        low = {"client": "runner", "fun": "jobs.list_job", "jid": request.path_params["jid"]}

        def make(client: Client) -> Mapping[str, Any]:
            info = _one(client, low, session)
            unknown = {"jid": low["jid"], "Error": NO_JOB, "StartTime": ""}
            found: dict[str, Any] = info if isinstance(info, dict) else unknown
            result: dict[str, Any] = found.get("Result") or {}
            returns = {
                mid: told["return"] if isinstance(told, dict) and "return" in told else told
                for mid, told in result.items()
            }
            return {"info": [{**found, "Result": result}], "return": [returns]}

        check([low], self._enabled)
        return await self._context.answer(request, make, session)

    async def keys(self, request: Request) -> ASGIApp:
        """GET ``/keys`` and ``/keys/MID``: the lists of keys, and fingerprints."""
        session = session_token(request)
        mid = request.path_params.get("mid")
        low: Low = {"client": "wheel", "fun": "key.list_all"}
        if mid is not None:
            low = {"client": "wheel", "fun": "key.finger", "match": mid}
        check([low], self._enabled)
        return await self._context.answer(
            request, lambda client: {"return": _returned(_one(client, low, session))}, session
        )

    async def make_keys(self, request: Request) -> ASGIApp:
        """POST ``/keys``: new keys for a minion, accepted already, as a tar archive."""
        body, kind, address = await self._context.body(request), kind_of(request), address_of(request)

        def make(client: Client) -> tuple[str, bytes]:
            chunks = lowstate(read_value(kind, body, known=False))
            if len(chunks) != 1:
                raise Refused(400, f"keys are made for one minion at a time, not {len(chunks):,}")
            asked = chunks[0]
            mid = check_minion_id(asked.get("mid") or asked.get("id_"))
            low = self._admitted(address, {**asked, "client": "wheel", "fun": "key.gen_accept", "id_": mid})
            low.pop("mid", None)
            check([low], self._enabled)
            made = _returned(_one(client, low, ""))
            if not isinstance(made, dict) or not {"pub", "priv"} <= made.keys():
                raise CallFailed(f"no keys were made for {mid}: {str(made)[:200]}")
            return mid, _archive({"minion.pub": str(made["pub"]), "minion.pem": str(made["priv"])})

        mid, archive = await self._context.workers.call(request, make)
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="saltkeys-{quote(mid)}.tar"'}
        return Response(archive, headers=headers, media_type="application/x-tar")


def _identified(chunk: Low) -> Low:
    """Return a chunk that says who asks. Raises ``NotAuthorised``, ``Refused``."""
    if "token" not in chunk and not {"username", "password", "eauth"} <= chunk.keys():
        raise NotAuthorised(NO_CREDENTIALS)
    told = {name: as_text(name, chunk[name], 401) for name in OF_WHO if name in chunk}
    return {**of_nobody(chunk), **told}


def _one(client: Client, low: Low, session: str) -> Any:
    elements = gathered(client, low, session)
    return elements[0] if elements else None


def _returned(answer: Any) -> Any:
    """Return what a wheel function returned, out of ``{"tag": …, "data": {"return": …}}``. Raises ``CallFailed``."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict):
        return answer
    if data.get("success") is False:
        raise CallFailed(str(data.get("return")))
    return data.get("return")


def _archive(files: Mapping[str, str]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(text.encode()), int(time.time())
            entry.mode = 0o600 if name.endswith(".pem") else 0o644
            archive.addfile(entry, io.BytesIO(text.encode()))
    return written.getvalue()
