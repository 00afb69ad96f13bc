"""The HTTP API as one user: each call carries the token of whoever's page it is for."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

import httpx

from saltern.errors import Busy
from saltern.look import LOOK
from saltern_web.api.errors import ApiAway, LoggedOut, NotAllowed, Refused

TOKEN = "X-Auth-Token"  # noqa: S105  # a header's name
FORWARDED = "X-Forwarded-For"
CALLS = 200
"""Calls at once, of everybody; streams of events are beside them."""
CALL_S = 65.0
"""Longer than the master lets anything of its own take."""
CONNECT_S = 3.0
SILENT_S = 40.0
"""More than twice as long as events are silent where the API is there: then it says so itself."""
FAILED = "Exception occurred in {} {}: "
"""How Salt's API, and so ours, begins a text where a function failed; a runner's comes with status 200."""
MAX_SAID = 1000
JSON = {"Accept": "application/json"}
MAX_ANSWER_BYTES = 64 * 1024 * 1024
NOT_UNDERSTOOD = "the API's answer can't be understood: is another program at its address?"
_TRANSPORT = (httpx.TransportError, httpx.InvalidURL)


class Begun(NamedTuple):
    """A job that was started: its id, and the minions that it went to."""

    jid: str
    minions: list[str]


class Session(NamedTuple):
    """A login: its token, whose it is, and when it ends (epoch s)."""

    token: str
    user: str
    expire: float


def http_client(url: str, ca: str = "", streams: int = 0) -> httpx.AsyncClient:
    """Return the connections to the API at *url*, whose certificate the authority in the file *ca* vouches for.

    *streams* of them may be open for long.
    """
    limits = httpx.Limits(max_connections=CALLS + streams, max_keepalive_connections=32, keepalive_expiry=4.0)
    timeout = httpx.Timeout(CALL_S, connect=CONNECT_S)
    verify: Any = httpx.create_ssl_context(verify=ca) if ca else True
    return httpx.AsyncClient(base_url=url, limits=limits, timeout=timeout, verify=verify, trust_env=False)


class Api:
    """The API for the holder of *token*, who asks from *address*."""

    def __init__(self, http: httpx.AsyncClient, token: str, address: str = "") -> None:
        self._http = http
        self._headers = {**JSON, TOKEN: token, **({FORWARDED: address} if address else {})}
        self.token = token

    async def runner(self, fun: str, *arg: Any, **kwarg: Any) -> Any:
        """Return what a function of the master returns. Raises what ``saltern_web.api.errors`` lists."""
        told = await self._one({"client": "runner", "fun": fun, "arg": list(arg), "kwarg": kwarg})
        failed = FAILED.format("runner", fun)
        if isinstance(told, str) and told.startswith(failed):
            raise Refused(told.removeprefix(failed)[:MAX_SAID])
        return told

    async def wheel(self, fun: str, *arg: Any, **kwarg: Any) -> Any:
        """Return what a function that manages the master returns. Raises likewise."""
        told = await self._one({"client": "wheel", "fun": fun, "arg": list(arg), "kwarg": kwarg})
        data = told.get("data", {})
        if not data.get("success"):
            said = str(data.get("return", "it failed"))
            raise Refused(said.removeprefix(FAILED.format("wheel", fun))[:MAX_SAID])
        return data.get("return")

    async def begin(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        kwarg: Mapping[str, Any] | None = None,
        tgt_type: str = "list",
        **more: Any,
    ) -> Begun:
        """Start a job and return at once; nobody who is meant is a ``Refused``."""
        chunk = {"client": "local_async", "tgt": tgt, "tgt_type": tgt_type, "fun": fun, "arg": list(arg)}
        told = await self._one({**chunk, "kwarg": dict(kwarg or {}), **more})
        if not isinstance(told, dict) or not told.get("jid"):
            raise Refused("no minion is meant by this target")
        return Begun(str(told["jid"]), [str(minion) for minion in told.get("minions", ())])

    async def ask(
        self,
        tgt: str | Sequence[str],
        fun: str,
        arg: Sequence[Any] = (),
        kwarg: Mapping[str, Any] | None = None,
        tgt_type: str = "list",
        timeout_s: float = 10.0,
    ) -> dict[str, dict[str, Any]]:
        """Look at hosts and wait: ``{minion: {"ret": value, "retcode": 0, "jid": …}}``, of those that answered."""
        chunk = {"client": "local", "tgt": tgt, "tgt_type": tgt_type, "fun": fun, "arg": list(arg), "metadata": LOOK}
        told = await self._one({**chunk, "kwarg": dict(kwarg or {}), "timeout": timeout_s, "full_return": True})
        return {minion: one for minion, one in told.items() if isinstance(one, dict)} if isinstance(told, dict) else {}

    async def _one(self, chunk: Mapping[str, Any]) -> Any:
        told = await self.json("POST", "/", json=[chunk])
        try:
            return told["return"][0]
        except (KeyError, IndexError, TypeError):
            raise ApiAway(NOT_UNDERSTOOD) from None

    async def json(self, method: str, path: str, **given: Any) -> Any:
        """Return the JSON that a request is answered with; *given* as httpx takes it."""
        async with self.stream(method, path, **given) as answer:
            whole = await body_of(answer)
        try:
            return json.loads(whole)
        except (ValueError, RecursionError):
            raise ApiAway(NOT_UNDERSTOOD) from None

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, endless: bool = False, **given: Any
    ) -> AsyncIterator[httpx.Response]:
        """Give the answer to a request as it comes; *endless*: it may begin late, and is silent for moments alone."""
        timeout = httpx.Timeout(CALL_S, connect=CONNECT_S, read=SILENT_S) if endless else httpx.USE_CLIENT_DEFAULT
        asked = {**self._headers, **(headers or {})}
        try:
            async with self._http.stream(method, path, headers=asked, timeout=timeout, **given) as answer:
                if answer.status_code >= 400:
                    await answer.aread()
                    raise await self._error(answer)
                yield answer
        except _TRANSPORT as error:
            raise _away(error) from None

    async def _error(self, answer: httpx.Response) -> Exception:
        """Return the error that *answer* tells of: a refused token and a refused function have one status."""
        said = _said(answer)
        if answer.status_code == 401 and await self._is_good():
            return NotAllowed(said)
        return error_of(answer.status_code, said)

    async def _is_good(self) -> bool:
        """Return whether the token is good still."""
        chunk = {"client": "runner", "fun": "auth.about"}
        try:
            answer = await self._http.post("/", headers=self._headers, json=[chunk])
        except _TRANSPORT as error:
            raise _away(error) from None
        return answer.status_code == 200

    async def log_out(self) -> None:
        """End the login."""
        with contextlib.suppress(LoggedOut):
            await self.json("POST", "/logout")


async def body_of(answer: httpx.Response) -> bytes:
    """Return the body of an answer that comes. Raises ``Refused`` for one that is too large to be held."""
    pieces, size = [], 0
    async for piece in answer.aiter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > MAX_ANSWER_BYTES:
            raise Refused(f"the answer is over {MAX_ANSWER_BYTES >> 20} MiB: ask for less")
    return b"".join(pieces)


async def log_in(http: httpx.AsyncClient, username: str, password: str, eauth: str, address: str) -> Session:
    """Return a new login. Raises ``LoggedOut`` for wrong credentials, ``Busy`` after too many, ``ApiAway``."""
    given = {"username": username, "password": password, "eauth": eauth}
    try:
        answer = await http.post("/login", json=given, headers={**JSON, FORWARDED: address})
    except _TRANSPORT as error:
        raise _away(error) from None
    if answer.status_code >= 400:
        raise error_of(answer.status_code, _said(answer))
    try:
        told = _value(answer)["return"][0]
        return Session(str(told["token"]), str(told["user"]), float(told["expire"]))
    except (KeyError, IndexError, TypeError, ValueError):
        raise ApiAway(NOT_UNDERSTOOD) from None


def error_of(status: int, said: str) -> Exception:
    """Return the error for an answer's *status* and what it *said*."""
    if status == 401:
        return LoggedOut(said)
    if status == 403:
        return NotAllowed(said)
    if status == 429:
        return Busy(said)
    if status in (502, 503, 504):
        return ApiAway(said)
    if status >= 500:
        return ApiAway(f"the API failed: {said}")
    return Refused(said)


def _away(error: Exception) -> ApiAway:
    kind = "does not answer in time" if isinstance(error, httpx.TimeoutException) else "can't be reached"
    return ApiAway(f"the API {kind}")


def _said(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except ValueError:
        told = None
    said = told.get("return") or told.get("error") if isinstance(told, dict) else None
    if isinstance(said, str):
        return said
    if answer.headers.get("content-type", "").startswith("text/plain"):
        return answer.text.strip()[:1000]
    return f"the API answered with status {answer.status_code}"


def _value(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise ApiAway(NOT_UNDERSTOOD) from None
