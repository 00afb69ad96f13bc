"""Graphite's API through ours, over a store that a test scripts: who is answered, and what the store is asked."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from saltern.errors import ConfigError
from saltern_api.graphite import passed, seen, store
from saltern_api.graphite.paths import PATHS
from saltern_api.graphite.store import MetricStore
from support.api import Api, stored

HEADER = "x-saltern-series"
PLACES = {"places": ["saltern.web1"], "minions": ["web1"]}
RESTRICTION = {"series": PLACES["places"], "minions": PLACES["minions"]}
Answer = Callable[[httpx.Request], httpx.Response]


class Store:
    """What was asked, and what is answered: by a store that knows restrictions, what *answer* says."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answer: Answer = lambda request: stored(b"[]")
        self.knows = True

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answer(request)
        if self.knows and (restriction := self.restriction) is not None:
            answer.headers[HEADER] = hashlib.sha256(restriction).hexdigest()
        return answer

    @property
    def restriction(self) -> bytes | None:
        """What the last request was restricted to."""
        request = self.asked[-1]
        length = request.headers.get(HEADER)
        return None if length is None else request.content[: int(length)]

    @property
    def body(self) -> bytes:
        """What followed the restriction."""
        request = self.asked[-1]
        return request.content[int(request.headers.get(HEADER, "0")) :]


@pytest.fixture
def upstream() -> Store:
    return Store()


@pytest.fixture
def api(upstream: Store) -> Iterator[Api]:
    made = Api(store=upstream)
    made.master.series = lambda user: told(user)
    yield made
    made.close()


def told(user: str = "fred", version: str = "1", **more: Any) -> dict[str, Any]:
    return {"version": version, "principal": f"file:{user}", "fires": False, "all": False, **PLACES, **more}


EVERYTHING = {"version": "1", "principal": "file:fred", "fires": True, "all": True}


@pytest.mark.parametrize("path", [*PATHS, *(f"{path}/" for path in PATHS)])
def test_each_path_is_asked_for_what_he_sees(api: Api, upstream: Store, path: str) -> None:
    path = path.replace("{tag}", "dc").replace("{id}", "7").replace("{name}", "sumSeries")
    answer = api.get(f"{path}?target=a%2Bb&x=%zz&target=%C3%A9")
    assert answer.status_code == 200
    assert json.loads(upstream.restriction or b"") == RESTRICTION
    asked = upstream.asked[-1]
    assert (asked.method, asked.url.host) == ("GET", "store.example")
    assert asked.url.raw_path == f"{path.removesuffix('/')}?target=a%2Bb&x=%zz&target=%C3%A9".encode()


def test_what_isnt_named_is_not_passed_on(api: Api, upstream: Store) -> None:
    for method, path in (
        ("POST", "/tags/tagSeries"), ("POST", "/tags/delSeries"), ("POST", "/tags"), ("PUT", "/render"),
        ("DELETE", "/render"), ("POST", "/events/7"), ("GET", "/tags/a/b"), ("GET", "/dashboard"),
        ("OPTIONS", "/render"),
    ):  # fmt: skip
        assert api.request(method, path).status_code in (404, 405), path
    assert api.get("/metrics").text.startswith("# HELP saltern_api")
    assert upstream.asked == []


def test_a_form_is_passed_as_it_is(api: Api, upstream: Store) -> None:
    body = b"target=saltern.*&from=-1h&x=%zz+"
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert api.post("/render?format=json", body, headers=headers).status_code == 200
    assert json.loads(upstream.restriction or b"") == RESTRICTION
    assert upstream.body == body
    assert upstream.asked[-1].method == "POST"
    assert upstream.asked[-1].headers["content-type"] == headers["content-type"]


def test_who_sees_everything_is_not_restricted(api: Api, upstream: Store) -> None:
    api.master.series = lambda user: EVERYTHING
    assert api.get("/render?target=carbon.*").status_code == 200
    assert upstream.restriction is None
    assert upstream.asked[-1].content == b""


@pytest.mark.parametrize("everything", [None, 1, "yes", "true", {}])
def test_nothing_but_true_is_everything(api: Api, upstream: Store, everything: object) -> None:
    api.master.series = lambda user: told(all=everything)
    assert api.get("/render").status_code == 200
    assert json.loads(upstream.restriction or b"") == RESTRICTION


def test_who_sees_nothing_sees_nothing(api: Api, upstream: Store) -> None:
    api.master.series = lambda user: told(places=[], minions=[])
    assert api.get("/render").status_code == 200
    assert json.loads(upstream.restriction or b"") == {"series": [], "minions": []}


def test_what_the_master_does_not_say_is_an_error(api: Api, upstream: Store) -> None:
    api.master.series = lambda user: {"version": "1", "all": False}
    assert api.get("/render").status_code == 500
    assert upstream.asked == []


def test_a_store_that_knows_no_restrictions_answers_administrators_alone(api: Api, upstream: Store) -> None:
    upstream.knows = False
    answer = api.get("/metrics/find?query=*")
    assert answer.status_code == 502
    assert "can't restrict" in answer.json()["return"]
    upstream.answer = lambda request: stored(b'["secret"]', **{HEADER: "0" * 64})
    assert "secret" not in api.get("/metrics/find?query=*").text
    api.master.series = lambda user: {**EVERYTHING, "version": "2"}
    assert api.get("/metrics/find?query=*").status_code == 200


def test_only_safe_headers_go_either_way(api: Api, upstream: Store) -> None:
    sent = {
        "Authorization": "Basic eDp5", "Cookie": f"session_id={api.token}", "X-Saltern-Series": "0",
        "X-Forwarded-For": "9.9.9.9",
        "X-Dashboard-Uid": "abc", "If-None-Match": '"e"', "Accept-Encoding": "gzip", "Origin": "http://localhost",
        "Connection": "x-secret", "X-Secret": "1", "User-Agent": "Grafana",
    }  # fmt: skip
    upstream.answer = lambda request: stored(
        b"\x1f\x8b", etag='"e"', **{"content-encoding": "gzip", "set-cookie": "a=b", "x-other": "1", "vary": "X"}
    )
    with_client = httpx.ASGITransport(api.app)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=with_client, base_url="http://localhost") as client:
            request = client.build_request("GET", "/render", headers={**sent, "X-Auth-Token": api.token})
            answer = await client.send(request, stream=True)
            answer.raw = b"".join([piece async for piece in answer.aiter_raw()])  # type: ignore[attr-defined]
            return answer

    answer = asyncio.run(ask())
    assert answer.raw == b"\x1f\x8b"  # type: ignore[attr-defined]
    headers = upstream.asked[-1].headers
    assert not {"authorization", "cookie", "x-forwarded-for", "x-auth-token", "origin", "x-secret"} & set(headers)
    assert headers.get_list(HEADER) == [str(len(upstream.restriction or b""))] != ["0"]
    assert [headers[name] for name in ("x-dashboard-uid", "if-none-match", "accept-encoding", "user-agent")] == [
        "abc", '"e"', "gzip", "Grafana",
    ]  # fmt: skip
    assert api.token not in repr(headers.raw)
    told_headers = {name for name in answer.headers if not name.startswith("content-") or name == "content-encoding"}
    assert not {"set-cookie", "x-other", HEADER} & told_headers
    assert answer.headers["etag"] == '"e"'
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "x-auth-token" in answer.headers["vary"].lower()
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_bearer_is_a_token(api: Api, upstream: Store) -> None:
    bearer = {"Authorization": f"Bearer {api.token}"}
    assert api.get("/render", auth=False, headers=bearer).status_code == 200
    assert api.get("/jobs", auth=False, headers={"Authorization": f"bearer  {api.token} "}).status_code == 200
    assert api.post("/logout", auth=False, headers=bearer).status_code == 200
    assert api.get("/render", auth=False, headers=bearer).status_code == 401


def test_in_which_order_tokens_count(api: Api) -> None:
    good, bad = api.token, "0" * 64
    for headers, status in (
        ({"X-Auth-Token": good, "Authorization": f"Bearer {bad}", "Cookie": f"session_id={bad}"}, 200),
        ({"X-Auth-Token": bad, "Authorization": f"Bearer {good}", "Cookie": f"session_id={good}"}, 401),
        ({"Authorization": f"Bearer {good}", "Cookie": f"session_id={bad}"}, 200),
        ({"Authorization": f"Bearer {bad}", "Cookie": f"session_id={good}"}, 401),
        ({"Authorization": "Bearer", "Cookie": f"session_id={good}"}, 401),
        ({"Authorization": "Bearer x", "Cookie": f"session_id={good}"}, 401),
        ({"Authorization": "Basic eDp5", "Cookie": f"session_id={good}"}, 200),
        ({"Authorization": f"Bearer {good}, Bearer {bad}"}, 401),
    ):
        assert api.get("/render", auth=False, headers=headers).status_code == status, headers


def test_who_may_not(api: Api, upstream: Store) -> None:
    for path in ("/render", "/version", "/functions", "/events/get_data"):
        assert api.get(path, auth=False).status_code == 401
        assert api.get(path, auth=False, headers={"X-Auth-Token": "0" * 64}).status_code == 401
        assert api.get(f"{path}?token={api.token}", auth=False).status_code == 401
    assert upstream.asked == []


def test_a_page_of_another_site_reads_nothing_by_the_cookie(api: Api, upstream: Store) -> None:
    cookie = {"Cookie": f"session_id={api.token}"}
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
        headers = {**cookie, "Sec-Fetch-Site": site}
        assert api.get("/render?jsonp=f", auth=False, headers=headers).status_code == status, site
    assert len(upstream.asked) == 2
    assert api.get("/render", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_events_are_kept_for_who_may_fire(api: Api, upstream: Store) -> None:
    event = {"what": "deployed", "tags": ["web"]}
    for path in ("/events", "/events/"):
        assert api.post(path, event).status_code == 401
        assert api.post(path, event, auth=False).status_code == 401
    assert upstream.asked == []
    api.master.series = lambda user: told(version="2", fires=True)
    assert api.post("/events/?x=1", event).status_code == 200
    asked = upstream.asked[-1]
    assert (asked.method, asked.url.raw_path) == ("POST", b"/events/?x=1")
    assert json.loads(asked.content) == event
    assert HEADER not in asked.headers
    api.master.series = lambda user: told(version="3", fires="yes")
    assert api.post("/events", event).status_code == 401


def test_what_the_master_said_is_taken_again_while_it_says_so(
    api: Api, upstream: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked() -> list[str]:
        return [version for kind, version in api.master.calls if kind == "series"]

    for _ in range(3):
        assert api.get("/render").status_code == 200
        assert json.loads(upstream.restriction or b"") == RESTRICTION
    assert asked() == ["", "1", "1"]
    api.master.series = lambda user: told(version="2", places=["saltern.db1"])
    api.get("/render")
    assert json.loads(upstream.restriction or b"")["series"] == ["saltern.db1"]
    monkeypatch.setattr(seen, "AGAIN_S", 0.0)
    api.get("/render")
    assert asked() == ["", "1", "1", "1", ""]
    other = api.master.session_of("ann")
    api.get("/render", headers={"X-Auth-Token": other})
    assert asked()[-1] == ""


def test_a_token_that_was_revoked_ends_at_once(api: Api, upstream: Store) -> None:
    assert api.get("/render").status_code == 200
    del api.master.sessions[api.token]
    assert api.get("/render").status_code == 401
    assert len(upstream.asked) == 1


def test_what_is_remembered_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "MAX_REMEMBERED", 2)
    tokens = [api.master.session_of() for _ in range(3)]
    for token in (*tokens, tokens[0], tokens[0]):
        assert api.get("/render", headers={"X-Auth-Token": token}).status_code == 200
    assert [version for kind, version in api.master.calls if kind == "series"] == ["", "", "", "", "1"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (httpx.ConnectError("no"), 502),
        (httpx.ReadError("no"), 502),
        (httpx.RemoteProtocolError("no"), 502),
        (httpx.ConnectTimeout("no"), 504),
        (httpx.ReadTimeout("no"), 504),
        (httpx.PoolTimeout("no"), 504),
        (TimeoutError(), 504),
        (OSError("no"), 502),
    ],
)
def test_a_store_that_is_away(api: Api, upstream: Store, error: Exception, status: int) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    upstream.answer = fail
    answer = api.get("/render")
    assert answer.status_code == status
    assert len(answer.json()["return"].splitlines()) == 1
    assert "store.example" not in answer.text


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (400, 400),
        (404, 404),
        (405, 405),
        (413, 413),
        (401, 502),
        (403, 502),
        (500, 502),
        (503, 503),
        (301, 502),
        (302, 502),
    ],
)
def test_what_the_store_answers(api: Api, upstream: Store, status: int, shown: int) -> None:
    upstream.answer = lambda request: stored(b"why\nit is so\n", status, "text/plain", location="http://evil.example/")
    answer = api.get("/render")
    assert answer.status_code == shown
    if status < 405 and status == shown:
        assert answer.text == "why\nit is so\n"
    assert "location" not in answer.headers
    assert ("why it is so" in answer.text) == (status == 503)


def test_an_answer_that_breaks_off_or_is_endless(api: Api, upstream: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def some() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 100
        raise httpx.ReadError("gone")

    class Pieces(httpx.AsyncByteStream):
        def __aiter__(self) -> AsyncIterator[bytes]:
            return some()

    upstream.answer = lambda request: httpx.Response(200, stream=Pieces())
    for most, length in ((1 << 20, 500), (250, 200)):
        monkeypatch.setattr(passed, "MAX_BYTES", most)
        assert asyncio.run(_received(api)) == (200, b"x" * length, False)


async def _received(api: Api) -> tuple[int, bytes, bool]:
    """The status, what came of the body, and whether that was all."""
    sent: list[Any] = []
    body = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if body:
            return body.pop()
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"x-auth-token", api.token.encode()), (b"host", b"localhost")]
    scope = {
        "type": "http", "method": "GET", "path": "/render", "query_string": b"", "headers": headers, "scheme": "http",
        "server": ("localhost", 80), "client": ("127.0.0.1", 1), "http_version": "1.1", "root_path": "",
        "raw_path": b"/render",
    }  # fmt: skip
    await api.app(scope, receive, send)
    pieces = [message for message in sent if message["type"] == "http.response.body"]
    return sent[0]["status"], b"".join(one["body"] for one in pieces), not pieces[-1]["more_body"]


def test_a_caller_has_a_share_of_the_store(api: Api, upstream: Store) -> None:
    running, most = [0], [0]

    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            running[0] += 1
            most[0] = max(most[0], running[0])
            await asyncio.sleep(0.01)
            running[0] -= 1
            yield b"[]"

    upstream.answer = lambda request: httpx.Response(200, stream=Slow())

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(api.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            headers = {"X-Auth-Token": api.token}
            return await asyncio.gather(*(client.get("/render", headers=headers) for _ in range(40)))

    assert {answer.status_code for answer in asyncio.run(ask())} == {200}
    assert 1 < most[0] <= store.CONNECTIONS // 4


def test_where_the_store_is() -> None:
    for wrong in ("", "store", "ftp://store", "http://", "http://store/?a=b", "http://store/#x"):
        with pytest.raises(ConfigError, match="render_url"):
            MetricStore(wrong)
    asked: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: (asked.append(request), stored(b"[]"))[1])
    behind = MetricStore("https://user:p%40ss@store.example/graphite/", transport)
    question = store.Question("GET", b"/render", b"", {}, b"")

    async def ask() -> None:
        answer = await behind.ask(question, None)
        await answer.aclose()
        await behind.close()

    asyncio.run(ask())
    assert str(asked[0].url) == "https://store.example/graphite/render"
    assert asked[0].headers["authorization"] == "Basic dXNlcjpwQHNz"
